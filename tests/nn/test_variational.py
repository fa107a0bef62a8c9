"""Distributions of codes and learned scales."""

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from skae.nn import SMALLEST_SCALE, NoiseScale, VariationalAutoEncoder, isolated_rng


@pytest.mark.parametrize("relative", [0.05, 0.5, 1.0])
def test_scales_start_where_they_are_told(relative):
    scales = NoiseScale(3)
    unit = torch.tensor([0.01, 1.0, 1e3])
    scales.start(unit, torch.full((3,), relative), torch.tensor([True, True, False]))
    expected = torch.tensor([0.01 * relative, relative, 1.0])
    torch.testing.assert_close(scales().exp(), expected)


def test_no_scale_goes_below_the_floor():
    scales = NoiseScale(2)
    scales.start(torch.tensor([1.0, 5.0]), torch.zeros(2), torch.ones(2, dtype=torch.bool))
    with torch.no_grad():
        scales.relative.fill_(-100.0)
    torch.testing.assert_close(scales().exp(), SMALLEST_SCALE * torch.tensor([1.0, 5.0]))


def test_the_scale_of_a_constant_column_is_not_learned():
    scales = NoiseScale(2)
    scales.start(torch.ones(2), torch.ones(2), torch.tensor([True, False]))
    scales().sum().backward()
    assert scales.relative.grad[0] != 0
    assert scales.relative.grad[1] == 0


def test_posteriors_of_far_rows_are_not_wide():
    with isolated_rng(0):
        encoder, decoder = torch.nn.Linear(3, 4), torch.nn.Linear(2, 3)
    module = VariationalAutoEncoder(encoder, decoder, n_components=2, n_scales=3)
    scale = module.posterior(1e6 * torch.eye(3)).scale
    assert scale.max() < 3
    assert scale.min() > 0


def test_scales_follow_the_outputs_of_the_decoder():
    with isolated_rng(0):
        encoder, decoder = torch.nn.Linear(3, 4), torch.nn.Linear(2, 3)
    module = VariationalAutoEncoder(encoder, decoder, n_components=2, n_scales=3)
    output = module.decode(torch.zeros(5, 2))
    torch.testing.assert_close(output[:, :3], decoder(torch.zeros(5, 2)))
    torch.testing.assert_close(output[:, 3:], module.noise().expand(5, 3))


def test_the_divergence_is_that_of_torch_and_compiles_in_a_fresh_process(monkeypatch):
    with isolated_rng(0):
        module = VariationalAutoEncoder(
            torch.nn.Linear(3, 4), torch.nn.Linear(2, 3), n_components=2, n_scales=3
        )
        x = torch.randn(5, 3)

    def divergence(x):
        posterior = module.posterior(x)
        return module.divergence(posterior, posterior.loc)

    # Torch remembers formulas that it has found, and only looking for them does not compile.
    monkeypatch.setattr(torch.distributions.kl, "_KL_MEMOIZE", {})
    compiled = torch.compile(divergence, backend="eager", fullgraph=True)(x)
    expected = kl_divergence(module.posterior(x), Normal(torch.zeros(2), torch.ones(2)))
    torch.testing.assert_close(compiled, expected)
