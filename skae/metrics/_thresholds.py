"""Thresholds on scores, where higher means more normal and below the threshold is an outlier."""

import math
import warnings

import numpy as np

from skae.exceptions import CalibrationWarning


def _sorted_scores(scores, sample_weight):
    """Scores in ascending order and their cumulative weights, scaled to end at their number.

    A row of weight 0 is no row: it neither counts nor serves as a threshold.
    """
    scores = np.asarray(scores, dtype=np.float64)
    weight = np.ones(len(scores)) if sample_weight is None else np.asarray(sample_weight, float)
    scores, weight = scores[weight > 0], weight[weight > 0]
    order = np.argsort(scores, kind="stable")
    cumulative = np.cumsum(weight[order])
    return scores[order], cumulative * (len(scores) / cumulative[-1])


def contamination_threshold(scores, contamination, sample_weight=None):
    """Threshold under which the share `contamination` of the scores lies.

    Parameters
    ----------
    scores : array-like of shape (n_samples,)
        Higher is more normal.
    contamination : float in (0, 1)
        Share of the total weight to lie strictly below the threshold. Where
        ``contamination * n_samples`` is no integer it is rounded down; tied scores stay together,
        above the threshold.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight 2 counts as the same score twice.

    Returns
    -------
    float
        The smallest score that is not to be flagged.

    Examples
    --------
    >>> from skae.metrics import contamination_threshold
    >>> contamination_threshold([4.0, 1.0, 3.0, 2.0], 0.25)
    2.0
    """
    scores, cumulative = _sorted_scores(scores, sample_weight)
    allowed = contamination * len(scores) * (1 + 1e-9)  # 0.1 * 30 is 3.0000000000000004 - or less
    first_kept = np.searchsorted(cumulative, allowed, side="right")
    return float(scores[min(first_kept, len(scores) - 1)])


def false_alarm_threshold(scores, rate, sample_weight=None):
    r"""Threshold that flags a fresh normal row with at most the probability `rate`.

    With `m` scores of rows that took no part in training, the threshold is the score of rank
    :math:`\lfloor \alpha (m + 1) \rfloor`: a fresh row that is exchangeable with them falls
    strictly below it with probability at most :math:`\alpha` (split conformal prediction [1]_).

    Parameters
    ----------
    scores : array-like of shape (m,)
        Scores of held-out rows; higher is more normal.
    rate : float in (0, 1)
        The false-alarm rate :math:`\alpha` to keep.
    sample_weight : array-like of shape (m,), default=None
        Relative weights of the rows; only their proportions count.

    Returns
    -------
    float
        The threshold.

    Warns
    -----
    CalibrationWarning
        If :math:`\alpha (m + 1) < 1`, so that no rank keeps the rate. The threshold is then
        the linearly interpolated quantile, whose false-alarm rate is between :math:`1 / (m + 1)`
        and :math:`2 / (m + 1)`.

    References
    ----------
    .. [1] Vovk, Gammerman, Shafer, "Algorithmic Learning in a Random World", 2005, section 4.2.

    Examples
    --------
    >>> from skae.metrics import false_alarm_threshold
    >>> false_alarm_threshold(range(199), rate=0.01)  # rank 2 of 199
    1.0
    """
    scores, cumulative = _sorted_scores(scores, sample_weight)
    n_needed = math.ceil(1 / rate - 1e-9) - 1
    if len(scores) < n_needed:
        warnings.warn(
            f"Too few held-out rows to calibrate the outlier threshold: {len(scores)}, where a "
            f"false-alarm rate of {rate:g} takes {n_needed}. Expect a rate of about "
            f"{1 / (len(scores) + 1):.2g} to {2 / (len(scores) + 1):.2g}. Give more rows, raise "
            "validation_fraction, or set contamination to a share of outliers.",
            CalibrationWarning,
            stacklevel=2,
        )
        return float(np.interp(rate * (len(scores) - 1) + 1, cumulative, scores))
    rank = math.floor(rate * (len(scores) + 1) * (1 + 1e-9))
    return float(scores[np.searchsorted(cumulative, rank * (1 - 1e-9))])


def conformal_p_values(scores, calibration_scores, sample_weight=None):
    r"""Probability of scores as low as these, or lower, among normal rows.

    With `m` scores :math:`c_i` of normal rows that took no part in training, the p-value of a score
    `s` is :math:`(1 + |\{i : c_i \le s\}|) / (m + 1)`. That of a fresh normal row is at most
    :math:`\alpha` with probability at most :math:`\alpha`, whichever (split conformal prediction
    [1]_). It is at most :math:`\alpha` just where :func:`false_alarm_threshold` flags the row.

    Parameters
    ----------
    scores : array-like of shape (n_samples,)
        Scores to judge; higher is more normal.
    calibration_scores : array-like of shape (m,)
        Scores of held-out rows.
    sample_weight : array-like of shape (m,), default=None
        Relative weights of the held-out rows; only their proportions count.

    Returns
    -------
    ndarray of float64 of shape (n_samples,)
        From ``1 / (m + 1)`` to 1; low is strange.

    References
    ----------
    .. [1] Vovk, Gammerman, Shafer, "Algorithmic Learning in a Random World", 2005, section 4.2;
       Bates et al., "Testing for Outliers with Conformal p-values", Annals of Statistics 2023.

    Examples
    --------
    >>> from skae.metrics import conformal_p_values
    >>> conformal_p_values([-1.0, 4.5, 20.0], range(9))
    array([0.1, 0.6, 1. ])
    """
    calibration_scores, cumulative = _sorted_scores(calibration_scores, sample_weight)
    as_low = np.searchsorted(calibration_scores, scores, side="right")
    return (1 + np.append(0.0, cumulative)[as_low]) / (len(calibration_scores) + 1)
