"""The estimator around autoregressive flows: its density, its draws, what it refuses."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import check_estimator

from skae.exceptions import CalibrationWarning
from skae.generation import MaskedAutoregressiveFlow


def bent(n_samples=600, seed=0):
    rng = np.random.default_rng(seed)
    first, second = rng.normal(size=(2, n_samples))
    return np.column_stack([10 * first + 5, 0.1 * (first**2 + 0.3 * second)])


def fit(X, **params):
    settings = {"n_layers": 2, "hidden_layer_sizes": (16,), "max_epochs": 15, "random_state": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", CalibrationWarning)
        return MaskedAutoregressiveFlow(**{**settings, "lr": 0.01, **params}).fit(X)


X = bent()


@pytest.fixture(scope="module")
def flow():
    return fit(X)


def test_every_parameter_has_a_declared_range_and_a_description():
    parameters = MaskedAutoregressiveFlow().get_params()
    assert parameters.keys() <= MaskedAutoregressiveFlow._parameter_constraints.keys()
    for name in parameters:
        assert f"    {name} : " in MaskedAutoregressiveFlow.__doc__


@pytest.mark.parametrize("scaler", ["standard", "minmax", None])
def test_its_density_integrates_to_one_in_original_units(scaler):
    flow = fit(X, scaler=scaler, max_epochs=2, lr=0.001)
    first, second = np.linspace(-150, 150, 301), np.linspace(-10, 10, 401)
    rows = np.stack(np.meshgrid(first, second), axis=-1).reshape(-1, 2)
    step = (first[1] - first[0]) * (second[1] - second[0])
    fine = np.exp(flow.score_samples(rows)).sum() * step
    assert fine == pytest.approx(1, abs=0.02)


def test_it_starts_as_independent_normal_columns():
    start = fit(X, max_epochs=0)
    expected = multivariate_normal(X.mean(axis=0), np.diag(X.var(axis=0))).logpdf(X)
    np.testing.assert_allclose(start.score_samples(X), expected, rtol=1e-4, atol=1e-4)


def test_it_learns_a_bent_density_better_than_a_normal_one(flow):
    fresh = bent(seed=1)
    normal = multivariate_normal(X.mean(axis=0), np.cov(X.T)).logpdf(fresh).mean()
    assert flow.score(fresh) > normal + 0.3


def test_codes_are_noise_and_invertible(flow):
    codes = flow.transform(X)
    assert codes.shape == X.shape
    np.testing.assert_allclose(flow.inverse_transform(codes), X, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(flow.reconstruct(X), X, rtol=1e-3, atol=1e-3)


def test_contributions_sum_to_the_score(flow):
    total = flow.feature_contributions(X).sum(axis=1) + flow.feature_baselines_.sum()
    np.testing.assert_allclose(total, flow.score_samples(X), rtol=1e-5)


def test_draws_have_the_density_of_its_score(flow):
    drawn, again = (flow.sample(4000, random_state=seed) for seed in (0, 1))
    assert flow.score(drawn) == pytest.approx(flow.score(again), abs=0.1)  # minus the entropy
    np.testing.assert_array_equal(drawn, flow.sample(4000, random_state=0))
    np.testing.assert_allclose(np.median(drawn, axis=0), np.median(X, axis=0), rtol=0.3)


def test_same_seed_same_flow(flow):
    np.testing.assert_array_equal(fit(X).score_samples(X), flow.score_samples(X))
    twin = pickle.loads(pickle.dumps(flow))
    np.testing.assert_array_equal(twin.sample(5, random_state=0), flow.sample(5, random_state=0))
    assert clone(flow).get_params() == flow.get_params()


def test_one_column_has_a_density_too():
    column = np.random.default_rng(0).normal(3, 2, size=(300, 1))
    flow = fit(column, max_epochs=5)
    grid = np.linspace(-30, 30, 2001)[:, None]
    assert np.exp(flow.score_samples(grid)).sum() * 0.03 == pytest.approx(1, abs=0.01)


def test_it_keeps_scikit_learns_contract():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_estimator(
            MaskedAutoregressiveFlow(
                n_layers=1, hidden_layer_sizes=(16,), max_epochs=2, random_state=0
            ),
            expected_failed_checks={
                "check_sample_weight_equivalence_on_dense_data": "exact, as no training is"
            },
        )


def test_a_column_that_never_varies_comes_back_and_counts_for_nothing():
    constant = np.insert(X, 1, 7.0, axis=1)
    flow = fit(constant, n_layers=3, max_epochs=30)
    assert (flow.sample(20, random_state=0)[:, 1] == 7).all()
    assert not flow.feature_contributions(constant)[:, 1].any()
    assert flow.feature_baselines_[1] == 0
    changed = constant + np.array([0, 1, 0])
    assert (flow.feature_contributions(changed)[:, 1] < -0.1).all()
    np.testing.assert_allclose(flow.reconstruct(changed), changed, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("n_rows", [1, 2])
def test_very_few_rows_are_enough(n_rows):
    drawn = fit(X[:n_rows]).sample(5, random_state=0)
    assert drawn.shape == (5, 2)
    assert np.isfinite(drawn).all()


def test_rows_have_the_schema_of_fit():
    frame = pd.DataFrame(X.round(), columns=["a", "b"]).astype({"a": int, "b": "float32"})
    drawn = fit(frame).sample(4, random_state=0)
    assert drawn.dtypes.equals(frame.dtypes)
    pd.testing.assert_frame_equal(fit(frame).sample(4, random_state=0), drawn)


@pytest.mark.parametrize(
    ("column", "flaw"),
    [
        (["x", "y"] * 300, "no numbers"),
        ([True, False] * 300, "no numbers"),
        (pd.date_range("2020", periods=600), "no numbers"),
        ([np.nan, 1.0] * 300, "missing cells"),
    ],
)
def test_the_column_that_cannot_be_used_is_named(column, flaw):
    with pytest.raises(ValueError, match=f"Column 'odd' has {flaw}"):
        fit(pd.DataFrame({"first": X[:, 0], "odd": column}))


def test_missing_cells_are_refused(flow):
    holed = X.copy()
    holed[0, 0] = np.nan
    with pytest.raises(ValueError, match="none of them missing"):
        fit(holed)
    with pytest.raises(ValueError, match="none of them missing"):
        flow.score_samples(holed)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_layers": 0}, "n_layers"),
        ({"hidden_layer_sizes": (2,)}, "fewer units than 4"),
        ({"hidden_layer_sizes": (0,)}, "positive integers"),
    ],
)
def test_bad_parameters_say_what_is_right(params, message):
    with pytest.raises(ValueError, match=message):
        fit(np.random.default_rng(0).normal(size=(50, 5)), **params)
