"""The mixture of normal distributions, beside those of scikit-learn and SciPy."""

import numpy as np
import pytest
import torch
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from sklearn.mixture import GaussianMixture as Reference

from skae.nn import GaussianMixture, MixtureAutoEncoder, SkipMLP

RNG = np.random.default_rng(0)
Z = np.concatenate([RNG.normal(size=(80, 3)), 4 + RNG.normal(size=(40, 3)) * [1.0, 2.0, 0.3]])
MEMBERSHIP = RNG.dirichlet([1.0, 2.0], size=120)
MIXTURE = GaussianMixture.of_memberships(torch.from_numpy(Z), torch.from_numpy(MEMBERSHIP))


def test_it_has_the_moments_of_its_members():
    np.testing.assert_allclose(MIXTURE.weight, MEMBERSHIP.sum(axis=0))
    for k in range(2):
        weight = MEMBERSHIP[:, k]
        np.testing.assert_allclose(MIXTURE.mean[k], np.average(Z, axis=0, weights=weight))
        covariance = np.cov(Z.T, aweights=weight, ddof=0)
        np.testing.assert_allclose(MIXTURE.covariance[k], covariance, rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(MIXTURE.variance[k], MIXTURE.covariance[k].diagonal())


def test_the_energy_is_minus_the_log_density():
    densities = [multivariate_normal(MIXTURE.mean[k], MIXTURE.covariance[k]) for k in range(2)]
    parts = np.column_stack([density.logpdf(Z) for density in densities])
    expected = -logsumexp(parts + np.log(MEMBERSHIP.mean(axis=0)), axis=1)
    np.testing.assert_allclose(MIXTURE.energy(torch.from_numpy(Z)), expected)


def test_it_is_a_step_of_expectation_maximisation():
    fitted = Reference(2, tol=1e-10, max_iter=2_000, reg_covar=0, random_state=0).fit(Z)
    again = GaussianMixture.of_memberships(
        torch.from_numpy(Z), torch.from_numpy(fitted.predict_proba(Z))
    )
    np.testing.assert_allclose(again.mean, fitted.means_, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(
        -again.energy(torch.from_numpy(Z)), fitted.score_samples(Z), rtol=1e-3, atol=1e-3
    )


def test_a_weight_is_the_point_so_many_times():
    counts = RNG.integers(0, 3, size=120)
    repeated = GaussianMixture.of_memberships(
        torch.from_numpy(np.repeat(Z, counts, axis=0)),
        torch.from_numpy(np.repeat(MEMBERSHIP, counts, axis=0)),
    )
    weighted = GaussianMixture.of_memberships(
        torch.from_numpy(Z), torch.from_numpy(MEMBERSHIP * counts[:, None])
    )
    for one, other in zip(repeated, weighted, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("cut", [1, 40, 119])
def test_two_mixtures_join_to_that_of_all_points(cut):
    z, membership = torch.from_numpy(Z), torch.from_numpy(MEMBERSHIP)
    first = GaussianMixture.of_memberships(z[:cut], membership[:cut])
    second = GaussianMixture.of_memberships(z[cut:], membership[cut:])
    for one, other in zip(first.joined(second, 1e6), MIXTURE, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(first.joined(second, 1e-6).mean, second.mean, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_points_on_a_line_have_a_density(scale):
    z = scale * torch.arange(30.0)[:, None] * torch.tensor([1.0, 2.0, -1.0])
    energy = GaussianMixture.of_memberships(z, torch.full((30, 2), 0.5)).energy(z)
    assert energy.isfinite().all()


@pytest.mark.parametrize("n_points", [1, 5])
def test_equal_points_have_a_density(n_points):
    z = torch.full((n_points, 3), 7.0)
    mixture = GaussianMixture.of_memberships(z, torch.full((n_points, 2), 0.5))
    assert mixture.energy(z).isfinite().all()
    assert (mixture.energy(z + 1) > mixture.energy(z)).all()


def test_memberships_sum_to_1_and_units_are_left_out_in_training_only():
    g = torch.Generator().manual_seed(0)
    encoder, decoder = SkipMLP(4, 2, (), "tanh", True, g), SkipMLP(2, 4, (), "tanh", True, g)
    module = MixtureAutoEncoder(encoder, decoder, None, 3, 5, (10,), 0.5, g)
    z = torch.from_numpy(Z).float()
    membership = module.membership(z)
    torch.testing.assert_close(membership.sum(dim=1), torch.ones(120))
    assert not torch.equal(module.membership(z), membership)
    module.eval()
    assert torch.equal(module.membership(z), module.membership(z))
