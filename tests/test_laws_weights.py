"""Laws about sample weights: weight 2 is the row twice, weight 0 is no row."""

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from tests.estimators import (
    ESTIMATORS,
    fit,
    full_batch,
    having,
    having_rows_scored_as_reconstructed,
    known,
    partial_fit,
    quick,
    table,
    trained_on_single_rows,
)

X = table()
TOLERANCE = 1e-4  # the law's own, in scaled units
LOSSES = ["squared_error", "absolute_error", "huber", "log_loss"]
all_estimators = pytest.mark.parametrize("Estimator", ESTIMATORS)
rng = np.random.default_rng(3)
COUNTS = rng.integers(0, 4, size=len(X))  # 0, 1, 2 or 3 times
ONE_OR_TWO = rng.integers(1, 3, size=len(X))
REPEATED = np.repeat(X, COUNTS, axis=0)


def _assert_same_function(first, second, X=X):
    if isinstance(X, np.ndarray):
        unit = np.nanstd(X, axis=0)
        np.testing.assert_allclose(
            (first.reconstruct(X) - second.reconstruct(X)) / unit, 0, atol=TOLERANCE
        )
    np.testing.assert_allclose(first.transform(X), second.transform(X), atol=TOLERANCE)
    np.testing.assert_allclose(
        first.score_samples(X), second.score_samples(X), rtol=TOLERANCE, atol=TOLERANCE
    )
    np.testing.assert_allclose(first.offset_, second.offset_, rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("train", [fit, partial_fit])
@pytest.mark.parametrize("scaler", ["standard", "minmax", "quantile", None])
@pytest.mark.parametrize("Estimator", trained_on_single_rows(having("scaler")))
def test_a_weight_is_the_row_so_many_times(Estimator, scaler, train):
    rows = X / X.std(axis=0) if scaler is None else X
    estimator = full_batch(Estimator, scaler=scaler, max_epochs=30)
    weighted = train(clone(estimator), rows, sample_weight=COUNTS)
    repeated = train(clone(estimator), np.repeat(rows, COUNTS, axis=0))
    _assert_same_function(weighted, repeated, rows)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("Estimator", trained_on_single_rows(having("loss", "scaler")))
def test_a_weight_is_the_row_so_many_times_under_every_loss(Estimator, loss):
    estimator = full_batch(Estimator, loss=loss, scaler="minmax", max_epochs=30)
    weighted = fit(clone(estimator), X, sample_weight=COUNTS)
    _assert_same_function(weighted, fit(clone(estimator), REPEATED))


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "rmsprop"])
@pytest.mark.parametrize("Estimator", trained_on_single_rows(having("optimizer", "weight_decay")))
def test_a_weight_is_the_row_so_many_times_under_every_optimizer(Estimator, optimizer):
    estimator = full_batch(Estimator, optimizer=optimizer, weight_decay=0.1, max_epochs=30, lr=0.01)
    weighted = fit(clone(estimator), X, sample_weight=COUNTS)
    _assert_same_function(weighted, fit(clone(estimator), REPEATED))


@pytest.mark.parametrize("Estimator", trained_on_single_rows(having("encoder")))
def test_a_weight_is_the_row_so_many_times_for_own_modules(Estimator):
    from torch import nn

    estimator = full_batch(Estimator, encoder=nn.Linear, optimizer="sgd", lr=0.01, max_epochs=30)
    weighted = fit(clone(estimator), X, sample_weight=COUNTS)
    _assert_same_function(weighted, fit(clone(estimator), REPEATED))


# Where missing cells are filled, the fill shrinks by a number of rows, not of weights.
@pytest.mark.parametrize("Estimator", having_rows_scored_as_reconstructed())
def test_the_start_from_pca_heeds_weights(Estimator):
    estimator = full_batch(Estimator, init="pca", max_epochs=0)
    weighted = fit(clone(estimator), X, sample_weight=COUNTS)
    _assert_same_function(weighted, fit(clone(estimator), REPEATED))
    plain = fit(clone(estimator), X)
    assert not np.allclose(plain.transform(X), weighted.transform(X), atol=0.01)


@all_estimators
def test_rows_of_weight_zero_leave_no_trace_in_the_history(Estimator):
    estimator = full_batch(Estimator)
    zero_or_one = np.minimum(COUNTS, 1)
    weighted = fit(clone(estimator), X, sample_weight=zero_or_one)
    removed = fit(clone(estimator), X[zero_or_one == 1])
    np.testing.assert_allclose(
        weighted.history_["train_loss"], removed.history_["train_loss"], rtol=TOLERANCE
    )


@all_estimators
def test_a_row_of_weight_zero_may_be_absurd(Estimator):
    weight = np.ones(len(X))
    weight[7] = 0
    absurd = X.copy()
    absurd[7] = 1e12
    estimator = fit(quick(Estimator, early_stopping=False), absurd, sample_weight=weight)
    expected = fit(quick(Estimator, early_stopping=False), X, sample_weight=weight)
    np.testing.assert_allclose(
        estimator.score_samples(X), expected.score_samples(X), rtol=TOLERANCE
    )


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@all_estimators
def test_only_proportions_matter(Estimator, optimizer, X):
    # not the largest codes only: rounding may decide which
    estimator = quick(Estimator, optimizer=optimizer, **known(Estimator, {"sparsity": "l1"}))
    first = fit(clone(estimator), X, sample_weight=COUNTS)
    for factor in (1000.0, 1e-6):
        _assert_same_function(fit(clone(estimator), X, sample_weight=factor * COUNTS), first, X)


@pytest.mark.parametrize("contamination", ["auto", 0.1])
@pytest.mark.parametrize("early_stopping", [True, False])
@all_estimators
def test_equal_weights_are_no_weights(Estimator, early_stopping, contamination, X):
    estimator = quick(Estimator, early_stopping=early_stopping, contamination=contamination)
    weighted = fit(clone(estimator), X, sample_weight=np.full(len(X), 2.0))
    _assert_same_function(weighted, fit(clone(estimator), X), X)


@all_estimators
def test_weights_draw_the_network_towards_their_rows(Estimator):
    half = len(X) // 2
    rows = np.concatenate([table(half, seed=1), 3 * table(half, seed=2)])
    estimator = quick(Estimator, n_components=1, max_epochs=30, early_stopping=False)
    for chosen in (slice(None, half), slice(half, None)):
        weight = np.full(len(rows), 0.01)
        weight[chosen] = 1.0
        heavy = fit(clone(estimator), rows, sample_weight=weight).reconstruct(rows)[chosen]
        plain = fit(clone(estimator), rows).reconstruct(rows)[chosen]
        unit = rows[chosen].std(axis=0)
        error = [(((part - rows[chosen]) / unit) ** 2).mean() for part in (heavy, plain)]
        assert error[0] < error[1]


@pytest.mark.parametrize("contamination", [0.05, 0.1, 0.3])
@all_estimators
def test_the_threshold_flags_a_share_of_the_weight(Estimator, contamination, X):
    estimator = quick(Estimator, contamination=contamination)
    fit(estimator, X, sample_weight=ONE_OR_TWO)
    flagged = estimator.predict(X) == -1
    share = ONE_OR_TWO[flagged].sum() / ONE_OR_TWO.sum()
    assert share <= contamination + 1e-9
    assert share > contamination - 2 / ONE_OR_TWO.sum() - 1e-9  # no further row would fit


@pytest.mark.parametrize("train", [fit, partial_fit])
@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.zeros(len(X)), "zero"),
        (-np.ones(len(X)), "[Nn]egative"),
        (np.ones(3), "sample_weight"),
        (np.full(len(X), np.nan), "NaN"),
        (np.ones((len(X), 2)), "1D"),
    ],
)
@all_estimators
def test_useless_weights_are_an_error(Estimator, weight, message, train, X):
    with pytest.raises(ValueError, match=message):
        train(quick(Estimator), X, sample_weight=weight)


@all_estimators
def test_a_single_row_with_weight_is_enough(Estimator):
    weight = np.zeros(len(X))
    weight[5] = 1.0
    estimator = fit(quick(Estimator), X, sample_weight=weight)
    assert np.isfinite(estimator.score_samples(X)).all()


@all_estimators
def test_a_pipeline_routes_weights_to_fit_partial_fit_and_score(Estimator):
    expected = fit(quick(Estimator), StandardScaler().fit_transform(X), sample_weight=COUNTS)
    with sklearn.config_context(enable_metadata_routing=True):
        step = quick(Estimator).set_fit_request(sample_weight=True)
        step.set_score_request(sample_weight=True).set_partial_fit_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = Pipeline([("scale", scaler), ("ae", step)])
        fit(pipeline, X, sample_weight=COUNTS)
        np.testing.assert_array_equal(
            pipeline[-1].score_samples(pipeline[:-1].transform(X)),
            expected.score_samples(StandardScaler().fit_transform(X)),
        )
        scored = pipeline.score(X, sample_weight=COUNTS)
    assert scored == pytest.approx(
        expected.score(StandardScaler().fit_transform(X), sample_weight=COUNTS)
    )


@all_estimators
def test_a_weight_that_nobody_asked_for_is_an_error_of_the_routing(Estimator):
    from sklearn.exceptions import UnsetMetadataPassedError

    with sklearn.config_context(enable_metadata_routing=True):
        pipeline = Pipeline([("ae", quick(Estimator))])
        with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
            fit(pipeline, X, sample_weight=COUNTS)
