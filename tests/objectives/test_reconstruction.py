"""Reconstruction error: means, weights, gradients."""

import numpy as np
import pytest
import torch
from torch import nn

from skae.distributions import AbsoluteError, Huber, LogLoss, MixedColumns, SquaredError
from skae.nn import AutoEncoderModule, SkipMLP, TableInput
from skae.objectives import Batch, Reconstruction
from tests.schemas import encoded_rows, random_schema

LIKELIHOODS = [SquaredError(), AbsoluteError(), Huber(0.5), LogLoss()]
every_likelihood = pytest.mark.parametrize("likelihood", LIKELIHOODS, ids=repr)


def _module(activation="tanh"):
    generator = torch.Generator().manual_seed(0)
    encoder = SkipMLP(4, 2, (5,), activation, True, generator)
    return AutoEncoderModule(encoder, SkipMLP(2, 4, (5,), activation, True, generator)).double()


def _batch(weight=None, n=8):
    generator = torch.Generator().manual_seed(1)
    inputs, targets = torch.rand(2, n, 4, generator=generator, dtype=torch.float64)
    return Batch(inputs, targets, weight)


@every_likelihood
def test_the_loss_is_the_mean_over_rows_and_features(likelihood):
    module, batch = _module(), _batch()
    cells = likelihood.nll(module(batch.inputs), batch.targets).detach().numpy()
    objective = Reconstruction(likelihood)
    assert objective(module, batch).item() == pytest.approx(cells.mean())
    np.testing.assert_allclose(objective.per_row(module, batch).detach(), cells.mean(axis=1))


@every_likelihood
def test_weights_of_mean_one_are_repeated_rows(likelihood):
    repeats = torch.tensor([0, 1, 2, 0, 3, 1, 0, 1])
    batch, module = _batch(weight=repeats.double()), _module()
    twice = Batch(*(rows.repeat_interleave(repeats, dim=0) for rows in batch[:2]), None)
    objective = Reconstruction(likelihood)
    torch.testing.assert_close(objective(module, batch), objective(module, twice))


@every_likelihood
def test_the_loss_of_a_row_is_unweighted(likelihood):
    module, weight = _module(), torch.linspace(0, 3, 8, dtype=torch.float64)
    objective = Reconstruction(likelihood)
    plain, weighted = (objective.per_row(module, _batch(w)) for w in (None, weight))
    assert torch.equal(plain, weighted)
    torch.testing.assert_close(objective(module, _batch(weight)), (plain * weight).mean())


@every_likelihood
@pytest.mark.parametrize("weighted", [False, True])
def test_gradients_by_hand_are_those_of_autograd(likelihood, weighted):
    weight = torch.linspace(0, 3, 8, dtype=torch.float64) if weighted else None
    module, batch = _module(), _batch(weight)
    objective = Reconstruction(likelihood)
    (phase,) = objective.phases(module)
    assert phase.gradients is not None
    expected = torch.autograd.grad(objective(module, batch), phase.parameters)
    loss, grads = phase.value_and_grad(module, batch, phase.parameters)
    torch.testing.assert_close(loss, objective(module, batch).detach())
    torch.testing.assert_close(list(grads), list(expected))
    assert not loss.requires_grad


class Doubled(Reconstruction):
    """Overrides the loss and nothing else."""

    def forward(self, module, batch):
        return 2 * super().forward(module, batch)


@every_likelihood
def test_a_subclass_that_overrides_only_forward_is_trained_by_its_own_forward(likelihood):
    module, batch = _module(), _batch()
    gradients = []
    for objective in (Reconstruction(likelihood), Doubled(likelihood)):
        (phase,) = objective.phases(module)
        loss, grads = phase.value_and_grad(module, batch, phase.parameters)
        torch.testing.assert_close(loss, objective(module, batch).detach())
        gradients.append(list(grads))
    plain, doubled = gradients
    torch.testing.assert_close(doubled, [2 * grad for grad in plain])


def test_a_module_of_the_users_goes_through_autograd():
    module = AutoEncoderModule(nn.Linear(4, 2), nn.Linear(2, 4))
    (phase,) = Reconstruction(SquaredError()).phases(module)
    assert phase.gradients is None


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_gradients_by_hand_are_those_of_autograd_on_mixed_columns(seed, weighted):
    schema = random_schema(seed, largest=60)
    likelihood = MixedColumns(schema, SquaredError())
    generator = torch.Generator().manual_seed(seed)
    inputs = TableInput(schema, generator)
    encoder = SkipMLP(inputs.n_out, 3, (5,), "tanh", True, generator)
    decoder = SkipMLP(3, len(likelihood.labels), (5,), "tanh", True, generator)
    module = AutoEncoderModule(encoder, decoder, inputs).double()
    weight = torch.linspace(0, 2, 20, dtype=torch.float64) if weighted else None
    seen = module.prepare(encoded_rows(schema, 20, 0.3))
    batch = Batch(seen, encoded_rows(schema, 20, 0.1, seed=1), weight)
    objective = Reconstruction(likelihood)
    (phase,) = objective.phases(module)
    assert phase.gradients is not None
    expected = torch.autograd.grad(objective(module, batch), phase.parameters)
    loss, grads = phase.value_and_grad(module, batch, phase.parameters)
    torch.testing.assert_close(loss, objective(module, batch).detach())
    torch.testing.assert_close(list(grads), list(expected))
    cells = likelihood.nll(module(batch.inputs), batch.targets).detach()
    row_weight = torch.ones(20, dtype=torch.float64) if weight is None else weight
    torch.testing.assert_close(loss, (cells.mean(dim=1) * row_weight).mean())
