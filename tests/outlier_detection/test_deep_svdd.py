"""Deep SVDD: its pre-training, and what else it has beside the laws of all estimators."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from torch import nn

from skae import DeepSVDD
from skae.datasets import ChunkedTable
from tests.estimators import (
    TABLES,
    assert_same_bits,
    fit,
    holed_table,
    mixed_table,
    outputs,
    table,
)

tables = pytest.mark.parametrize("make", TABLES.values(), ids=TABLES)
objectives = pytest.mark.parametrize("objective", ["one_class", "soft_boundary"])


def detector(**params):
    """A detector that fits in a moment."""
    quick = {"max_epochs": 3, "pretrain_epochs": 3, "lr": 3e-3, "contamination": 0.1}
    return DeepSVDD(**{**quick, "random_state": 0, "device": "cpu", **params})


def test_the_score_is_minus_the_squared_distance_of_the_code_to_the_centre():
    X = table()
    fitted = fit(detector(), X)
    expected = -np.square(fitted.transform(X) - fitted.center_).sum(axis=1)
    np.testing.assert_allclose(fitted.score_samples(X), expected, rtol=1e-5)


def test_the_centre_is_the_mean_of_the_pretrained_codes_away_from_zero():
    X = table(200)
    fitted = fit(detector(max_epochs=0, n_components=4), X)
    mean = fitted.transform(X).mean(axis=0)
    large = np.abs(mean) >= 0.1
    np.testing.assert_allclose(fitted.center_[large], mean[large], rtol=1e-4)
    np.testing.assert_allclose(np.abs(fitted.center_[~large]), 0.1, rtol=1e-6)
    assert (np.sign(fitted.center_) == np.where(mean < 0, -1, 1)).all()


def test_the_second_stage_draws_the_codes_towards_the_centre():
    X = table(200)
    before, after = (fit(detector(max_epochs=n), X) for n in (0, 30))
    np.testing.assert_array_equal(before.center_, after.center_)
    assert after.score(X) > 0.5 * before.score(X)  # both are negative
    assert len(after.pretraining_history_) == 4
    assert after.n_iter_ == len(after.history_) - 1 == 30


@objectives
def test_the_radius_leaves_the_share_nu_outside(objective):
    X = table(300)
    fitted = fit(detector(objective=objective, nu=0.2), X)
    outside = -fitted.score_samples(X) > fitted.radius_**2 * (1 + 1e-5)
    assert outside.mean() == pytest.approx(0.2, abs=0.01)


def test_the_encoder_can_learn_no_constant():
    fitted = fit(detector(scaler=None), table())
    assert not fitted.transform(np.zeros((1, 6))).any()
    with pytest.raises(ValueError, match="bounded"):
        fit(detector(activation="tanh"), table())
    own = fit(detector(encoder=lambda n, m: nn.Linear(n, m), activation="tanh"), table())
    assert np.isfinite(own.score_samples(table())).all()


@tables
@objectives
def test_contributions_and_the_score_of_the_median_row_sum_to_the_score(make, objective):
    X = make(200)
    fitted = fit(detector(objective=objective), X)
    shares = fitted.feature_contributions(X)
    total = shares.sum(axis=1) + fitted.score_baseline_
    np.testing.assert_allclose(total, fitted.score_samples(X), rtol=1e-5)
    assert (shares[pd.isna(X)] == 0).all()


def test_a_row_without_any_value_has_the_score_of_the_median_row():
    fitted = fit(detector(), holed_table())
    blank = np.full((1, 6), np.nan)
    assert fitted.score_samples(blank) == pytest.approx(fitted.score_baseline_)
    assert not fitted.feature_contributions(blank).any()
    median = np.nanquantile(holed_table(), 0.5, axis=0, method="inverted_cdf")[None]
    assert fitted.score_samples(median) == pytest.approx(fitted.score_baseline_, rel=1e-4)


@tables
@objectives
def test_the_same_seed_gives_the_same_bits_and_a_copy_too(make, objective):
    X = make()
    first, second = (fit(detector(objective=objective, warm_start=True), X) for _ in range(2))
    assert_same_bits(outputs(first, X), outputs(second, X))
    copied = pickle.loads(pickle.dumps(first))
    assert_same_bits(outputs(first, X), outputs(copied, X))
    assert_same_bits(outputs(fit(first, X), X), outputs(fit(copied, X), X))


@objectives
def test_a_weight_is_the_row_so_many_times(objective):
    X, counts = table(), np.random.default_rng(3).integers(0, 4, size=80)
    estimator = detector(objective=objective, batch_size=1_000, contamination=0.2)
    weighted = fit(clone(estimator), X, sample_weight=counts)
    repeated = fit(clone(estimator), np.repeat(X, counts, axis=0))
    np.testing.assert_allclose(weighted.center_, repeated.center_, rtol=1e-4)
    np.testing.assert_allclose(weighted.score_samples(X), repeated.score_samples(X), rtol=1e-3)
    assert weighted.radius_ == pytest.approx(repeated.radius_, rel=1e-3)


def test_a_table_in_chunks_pre_trains_too():
    X = mixed_table(300)
    chunks = ChunkedTable(lambda: (X[start : start + 100] for start in range(0, 300, 100)))
    fitted = fit(detector(), chunks)
    assert len(fitted.pretraining_history_) == 4
    np.testing.assert_array_equal(fitted.score_samples(chunks), fitted.score_samples(X))


def test_far_rows_score_lower_and_anomalies_are_found():
    X = table(600)
    fitted = fit(detector(pretrain_epochs=20, max_epochs=20), X[:400])
    far = X[:1] + 10.0 ** np.arange(1, 8)[:, None] * X.std(axis=0)
    assert (np.diff(fitted.score_samples(far)) < 0).all()
    strange = X[400:] + 4 * X.std(axis=0) * np.random.default_rng(0).choice([-1, 1], (200, 6))
    labels = np.repeat([0, 1], 200)
    scores = fitted.score_samples(np.concatenate([X[400:], strange]))
    assert roc_auc_score(labels, -scores) > 0.9
