"""The plain auto-encoder: starts as PCA, never ends worse."""

import inspect
import itertools
import math

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits, load_wine
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler
from torch import nn

from skae import AutoEncoder
from tests.estimators import assert_same_bits, fit, outputs, quick, table

WINE = load_wine().data  # 178 rows, 13 columns of very different units
SCALED = StandardScaler().fit_transform(WINE)


def _squared_error(X, rebuilt):
    return ((X - rebuilt) ** 2).mean()


def _pca_error(train, test, n_components):
    pca = PCA(n_components, svd_solver="full").fit(train)
    return _squared_error(test, pca.inverse_transform(pca.transform(test)))


# ---- the start ----


@pytest.mark.parametrize("n_components", [1, 4, 12])
@pytest.mark.parametrize("hidden_layer_sizes", [(), (8,), (16, 8)])
def test_epoch_zero_is_the_pca_of_the_scaled_table(n_components, hidden_layer_sizes):
    params = {"hidden_layer_sizes": hidden_layer_sizes, "max_epochs": 0}
    model = fit(quick(AutoEncoder, n_components=n_components, **params), WINE)
    pca = PCA(n_components, svd_solver="full").fit(SCALED)
    expected = pca.inverse_transform(pca.transform(SCALED))
    rebuilt = (model.reconstruct(WINE) - WINE.mean(axis=0)) / WINE.std(axis=0)
    np.testing.assert_allclose(rebuilt, expected, atol=1e-4)


@pytest.mark.parametrize("fraction", [0.1, 0.5])
@pytest.mark.parametrize("contamination", ["auto", 0.1])
def test_a_start_that_is_kept_is_the_pca_of_all_rows_held_out_ones_too(contamination, fraction):
    params = {"contamination": contamination, "validation_fraction": fraction, "max_epochs": 0}
    model = fit(quick(AutoEncoder, n_components=4, **params), WINE)
    pca = PCA(4, svd_solver="full").fit(SCALED)
    expected = pca.inverse_transform(pca.transform(SCALED))
    rebuilt = (model.reconstruct(WINE) - WINE.mean(axis=0)) / WINE.std(axis=0)
    np.testing.assert_allclose(rebuilt, expected, atol=1e-4)


def test_held_out_rows_take_no_part_in_the_start_that_they_judge():
    X = np.random.default_rng(0).normal(size=(120, 30))
    model = fit(quick(AutoEncoder, n_components=15, scaler=None, max_epochs=0), X)
    # in the end the start is that of all rows, those that judged it among them
    assert model.history_["valid_loss"][0] > -1.2 * model.score(X)


@pytest.mark.parametrize("scaler", ["standard", "minmax", "quantile", None])
def test_the_codes_of_epoch_zero_are_whitened(scaler):
    model = fit(quick(AutoEncoder, n_components=5, scaler=scaler, max_epochs=0), SCALED)
    codes = model.transform(SCALED)
    np.testing.assert_allclose(codes.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(np.cov(codes.T, bias=True), np.eye(5), atol=1e-3)


def test_the_start_is_pca_with_wide_tables_and_few_rows():
    X = table(20, 60)
    model = fit(quick(AutoEncoder, n_components=5, max_epochs=0), X)
    scaled = StandardScaler().fit_transform(X)
    pca = PCA(5, svd_solver="full").fit(scaled)
    rebuilt = (model.reconstruct(X) - X.mean(axis=0)) / X.std(axis=0)
    np.testing.assert_allclose(rebuilt, pca.inverse_transform(pca.transform(scaled)), atol=1e-4)


def test_codes_beyond_the_rank_of_the_table_are_finite_and_harmless():
    X = np.repeat(table(100, 2), 3, axis=1)
    model = fit(quick(AutoEncoder, n_components=6, max_epochs=3), X)
    assert np.isfinite(model.transform(X)).all()
    assert model.score(X) > -1e-3


def test_one_gradient_step_from_pca_changes_the_error_little():
    model = fit(quick(AutoEncoder, n_components=4, max_epochs=1, early_stopping=False), WINE)
    assert -model.score(WINE) < 1.2 * _pca_error(SCALED, SCALED, 4)


@pytest.mark.parametrize("linear_skip", [True, False])
def test_a_random_start_is_no_pca(linear_skip):
    params = {"init": "random", "linear_skip": linear_skip, "n_components": 4, "max_epochs": 0}
    model = fit(quick(AutoEncoder, **params), WINE)
    assert -model.score(WINE) > 1.5 * _pca_error(SCALED, SCALED, 4)


def test_without_a_linear_path_there_is_no_start_from_pca():
    params = {"linear_skip": False, "hidden_layer_sizes": (8,), "max_epochs": 2}
    pca = fit(quick(AutoEncoder, init="pca", **params), WINE)
    random = fit(quick(AutoEncoder, init="random", **params), WINE)
    assert_same_bits(outputs(pca, WINE), outputs(random, WINE))


def test_an_own_decoder_leaves_the_encoder_at_the_principal_axes():
    params = {"n_components": 3, "max_epochs": 0}
    model = fit(quick(AutoEncoder, decoder=nn.Linear, **params), WINE)
    expected = fit(quick(AutoEncoder, **params), WINE)
    np.testing.assert_array_equal(model.transform(WINE), expected.transform(WINE))


def test_with_log_loss_the_start_reconstructs_the_mean():
    model = fit(quick(AutoEncoder, loss="log_loss", scaler="minmax", max_epochs=0), WINE)
    expected = np.tile(WINE.mean(axis=0), (len(WINE), 1))
    np.testing.assert_allclose(model.reconstruct(WINE), expected, rtol=0.02, atol=0.01)


# ---- never worse than PCA ----


def test_on_digits_it_is_clearly_better_than_pca_on_fresh_rows():
    X = load_digits().data / 16
    train, test = X[::2], X[1::2]
    model = AutoEncoder(8, scaler=None, max_epochs=25, random_state=0, device="cpu")
    error = _squared_error(test, fit(model, train).reconstruct(test))
    assert error < 0.9 * _pca_error(train, test, 8)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n_samples", [60, 300])
def test_on_a_linear_table_it_is_not_worse_than_pca_on_fresh_rows(seed, n_samples):
    X = StandardScaler().fit_transform(table(n_samples + 400, 8, seed=seed))
    train, test = X[:n_samples], X[n_samples:]
    model = AutoEncoder(4, scaler=None, max_epochs=40, random_state=seed, device="cpu")
    error = _squared_error(test, fit(model, train).reconstruct(test))
    assert error <= 1.001 * _pca_error(train, test, 4) + 1e-6


def test_a_gain_that_may_be_chance_gives_way_to_pca():
    X = table(150, 8, seed=2)
    params = {"n_components": 2, "random_state": 2}
    start = fit(quick(AutoEncoder, **{**params, "max_epochs": 0}), X)
    trained = fit(quick(AutoEncoder, **{**params, "max_epochs": 20}), X)
    losses = trained.history_["valid_loss"]
    assert losses.min() < losses[0]  # better on the few held-out rows, but not by three errors
    assert_same_bits(outputs(start, X), outputs(trained, X))


def test_on_a_curve_it_is_far_better_than_pca():
    rng = np.random.default_rng(0)
    angle = rng.uniform(-1, 1, 1200)
    X = np.column_stack([angle, angle**2, np.sin(3 * angle)]) + 0.01 * rng.normal(size=(1200, 3))
    X = StandardScaler().fit_transform(X)
    model = AutoEncoder(1, scaler=None, max_epochs=60, random_state=0, device="cpu")
    error = _squared_error(X[1000:], fit(model, X[:1000]).reconstruct(X[1000:]))
    assert error < 0.5 * _pca_error(X[:1000], X[1000:], 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["18_Ionosphere", "42_WBC", "45_wine", "29_Pima", "4_breastw"])
@pytest.mark.parametrize("share", [4, 2])
def test_on_small_real_tables_it_is_not_worse_than_pca(skae_data, name, share):
    with np.load(skae_data / "adbench" / f"{name}.npz", allow_pickle=True) as file:
        X = np.asarray(file["X"], dtype=np.float64)
    X = X[np.random.default_rng(0).permutation(len(X))]
    train, test = np.split(X, [int(0.7 * len(X))])
    scaler = StandardScaler().fit(train)
    train, test = scaler.transform(train), scaler.transform(test)
    n_components = max(1, X.shape[1] // share)
    model = AutoEncoder(n_components, random_state=0, device="cpu")
    error = _squared_error(test, fit(model, train).reconstruct(test))
    assert error <= 1.001 * _pca_error(train, test, n_components) + 1e-6


# ---- anomalies ----


def test_odd_rows_are_found_without_a_scaler_in_front():
    rng = np.random.default_rng(0)
    odd = WINE[rng.permutation(len(WINE))[:10]].copy()
    for column in range(WINE.shape[1]):  # each column by itself is normal, the rows are not
        odd[:, column] = rng.permutation(WINE[:, column])[:10]
    model = fit(quick(AutoEncoder, n_components=6, max_epochs=20), WINE)
    assert np.median(model.score_samples(odd)) < np.quantile(model.score_samples(WINE), 0.15)


# ---- sizes ----


@pytest.mark.parametrize("n_features", [1, 2, 7, 30, 100])
def test_auto_sizes_follow_their_documented_rules(n_features):
    model = fit(quick(AutoEncoder, max_epochs=0), table(150, n_features))
    assert model.n_components_ == math.isqrt(n_features)
    assert model.transform(table(3, n_features)).shape == (3, model.n_components_)
    n_hidden = min(max(4 * n_features, 64), 256)
    n_packed = n_hidden + model.n_components_  # the linear path lies below the hidden units
    assert model.module_.encoder.first.weight.shape == (n_packed, n_features)


def test_the_documentation_states_the_rule_of_auto():
    described = " ".join(inspect.getdoc(AutoEncoder).split())
    assert "the square root of the number of features, rounded down" in described


@pytest.mark.parametrize("linear_skip", [True, False])
@pytest.mark.parametrize(
    ("sizes", "units"), [((), ()), ((9,), (9,)), ([9, 5], (9, 5)), ((9, 5, 3), (9, 5, 3))]
)
def test_the_decoder_mirrors_the_hidden_layers(sizes, units, linear_skip):
    params = {"hidden_layer_sizes": sizes, "linear_skip": linear_skip, "n_components": 2}
    model = fit(quick(AutoEncoder, **params), WINE)
    weights = sum(parameter.numel() for parameter in model.module_.parameters())

    def count(sizes, linear):
        dense = sum((a + 1) * b for a, b in itertools.pairwise(sizes))
        return dense + (sizes[0] * sizes[-1] if linear and len(sizes) > 2 else 0)

    sizes = (WINE.shape[1], *units, 2)
    assert weights == count(sizes, linear_skip) + count(sizes[::-1], linear_skip)


def test_hidden_layer_sizes_may_be_an_array():
    by_array = fit(quick(AutoEncoder, hidden_layer_sizes=np.array([9, 5])), WINE)
    by_tuple = fit(quick(AutoEncoder, hidden_layer_sizes=(9, 5)), WINE)
    assert_same_bits(outputs(by_array, WINE), outputs(by_tuple, WINE))


def test_without_hidden_layers_it_is_a_linear_map():
    model = fit(quick(AutoEncoder, hidden_layer_sizes=(), n_components=3, max_epochs=5), WINE)
    low, high = WINE[:20], WINE[20:40]
    middle = model.reconstruct((low + high) / 2)
    expected = (model.reconstruct(low) + model.reconstruct(high)) / 2
    np.testing.assert_allclose((middle - expected) / WINE.std(axis=0), 0, atol=1e-4)


def test_the_identity_is_no_non_linearity():
    params = {"activation": "identity", "init": "random", "n_components": 3}
    model = fit(quick(AutoEncoder, **params), WINE)
    middle = model.reconstruct((WINE[:20] + WINE[20:40]) / 2)
    expected = (model.reconstruct(WINE[:20]) + model.reconstruct(WINE[20:40])) / 2
    np.testing.assert_allclose((middle - expected) / WINE.std(axis=0), 0, atol=1e-4)


def test_each_activation_is_another_function():
    names = ["relu", "tanh", "silu", "gelu", "elu", "logistic", "identity"]
    models = [fit(quick(AutoEncoder, activation=name, init="random"), WINE) for name in names]
    scores = np.array([model.score(WINE) for model in models])
    assert len(np.unique(scores)) == len(names)


# ---- what is inside ----


def test_the_module_is_torch_and_does_what_transform_does():
    model = fit(quick(AutoEncoder, scaler=None), SCALED)
    with torch.no_grad():
        rows = torch.as_tensor(SCALED, dtype=torch.float32)
        codes = model.module_.encoder(rows)
        rebuilt = model.module_(rows)
    np.testing.assert_allclose(codes, model.transform(SCALED), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(rebuilt, model.reconstruct(SCALED), rtol=1e-5, atol=1e-5)


def test_the_net_is_a_net_of_skorch():
    from skorch import NeuralNet

    model = fit(quick(AutoEncoder), WINE)
    assert isinstance(model.net_, NeuralNet)
    assert model.net_.module_ is model.module_


def test_absolute_error_is_less_moved_by_outliers_than_squared_error():
    X = table(300, 5)
    dirty = X.copy()
    dirty[:15, 0] += 30 * X[:, 0].std()
    errors = {}
    for loss in ("squared_error", "absolute_error"):
        params = {"loss": loss, "n_components": 2, "scaler": None, "jitter": 0, "lr": 3e-3}
        unit = X / X.std(axis=0)
        params |= {"hidden_layer_sizes": (), "max_epochs": 60, "batch_size": 32}
        model = quick(AutoEncoder, **params, early_stopping=False)
        rebuilt = fit(model, dirty / X.std(axis=0)).reconstruct(unit)
        errors[loss] = np.median(np.abs(rebuilt - unit))
    assert errors["absolute_error"] < errors["squared_error"]
