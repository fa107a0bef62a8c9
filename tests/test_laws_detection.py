"""Laws about thresholds, p-values and explanations."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from skae.datasets import ChunkedTable
from skae.exceptions import CalibrationWarning
from tests.estimators import (
    ESTIMATORS,
    TABLES,
    fit,
    mixed_table,
    partial_fit,
    quick,
    rows_of,
    table,
)

all_estimators = pytest.mark.parametrize("Estimator", ESTIMATORS)
HALF = {"contamination": "auto", "validation_fraction": 0.5, "max_epochs": 1}


# ---- the false-alarm rate ----


@pytest.mark.parametrize("rate", [0.05, 0.2])
@all_estimators
def test_the_rate_asked_for_is_the_rate_on_fresh_rows(Estimator, rate):
    rows = table(12_000, 4)
    estimator = fit(quick(Estimator, **HALF, false_alarm_rate=rate), rows[:4_000])
    flagged = (estimator.predict(rows[4_000:]) == -1).mean()
    # of 2 000 held-out rows, and 8 000 fresh ones: five standard deviations
    assert abs(flagged - rate) < 5 * np.sqrt(rate * (1 - rate) * (1 / 2_000 + 1 / 8_000))


@all_estimators
def test_the_rate_does_not_change_the_scores(Estimator, X):
    few = fit(quick(Estimator, contamination="auto", false_alarm_rate=0.2), X)
    many = fit(quick(Estimator, contamination="auto", false_alarm_rate=0.4), X)
    np.testing.assert_array_equal(few.score_samples(X), many.score_samples(X))
    assert few.offset_ < many.offset_


# ---- another threshold ----


@pytest.mark.parametrize("train", [fit, partial_fit])
@all_estimators
def test_the_threshold_of_the_own_rate_is_that_of_fit(Estimator, train, X):
    estimator = train(quick(Estimator, contamination="auto", false_alarm_rate=0.3), X)
    before = estimator.offset_
    assert estimator.set_threshold(false_alarm_rate=0.2) is estimator
    assert estimator.offset_ < before
    assert estimator.set_threshold(false_alarm_rate=0.3).offset_ == before


@all_estimators
def test_another_rate_gives_the_threshold_of_a_fit_with_it(Estimator, X):
    fitted = fit(quick(Estimator, contamination="auto", false_alarm_rate=0.3), X)
    other = fit(quick(Estimator, contamination="auto", false_alarm_rate=0.2), X)
    assert fitted.set_threshold(false_alarm_rate=0.2).offset_ == other.offset_


@all_estimators
def test_another_contamination_flags_that_share(Estimator, X):
    estimator = fit(quick(Estimator, contamination=0.1), X)
    params = estimator.get_params()
    estimator.set_threshold(contamination=0.25)
    assert (estimator.predict(X) == -1).sum() == len(X) // 4
    assert estimator.get_params() == params


@all_estimators
def test_a_threshold_needs_one_number_in_its_range(Estimator):
    X = table()
    with pytest.raises(NotFittedError):
        quick(Estimator).set_threshold(contamination=0.1)
    fitted = fit(quick(Estimator), X)
    for given, message in (
        ({}, "neither"),
        ({"contamination": 0.1, "false_alarm_rate": 0.1}, "false_alarm_rate and contamination"),
        ({"contamination": 0.7}, "contamination"),
        ({"false_alarm_rate": 0}, "false_alarm_rate"),
        ({"false_alarm_rate": "low"}, "false_alarm_rate"),
    ):
        with pytest.raises(ValueError, match=message):
            fitted.set_threshold(**given)


@all_estimators
def test_a_rate_that_the_held_out_rows_cannot_keep_is_a_warning(Estimator):
    fitted = fit(quick(Estimator, contamination="auto", false_alarm_rate=0.2), table())
    with pytest.warns(CalibrationWarning, match=r"\b8\b.*\b999\b"):
        fitted.set_threshold(false_alarm_rate=0.001)


# ---- p-values ----


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.3])
@pytest.mark.parametrize("make", TABLES.values(), ids=TABLES)
@all_estimators
def test_the_p_value_is_at_most_the_rate_just_where_a_row_is_flagged(Estimator, make, rate):
    rows = make(600)
    estimator = quick(Estimator, **HALF, false_alarm_rate=rate)
    fit(estimator, rows_of(rows, slice(400)))
    fresh = rows_of(rows, slice(400, None))
    np.testing.assert_array_equal(estimator.p_values(fresh) <= rate, estimator.predict(fresh) == -1)


@all_estimators
def test_p_values_of_fresh_rows_are_spread_evenly(Estimator):
    rows = table(12_000, 4)
    estimator = fit(quick(Estimator, **HALF), rows[:4_000])
    p_values = estimator.p_values(rows[4_000:])
    for level in (0.02, 0.1, 0.5, 0.9):
        deviation = np.sqrt(level * (1 - level) * (1 / 2_000 + 1 / 8_000))
        assert abs((p_values <= level).mean() - level) < 5 * deviation


@all_estimators
def test_p_values_rise_with_the_score_and_never_are_zero(Estimator, X):
    estimator = fit(quick(Estimator), X)
    order = np.argsort(estimator.score_samples(X))
    p_values = estimator.p_values(X)
    assert p_values.dtype == np.float64
    assert (np.diff(p_values[order]) >= 0).all()
    assert p_values.min() > 0
    assert p_values.max() <= 1


@all_estimators
def test_weights_of_calibration_rows_count_in_p_values(Estimator):
    X = table()
    weight = np.where(np.arange(len(X)) % 2, 3.0, 1.0)
    weighted = fit(quick(Estimator, contamination=0.1), X, sample_weight=weight)
    scores = weighted.score_samples(X)
    lowest_half = scores <= np.median(scores)
    expected = weight[lowest_half].sum() / weight.sum() * len(X)
    largest = weighted.p_values(X)[lowest_half].max()
    assert largest == pytest.approx((1 + expected) / (len(X) + 1))


@all_estimators
def test_p_values_of_a_table_in_chunks_are_those_of_the_table(Estimator):
    X = mixed_table()
    estimator = fit(quick(Estimator), X)
    chunks = ChunkedTable(lambda: (X[start : start + 30] for start in range(0, len(X), 30)))
    np.testing.assert_array_equal(estimator.p_values(chunks), estimator.p_values(X))


# ---- explanations ----


@pytest.mark.parametrize("n_features", [None, 3])
@all_estimators
def test_an_explanation_is_the_contributions_in_order(Estimator, X, n_features):
    estimator = fit(quick(Estimator), X)
    rows = rows_of(X, slice(4, 9))
    explained = estimator.explain(rows, n_features)
    n_shown = n_features or X.shape[1]
    assert list(explained) == ["column", "value", "expected", "share"]
    assert len(explained) == 5 * n_shown
    shares = -estimator.feature_contributions(rows)
    strangest = shares.argmax(axis=1)
    shares /= np.abs(shares).sum(axis=1, keepdims=True)
    first = explained["column"].to_numpy().reshape(5, n_shown)[:, 0]
    np.testing.assert_array_equal(first, np.array(estimator._encoder.column_labels)[strangest])
    shown = explained["share"].to_numpy().reshape(5, n_shown)
    np.testing.assert_allclose(shown, -np.sort(-shares, axis=1)[:, :n_shown], rtol=1e-5)


@all_estimators
def test_an_explanation_names_cells_of_the_rows(Estimator):
    X = mixed_table().set_index(pd.Index([f"row {i}" for i in range(80)]))
    estimator = fit(quick(Estimator), X)
    explained = estimator.explain(X[10:12])
    assert set(explained.index) == {"row 10", "row 11"}
    for label, cells in explained.groupby(level=0):
        assert set(cells["column"]) == set(X)
        for column, value in zip(cells["column"], cells["value"], strict=True):
            original = X.loc[label, column]
            assert value == original or (pd.isna(value) and pd.isna(original))
    assert explained["expected"].notna().all()


@all_estimators
def test_the_cell_that_was_changed_comes_first_and_its_old_value_is_expected(Estimator):
    X = table(400, 6)
    estimator = fit(quick(Estimator, n_components=3, max_epochs=20), X)
    changed = pd.DataFrame(X[:1], columns=[f"x{i}" for i in range(6)])
    changed.iloc[0, 2] += 20 * X[:, 2].std()
    first = estimator.explain(changed.to_numpy()).iloc[0]
    assert first["column"] == "x2"
    assert first["value"] == changed.iloc[0, 2]
    assert first["expected"] < first["value"]
    assert first["share"] > 0.3


@all_estimators
def test_an_explanation_of_polars_rows_is_that_of_pandas(Estimator):
    polars = pytest.importorskip("polars")
    X = mixed_table()[["float", "flag", "code"]]
    estimator = fit(quick(Estimator), X)
    expected = estimator.explain(X[:3])
    pd.testing.assert_frame_equal(estimator.explain(polars.from_pandas(X[:3])), expected)


@all_estimators
def test_a_table_in_chunks_is_not_explained_whole(Estimator):
    X = table()
    estimator = fit(quick(Estimator), X)
    with pytest.raises(TypeError, match="explain"):
        estimator.explain(ChunkedTable(lambda: iter([pd.DataFrame(X)])))


@all_estimators
def test_explaining_takes_a_number_of_cells(Estimator):
    X = table()
    estimator = fit(quick(Estimator), X)
    for n_features in (0, -1, True, "3", 1.5):
        with pytest.raises((TypeError, ValueError), match="n_features"):
            estimator.explain(X[:2], n_features)


@all_estimators
def test_a_row_without_any_value_is_explained_by_nothing(Estimator):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator = fit(quick(Estimator), table())
        explained = estimator.explain(np.full((1, 6), np.nan))
    assert (explained["share"] == 0).all()
    assert explained["value"].isna().all()
