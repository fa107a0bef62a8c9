"""Losses of unpaired translation, and the history of what was generated."""

import pytest
import torch
from torch import nn

from skae.nn import Translators, isolated_rng
from skae.objectives import Batch, CycleConsistency, RowHistory


class Affine(nn.Module):
    """Rows times a number, plus another."""

    def __init__(self, scale, shift):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(float(scale)))
        self.shift = nn.Parameter(torch.tensor(float(shift)))

    def forward(self, x):
        return self.scale * x + self.shift


def _batch(n=6):
    rows = torch.randn(n, 2, 3, generator=torch.Generator().manual_seed(0))
    return Batch(rows, rows, None)


def _translators():
    return Translators(Affine(2, 1), Affine(0.25, -3))


def _objective(cycle_weight=10.0, identity_weight=5.0, history_size=0):
    weights = cycle_weight, identity_weight
    return CycleConsistency(Affine(0.5, 0.1), Affine(-0.3, 0.2), *weights, history_size)


def test_the_losses_are_those_of_the_paper():
    objective, module, batch = _objective(), _translators(), _batch()
    a, b = batch.targets[:, 0], batch.targets[:, 1]
    fake_b, fake_a = 2 * a + 1, 0.25 * b - 3

    def judge_a(x):
        return 0.5 * x + 0.1

    def judge_b(x):
        return -0.3 * x + 0.2

    adversarial = ((judge_b(fake_b) - 1) ** 2).mean() + ((judge_a(fake_a) - 1) ** 2).mean()
    cycle = (0.25 * fake_b - 3 - a).abs().mean() + (2 * fake_a + 1 - b).abs().mean()
    identity = (2 * b + 1 - b).abs().mean() + (0.25 * a - 3 - a).abs().mean()
    loss = objective(module, batch)
    torch.testing.assert_close(loss, adversarial + 10 * cycle + 5 * identity)
    of_a = ((judge_a(a) - 1) ** 2).mean() + (judge_a(fake_a) ** 2).mean()
    of_b = ((judge_b(b) - 1) ** 2).mean() + (judge_b(fake_b) ** 2).mean()
    torch.testing.assert_close(objective.discriminator_loss(module, batch), (of_a + of_b) / 2)


def test_without_weights_the_loss_is_adversarial_alone():
    module, batch = _translators(), _batch()
    bare = _objective(0.0, 0.0)(module, batch)
    cycles = _objective(1.0, 0.0)(module, batch) - bare
    torch.testing.assert_close(_objective(3.0, 0.0)(module, batch), bare + 3 * cycles)
    assert cycles > 0


def test_each_phase_moves_its_own_networks():
    objective, module, batch = _objective(), _translators(), _batch()
    translators, discriminators = objective.phases(module)
    assert [*map(id, translators.parameters)] == [*map(id, module.parameters())]
    assert {*map(id, discriminators.parameters)} == {*map(id, objective.parameters())}
    for phase in (translators, discriminators):
        _, grads = phase.value_and_grad(module, batch, phase.parameters)
        assert all(grad.abs().sum() > 0 for grad in grads)
    loss = discriminators.loss(module, batch)
    unmoved = torch.autograd.grad(loss, list(module.parameters()), allow_unused=True)
    assert unmoved == (None,) * len(unmoved)


def test_forgetting_leaves_no_rows():
    objective, module, batch = _objective(history_size=4), _translators(), _batch()
    objective(module, batch)
    objective.discriminator_loss(module, batch)
    assert len(objective.history_a.rows) == len(objective.history_b.rows) == 4
    objective.forget()
    assert not len(objective.history_a.rows)


# ---- the history ----


def _numbered(start, n=4):
    return torch.arange(start, start + n, dtype=torch.float32)[:, None]


def test_a_history_that_fills_returns_what_comes():
    history = RowHistory(6)
    for start in (0, 4):
        torch.testing.assert_close(history.exchange(_numbered(start)), _numbered(start))
    torch.testing.assert_close(history.rows, _numbered(0, 6))


@pytest.mark.parametrize("n", [3, 6, 20])
def test_a_full_history_exchanges_rows_and_loses_none(n):
    history = RowHistory(6)
    history.exchange(_numbered(0, 6))
    given = _numbered(100, n)
    with isolated_rng(0):
        returned = history.exchange(given)
    assert returned.shape == given.shape
    assert len(history.rows) == 6
    both = torch.cat([returned, history.rows]).flatten().sort().values
    torch.testing.assert_close(both, torch.cat([_numbered(0, 6), given]).flatten())


def test_half_of_the_rows_are_earlier_ones():
    history = RowHistory(50)
    history.exchange(_numbered(-50, 50))
    new = [_numbered(start, 50) for start in range(0, 5000, 50)]
    with isolated_rng(0):
        shares = [(history.exchange(rows) != rows).float().mean() for rows in new]
    assert abs(torch.stack(shares).mean() - 0.5) < 0.05


def test_a_history_of_no_rows_returns_what_comes():
    history = RowHistory(0)
    for start in (0, 4):
        torch.testing.assert_close(history.exchange(_numbered(start)), _numbered(start))
