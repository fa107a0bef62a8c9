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


def seeded(estimator, rng):
    """Give an estimator and its parts seeds, where they take one and have none.

    Parameters
    ----------
    estimator : estimator
        It is changed.
    rng : RandomState
        Where the seeds are drawn.

    Returns
    -------
    estimator
        The same.
    """
    params = estimator.get_params()
    unset = [name for name in sorted(params) if name.split("__")[-1] == "random_state"]
    estimator.set_params(**{name: drawn_seed(rng) for name in unset if params[name] is None})
    return estimator
