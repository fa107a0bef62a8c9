"""A real table with known anomalies, and the split that anomaly detectors are measured on."""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.utils import Bunch, check_random_state


def load_digit_anomalies():
    """Load the table of handwritten digits; an anomaly is a zero, a digit never seen in training.

    The table comes with scikit-learn, so nothing is downloaded. It has 1797 rows (digits, each on a
    grid of 8 x 8 cells), 64 columns (how many of the 16 pixels of a cell are inked) and 178
    anomalies.

    Returns
    -------
    Bunch
        With the attributes

        data : DataFrame of shape (1797, 64)
            Counts from 0 to 16, float64, without missing values; three columns are always 0.
        target : ndarray of shape (1797,)
            1 for an anomaly (a zero), 0 for a normal row (one to nine).
        target_names : ndarray of shape (2,)
            The names of the targets 0 and 1.
        title, anomaly : str
            What the table is, and what counts as an anomaly in it, in a few words.
        DESCR : str
            The full documentation, from scikit-learn.

    Examples
    --------
    >>> from skae.datasets import load_digit_anomalies
    >>> table = load_digit_anomalies()
    >>> table.data.shape, int(table.target.sum())
    ((1797, 64), 178)
    """
    source = load_digits(as_frame=True)
    return Bunch(
        data=source.data,
        target=(source.target.to_numpy() == 0).astype(int),
        target_names=np.array(["one to nine", "zero"]),
        title="Handwritten digits, from scikit-learn: ink in each of 8 x 8 cells, 1797 digits",
        anomaly="a zero, which is never seen in training",
        DESCR=source.DESCR,
    )


def one_class_split(target, random_state=None):
    """Split the rows for a detector that learns from normal rows only.

    A random half of the normal rows is for training; the other half and every anomaly are for
    scoring.

    Parameters
    ----------
    target : array-like of shape (n_samples,)
        0 (or False) for a normal row, anything else for an anomaly.
    random_state : int, RandomState instance or None, default=None
        Which half of the normal rows trains.

    Returns
    -------
    train, test : ndarrays of int
        Row numbers, each in ascending order.

    Examples
    --------
    >>> from skae.datasets import one_class_split
    >>> train, test = one_class_split([0, 0, 0, 0, 1], random_state=0)
    >>> len(train), len(test), 4 in test
    (2, 3, True)
    """
    target = np.asarray(target, dtype=bool)
    normal = check_random_state(random_state).permutation(np.flatnonzero(~target))
    half = round(len(normal) / 2)
    return np.sort(normal[:half]), np.sort(np.r_[normal[half:], np.flatnonzero(target)])
