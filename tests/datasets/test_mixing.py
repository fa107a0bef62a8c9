"""Random order: every row once, and neighbours come apart."""

import numpy as np
import pytest

from skae.datasets import ChunkedTable
from skae.datasets import _mixing as mixing_module
from tests.datasets.tables import BLOCK_ROWS, N_ROWS, cut, first_column, frame, make_table


def test_every_row_comes_once_when_shuffled(table):
    blocks = list(table.shuffled(np.random.default_rng(0), block_rows=BLOCK_ROWS))
    rows = np.concatenate([rows for rows, _ in blocks])
    assert rows.dtype == np.int64
    np.testing.assert_array_equal(np.sort(rows), np.arange(N_ROWS))
    assert [len(rows) for rows, _ in blocks] == [150] * 8 + [100]
    for rows, block in blocks:
        np.testing.assert_array_equal(first_column(block), rows)


def test_the_generator_decides_the_order(table):
    def order(seed):
        blocks = table.shuffled(np.random.default_rng(seed), block_rows=BLOCK_ROWS)
        return np.concatenate([rows for rows, _ in blocks])

    np.testing.assert_array_equal(order(0), order(0))
    assert not np.array_equal(order(0), order(1))


def test_two_passes_with_one_generator_differ():
    table, rng = ChunkedTable(cut(frame())), np.random.default_rng(0)
    first, second = (np.concatenate([rows for rows, _ in table.shuffled(rng)]) for _ in range(2))
    assert not np.array_equal(first, second)


def test_the_generator_is_drawn_from_during_the_call_only():
    rng = np.random.default_rng(0)
    blocks = ChunkedTable(cut(frame())).shuffled(rng)
    state = rng.bit_generator.state
    list(blocks)
    assert rng.bit_generator.state == state


def test_the_blocks_mix_places_of_the_table(table):
    *blocks, _ = table.shuffled(np.random.default_rng(0), block_rows=BLOCK_ROWS)
    for rows, _ in blocks:
        assert np.ptp(rows) > N_ROWS / 2


@pytest.mark.parametrize("source", ["list", "parquet", "function"])
def test_rows_move_beyond_the_pool(source, tmp_path, monkeypatch):
    # a table much larger than the pool: what is known of the order of its blocks
    monkeypatch.setattr(mixing_module, "SMALLEST_SLICE", 8)
    monkeypatch.setattr(mixing_module, "POOL_BLOCKS", 4)
    table = make_table(source, tmp_path)
    *blocks, _ = [rows for rows, _ in table.shuffled(np.random.default_rng(0), block_rows=32)]
    rows = np.concatenate(blocks)
    correlation = abs(np.corrcoef(rows, np.arange(len(rows)))[0, 1])
    spread = np.mean([np.ptp(rows) for rows in blocks])
    if source == "function":  # read in its order
        assert spread > 4 * 32
    else:
        assert correlation < 0.5
        assert spread > N_ROWS / 2
