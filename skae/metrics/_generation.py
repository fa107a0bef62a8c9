"""Whether generated rows are like real ones, of use, and no copies."""

from numbers import Real

import numpy as np
import pandas as pd
from scipy.spatial.distance import pdist
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import check_array, check_random_state, check_scalar

from skae.utils import as_pandas, check_numbers, frame_library


def _stacked(**tables):
    """Rows of two tables in one, with numbers for words and dates."""
    first, second = tables.values()
    if frame_library(first) is None:
        return np.concatenate(_numbers(**tables, ensure_all_finite="allow-nan"))
    first, second = as_pandas(first), as_pandas(second)
    if list(first.columns) != list(getattr(second, "columns", [])):
        raise ValueError("Real and synthetic rows have to be frames of the same columns, in order.")
    table = pd.concat([first, second], ignore_index=True)
    others = table.select_dtypes(exclude="number").columns
    return table.assign(**{name: table[name].astype("category").cat.codes for name in others})


def _numbers(ensure_min_samples=1, ensure_all_finite=True, **tables):
    """Tables of numbers, of equally many columns, as arrays."""
    for name, rows in tables.items():
        check_numbers(rows, name)
    checks = {"ensure_min_samples": ensure_min_samples, "ensure_all_finite": ensure_all_finite}
    arrays = [check_array(rows, input_name=name, **checks) for name, rows in tables.items()]
    widths = [rows.shape[1] for rows in arrays]
    if len(set(widths)) > 1:
        raise ValueError(f"{' and '.join(tables)} have to have the same columns. Got {widths}.")
    return arrays


def classifier_two_sample_test(real, synthetic, *, n_splits=5, random_state=None):
    """Classifier two-sample test (C2ST): how well gradient boosting tells synthetic rows from real.

    The cross-validated accuracy of :class:`~sklearn.ensemble.HistGradientBoostingClassifier`, with
    real and synthetic rows of equal weight in total [1]_. A linear classifier would be blind to how
    columns hang together: to it, columns drawn one by one look real.

    Parameters
    ----------
    real : array-like or DataFrame of shape (n_real, n_features)
        Rows that the generator was to imitate. Frames may have words, dates and missing cells.
    synthetic : array-like or DataFrame of shape (n_synthetic, n_features)
        Rows that it made, preferably as many.
    n_splits : int, default=5
        Folds of the cross-validation.
    random_state : int, RandomState instance or None, default=None
        For folds and classifiers.

    Returns
    -------
    float
        Balanced accuracy: 0.5 if they cannot be told apart, 1 if they always are. Far below 0.5
        rows are copies: the classifier learned the other table's label of just that row. See
        :func:`copy_ratio`.

    Raises
    ------
    ValueError
        If the tables differ in their columns, or have fewer rows than folds.

    References
    ----------
    .. [1] Lopez-Paz, Oquab, "Revisiting Classifier Two-Sample Tests", ICLR 2017, section 3.

    Examples
    --------
    >>> import numpy as np
    >>> from skae.metrics import classifier_two_sample_test
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> classifier_two_sample_test(X, X + 100, random_state=0)
    1.0
    """
    table = _stacked(real=real, synthetic=synthetic)
    is_synthetic = np.arange(len(table)) >= len(real)
    rng = check_random_state(random_state)
    classifier = HistGradientBoostingClassifier(class_weight="balanced", random_state=rng)
    folds = StratifiedKFold(n_splits, shuffle=True, random_state=rng)
    scores = cross_val_score(
        classifier, table, is_synthetic, cv=folds, scoring="balanced_accuracy", error_score="raise"
    )
    return float(scores.mean())


def train_on_synthetic_accuracy(
    synthetic, synthetic_target, real, real_target, *, classifier=None, random_state=None
):
    """Train on synthetic, test on real (TSTR): whether synthetic rows can teach a classifier [1]_.

    Parameters
    ----------
    synthetic : array-like or DataFrame of shape (n_synthetic, n_features)
        Rows to learn from. Frames may have words, dates and missing cells.
    synthetic_target : array-like of shape (n_synthetic,)
        Their classes.
    real : array-like or DataFrame of shape (n_real, n_features)
        Rows to predict, which the generator has not seen.
    real_target : array-like of shape (n_real,)
        Their classes.
    classifier : object, default=None
        A classifier as of scikit-learn, which is cloned. By default
        :class:`~sklearn.ensemble.HistGradientBoostingClassifier`.
    random_state : int, RandomState instance or None, default=None
        For the classifier by default.

    Returns
    -------
    float
        Accuracy, from 0 to 1. Compare it with that of the same classifier trained on real rows.

    Raises
    ------
    ValueError
        If the tables differ in their columns.

    References
    ----------
    .. [1] Esteban, Hyland, Rätsch, "Real-valued (Medical) Time Series Generation with Recurrent
       Conditional GANs", 2017.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skae.metrics import train_on_synthetic_accuracy
    >>> X, y = load_iris(return_X_y=True)
    >>> train_on_synthetic_accuracy(X[::2] + 0.01, y[::2], X[1::2], y[1::2], random_state=0) > 0.8
    True
    """
    table, n_synthetic = _stacked(synthetic=synthetic, real=real), len(synthetic)
    if classifier is None:
        classifier = HistGradientBoostingClassifier(random_state=random_state)
    fitted = clone(classifier).fit(table[:n_synthetic], synthetic_target)
    return float(fitted.score(table[n_synthetic:], real_target))


def maximum_mean_discrepancy(real, synthetic, *, bandwidth=None):
    r"""Squared maximum mean discrepancy (MMD) of two samples, unbiased, with a Gaussian kernel.

    .. math:: \frac{1}{m (m - 1)} \sum_{i \ne j} k(x_i, x_j)
              + \frac{1}{n (n - 1)} \sum_{i \ne j} k(y_i, y_j)
              - \frac{2}{m n} \sum_{i, j} k(x_i, y_j), \quad
              k(x, y) = e^{-\|x - y\|^2 / 2 \sigma^2}

    as of [1]_.

    Parameters
    ----------
    real : array-like of shape (m, n_features)
        Rows of numbers, at least two; scale columns as you mean to compare them.
    synthetic : array-like of shape (n, n_features)
        Rows to compare, at least two.
    bandwidth : float, default=None
        The width :math:`\sigma`, in the units of the rows; by default, the median distance between
        any two of all rows. Figures compare for the same width only.

    Returns
    -------
    float
        About 0, and possibly less, for two samples of one distribution; at most 2.
        Memory is that of :math:`(m + n)^2 / 2` numbers: use some thousand rows.

    Raises
    ------
    ValueError
        If a table has fewer than two rows or columns that are no numbers, if they differ in their
        columns, if `bandwidth` is not positive, or, without one, if the median distance is 0.

    References
    ----------
    .. [1] Gretton, Borgwardt, Rasch, Schölkopf, Smola, "A Kernel Two-Sample Test", JMLR 2012,
       equation 3.

    Examples
    --------
    >>> import numpy as np
    >>> from skae.metrics import maximum_mean_discrepancy
    >>> X, Y = np.random.default_rng(0).normal(size=(2, 500, 3))
    >>> abs(maximum_mean_discrepancy(X, Y)) < 0.01 < maximum_mean_discrepancy(X, Y + 1)
    True
    """
    if bandwidth is not None:
        check_scalar(bandwidth, "bandwidth", Real, min_val=0, include_boundaries="neither")
    real, synthetic = _numbers(real=real, synthetic=synthetic, ensure_min_samples=2)
    bandwidth = _median_distance(real, synthetic) if bandwidth is None else bandwidth
    gamma = 1 / (2 * bandwidth**2)
    within = sum(_mean_of_pairs(rbf_kernel(rows, gamma=gamma)) for rows in (real, synthetic))
    return float(within - 2 * rbf_kernel(real, synthetic, gamma=gamma).mean())


def _median_distance(real, synthetic):
    median = np.median(pdist(np.concatenate([real, synthetic])))
    if median == 0:
        raise ValueError("The median distance of two rows is 0. Give a bandwidth.")
    return median


def _mean_of_pairs(kernel):
    """Mean over pairs of different rows; that of a row with itself is 1."""
    n = len(kernel)
    return (kernel.sum() - n) / (n * (n - 1))


def copy_ratio(synthetic, train, held_out):
    """Nearest-neighbour copy ratio: how near to training rows synthetic ones are, as fresh ones go.

    The median distance of a synthetic row to the nearest training row, divided by that of a
    held-out row.

    Parameters
    ----------
    synthetic : array-like of shape (n_synthetic, n_features)
        Rows of numbers that a generator made; scale columns as you mean to compare them.
    train : array-like of shape (n_train, n_features)
        Rows that it learned from.
    held_out : array-like of shape (n_held_out, n_features)
        Real rows that it has not seen.

    Returns
    -------
    float
        0 for copies, 1 for rows as near as real ones; far above 1, rows are
        unlike real ones. A few copies among many rows do not show in a median.

    Raises
    ------
    ValueError
        If a table has columns that are no numbers, if they differ in their columns, or if half of
        the held-out rows are training rows.

    Examples
    --------
    >>> from skae.metrics import copy_ratio
    >>> copy_ratio(synthetic=[[0.5], [2.5]], train=[[0.0], [2.0]], held_out=[[0.25], [2.25]])
    2.0
    """
    synthetic, train, held_out = _numbers(synthetic=synthetic, train=train, held_out=held_out)
    nearest = NearestNeighbors(n_neighbors=1).fit(train)
    made, fresh = (np.median(nearest.kneighbors(rows)[0]) for rows in (synthetic, held_out))
    if fresh == 0:
        raise ValueError("Half of the rows of held_out are rows of train, too: remove duplicates.")
    return float(made / fresh)
