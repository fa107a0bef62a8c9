"""From scikit-learn's random numbers to seeds for torch's."""

from sklearn.utils import check_random_state


def drawn_seed(random_state):
    """Draw the seed of a generator.

    Parameters
    ----------
    random_state : int, RandomState or None
        The same number gives the same seed; a RandomState moves on; None draws from NumPy's
        global state.

    Returns
    -------
    int
        From 0 to ``2**31 - 2``.
    """
    return int(check_random_state(random_state).randint(2**31 - 1))
