"""Codes that keep the neighbours of rows."""

import numpy as np
import pytest
import torch
from sklearn.manifold._utils import _binary_search_perplexity
from sklearn.metrics import pairwise_distances

from skae.distributions import get_likelihood
from skae.nn import AutoEncoderModule, SkipMLP
from skae.objectives import (
    Batch,
    NeighborhoodReconstruction,
    Reconstruction,
    row_affinities,
    strain,
)

LIKELIHOOD = get_likelihood("squared_error")
ROWS = torch.randn(20, 5, generator=torch.Generator().manual_seed(0))
CODES = torch.randn(20, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
WEIGHT = torch.linspace(0, 2, 20)


def module():
    networks = [
        SkipMLP(n_in, n_out, (6,), "tanh", True, torch.Generator().manual_seed(n_in))
        for n_in, n_out in [(5, 2), (2, 5)]
    ]
    return AutoEncoderModule(*networks, None)


def dense(affinities, neighbors):
    return torch.zeros(len(neighbors), len(neighbors), dtype=affinities.dtype).scatter(
        1, neighbors, affinities
    )


def strain_by_definition(code, affinities):
    kernel = 1 / (1 + torch.cdist(code, code).square() / 0.1**2)
    kernel = kernel * (1 - torch.eye(len(code)))
    shares = kernel / kernel.sum(dim=1, keepdim=True)
    there = affinities > 0
    ratio = torch.where(there, affinities, 1.0) / torch.where(there, shares, 1.0)
    return (affinities * ratio.log()).sum(dim=1)


def test_affinities_are_those_of_sklearns_tsne():
    squares = pairwise_distances(ROWS.numpy(), squared=True).astype(np.float32)
    theirs = _binary_search_perplexity(squares, 7.0, 0)
    ours = dense(*row_affinities(ROWS, 7.0))  # three times 7 are all 19 others
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


@pytest.mark.parametrize("perplexity", [1.5, 3, 6])
def test_the_perplexity_is_the_number_of_neighbours(perplexity):
    affinities, _ = row_affinities(ROWS, perplexity)
    entropy = -torch.special.xlogy(affinities, affinities).sum(dim=1)
    torch.testing.assert_close(entropy.exp(), torch.full((20,), float(perplexity)))


def test_affinities_know_no_units():
    affinities, neighbors = row_affinities(ROWS, 4)
    scaled, same = row_affinities(ROWS * 1000, 4)
    assert (neighbors == same).all()
    torch.testing.assert_close(scaled, affinities, rtol=1e-3, atol=1e-4)


def test_strain_and_its_gradient_follow_the_definition():
    affinities, neighbors = row_affinities(ROWS.double(), 4)
    code = CODES.clone().requires_grad_()
    ours = strain(code, affinities, neighbors)
    theirs = strain_by_definition(code, dense(affinities, neighbors))
    torch.testing.assert_close(ours, theirs)
    (grad,) = torch.autograd.grad(ours.sum(), code)
    (expected,) = torch.autograd.grad(theirs.sum(), code)
    torch.testing.assert_close(grad, expected)


def test_codes_that_are_the_affinities_own_have_least_strain():
    """Places of a map strain less than the same places shuffled."""
    affinities = row_affinities(CODES, 4)
    assert strain(CODES, *affinities).mean() < strain(CODES.flip(0), *affinities).mean()


def test_rows_of_weight_zero_are_no_neighbours():
    weight = torch.ones(20)
    weight[15:] = 0
    with_them = strain(CODES, *row_affinities(ROWS, 2, weight), weight)[:15]
    without = strain(CODES[:15], *row_affinities(ROWS[:15], 2))
    torch.testing.assert_close(with_them, without, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_the_loss_is_that_of_the_rows(weight):
    net, objective = module(), NeighborhoodReconstruction(LIKELIHOOD, 0.3, 4)
    batch = Batch(ROWS, ROWS, weight)
    losses = objective.per_row(net, batch)
    expected = (losses * (1 if weight is None else weight)).mean()
    torch.testing.assert_close(objective(net, batch), expected)


@pytest.mark.parametrize("n_rows", [1, 2, 3])
def test_few_rows_have_finite_gradients(n_rows):
    net, objective = module(), NeighborhoodReconstruction(LIKELIHOOD, 0.3, 4)
    objective(net, Batch(ROWS[:n_rows], ROWS[:n_rows], None)).backward()
    assert all(p.grad.isfinite().all() for p in net.parameters())


def test_equal_rows_are_equally_near():
    affinities, _ = row_affinities(torch.zeros(9, 3), 3)
    torch.testing.assert_close(affinities, torch.full_like(affinities, 1 / affinities.shape[1]))


def test_without_weight_it_is_reconstruction():
    net, batch = module(), Batch(ROWS, ROWS, None)
    plain = Reconstruction(LIKELIHOOD)(net, batch)
    torch.testing.assert_close(NeighborhoodReconstruction(LIKELIHOOD, 0, 4)(net, batch), plain)
