"""The volume of a hypersphere around the codes."""

import numpy as np
import pytest
import torch
from torch import nn

from skae.distributions import get_likelihood
from skae.nn import AutoEncoderModule, BiasFreeMLP
from skae.objectives import Batch, OneClass, squared_radius


def _module():
    generator = torch.Generator().manual_seed(0)
    return AutoEncoderModule(BiasFreeMLP(5, 3, (8,), "relu", generator), nn.Linear(3, 5))


def _batch(weighted):
    generator = torch.Generator().manual_seed(1)
    rows = torch.randn(50, 5, generator=generator)
    weight = torch.rand(50, generator=generator) + 0.1 if weighted else None
    return Batch(rows, rows, None if weight is None else weight / weight.mean())


def _expected(module, batch, center, nu):
    distances = (module.encode(batch.inputs) - center).square().sum(1).detach().numpy()
    weight = np.ones(50) if batch.weight is None else batch.weight.numpy()
    if nu is None:
        return np.average(distances, weights=weight)

    def soft(limit):
        return limit + np.average(np.maximum(0, distances - limit), weights=weight) / nu

    return min(soft(limit) for limit in distances)  # the least is at one of them


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("nu", [None, 0.1, 0.5])
def test_the_value_is_the_formula_at_the_best_radius(nu, weighted):
    module, batch, center = _module(), _batch(weighted), torch.ones(3)
    loss = OneClass(get_likelihood("squared_error"), center, nu)(module, batch)
    assert loss.item() == pytest.approx(_expected(module, batch, center, nu), rel=1e-5)


@pytest.mark.parametrize("nu", [None, 0.1])
def test_the_decoder_learns_and_does_not_move_the_encoder(nu):
    module, batch, center = _module(), _batch(False), torch.ones(3)
    objective = OneClass(get_likelihood("squared_error"), center, nu)
    (phase,) = objective.phases(module)
    _, grads = phase.value_and_grad(module, batch, phase.parameters)
    with torch.no_grad():
        for parameter in module.decoder.parameters():
            parameter.mul_(3)
    _, changed = phase.value_and_grad(module, batch, phase.parameters)
    for (name, _), grad, other in zip(module.named_parameters(), grads, changed, strict=True):
        assert torch.equal(grad, other) == name.startswith("encoder")
        assert grad.abs().sum() > 0


def test_the_radius_is_a_weighted_quantile():
    distances = torch.tensor([4.0, 1.0, 3.0, 2.0])
    assert squared_radius(distances, None, 0.25) == 3
    assert squared_radius(distances, None, 1.0) == 1
    assert squared_radius(distances, torch.tensor([3.0, 1.0, 1.0, 1.0]), 0.25) == 4
