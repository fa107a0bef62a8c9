"""Prices on codes, and on how fast they change."""

import pytest
import torch
from torch import nn
from torch.distributions import Bernoulli, kl_divergence

from skae.distributions import get_likelihood
from skae.nn import AutoEncoderModule, SkipMLP, SparseAutoEncoder, TopCodes
from skae.objectives import (
    AbsoluteCodes,
    Batch,
    Contraction,
    RareCodes,
    SmoothDecoder,
    WassersteinReconstruction,
)

LIKELIHOOD = get_likelihood("squared_error")
ROWS = torch.randn(12, 5, generator=torch.Generator().manual_seed(0))


def mlp(n_in, n_out, sizes=(6,), activation="tanh"):
    return SkipMLP(n_in, n_out, sizes, activation, True, torch.Generator().manual_seed(n_in))


def module():
    return AutoEncoderModule(mlp(5, 3), mlp(3, 5), None)


TERMS = {
    "l1": lambda weight: AbsoluteCodes(LIKELIHOOD, weight),
    "contraction": lambda weight: Contraction(LIKELIHOOD, weight),
    "gradient": lambda weight: SmoothDecoder(LIKELIHOOD, weight, weight, "gradient"),
    "spectral": lambda weight: SmoothDecoder(LIKELIHOOD, weight, weight, "spectral"),
    "l2": lambda weight: SmoothDecoder(LIKELIHOOD, weight, weight, "l2"),
}
# Pairs of a row and itself do not count: there a row of weight two is not the row twice.
OF_BATCHES = TERMS | {"wasserstein": lambda weight: WassersteinReconstruction(LIKELIHOOD, weight)}


def price(objective, net, rows=ROWS, weight=None):
    code = net.encode(rows)
    return objective.weight * objective.price(net, rows, code, Batch(rows, rows, weight))


def scaled(net, factor):
    """The same auto-encoder, with codes in other units."""
    net.encoder.compensate_output(torch.full((3,), factor), torch.zeros(3))
    net.decoder.compensate_input(torch.full((3,), 1 / factor), torch.zeros(3))
    return net


@pytest.mark.parametrize("make", OF_BATCHES.values(), ids=OF_BATCHES)
@pytest.mark.parametrize("weight", [None, torch.linspace(0, 2, 12)], ids=["equal", "weighted"])
def test_the_loss_is_that_of_the_rows(make, weight):
    net, objective, batch = module(), make(0.3), Batch(ROWS, ROWS, weight)
    losses = objective.per_row(net, batch)
    losses = losses if weight is None else losses * weight
    torch.testing.assert_close(objective(net, batch), losses.mean())


@pytest.mark.parametrize("make", TERMS.values(), ids=TERMS)
def test_a_row_of_weight_two_is_the_row_twice(make):
    net, objective = module(), make(0.3)
    twice = torch.cat([ROWS, ROWS[:4]])
    weight = torch.ones(12)
    weight[:4] = 2
    weight *= 12 / weight.sum()
    weighted = objective(net, Batch(ROWS, ROWS, weight))
    torch.testing.assert_close(weighted, objective(net, Batch(twice, twice, None)))


@pytest.mark.parametrize("make", OF_BATCHES.values(), ids=OF_BATCHES)
@pytest.mark.parametrize("weight", [None, torch.zeros(12)], ids=["equal", "zero"])
def test_a_row_alone_or_without_weight_has_a_finite_gradient(make, weight):
    net = module()
    rows = ROWS[:1] if weight is None else ROWS
    make(0.3)(net, Batch(rows, rows, weight)).backward()
    assert all(torch.isfinite(p.grad).all() for p in net.parameters() if p.grad is not None)


@pytest.mark.parametrize("make", [TERMS["l1"], TERMS["contraction"]], ids=["l1", "contraction"])
def test_smaller_codes_alone_gain_nothing(make):
    torch.testing.assert_close(price(make(1.0), module()), price(make(1.0), scaled(module(), 0.1)))


def test_of_one_logistic_layer_the_contraction_is_that_of_the_paper():
    """Rifai et al.: the squared norm is the sum over units of (h (1 - h))^2 ||W||^2."""
    layer = nn.Linear(5, 3)
    net = AutoEncoderModule(nn.Sequential(layer, nn.Sigmoid()), nn.Linear(3, 5), None)
    hidden = net.encode(ROWS)
    expected = (hidden * (1 - hidden)).square() * layer.weight.square().sum(dim=1)
    expected = (expected / hidden.var(dim=0, correction=0)).mean(dim=1)
    torch.testing.assert_close(price(Contraction(LIKELIHOOD, 1.0), net), expected)


def test_codes_of_equal_size_cost_one_and_rare_ones_less():
    net = AutoEncoderModule(nn.Identity(), nn.Identity(), None)
    signs = torch.tensor([[1.0, -1.0], [-1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    rare = torch.tensor([[4.0, 0.0], [0.0, 0.0], [0.0, -3.0], [0.0, 0.0]])
    term = AbsoluteCodes(LIKELIHOOD, 1.0)
    assert price(term, net, signs).mean().item() == pytest.approx(1)
    assert price(term, net, rare).mean().item() == pytest.approx(0.5)  # the root of their share


def test_the_divergence_is_that_of_bernoulli_distributions():
    codes = torch.rand(50, 3, generator=torch.Generator().manual_seed(0))
    net = AutoEncoderModule(nn.Identity(), nn.Identity(), None)
    target = Bernoulli(torch.full((3,), 0.1))
    expected = 0.7 * kl_divergence(target, Bernoulli(codes.mean(dim=0))).mean()
    found = price(RareCodes(LIKELIHOOD, 0.7, 0.1), net, codes)
    torch.testing.assert_close(found, expected.expand(50))


@pytest.mark.parametrize("code", [0.0, 1.0])
def test_codes_that_are_always_or_never_active_have_a_finite_price(code):
    net = AutoEncoderModule(nn.Identity(), nn.Identity(), None)
    codes = torch.full((6, 2), code, requires_grad=True)
    found = price(RareCodes(LIKELIHOOD, 1.0, 0.1), net, codes)
    assert torch.isfinite(found).all()


def test_of_a_linear_decoder_the_roughness_is_the_norm_of_its_weights():
    decoder = mlp(3, 5, sizes=())
    net = AutoEncoderModule(mlp(5, 3), decoder, None)
    norms = {
        "gradient": decoder.first.weight.square().sum(),
        "l2": decoder.first.weight.square().sum() / 2,
        "spectral": torch.linalg.svdvals(decoder.first.weight)[0].square(),
    }
    for regularization, norm in norms.items():
        found = price(SmoothDecoder(LIKELIHOOD, 0.0, 2.0, regularization), net)
        torch.testing.assert_close(found, (2 * norm / 5).expand(12))


def test_top_codes_are_the_farthest_from_zero():
    code = torch.tensor([[3.0, -5.0, 1.0], [0.5, 0.2, -0.1]])
    expected = torch.tensor([[3.0, -5.0, 0.0], [0.5, 0.2, 0.0]])
    torch.testing.assert_close(TopCodes(2)(code), expected)


def test_a_sparse_module_codes_decodes_and_has_no_pullback():
    net = SparseAutoEncoder(mlp(5, 3), mlp(3, 5), TopCodes(1))
    assert ((net.encode(ROWS) != 0).sum(dim=1) == 1).all()
    torch.testing.assert_close(net(ROWS), net.decode(net.encode(ROWS)))
    assert not net.has_pullback
