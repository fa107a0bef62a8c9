"""Phases: a loss and its gradients."""

import pytest
import torch
from torch import nn

from skae.objectives import Batch, Objective, Phase

X = torch.randn(9, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
BATCH = Batch(X, X, None)


def _module():
    return nn.Sequential(nn.Linear(4, 2), nn.Tanh(), nn.Linear(2, 4)).double()


def _loss(module, batch):
    return (module(batch.inputs) - batch.targets).square().mean()


def test_gradients_are_those_of_finite_differences():
    module, step = _module(), 1e-6
    parameters = list(module.parameters())
    loss, grads = Phase("optimizer", _loss, parameters).value_and_grad(module, BATCH, parameters)
    assert not loss.requires_grad
    for parameter, grad in zip(parameters, grads, strict=True):
        direction = torch.randn_like(parameter)
        with torch.no_grad():
            parameter += step * direction
            difference = _loss(module, BATCH) - loss
            parameter -= step * direction
        expected = (grad * direction).sum()
        torch.testing.assert_close(difference / step, expected, atol=1e-5, rtol=1e-4)


def test_a_parameter_outside_of_the_loss_has_gradient_zero():
    module, unused = _module(), nn.Parameter(torch.ones(3))
    phase = Phase("optimizer", _loss, [*module.parameters(), unused])
    *grads, last = phase.value_and_grad(module, BATCH, phase.parameters)[1]
    assert torch.equal(last, torch.zeros(3))
    assert all(grad.any() for grad in grads)


def test_only_the_given_parameters_get_gradients():
    module = _module()
    phase = Phase("optimizer", _loss, list(module.parameters()))
    _, full = phase.value_and_grad(module, BATCH, phase.parameters)
    _, part = phase.value_and_grad(module, BATCH, phase.parameters[2:])
    torch.testing.assert_close(part, full[2:])
    assert all(parameter.grad is None for parameter in module.parameters())


def test_a_faster_way_to_the_gradients_is_taken_unless_some_are_frozen():
    module, shortcut = _module(), (torch.tensor(7.0), [torch.tensor(8.0)])
    phase = Phase("optimizer", _loss, list(module.parameters()), lambda module, batch: shortcut)
    assert phase.value_and_grad(module, BATCH, phase.parameters) is shortcut
    loss, grads = phase.value_and_grad(module, BATCH, phase.parameters[:1])
    torch.testing.assert_close(loss, _loss(module, BATCH).detach())
    assert len(grads) == 1


def test_by_default_one_phase_has_every_parameter_of_network_and_objective_once():
    class WithOwnNetwork(Objective):
        def __init__(self):
            super().__init__()
            self.critic = nn.Linear(4, 1)

    module, objective = _module(), WithOwnNetwork()
    (phase,) = objective.phases(module)
    expected = [id(p) for p in [*module.parameters(), *objective.critic.parameters()]]
    assert sorted(id(p) for p in phase.parameters) == sorted(expected)


@pytest.mark.parametrize("method", ["forward", "per_row"])
def test_an_objective_has_to_say_what_it_minimises(method):
    with pytest.raises(NotImplementedError):
        getattr(Objective(), method)(_module(), BATCH)
