"""Autoregressive flows: exact densities, exact inverses."""

import math

import pytest
import torch

from skae.nn import AutoregressiveFlow


def flow(n_features, n_layers=3, seed=0, scale=0.4):
    generator = torch.Generator().manual_seed(seed)
    module = AutoregressiveFlow(n_features, n_layers, (16, 16)).double()
    for parameter in module.parameters():
        parameter.data = scale * torch.randn(parameter.shape, generator=generator).double()
    return module


def noise(n_samples, n_features, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n_samples, n_features, generator=generator).double()


@pytest.mark.parametrize(("n_features", "n_layers"), [(1, 2), (2, 1), (5, 3), (6, 4)])
def test_noise_and_rows_are_each_others_inverse(n_features, n_layers):
    module, rows = flow(n_features, n_layers), noise(20, n_features)
    torch.testing.assert_close(module.decode(module.encode(rows)), rows)
    torch.testing.assert_close(module.encode(module.decode(rows)), rows)


@pytest.mark.parametrize(("n_features", "n_layers"), [(1, 2), (2, 1), (5, 3), (6, 4)])
def test_density_is_that_of_a_change_of_variables(n_features, n_layers):
    module, rows = flow(n_features, n_layers), noise(5, n_features)
    of_noise = torch.distributions.Normal(0.0, 1.0).log_prob(module.encode(rows)).sum(1)
    jacobians = torch.stack(
        [
            torch.autograd.functional.jacobian(lambda x: module.encode(x[None])[0], row)
            for row in rows
        ]
    )
    expected = of_noise + torch.linalg.slogdet(jacobians).logabsdet
    torch.testing.assert_close(module.log_densities(rows).sum(1), expected)


@pytest.mark.parametrize("n_features", [1, 2])
def test_density_integrates_to_one(n_features):
    step, module = 0.1, flow(n_features, n_layers=2, scale=0.25)
    axis = torch.arange(-12, 12, step, dtype=torch.float64)
    grid = torch.cartesian_prod(*[axis] * n_features).reshape(-1, n_features)
    with torch.no_grad():
        mass = module.log_densities(grid).sum(1).exp().sum() * step**n_features
    assert math.isclose(mass, 1, rel_tol=1e-3)


def test_it_starts_as_the_standard_normal_distribution():
    rows = noise(10, 3)
    expected = torch.distributions.Normal(0.0, 1.0).log_prob(rows).sum(1)
    densities = AutoregressiveFlow(3, 2, (8,)).double().log_densities(rows)
    torch.testing.assert_close(densities.sum(1), expected)


def test_every_feature_reaches_every_other_over_two_layers():
    module, row = flow(4, n_layers=2), noise(1, 4)
    jacobian = torch.autograd.functional.jacobian(lambda x: module.encode(x)[0], row)[:, 0]
    assert (jacobian.abs() > 0).sum() > 4 * 5 / 2  # more than a triangle
