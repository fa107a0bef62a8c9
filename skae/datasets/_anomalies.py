"""A real table with known anomalies, and the split that anomaly detectors are measured on."""

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.utils import Bunch, check_random_state


def load_breast_cancer_anomalies():
    """Load the breast cancer Wisconsin (diagnostic) table; an anomaly is a malignant tumour.

    The table comes with scikit-learn, so nothing is downloaded. It has 569 rows (fine needle
    aspirates of breast masses), 30 columns (measurements of the cell nuclei in the image) and
    212 anomalies.

    Returns
    -------
    Bunch
        With the attributes

        data : DataFrame of shape (569, 30)
            The measurements, float64, without missing values.
        target : ndarray of shape (569,)
            1 for an anomaly (malignant), 0 for a normal row (benign). scikit-learn's own loader
            numbers them the other way round.
        target_names : ndarray of shape (2,)
            The names of the targets 0 and 1.
        title, anomaly : str
            What the table is, and what counts as an anomaly in it, in a few words.
        DESCR : str
            The full documentation, from scikit-learn.

    Examples
    --------
    >>> from skae.datasets import load_breast_cancer_anomalies
    >>> table = load_breast_cancer_anomalies()
    >>> table.data.shape, int(table.target.sum())
    ((569, 30), 212)
    """
    source = load_breast_cancer(as_frame=True)
    return Bunch(
        data=source.data,
        target=1 - source.target.to_numpy(),
        target_names=source.target_names[::-1],
        title="Breast cancer Wisconsin (diagnostic), from scikit-learn: 30 measurements of the "
        "cell nuclei in each of 569 biopsies",
        anomaly="a malignant tumour",
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
