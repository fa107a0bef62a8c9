"""The perceptron without biases: it can learn no constant, and follows its input."""

import pytest
import torch
from torch import nn

from skae.nn import ACTIVATIONS, BiasFreeMLP

every_size = pytest.mark.parametrize("sizes", [(), (8,), (8, 5)], ids=str)
ROWS = torch.randn(20, 6, generator=torch.Generator().manual_seed(1))


def _mlp(sizes, activation="relu"):
    return BiasFreeMLP(6, 3, sizes, activation, torch.Generator().manual_seed(0))


@every_size
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_it_is_a_perceptron_of_torch_without_biases(sizes, activation):
    mlp = _mlp(sizes, activation)
    rows = ROWS
    for layer in mlp.layers[:-1]:
        rows = ACTIVATIONS[activation].function(nn.functional.linear(rows, layer.weight))
    expected = nn.functional.linear(rows, mlp.layers[-1].weight)
    torch.testing.assert_close(mlp(ROWS), expected)
    assert all(parameter.dim() == 2 for parameter in mlp.parameters())


@every_size
def test_new_units_of_the_input_are_compensated_time_after_time(sizes):
    mlp = _mlp(sizes)
    before, rows = mlp(ROWS), ROWS
    for scale, shift in [
        (torch.full((6,), 2.0), torch.arange(6.0)),
        (torch.full((6,), 0.3), -rows[0]),
    ]:
        mlp.compensate_input(scale, shift)
        rows = (rows - shift) / scale
        torch.testing.assert_close(mlp(rows), before, rtol=1e-4, atol=1e-5)


@every_size
def test_new_units_leave_missing_cells_as_they_were(sizes):
    mlp, rows = _mlp(sizes), ROWS.clone()
    rows[:, 5] = (torch.arange(20) % 2).float()  # says where column 0 is missing
    rows[:, 0] *= 1 - rows[:, 5]
    before = mlp(rows)
    scale, shift = torch.ones(6), torch.zeros(6)
    scale[0], shift[0] = 3.0, 2.0
    mlp.compensate_input(scale, shift, torch.tensor([5, -1, -1, -1, -1, -1]))
    rows[:, 0] = (rows[:, 0] - 2.0) / 3.0 * (1 - rows[:, 5])
    torch.testing.assert_close(mlp(rows), before, rtol=1e-4, atol=1e-5)


@every_size
def test_inputs_are_taken_from_where_they_were_and_new_ones_change_nothing(sizes):
    mlp = _mlp(sizes)
    mlp.compensate_input(torch.ones(6), torch.arange(6.0))  # the origin moves with its column
    before = mlp(ROWS)
    mlp.take_inputs(torch.tensor([3, 0, -1, 1, 2, 5, 4]))
    rows = torch.cat([ROWS[:, [3, 0]], torch.ones(20, 1), ROWS[:, [1, 2, 5, 4]]], dim=1)
    torch.testing.assert_close(mlp(rows), before)
