"""Reconstruction from a memory: the loss of the paper, and its gradients."""

import numpy as np
import pytest
import torch

from skae.distributions import Huber, SquaredError
from skae.nn import Memory, MemoryAutoEncoder, SkipMLP
from skae.objectives import Batch, MemoryReconstruction, Reconstruction


def _generator():
    return torch.Generator().manual_seed(0)


def _network():
    g = _generator()
    encoder, decoder = (SkipMLP(n, m, (8,), "silu", True, g) for n, m in ((6, 3), (3, 6)))
    return MemoryAutoEncoder(encoder, decoder, Memory(20, 3, 1 / 20, g))


def _batch(with_weight):
    x = torch.randn(30, 6, generator=_generator())
    return Batch(x, x, torch.rand(30, generator=_generator()) if with_weight else None)


@pytest.mark.parametrize("with_weight", [False, True])
def test_the_loss_is_that_of_the_paper(with_weight):
    module, batch = _network(), _batch(with_weight)
    with torch.no_grad():
        loss = MemoryReconstruction(SquaredError(), 0.3)(module, batch).item()
        w, rebuilt = module.address(batch.inputs).numpy(), module(batch.inputs).numpy()
    entropy = [-sum(p * np.log(p) for p in row if p > 0) for row in w.astype(float)]
    rows = ((rebuilt - batch.targets.numpy()) ** 2).mean(axis=1) + 0.3 * np.array(entropy)
    weight = np.ones(30) if batch.weight is None else batch.weight.numpy()
    assert loss == pytest.approx((weight * rows).mean(), rel=1e-5)


@pytest.mark.parametrize("with_weight", [False, True])
@pytest.mark.parametrize("likelihood", [SquaredError(), Huber()])
def test_gradients_by_hand_are_those_of_autograd(likelihood, with_weight):
    module, batch = _network(), _batch(with_weight)
    (phase,) = MemoryReconstruction(likelihood, 0.3).phases(module)
    assert phase.gradients is not None
    loss, grads = phase.value_and_grad(module, batch, phase.parameters)
    by_autograd = phase._replace(gradients=None)
    expected_loss, expected = by_autograd.value_and_grad(module, batch, phase.parameters)
    torch.testing.assert_close(loss, expected_loss)
    for actual, wanted in zip(grads, expected, strict=True):
        torch.testing.assert_close(actual, wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("with_weight", [False, True])
def test_without_entropy_it_is_the_reconstruction_error(with_weight):
    module, batch = _network(), _batch(with_weight)
    loss = MemoryReconstruction(SquaredError(), 0.0)(module, batch)
    assert torch.equal(loss, Reconstruction(SquaredError())(module, batch))


def test_held_out_rows_are_judged_by_the_reconstruction():
    module, batch = _network(), _batch(False)
    losses = MemoryReconstruction(SquaredError(), 0.3).per_row(module, batch)
    assert torch.equal(losses, Reconstruction(SquaredError()).per_row(module, batch))
