"""Rows are mapped in blocks, and a row's result does not depend on the others."""

import numpy as np
import pytest
import torch
from torch import nn

from skae.nn import SkipMLP
from skae.training import map_rows
from skae.training._inference import BLOCK_IMAGES, BLOCK_ROWS

CPU = torch.device("cpu")
N_IN = 30
X = np.random.default_rng(0).normal(size=(2 * BLOCK_ROWS + 100, N_IN))
# Hidden layers and outputs: odd widths, and few columns, are where products round differently.
NETWORKS = [((64,), 8), ((37,), 5), ((), 8), ((), 1), ((22, 10, 3), 4), ((70,), 30)]
every_network = pytest.mark.parametrize("network", NETWORKS, ids=str)


def _as_float32(X):
    return np.ascontiguousarray(X, dtype=np.float32)


def _map(X, network=NETWORKS[0]):
    sizes, n_out = network
    module = SkipMLP(N_IN, n_out, sizes, "silu", True, torch.Generator().manual_seed(0))
    return map_rows(module, module, X, _as_float32, n_out, CPU)


@pytest.mark.parametrize("n", [1, 7, BLOCK_ROWS - 1, BLOCK_ROWS, BLOCK_ROWS + 1, len(X)])
def test_the_result_is_that_of_the_function_on_all_rows(n):
    layer = nn.Linear(N_IN, 4).double()
    expected = layer(torch.from_numpy(X[:n])).detach().numpy()
    layer.float()
    result = map_rows(layer, layer, X[:n], _as_float32, 4, CPU)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-5)


@every_network
@pytest.mark.parametrize("start", [0, 1, 2, 500, BLOCK_ROWS - 1])
def test_grouping_changes_no_bit(start, network):
    whole = _map(X, network)
    for n in (1, 2, 3, 100, BLOCK_ROWS):
        part = slice(start, start + n)
        np.testing.assert_array_equal(_map(X[part], network), whole[part])


@every_network
def test_the_order_of_the_rows_changes_no_bit(network):
    order = np.random.default_rng(1).permutation(len(X))
    np.testing.assert_array_equal(_map(X[order], network), _map(X, network)[order])


@pytest.mark.parametrize("changed", [np.asfortranarray, lambda X: np.repeat(X, 2, axis=1)[:, ::2]])
def test_memory_order_changes_no_bit(changed):
    np.testing.assert_array_equal(_map(changed(X)), _map(X))


def test_no_gradients_are_kept():
    seen = []

    def function(x):
        seen.append(layer(x))
        return seen[-1]

    layer = nn.Linear(N_IN, 5)
    map_rows(function, layer, X[:10], _as_float32, 5, CPU)
    assert not seen[0].requires_grad


@pytest.mark.parametrize(
    ("module", "n_block"), [(nn.Linear(N_IN, 1), BLOCK_ROWS), (nn.Conv2d(1, 1, 3), BLOCK_IMAGES)]
)
def test_the_function_sees_blocks_of_one_size_only(module, n_block):
    shapes = set()

    def function(x):
        shapes.add(tuple(x.shape))
        return x[:, :1]

    map_rows(function, module, X, _as_float32, 1, CPU)
    map_rows(function, module, X[:3], _as_float32, 1, CPU)
    assert shapes == {(n_block, N_IN)}
