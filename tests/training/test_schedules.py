"""Learning rates over the epochs of a training."""

import pytest
import torch
from skorch.callbacks import LRScheduler

from skae.training import LinearDecay, annealing


class Net:
    """As much of a net as a schedule sees."""

    _optimizers = ("optimizer", "critic_optimizer")

    def __init__(self):
        self.history = []
        for name, lr in zip(self._optimizers, (0.1, 0.4), strict=True):
            setattr(self, f"{name}_", torch.optim.SGD([torch.zeros(1)], lr=lr))

    def rates(self):
        """Learning rate of each optimiser, over the one that it began with."""
        groups = (getattr(self, f"{name}_").param_groups[0] for name in self._optimizers)
        return [group["lr"] / lr for group, lr in zip(groups, (0.1, 0.4), strict=True)]


def _factors(schedule, n_epochs):
    net = Net()
    schedule.on_train_begin(net)
    factors = []
    for epoch in range(n_epochs):
        net.history.append(epoch)
        schedule.on_epoch_begin(net)
        first, second = net.rates()
        assert first == pytest.approx(second)
        factors.append(first)
    schedule.on_train_end(net)
    assert net.rates() == [1.0, 1.0]
    return factors


def test_linear_decay_stays_for_half_of_the_epochs_and_falls_to_zero():
    (decay,) = annealing(None, 8, LinearDecay)
    assert _factors(decay, 8) == pytest.approx([1, 1, 1, 1, 7 / 8, 5 / 8, 3 / 8, 1 / 8])


def test_one_cycle_rises_for_a_tenth_and_falls_to_zero():
    (one_cycle,) = annealing(None, 40)
    factors = _factors(one_cycle, 40)
    assert factors.index(max(factors)) == 4
    assert factors == pytest.approx(sorted(factors[:5]) + sorted(factors[5:], reverse=True))
    assert factors[-1] < 0.01


@pytest.mark.parametrize("callbacks", [[LRScheduler()], [("lr", LRScheduler())]])
def test_a_schedule_of_the_users_takes_the_place_of_annealing(callbacks):
    assert annealing(callbacks, 40) == []
