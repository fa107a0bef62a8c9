"""Reconstruction by many at once: the mean of what each would have alone."""

import pytest
import torch

from skae.distributions import Huber, SquaredError
from skae.nn import MemberDecoder, MemberEncoder, MembersAutoEncoder
from skae.objectives import Batch, MembersReconstruction, member_losses

X = torch.randn(30, 6, generator=torch.Generator().manual_seed(1))
weights = pytest.mark.parametrize("weight", [None, torch.arange(1.0, 31)], ids=["even", "weighted"])


def _network():
    g = torch.Generator().manual_seed(0)
    encoder = MemberEncoder(4, 6, 2, (8,), "silu", g)
    return MembersAutoEncoder(encoder, MemberDecoder(4, 2, 6, (8,), "silu", g))


@weights
def test_the_loss_is_the_mean_over_the_members(weight):
    module, likelihood = _network(), SquaredError()
    batch = Batch(X, X, weight)
    losses = member_losses(module, likelihood, X, X)
    expected = [likelihood.row_loss(output, X) for output in module.each(X)]
    torch.testing.assert_close(losses, torch.stack(expected))
    counts = torch.ones(30) if weight is None else weight
    objective = MembersReconstruction(likelihood)
    torch.testing.assert_close(objective(module, batch), (losses * counts).mean())
    torch.testing.assert_close(objective.per_row(module, batch), losses.mean(dim=0))


@weights
@pytest.mark.parametrize("likelihood", [SquaredError(), Huber()])
def test_gradients_by_hand_are_those_of_autograd(likelihood, weight):
    module, batch = _network(), Batch(X, X, weight)
    (phase,) = MembersReconstruction(likelihood).phases(module)
    assert phase.gradients is not None
    loss, grads = phase.value_and_grad(module, batch, phase.parameters)
    by_autograd = phase._replace(gradients=None)
    expected_loss, expected = by_autograd.value_and_grad(module, batch, phase.parameters)
    torch.testing.assert_close(loss, expected_loss)
    for actual, wanted in zip(grads, expected, strict=True):
        torch.testing.assert_close(actual, wanted, rtol=1e-4, atol=1e-6)


def test_each_member_has_the_gradient_it_would_have_alone():
    module = _network()
    (phase,) = MembersReconstruction(SquaredError()).phases(module)
    _, grads = phase.value_and_grad(module, Batch(X, X, None), phase.parameters)
    for member, output in enumerate(module.each(X)):
        loss = (output - X).square().mean()
        alone = torch.autograd.grad(loss, list(phase.parameters), retain_graph=True)
        for together, own in zip(grads, alone, strict=True):
            torch.testing.assert_close(together[member], own[member], rtol=1e-4, atol=1e-6)
