"""When to stop, and which epoch to keep: on losses from a script."""

import math

import pytest
import torch
from torch import nn

from skae.objectives import Batch
from skae.training import BestWeights, InMemoryRows, TrainingData
from skae.training._net import StopTraining


class ScriptedNet:
    """A net whose held-out losses are written down; its weight is the number of the epoch."""

    def __init__(self, losses):
        self.losses = [torch.as_tensor(rows, dtype=torch.float64) for rows in losses]
        self.module_ = nn.Linear(1, 1, bias=False)
        self.history = []

    def validation_losses(self, valid):
        return self.losses[self.epoch]

    def moments(self):
        return self.epoch

    def set_moments(self, moments):
        self.epoch_of_moments = moments

    @property
    def epoch(self):
        return int(self.module_.weight.item())

    def train(self, callback, weight=None):
        """Run through the script as the loop would; return the epochs trained."""
        losses, rows = self.losses, torch.zeros(len(self.losses[0]), 1)
        valid = Batch(rows, rows, weight)
        self.module_.weight.data.fill_(0.0)
        data = TrainingData(InMemoryRows(rows), torch.Generator(), None, valid)
        callback.on_train_begin(self, data)
        try:
            for epoch in range(1, len(losses)):
                self.module_.weight.data.fill_(epoch)
                self.valid_losses_ = losses[epoch]
                mean = losses[epoch].mean().item()
                if weight is not None:
                    mean = (losses[epoch] * weight).sum().item() / weight.sum().item()
                self.history.append({"epoch": epoch, "valid_loss": mean, "train_loss": mean})
                callback.on_epoch_end(self)
        except StopTraining:
            pass
        callback.on_train_end(self)
        return len(self.history)


def _best_weights(patience=100, tol=0.0, restore=True, start_competes=False):
    return BestWeights(patience, tol, restore, start_competes)


def _rows(*means):
    """Held-out losses of 50 rows, an epoch a mean, without noise."""
    return [[mean] * 50 for mean in means]


@pytest.mark.parametrize("start_competes", [False, True])
@pytest.mark.parametrize(
    ("means", "best"),
    [((5, 3, 1, 2), 2), ((5, 3, 2, 1), 3), ((1, 3, 2, 4), 0), ((5, 3, 3, 3), 1), ((5,), 0)],
)
def test_the_weights_of_the_lowest_held_out_loss_come_back(means, best, start_competes):
    net, callback = ScriptedNet(_rows(*means)), _best_weights(start_competes=start_competes)
    net.train(callback)
    assert net.epoch == net.epoch_of_moments == best
    assert callback.best_epoch_ == best


def test_without_held_out_rows_the_last_weights_stay():
    net = ScriptedNet(_rows(5, 3, 1, 2))
    net.train(_best_weights(restore=False))
    assert net.epoch == 3


def _noisy(gain, n=100):
    """Two epochs whose losses differ by `gain` standard errors on average."""
    start = torch.rand(n, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 5
    noise = torch.randn(n, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    noise = (noise - noise.mean()) / noise.std()  # standard error of the mean: 1 / sqrt(n)
    return [start, start - noise - gain / math.sqrt(n)]


@pytest.mark.parametrize("gain", [0.1, 1.0, 2.9, 3.1, 10.0])
def test_the_start_gives_way_only_to_three_standard_errors(gain):
    for start_competes in (False, True):
        net = ScriptedNet(_noisy(gain))
        net.train(_best_weights(start_competes=start_competes))
        assert net.epoch == (0 if start_competes and gain < 3 else 1)


def test_one_held_out_row_is_never_enough_to_leave_the_start():
    net = ScriptedNet([[5.0], [1.0]])
    net.train(_best_weights(start_competes=True))
    assert net.epoch == 0


@pytest.mark.parametrize("start_competes", [False, True])
def test_weights_of_rows_count_and_those_of_weight_zero_do_not(start_competes):
    weight = torch.tensor([1.0] * 20 + [0.0] * 20, dtype=torch.float64)
    losses = [[5.0] * 20 + [1.0] * 20, [4.0] * 20 + [99.0] * 20, [6.0] * 20 + [0.0] * 20]
    net = ScriptedNet(losses)
    net.train(_best_weights(start_competes=start_competes), weight)
    assert net.epoch == 1


@pytest.mark.parametrize("restore", [False, True])
@pytest.mark.parametrize("patience", [1, 2, 5])
def test_training_ends_after_so_many_epochs_without_improvement(patience, restore):
    net = ScriptedNet(_rows(9, 8, 7, *[7.5] * 20))
    callback = _best_weights(patience=patience, restore=restore)
    assert net.train(callback) == 2 + patience
    assert callback.stalled_
    assert not callback.still_improving_


def test_an_improvement_starts_the_patience_anew():
    assert ScriptedNet(_rows(9, 9, 9, 8, 9, 9, 7, 9, 9, 9, 9)).train(_best_weights(patience=3)) == 9


@pytest.mark.parametrize(
    ("tol", "patience", "n_epochs"), [(0.0, 1, 30), (0.009, 1, 30), (0.02, 3, 30), (0.02, 2, 2)]
)
def test_an_improvement_has_to_exceed_the_tolerance_relative_to_the_last_one(
    tol, patience, n_epochs
):
    net = ScriptedNet(_rows(*[0.99**epoch for epoch in range(31)]))  # 3 epochs for 2 %
    assert net.train(_best_weights(patience, tol)) == n_epochs


def test_a_standstill_within_the_tolerance_ends_the_training_at_its_best_weights():
    net = ScriptedNet(_rows(*[1 - 1e-4 * epoch for epoch in range(31)]))
    assert net.train(_best_weights(patience=4, tol=0.01)) == 4
    assert net.epoch == 4


@pytest.mark.parametrize(
    ("means", "improving"),
    [((9, 8, 7), True), ((9, 8, 8.5), True), ((9, 9.5, 9.2), False), ((9,), False)],
)
def test_still_improving_says_whether_the_loss_fell_below_the_start(means, improving):
    callback = _best_weights(patience=5)
    ScriptedNet(_rows(*means)).train(callback)
    assert callback.still_improving_ is improving


@pytest.mark.parametrize("restore", [False, True])
@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_no_number_ends_the_training(loss, restore):
    net = ScriptedNet(_rows(9, 8, loss, 7))
    assert net.train(_best_weights(restore=restore)) == 2
    assert net.epoch == (1 if restore else 2)


def test_nothing_of_the_size_of_the_network_or_the_table_is_kept():
    callback = _best_weights(start_competes=True)
    ScriptedNet(_rows(5, 3)).train(callback)
    assert all(isinstance(value, int | float | bool) for value in vars(callback).values())
