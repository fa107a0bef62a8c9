"""Metrics of generated rows, against closed forms and definitions."""

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import norm
from sklearn.datasets import load_iris
from sklearn.neighbors import KNeighborsClassifier

from skae.metrics import (
    classifier_two_sample_test,
    copy_ratio,
    maximum_mean_discrepancy,
    train_on_synthetic_accuracy,
)


def _normal(n, d, seed, loc=0.0, scale=1.0):
    return np.random.default_rng(seed).normal(loc, scale, size=(n, d))


def _mixed(n, seed, shift=0):
    """A word that says the sign of the number, unless shifted, and a date."""
    generator = np.random.default_rng(seed)
    number = generator.normal(size=n)
    sign = np.where(np.roll(number, shift) > 0, "plus", "minus")
    day = pd.Timestamp("2020-01-01") + pd.to_timedelta(generator.integers(1000, size=n), "D")
    return pd.DataFrame({"number": number, "sign": sign, "day": day})


# ---- classifier two-sample test ----


@pytest.mark.parametrize("sizes", [(400, 400), (400, 150)])
def test_rows_of_one_distribution_cannot_be_told_apart(sizes):
    rows = [_normal(n, 3, seed) for seed, n in enumerate(sizes)]
    accuracy = classifier_two_sample_test(*rows, n_splits=2, random_state=0)
    assert accuracy == pytest.approx(0.5, abs=0.06)


def test_the_best_accuracy_for_two_normal_distributions_is_approached():
    # equal spread, centres 2 apart: the best rule is right with probability Phi(1)
    accuracy = classifier_two_sample_test(
        _normal(1500, 1, 0), _normal(1500, 1, 1, loc=2), n_splits=3, random_state=0
    )
    assert norm.cdf(1) - 0.04 < accuracy < norm.cdf(1) + 0.02


def test_columns_that_no_longer_belong_together_are_seen():
    x = _normal(600, 1, 0)
    real = np.hstack([x, x + 0.1 * _normal(600, 1, 1)])
    margins = np.column_stack([np.roll(real[:, 0], 1), real[:, 1]])
    assert classifier_two_sample_test(real, margins, n_splits=2, random_state=0) > 0.8


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_words_and_dates_count(library):
    def made(*args):
        frame = _mixed(*args)
        return frame if library == "pandas" else pytest.importorskip("polars").from_pandas(frame)

    same, other = (
        classifier_two_sample_test(made(400, 0), made(400, 1, shift), n_splits=2, random_state=0)
        for shift in (0, 1)
    )
    assert same == pytest.approx(0.5, abs=0.08)
    assert other > 0.7  # half of the signs are wrong: 0.75 is the best


def test_missing_cells_are_taken_and_count():
    real, holed = _normal(300, 2, 0), _normal(300, 2, 1)
    holed[60:, 0] = np.nan
    assert classifier_two_sample_test(real, holed, n_splits=2, random_state=0) > 0.8


def test_the_seed_decides():
    rows = _normal(100, 2, 0), _normal(100, 2, 1)
    first, again, other = (
        classifier_two_sample_test(*rows, n_splits=2, random_state=seed) for seed in (0, 0, 1)
    )
    assert first == again != other


def test_tables_of_other_columns_are_refused():
    with pytest.raises(ValueError, match=r"real and synthetic .* same columns. Got \[2, 3\]"):
        classifier_two_sample_test(_normal(20, 2, 0), _normal(20, 3, 0))
    frame = _mixed(20, 0)
    for other in (frame[["sign", "number", "day"]], frame.drop(columns="day"), frame.to_numpy()):
        with pytest.raises(ValueError, match="frames of the same columns"):
            classifier_two_sample_test(frame, other)


# ---- train on synthetic, test on real ----


def test_the_rows_themselves_teach_as_much_as_they_do():
    X, y = load_iris(return_X_y=True)
    classifier = KNeighborsClassifier(3)
    expected = classifier.fit(X[::2], y[::2]).score(X[1::2], y[1::2])
    given = KNeighborsClassifier(3)
    accuracy = train_on_synthetic_accuracy(X[::2], y[::2], X[1::2], y[1::2], classifier=given)
    assert accuracy == expected
    assert not hasattr(given, "classes_")


def test_classes_that_mean_nothing_teach_nothing():
    X, y = load_iris(return_X_y=True)
    shuffled = np.random.default_rng(0).permutation(y)
    assert train_on_synthetic_accuracy(X, y, X, y, random_state=0) > 0.98
    assert train_on_synthetic_accuracy(X, (y + 1) % 3, X, y, random_state=0) < 0.02
    assert train_on_synthetic_accuracy(X[::2], shuffled[::2], X[1::2], y[1::2]) < 0.6


def test_words_mean_the_same_in_both_tables():
    synthetic, real = _mixed(400, 0), _mixed(300, 1)
    synthetic.loc[0, "sign"] = "a word that is in one table only"
    accuracy = train_on_synthetic_accuracy(
        synthetic.drop(columns="number"),
        synthetic["number"] > 0,
        real.drop(columns="number"),
        real["number"] > 0,
        random_state=0,
    )
    assert accuracy > 0.97


# ---- maximum mean discrepancy ----


def _expected_kernel(d, bandwidth, shift, variance):
    """Mean of the kernel for a difference that is normal around `shift` in each column."""
    total = bandwidth**2 + variance
    return (bandwidth**2 / total) ** (d / 2) * np.exp(-d * shift**2 / (2 * total))


@pytest.mark.parametrize(("loc", "scale"), [(0, 1), (0.7, 1), (0, 2), (-0.5, 0.5)])
@pytest.mark.parametrize("bandwidth", [0.8, 2.0])
def test_discrepancy_of_two_normal_distributions_is_the_closed_form(loc, scale, bandwidth):
    d, n = 3, 1500
    estimate = maximum_mean_discrepancy(
        _normal(n, d, 0), _normal(n, d, 1, loc, scale), bandwidth=bandwidth
    )
    expected = (
        _expected_kernel(d, bandwidth, 0, 2)
        + _expected_kernel(d, bandwidth, 0, 2 * scale**2)
        - 2 * _expected_kernel(d, bandwidth, loc, 1 + scale**2)
    )
    assert estimate == pytest.approx(expected, abs=0.01)


def test_discrepancy_is_unbiased():
    estimates = [
        maximum_mean_discrepancy(_normal(8, 2, 2 * i), _normal(5, 2, 2 * i + 1), bandwidth=1)
        for i in range(500)
    ]
    error = np.std(estimates) / np.sqrt(len(estimates))
    assert abs(np.mean(estimates)) < 4 * error
    assert min(estimates) < 0


def test_the_width_is_the_median_distance():
    X, Y = _normal(30, 2, 0), _normal(40, 2, 1, loc=1)
    both = np.vstack([X, Y])
    median = np.median(cdist(both, both)[np.triu_indices(70, k=1)])
    assert maximum_mean_discrepancy(X, Y) == maximum_mean_discrepancy(X, Y, bandwidth=median)
    scaled = maximum_mean_discrepancy(1000 * X, 1000 * Y)
    assert scaled == pytest.approx(maximum_mean_discrepancy(X, Y))


def test_rows_without_distance_need_a_width():
    same = np.ones((5, 2))
    with pytest.raises(ValueError, match="Give a bandwidth"):
        maximum_mean_discrepancy(same, same)
    assert maximum_mean_discrepancy(same, same, bandwidth=1) == pytest.approx(0)
    with pytest.raises(ValueError, match="minimum of 2 is required"):
        maximum_mean_discrepancy(same[:1], same)


@pytest.mark.parametrize("bandwidth", [0, -1])
def test_a_width_is_positive(bandwidth):
    with pytest.raises(ValueError, match="bandwidth == "):
        maximum_mean_discrepancy(_normal(5, 2, 0), _normal(5, 2, 1), bandwidth=bandwidth)
    with pytest.raises(TypeError, match="bandwidth must be"):
        maximum_mean_discrepancy(_normal(5, 2, 0), _normal(5, 2, 1), bandwidth="median")


# ---- copies ----


def test_copies_have_no_distance_and_fresh_rows_have_that_of_real_ones():
    train, held_out, fresh = (_normal(1000, 3, seed) for seed in range(3))
    assert copy_ratio(train, train, held_out) == 0
    assert copy_ratio(fresh, train, held_out) == pytest.approx(1, abs=0.1)
    assert copy_ratio(train + 1e-3, train, held_out) < 0.1
    assert copy_ratio(fresh + 5, train, held_out) > 2


def test_the_ratio_is_of_medians_of_smallest_distances():
    synthetic, train, held_out = _normal(31, 4, 0), _normal(50, 4, 1), _normal(20, 4, 2)
    made, fresh = (np.median(cdist(rows, train).min(axis=1)) for rows in (synthetic, held_out))
    assert copy_ratio(synthetic, train, held_out) == pytest.approx(made / fresh)


def test_held_out_rows_that_were_trained_on_are_refused():
    rows = _normal(20, 2, 0)
    with pytest.raises(ValueError, match="remove duplicates"):
        copy_ratio(rows + 1, rows, rows)


# ---- tables of numbers ----


@pytest.mark.parametrize(
    "made", [lambda frame: frame, pd.DataFrame.to_numpy], ids=["frame", "array"]
)
def test_columns_that_are_no_numbers_are_named(made):
    rows, other = made(_mixed(20, 0)), made(_mixed(20, 1))
    with pytest.raises(ValueError, match=r"Column .* of real has cells that are no numbers"):
        maximum_mean_discrepancy(rows, other)
    with pytest.raises(ValueError, match=r"Column .* of synthetic has cells that are no numbers"):
        copy_ratio(rows, other, other)


def test_tables_of_numbers_have_the_same_columns():
    two, three = _normal(20, 2, 0), _normal(20, 3, 0)
    with pytest.raises(ValueError, match=r"same columns. Got \[2, 3\]"):
        maximum_mean_discrepancy(two, three)
    with pytest.raises(ValueError, match=r"same columns. Got \[2, 2, 3\]"):
        copy_ratio(two, two, three)
