"""A prior that is a mixture of posteriors."""

import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal, kl_divergence

from skae.nn import (
    NormalMixture,
    SkipMLP,
    VampPriorAutoEncoder,
    VariationalAutoEncoder,
    cubature_points,
    isolated_rng,
)

RNG = torch.Generator().manual_seed(0)


def random(*shape):
    return torch.randn(*shape, generator=RNG)


def parts(n_parts=5, n_components=3):
    return Normal(random(n_parts, n_components), random(n_parts, n_components).exp())


def module_of(n_pseudo_inputs=4, n_in=6, n_components=2):
    encoder = SkipMLP(n_in, 2 * n_components, (8,), "silu", True, RNG)
    decoder = SkipMLP(n_components, n_in, (8,), "silu", True, RNG)
    return VampPriorAutoEncoder(encoder, decoder, n_components, n_in, random(n_pseudo_inputs, n_in))


def test_the_density_is_that_of_torch():
    normal, logits, z = parts(), random(5), random(2, 7, 3)
    reference = MixtureSameFamily(Categorical(logits=logits), Independent(normal, 1))
    torch.testing.assert_close(NormalMixture(normal, logits).log_prob(z), reference.log_prob(z))


def test_draws_have_the_moments_of_the_mixture():
    mixture = NormalMixture(Normal(random(5, 3), torch.full((5, 3), 0.5)), random(5))
    with isolated_rng(0):
        drawn = mixture.sample((100_000,))
    torch.testing.assert_close(drawn.mean(dim=0), mixture.mean, atol=0.03, rtol=0)
    torch.testing.assert_close(drawn.var(dim=0), mixture.variance, atol=0.05, rtol=0)


def test_with_one_part_the_divergence_is_that_of_two_normal_distributions():
    module, rows = module_of(n_pseudo_inputs=1), random(9, 6)
    posterior = module.posterior(rows)
    prior = module.posterior_of_seen(module.pseudo_inputs)
    divergence = module.divergence(posterior, cubature_points(posterior))
    expected = kl_divergence(posterior, prior).sum(dim=1, keepdim=True)
    torch.testing.assert_close(divergence, expected)


def test_parts_at_the_standard_normal_give_the_divergence_of_vae():
    module = module_of()
    plain = VariationalAutoEncoder(module.encoder, module.decoder, 2, 6)
    posterior = plain.posterior(random(9, 6))
    module.encoder.silence_outputs(torch.ones(4, dtype=torch.bool))  # mean 0, log-deviation 0
    expected = plain.divergence(posterior, posterior.loc).sum(dim=1, keepdim=True)
    divergence = module.divergence(posterior, cubature_points(posterior))
    torch.testing.assert_close(divergence, expected)


@pytest.mark.parametrize("masks", [None, torch.tensor([-1, 4, 5, -1, -1, -1])])
def test_the_prior_stays_when_units_change(masks):
    module, scale, shift = module_of(), random(6).exp(), random(6)
    if masks is not None:
        module.pseudo_inputs.data[:, 4:] = torch.rand(4, 2, generator=RNG)
        shift[4:], scale[4:] = 0, 1
    before = module.posterior_of_seen(module.pseudo_inputs)
    module.compensate_input(scale, shift, masks)
    after = module.posterior_of_seen(module.pseudo_inputs)
    torch.testing.assert_close(after.loc, before.loc, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(after.scale, before.scale, atol=1e-4, rtol=1e-4)


def test_the_prior_stays_when_a_class_becomes_known():
    module = module_of()
    before = module.posterior_of_seen(module.pseudo_inputs)
    module.take_inputs(torch.tensor([0, 1, 2, 5, 3, 4, 5, -1]))
    after = module.posterior_of_seen(module.pseudo_inputs)
    torch.testing.assert_close(after.loc, before.loc)
