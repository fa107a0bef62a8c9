"""How far codes are, taken together, from independent or standard normal ones."""

import numpy as np
import pytest
import torch
from torch.distributions import Normal

from skae.objectives import normal_discrepancy, row_shares, total_correlation
from skae.objectives._divergences import SCALES


def normal(n, d, seed):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def equal(codes):
    return row_shares(None, codes)


# ---- shares ----


def test_shares_are_proportional_to_weights_and_sum_to_one():
    codes, weight = normal(3, 2, 0), torch.tensor([1.0, 0.0, 3.0], dtype=torch.float64)
    assert row_shares(weight, codes).tolist() == [0.25, 0, 0.75]
    assert equal(codes).sum().item() == pytest.approx(1)


def test_rows_without_any_weight_have_equal_shares():
    codes = normal(4, 2, 0)
    assert row_shares(torch.zeros(4), codes).tolist() == [0.25] * 4


# ---- discrepancy from the standard normal distribution ----


def kernel(x, y):
    d = x.shape[-1]
    squares = ((x - y) ** 2).sum(-1)
    return np.mean([np.exp(-squares / (2 * d * scale)) for scale in SCALES], axis=0)


@pytest.mark.parametrize("d", [1, 3])
def test_closed_forms_are_what_sampling_the_prior_gives(d):
    x = normal(6, d, 0).numpy() + 0.5
    z, other = normal(100_000, d, 1).numpy(), normal(100_000, d, 2).numpy()
    within = np.mean([kernel(a, b) for i, a in enumerate(x) for j, b in enumerate(x) if i != j])
    across = np.mean([kernel(a, z).mean() for a in x])
    expected = within - 2 * across + kernel(z, other).mean()
    codes = torch.tensor(x)
    assert normal_discrepancy(codes, equal(codes)).item() == pytest.approx(expected, abs=5e-3)


def test_it_is_zero_in_expectation_for_draws_of_the_prior():
    values = [
        normal_discrepancy(x, equal(x)).item() for x in (normal(12, 2, i) for i in range(400))
    ]
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(len(values))


@pytest.mark.parametrize("change", [lambda x: x + 1, lambda x: 3 * x, lambda x: x / 3])
def test_what_is_not_the_prior_is_far_and_its_gradient_leads_back(change):
    codes = change(normal(400, 2, 0)).requires_grad_()
    value = normal_discrepancy(codes, equal(codes))
    value.backward()
    nearer = codes - 20 * codes.grad
    assert value > 0.01
    assert normal_discrepancy(nearer, equal(nearer)) < value


def test_a_row_without_weight_is_as_if_it_were_not_there():
    codes = normal(20, 2, 0)
    weight = (torch.arange(20) < 15).double()
    whole = normal_discrepancy(codes, row_shares(weight, codes))
    torch.testing.assert_close(whole, normal_discrepancy(codes[:15], equal(codes[:15])))


@pytest.mark.parametrize("n_samples", [1, 2])
def test_few_rows_have_a_value_and_a_gradient(n_samples):
    codes = normal(n_samples, 3, 0).requires_grad_()
    normal_discrepancy(codes, equal(codes)).backward()
    assert torch.isfinite(codes.grad).all()


def test_equal_rows_have_a_finite_gradient():
    codes = torch.zeros(5, 3, requires_grad=True)
    normal_discrepancy(codes, equal(codes)).backward()
    assert torch.isfinite(codes.grad).all()


# ---- total correlation ----


def test_total_correlation_is_that_of_a_normal_distribution():
    """Of two normal codes with correlation r: -log(1 - r^2) / 2."""
    r, noise = 0.8, 0.3
    means = normal(256, 2, 0)
    means = torch.stack([means[:, 0], r * means[:, 0] + (1 - r**2) ** 0.5 * means[:, 1]], dim=1)
    posterior = Normal(means, torch.full_like(means, noise))
    with torch.random.fork_rng():
        estimates = [
            total_correlation(posterior.sample(), posterior, equal(means)).mean().item()
            for _ in range(20)
        ]
    seen = r / (1 + noise**2)  # the correlation of codes, noise included
    assert np.mean(estimates) == pytest.approx(-0.5 * np.log(1 - seen**2), abs=0.1)


def test_total_correlation_is_what_its_definition_gives():
    means, scales = normal(7, 3, 0), normal(7, 3, 1).abs() + 0.5
    posterior, code = Normal(means, scales), normal(7, 3, 2)
    shares = row_shares(torch.arange(1.0, 8.0, dtype=torch.float64), means)
    densities = [
        [Normal(m, s).log_prob(z).exp() for m, s in zip(means, scales, strict=True)] for z in code
    ]
    densities = torch.stack([torch.stack(row) for row in densities])
    joint = (densities.prod(dim=2) * shares).sum(dim=1)
    marginals = (densities * shares[:, None]).sum(dim=1)
    expected = joint.log() - marginals.log().sum(dim=1)
    torch.testing.assert_close(total_correlation(code, posterior, shares), expected)


def test_one_code_has_no_total_correlation():
    posterior = Normal(normal(9, 1, 0), torch.ones(9, 1, dtype=torch.float64))
    correlation = total_correlation(posterior.loc, posterior, equal(posterior.loc))
    torch.testing.assert_close(correlation, torch.zeros_like(correlation))
