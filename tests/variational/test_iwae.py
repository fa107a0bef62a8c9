"""The importance-weighted auto-encoder: its bound, and what it is with one draw."""

import numpy as np
import pytest
import torch

from skae import IWAE, VAE
from skae.distributions import Gaussian
from skae.nn import VariationalAutoEncoder, cubature_points, isolated_rng
from skae.objectives import Batch, ImportanceWeighted, Variational, log_weights


def circle(n_samples=1200):
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 2 * np.pi, n_samples)
    rows = np.column_stack([np.cos(angle), np.sin(angle), np.cos(2 * angle)])
    return rows + 0.05 * rng.normal(size=rows.shape)


X = circle()


def module_of(n_components=2, n_features=4):
    with isolated_rng(0):
        encoder = torch.nn.Linear(n_features, 2 * n_components)
        decoder = torch.nn.Linear(n_components, n_features)
    return VariationalAutoEncoder(encoder, decoder, n_components, n_features)


def batch_of(n_samples=64):
    rows = torch.randn(n_samples, 4, generator=torch.Generator().manual_seed(1))
    return Batch(rows, rows, None)


def test_one_draw_is_the_evidence_lower_bound_in_expectation():
    # of a linear decoder both are functions of second degree: cubature is exact
    module, batch, likelihood = module_of(), batch_of(), Gaussian()
    posterior = module.posterior(batch.inputs)
    noise = (cubature_points(posterior) - posterior.loc) / posterior.scale
    weights = log_weights(
        module, likelihood, module.prior(), batch.inputs, batch.targets, noise
    ).mean(dim=0)
    expected = Variational(likelihood).per_row(module, batch)
    torch.testing.assert_close(-weights / 4, expected)


def test_one_draw_trains_as_vae_does_on_average():
    module, batch = module_of(), batch_of(20_000)
    with isolated_rng(0):
        one = ImportanceWeighted(Gaussian(), 1)(module, batch)
    torch.testing.assert_close(
        one, Variational(Gaussian()).per_row(module, batch).mean(), rtol=0.01, atol=0.01
    )


def test_the_bound_rises_with_the_draws():
    module, batch = module_of(), batch_of(2000)
    bounds = [-ImportanceWeighted(Gaussian(), s).per_row(module, batch).mean() for s in (1, 5, 50)]
    assert bounds[0] < bounds[1] < bounds[2]


def test_held_out_rows_are_judged_alike_in_every_epoch():
    module, batch, objective = module_of(), batch_of(), ImportanceWeighted(Gaussian())
    first, second = (objective.per_row(module, batch) for _ in range(2))
    torch.testing.assert_close(first, second, rtol=0, atol=0)


def test_a_weight_is_the_row_so_many_times_where_noise_is_the_same(monkeypatch):
    module, objective = module_of(), ImportanceWeighted(Gaussian())
    weight, rows = torch.tensor([1.0, 2.0, 3.0, 2.0]), batch_of(4).inputs
    monkeypatch.setattr(torch, "randn", lambda shape, device: torch.full(shape, 0.5, device=device))
    repeated = rows.repeat_interleave(weight.long(), dim=0)
    weighted = objective(module, Batch(rows, rows, weight / weight.mean()))
    torch.testing.assert_close(weighted, objective(module, Batch(repeated, repeated, None)))


def test_what_was_trained_is_the_likelihood_of_so_many_draws():
    iwae = IWAE(2, n_importance_samples=5, scaler=None, max_epochs=5, random_state=0).fit(X)
    rows = torch.as_tensor(X, dtype=torch.float32)
    with torch.no_grad():
        loss = iwae.net_.criterion_.per_row(iwae.module_, Batch(rows, rows, None)).mean() * 3
    repeats = [iwae.log_likelihood(X, 5, random_state=seed).mean() for seed in range(10)]
    assert -loss.item() == pytest.approx(np.mean(repeats), abs=0.05)


def test_training_raises_the_likelihood_as_far_as_vae_does():
    iwae, vae = (
        estimator(2, max_epochs=60, random_state=0).fit(X).log_likelihood(X, 200, random_state=0)
        for estimator in (IWAE, VAE)
    )
    assert iwae.mean() > vae.mean() - 0.1


def test_the_weights_of_the_parts_of_the_bound_are_no_parameters():
    assert not {"beta", "free_bits", "warmup_epochs"} & set(IWAE().get_params())
    with pytest.raises(TypeError, match="beta"):
        IWAE(beta=2.0)


def test_no_draws_are_refused():
    with pytest.raises(ValueError, match="n_importance_samples"):
        IWAE(n_importance_samples=0).fit(X)
