"""The loss of a classifier that learns from rows with and without a label."""

import numpy as np
import pytest
import torch
from torch import nn

from skae.nn import AutoEncoderModule, CodeClassifier
from skae.objectives import Batch, ConsistentClassification


def _module():
    """A softmax regression of three classes: encoder and decoder do nothing."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(3, 2, generator=generator)
    return CodeClassifier(AutoEncoderModule(nn.Identity(), nn.Identity()), weight, torch.zeros(3))


def _batch(noise=0.5, n=6):
    generator = torch.Generator().manual_seed(1)
    clean = torch.randn(n, 2, 2, generator=generator)
    labels = torch.tensor([[k % 3, -1] for k in range(n)]).unsqueeze(-1)
    inputs = clean + noise * torch.randn(n, 2, 2, generator=generator)
    return Batch(inputs, torch.cat([clean, labels], dim=2), None)


def _log_probabilities(module, rows):
    logits = (rows @ module.head.weight.T + module.head.bias).detach().double().numpy()
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


@pytest.mark.parametrize("weight", [0.0, 1.0, 2.5])
def test_the_loss_is_the_formula(weight):
    module, batch = _module(), _batch()
    labelled, other = (_log_probabilities(module, rows) for rows in batch.inputs.unbind(1))
    given = np.exp(_log_probabilities(module, batch.targets[:, 1, :2]))
    expected = -labelled[np.arange(6), np.arange(6) % 3].mean()
    expected -= weight * (given * other).sum(axis=1).mean()
    loss = ConsistentClassification(weight)(module, batch).item()
    assert loss == pytest.approx(expected, rel=1e-5)


def test_a_row_that_is_not_corrupted_teaches_nothing():
    module, batch = _module(), _batch(noise=0.0)
    gradients = [
        torch.autograd.grad(ConsistentClassification(weight)(module, batch), module.head.weight)[0]
        for weight in (0.0, 3.0)
    ]
    torch.testing.assert_close(*gradients, rtol=0, atol=1e-6)


def test_a_cold_objective_knows_labelled_rows_only():
    module, batch, objective = _module(), _batch(), ConsistentClassification(2.0)
    objective.warmth.fill_(0.0)
    torch.testing.assert_close(
        objective(module, batch), ConsistentClassification(0.0)(module, batch)
    )


def test_descent_makes_copies_consistent():
    module, batch, objective = _module(), _batch(), ConsistentClassification(10.0)

    def disagreement():
        clean, noisy = batch.targets[:, 1, :2], batch.inputs[:, 1]
        with torch.no_grad():
            return (module(clean).softmax(1) - module(noisy).softmax(1)).square().mean().item()

    before = disagreement()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    for _ in range(100):
        optimizer.zero_grad()
        objective(module, batch).backward()
        optimizer.step()
    assert disagreement() < before
