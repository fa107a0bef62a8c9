"""The recommended detector: laws of its own, until it joins those of all estimators."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from skae.datasets import ChunkedTable
from skae.outlier_detection import AutoEncoderDetector
from tests.estimators import (
    TABLES,
    assert_same_bits,
    fit,
    mixed_table,
    outputs,
    partial_fit,
    rows_of,
    table,
)

tables = pytest.mark.parametrize("make", TABLES.values(), ids=TABLES)


def detector(**params):
    """A detector that fits in a moment."""
    quick = {"max_epochs": 5, "contamination": 0.1, "random_state": 0, "device": "cpu"}
    return AutoEncoderDetector(**{**quick, **params})


# ---- the contract ----


@tables
def test_contributions_sum_to_the_score_and_missing_cells_have_none(make):
    X = make(200)
    fitted = fit(detector(), X)
    shares = fitted.feature_contributions(X)
    assert shares.shape == X.shape
    assert (shares <= 0).all()
    np.testing.assert_allclose(shares.sum(axis=1), fitted.score_samples(X), rtol=1e-5)
    assert (shares[pd.isna(X)] == 0).all()


@tables
def test_the_same_seed_gives_the_same_bits(make):
    X = make()
    assert_same_bits(outputs(fit(detector(), X), X), outputs(fit(detector(), X), X))


@tables
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))])
def test_a_copy_gives_the_same_bits_and_goes_on(make, duplicate):
    X = make()
    fitted = fit(detector(warm_start=True), X)
    copied = duplicate(fitted)
    assert_same_bits(outputs(fitted, X), outputs(copied, X))
    assert_same_bits(outputs(fit(fitted, X), X), outputs(fit(copied, X), X))


@tables
def test_a_score_does_not_depend_on_the_other_rows(make):
    X = make(1_100)
    fitted = fit(detector(max_epochs=1), X)
    for method in (fitted.score_samples, fitted.feature_contributions):
        backwards = method(rows_of(X, np.arange(1_100)[::-1]))[::-1]
        np.testing.assert_array_equal(method(X), backwards)


def test_a_table_in_chunks_gives_the_scores_of_the_table():
    X = mixed_table(300)
    fitted = fit(detector(), X)
    chunks = ChunkedTable(lambda: (X[start : start + 100] for start in range(0, 300, 100)))
    np.testing.assert_array_equal(fitted.score_samples(chunks), fitted.score_samples(X))
    assert np.isfinite(fit(detector(), chunks).score_samples(X)).all()


@tables
def test_a_share_of_the_training_rows_is_flagged(make):
    X = make(200)
    assert (fit(detector(contamination=0.1), X).predict(X) == -1).sum() == 20


def test_the_false_alarm_rate_holds_on_fresh_rows():
    rows = table(12_000, 6)
    settings = {"contamination": "auto", "validation_fraction": 0.5, "max_epochs": 1}
    fitted = fit(detector(**settings), rows[:4_000])
    assert 0.004 < (fitted.predict(rows[4_000:]) == -1).mean() < 0.017


def test_partial_fit_follows_a_stream():
    X = mixed_table(300)
    fitted = partial_fit(detector(), X[:150])
    partial_fit(fitted, X[150:])
    assert np.isfinite(fitted.score_samples(X)).all()


def test_rows_of_weight_zero_say_nothing():
    X, weight = table(), np.ones(80)
    weight[7], absurd = 0, X.copy()
    absurd[7] = 1e12
    expected = detector().fit(X, sample_weight=weight).score_samples(X)
    fitted = detector().fit(absurd, sample_weight=weight)
    np.testing.assert_allclose(fitted.score_samples(X), expected, rtol=1e-3)


@pytest.mark.parametrize("noise_levels", [(-0.1,), ((0.1, 0.2),), ("loud",), ()])
def test_noise_levels_are_deviations(noise_levels):
    with pytest.raises(ValueError, match="noise_levels must be a list"):
        detector(noise_levels=noise_levels).fit(table())


def test_parameters_survive_cloning():
    params = detector(novelty=True, noise_levels=[0.2]).get_params()
    assert clone(AutoEncoderDetector(**params)).get_params() == params


# ---- edge cases ----


@pytest.mark.parametrize("n_samples", [1, 2, 5, 9])
def test_few_rows_work(n_samples):
    X = table(n_samples)
    assert np.isfinite(fit(detector(), X).score_samples(table())).all()


def test_rows_that_are_all_equal_have_equal_scores():
    X = np.ones((50, 4))
    with pytest.warns(UserWarning, match="All rows of X are equal"):
        scores = fit(detector(), X).score_samples(X)
    assert np.ptp(scores) == 0


def test_far_rows_score_lower_the_farther_they_are():
    X = table(300)
    fitted = fit(detector(max_epochs=20), X)
    far = X[:1] + 10.0 ** np.arange(2, 10)[:, None] * X.std(axis=0)
    scores = fitted.score_samples(far)
    assert np.isfinite(scores).all()
    assert (np.diff(scores) < 0).all()
    assert scores.max() < fitted.score_samples(X).min()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_huge_numbers_have_finite_scores(dtype):
    X = (table() * 1e30).astype(dtype)
    fitted = fit(detector(), X)
    assert np.isfinite(fitted.score_samples(X)).all()
    assert np.isfinite(fitted.score_samples((X * 1e4).astype(dtype))).all()


def test_a_column_that_was_constant_counts_a_bounded_amount():
    X = table(200)
    X[:, 2] = 3.0
    fitted = fit(detector(), X)
    np.testing.assert_allclose(fitted.feature_contributions(X)[:, 2], 0, atol=1e-12)
    changed = X.copy()
    changed[:, 2] = 1e6
    change = fitted.score_samples(X) - fitted.score_samples(changed)
    assert (change > 0).all()
    assert change.max() < 6  # a change counts like a deviation of 3, and bends other columns


def test_a_row_without_any_value_scores_zero():
    fitted = fit(detector(), table())
    assert fitted.score_samples(np.full((1, 6), np.nan)) == 0


# ---- what it finds ----


def _breaks_the_relation(n_samples, seed):
    """Rows on a curve in six columns, and rows whose columns stem from different rows."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi, size=n_samples)
    waves = [np.sin(angle), np.cos(angle), np.sin(2 * angle), np.cos(2 * angle), angle, angle**2]
    return np.stack(waves, axis=1) + 0.05 * rng.normal(size=(n_samples, 6))


def test_broken_relations_and_far_rows_are_both_found():
    normal, fresh = _breaks_the_relation(1_000, 0), _breaks_the_relation(300, 1)
    rng = np.random.default_rng(2)
    shuffled = np.stack([rng.permutation(column) for column in fresh.T], axis=1)
    fitted = detector(max_epochs="auto").fit(normal)
    labels = np.repeat([0, 1], 300)
    assert roc_auc_score(labels, -fitted.score_samples(np.concatenate([fresh, shuffled]))) > 0.97
    far = fresh + 5
    assert roc_auc_score(labels, -fitted.score_samples(np.concatenate([fresh, far]))) > 0.999


def test_anomalies_among_the_training_rows_do_not_hide_each_other():
    rng = np.random.default_rng(0)
    normal, clump = rng.normal(size=(950, 6)), 4 + 0.1 * rng.normal(size=(50, 6))
    X, labels = np.concatenate([normal, clump]), np.repeat([0, 1], [950, 50])
    scores = detector(max_epochs="auto").fit(X).score_samples(X)
    neighbours = NearestNeighbors(n_neighbors=6).fit(X).kneighbors(X)[0].mean(axis=1)
    assert roc_auc_score(labels, -scores) > 0.95
    assert roc_auc_score(labels, neighbours) < 0.5  # who is near the others of the clump


@tables
def test_what_is_expected_is_what_similar_rows_have(make):
    X = make(300)
    name = "float32" if isinstance(X, pd.DataFrame) else 0
    fitted = fit(detector(novelty=True), X)
    explained = fitted.explain(rows_of(X, slice(0, 40)))
    column = name if isinstance(X, pd.DataFrame) else "x0"
    own = explained[explained["column"] == column]
    value, expected = own["value"].to_numpy(float), own["expected"].to_numpy(float)
    assert np.corrcoef(value, expected)[0, 1] > 0.7
    assert np.abs(value - expected).min() > 0  # not the row itself


def test_what_is_expected_of_numbers_is_a_mean_of_normal_rows():
    rng = np.random.default_rng(0)
    X = rng.choice([-5.0, 5.0], (400, 1)) + 0.1 * rng.normal(size=(400, 4))
    fitted = fit(detector(novelty=True), X)
    strange = X[:1].copy()
    strange[0, 2] *= -1
    explained = fitted.explain(strange)
    assert explained.iloc[0]["column"] == "x2"
    assert abs(explained.iloc[0]["expected"] - X[0, 2]) < 1
