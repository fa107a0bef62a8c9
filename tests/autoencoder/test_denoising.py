"""The denoising auto-encoder: noise while training, and only then."""

import numpy as np
import pytest
import torch
from sklearn.utils._param_validation import InvalidParameterError
from torch import nn

from skae import AutoEncoder, DenoisingAE
from skae.base import EncoderDecoder
from skae.distributions import SquaredError
from tests.estimators import assert_same_bits, fit, outputs, quick, table

X = table(2000, 5)
X = (X - X.mean(axis=0)) / X.std(axis=0)
NOISES = ["gaussian", "masking", "salt_and_pepper", "swap"]
every_noise = pytest.mark.parametrize("noise", NOISES)


class Recorder(nn.Linear):
    """An encoder that keeps what it is given in training."""

    seen: list = []

    def forward(self, x):
        if self.training:
            self.seen.append(x.detach().clone())
        return super().forward(x)


class RecordingLoss(SquaredError):
    """A loss that keeps the targets of training: those whose gradient is wanted."""

    seen: list = []

    def nll(self, output, target, reduction="none"):
        if output.requires_grad:
            self.seen.append(target.detach().clone())
        return super().nll(output, target, reduction)


def _seen_in_training(X, **params):
    """What the encoder saw and the loss compared with, an array (n_epochs, n, d) each."""
    Recorder.seen.clear()
    RecordingLoss.seen.clear()
    settings = {"early_stopping": False, "scaler": None, "batch_size": 10**6, "max_epochs": 1}
    settings |= {"encoder": Recorder, "loss": RecordingLoss(), "contamination": 0.1}
    model = fit(DenoisingAE(random_state=0, device="cpu", **{**settings, **params}), X)
    n_epochs = model.n_iter_
    assert len(Recorder.seen) == len(RecordingLoss.seen) == n_epochs
    return torch.stack(Recorder.seen).numpy(), torch.stack(RecordingLoss.seen).numpy()


@every_noise
def test_the_loss_compares_with_the_clean_rows(noise):
    inputs, targets = _seen_in_training(X, noise=noise, noise_level=0.3)
    np.testing.assert_array_equal(
        np.sort(targets[0], axis=0), np.sort(X.astype(np.float32), axis=0)
    )
    assert not np.array_equal(inputs, targets)


@every_noise
def test_noise_is_new_in_every_epoch(noise):
    inputs, targets = _seen_in_training(X[:50], noise=noise, noise_level=0.5, max_epochs=2)
    changed = []
    for epoch in range(2):
        order = np.lexsort(targets[epoch].T)
        changed.append((inputs[epoch] - targets[epoch])[order])
    assert not np.allclose(changed[0], changed[1])


@pytest.mark.parametrize("level", [0.05, 0.5, 2.0])
def test_gaussian_noise_has_mean_zero_and_the_level_as_deviation(level):
    inputs, targets = _seen_in_training(X, noise="gaussian", noise_level=level)
    noise = (inputs - targets)[0]
    assert noise.std() == pytest.approx(level, rel=0.03)
    assert abs(noise.mean()) < 0.04 * level
    assert np.abs(np.corrcoef(noise.T) - np.eye(5)).max() < 0.1
    assert abs(np.corrcoef(noise.ravel(), targets[0].ravel())[0, 1]) < 0.05


@pytest.mark.parametrize("level", [0.05, 0.3, 1.0])
def test_masking_sets_that_share_of_the_cells_to_zero(level):
    inputs, targets = _seen_in_training(X, noise="masking", noise_level=level)
    changed = inputs != targets
    assert changed.mean() == pytest.approx(level, abs=0.02)
    assert (inputs[changed] == 0).all()
    np.testing.assert_allclose(changed[0].mean(axis=0), level, atol=0.05)


@pytest.mark.parametrize("level", [0.05, 0.3, 1.0])
def test_salt_and_pepper_sets_cells_to_the_extremes_of_their_column_evenly(level):
    inputs, targets = _seen_in_training(X, noise="salt_and_pepper", noise_level=level)
    low, high = targets[0].min(axis=0), targets[0].max(axis=0)
    changed = (inputs != targets)[0]
    assert changed.mean() == pytest.approx(level, abs=0.02)
    is_low, is_high = inputs[0] == low, inputs[0] == high
    assert (is_low | is_high)[changed].all()
    assert is_low[changed].mean() == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("level", [0.05, 0.3, 1.0])
def test_swap_takes_values_of_other_rows_of_the_same_column(level):
    numbers = np.arange(2000.0)[:, None] + 10_000 * np.arange(5)  # each cell is unique
    inputs, targets = _seen_in_training(numbers / 1e4, noise="swap", noise_level=level)
    changed = (inputs != targets)[0]
    assert changed.mean() == pytest.approx(level, abs=0.02)
    for column in range(5):
        assert np.isin(inputs[0, :, column], targets[0, :, column]).all()
    # a row's cells come from different rows, drawn from all over the table
    rows = np.round(inputs[0] * 1e4 - 10_000 * np.arange(5)).astype(int)
    if level == 1:
        assert np.abs(np.corrcoef(rows[changed.all(axis=1)].T) - np.eye(5)).max() < 0.2
    assert len(np.unique(rows[:, 0])) > 1000


def test_swap_keeps_the_distribution_of_each_column():
    inputs, targets = _seen_in_training(X, noise="swap", noise_level=0.5)
    for column in range(5):
        quantiles = [np.quantile(part[0, :, column], [0.1, 0.5, 0.9]) for part in (inputs, targets)]
        np.testing.assert_allclose(*quantiles, atol=0.15)


@every_noise
def test_held_out_rows_are_judged_with_noise_the_same_in_each_epoch(noise):
    params = {"noise": noise, "noise_level": 0.9, "lr": 1e-30}
    noisy = fit(quick(DenoisingAE, **params), X).history_["valid_loss"]
    clean = fit(quick(AutoEncoder, max_epochs=0), X).history_["valid_loss"]
    assert noisy[0] > clean[0]
    np.testing.assert_allclose(noisy, noisy[0], rtol=1e-5)


def test_a_start_that_only_copies_rows_gives_way_to_one_that_denoises():
    params = {"n_components": X.shape[1], "noise": "masking", "noise_level": 0.5, "max_epochs": 30}
    assert fit(quick(DenoisingAE, **params), X).best_epoch_ > 0


@pytest.mark.parametrize("level", [0.1, 1.0])
@pytest.mark.parametrize("n_components", [2, 5])
def test_it_starts_from_the_best_linear_map_of_noisy_rows_to_clean_ones(level, n_components):
    params = {"n_components": n_components, "scaler": None, "early_stopping": False}
    model = fit(quick(DenoisingAE, noise_level=level, max_epochs=0, **params), X)
    variance, axes = np.linalg.eigh(np.cov(X.T, bias=True))
    shrunk = (axes * variance / (variance + level**2))[:, -n_components:]
    expected = X @ shrunk @ axes[:, -n_components:].T
    np.testing.assert_allclose(model.reconstruct(X), expected, atol=1e-4)


@pytest.mark.parametrize("level", [1e-200, 1e200])
def test_noise_whose_square_is_no_number_has_a_start(level):
    params = {"n_components": 3, "early_stopping": False, "max_epochs": 0}
    constant = np.column_stack([X[:, :2], np.ones(len(X))])
    model = fit(quick(DenoisingAE, noise_level=level, **params), constant)
    expected = constant if level < 1 else np.broadcast_to(constant.mean(axis=0), constant.shape)
    np.testing.assert_allclose(model.reconstruct(constant), expected, atol=1e-4)


def test_codes_of_the_start_are_white_on_noisy_rows():
    params = {"n_components": 5, "scaler": None, "early_stopping": False, "max_epochs": 0}
    model = fit(quick(DenoisingAE, noise_level=0.5, **params), X)
    noisy = np.tile(X, (50, 1))
    noisy += np.random.default_rng(0).normal(scale=0.5, size=noisy.shape)
    np.testing.assert_allclose(np.cov(model.transform(noisy).T), np.eye(5), atol=0.02)


@every_noise
def test_what_it_says_of_rows_is_without_noise(noise):
    model = fit(quick(DenoisingAE, noise=noise, noise_level=0.5), X)
    assert_same_bits(outputs(model, X), outputs(model, X))


@every_noise
def test_without_noise_it_is_the_plain_auto_encoder(noise):
    plain = fit(quick(EncoderDecoder), X)
    denoising = fit(quick(DenoisingAE, noise=noise, noise_level=0), X)
    assert_same_bits(outputs(plain, X), outputs(denoising, X))


@every_noise
def test_noise_changes_what_is_learned(noise):
    models = [
        fit(quick(DenoisingAE, noise=noise, noise_level=level, early_stopping=False), X)
        for level in (0.0, 0.4)
    ]
    weights = [outputs(model, X)["weights"] for model in models]
    assert not np.allclose(*weights, atol=1e-4)


def test_each_noise_learns_something_else():
    params = {"noise_level": 0.4, "early_stopping": False}
    scores = [fit(quick(DenoisingAE, noise=noise, **params), X).score(X) for noise in NOISES]
    assert len(np.unique(scores)) == len(NOISES)


def test_it_restores_masked_cells_better_than_the_plain_auto_encoder():
    rng = np.random.default_rng(1)
    masked = np.where(rng.random(X.shape) < 0.3, 0.0, X)
    params = {"n_components": 4, "max_epochs": 40, "scaler": None, "early_stopping": False}
    plain = fit(quick(AutoEncoder, **params), X)
    denoising = fit(quick(DenoisingAE, noise="masking", noise_level=0.3, **params), X)
    errors = [((model.reconstruct(masked) - X) ** 2).mean() for model in (plain, denoising)]
    assert errors[1] < 0.9 * errors[0]


@pytest.mark.parametrize("noise", ["masking", "salt_and_pepper", "swap"])
def test_a_share_of_the_cells_is_at_most_one(noise):
    with pytest.raises(ValueError, match=f"noise_level.*{noise}.*at most 1"):
        quick(DenoisingAE, noise=noise, noise_level=1.5).fit(X)


def test_a_deviation_may_be_more_than_one():
    assert np.isfinite(fit(quick(DenoisingAE, noise_level=3.0), X).score(X))


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_an_unknown_noise_is_an_error_that_names_the_known_ones(method):
    with pytest.raises(InvalidParameterError, match="'swap'"):
        getattr(DenoisingAE(noise="static"), method)(X)


@every_noise
def test_a_single_row_can_be_trained_on(noise):
    model = fit(quick(DenoisingAE, noise=noise, noise_level=0.5), X[:1])
    assert np.isfinite(model.score_samples(X)).all()


@every_noise
def test_chunks_are_corrupted_too(noise):
    params = {"noise": noise, "batch_size": 10**6, "early_stopping": False, "lr": 0.1}
    weights = []
    for level in (0.0, 0.5):
        model = quick(DenoisingAE, noise_level=level, **params)
        for _ in range(2):
            model.partial_fit(X)
        weights.append(outputs(model, X)["weights"])
    assert not np.allclose(*weights, atol=1e-4)
