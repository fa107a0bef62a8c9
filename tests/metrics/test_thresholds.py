"""Thresholds: ranks, shares, coverage, weights."""

import math
import warnings

import numpy as np
import pytest

from skae.exceptions import CalibrationWarning
from skae.metrics import contamination_threshold, false_alarm_threshold

THRESHOLDS = [contamination_threshold, false_alarm_threshold]
SIZES = [1, 2, 3, 10, 30, 99, 100, 101, 777, 1000]
SHARES = [0.001, 0.01, 0.05, 0.1, 0.15, 0.29, 1 / 3, 0.5]


def _scores(n, seed=0):
    return np.random.default_rng(seed).permutation(np.arange(n, dtype=float))


def _exact_floor(share, n):
    """The product of the decimal number that was meant, rounded down."""
    return math.floor(round(share * n, 9))


# ---- contamination ----


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("share", SHARES)
def test_exactly_the_share_lies_below(n, share):
    scores = _scores(n)
    threshold = contamination_threshold(scores, share)
    assert (scores < threshold).sum() == _exact_floor(share, n)
    assert threshold in scores


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("n_values", [1, 2, 5, 20])
def test_tied_scores_stay_together_and_no_more_than_the_share_lies_below(share, n_values):
    scores = np.random.default_rng(1).integers(n_values, size=200).astype(float)
    threshold = contamination_threshold(scores, share)
    n_below = (scores < threshold).sum()
    assert n_below <= _exact_floor(share, 200)
    # taking the tied scores in too would be too many
    assert (scores <= threshold).sum() > _exact_floor(share, 200)


@pytest.mark.parametrize("share", SHARES)
def test_integer_weights_are_repeated_scores(share):
    generator = np.random.default_rng(2)
    for n in (5, 40, 333):
        scores, weight = generator.normal(size=n), generator.integers(0, 4, size=n)
        weight[0] = 1
        weighted = contamination_threshold(scores, share, weight)
        assert weighted == contamination_threshold(np.repeat(scores, weight), share)


# ---- false alarms ----


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.1, 1 / 3])
@pytest.mark.parametrize("m", [99, 100, 199, 200, 1000, 12345])
def test_the_threshold_has_the_conformal_rank(m, rate):
    scores = _scores(m)
    rank = _exact_floor(rate, m + 1)
    assert false_alarm_threshold(scores, rate) == np.sort(scores)[rank - 1]


@pytest.mark.parametrize(("m", "rate"), [(99, 0.01), (150, 0.05), (30, 0.2), (500, 0.01)])
def test_fresh_scores_are_flagged_at_most_at_the_rate(m, rate):
    generator = np.random.default_rng(3)
    n_trials = 20_000
    scores = np.sort(generator.normal(size=(n_trials, m)), axis=1)
    rank = int(np.searchsorted(scores[0], false_alarm_threshold(scores[0], rate)))
    flagged = generator.normal(size=n_trials) < scores[:, rank]
    error = math.sqrt(rate / n_trials)
    assert rate - 1 / (m + 1) - 4 * error < flagged.mean() < rate + 4 * error


@pytest.mark.parametrize("rate", [0.01, 0.03, 0.1])
def test_the_warning_says_how_many_rows_would_do(rate):
    n_enough = next(m for m in range(1, 200) if rate * (m + 1) >= 1 - 1e-9)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        false_alarm_threshold(_scores(n_enough), rate)
    with pytest.warns(CalibrationWarning, match=rf"\b{n_enough - 1}\b.* {n_enough}\b"):
        false_alarm_threshold(_scores(n_enough - 1), rate)


@pytest.mark.parametrize("m", [1, 2, 5, 50, 98])
@pytest.mark.filterwarnings("ignore::skae.exceptions.CalibrationWarning")
def test_too_few_rows_give_the_interpolated_quantile(m):
    scores = np.random.default_rng(4).normal(size=m)
    threshold = false_alarm_threshold(scores, 0.01)
    assert threshold == pytest.approx(np.quantile(scores, 0.01))
    assert threshold == false_alarm_threshold(scores, 0.01, np.full(m, 7.0))


@pytest.mark.parametrize("m", [150, 400])
def test_weighted_share_at_or_below_the_threshold_reaches_the_rank(m):
    generator = np.random.default_rng(5)
    scores, weight = generator.normal(size=m), generator.exponential(size=m)
    weight *= m / weight.sum()
    threshold = false_alarm_threshold(scores, 0.02, weight)
    rank = math.floor(0.02 * (m + 1))
    assert weight[scores < threshold].sum() < rank <= weight[scores <= threshold].sum() + 1e-6


# ---- both ----


@pytest.mark.parametrize("threshold", THRESHOLDS)
@pytest.mark.filterwarnings("ignore::skae.exceptions.CalibrationWarning")
@pytest.mark.parametrize("n", [20, 300])
def test_a_weight_of_zero_removes_a_score(threshold, n):
    generator = np.random.default_rng(6)
    scores, weight = generator.normal(size=n), generator.exponential(size=n)
    weight[::3] = 0
    kept = weight > 0
    assert threshold(scores, 0.05, weight) == threshold(scores[kept], 0.05, weight[kept])


@pytest.mark.parametrize("threshold", THRESHOLDS)
@pytest.mark.parametrize("factor", [1e-6, 1 / 3, 1.0, 1e6])
def test_only_proportions_of_weights_count(threshold, factor):
    generator = np.random.default_rng(7)
    scores, weight = generator.normal(size=300), generator.integers(1, 4, size=300)
    assert threshold(scores, 0.1, weight) == threshold(scores, 0.1, weight * factor)
    assert threshold(scores, 0.1) == threshold(scores, 0.1, np.full(300, factor))


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_the_order_of_the_scores_does_not_matter(threshold):
    generator = np.random.default_rng(8)
    scores, weight = generator.normal(size=200), generator.exponential(size=200)
    order = generator.permutation(200)
    expected = threshold(scores, 0.07, weight)
    assert threshold(scores[order], 0.07, weight[order]) == expected
    assert isinstance(expected, float)
