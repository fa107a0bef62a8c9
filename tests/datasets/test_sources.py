"""What may be chunks, and what is no list of them."""

import numpy as np
import pandas as pd
import pytest

from skae.datasets import ChunkedTable
from tests.datasets.tables import N_ROWS, array, cut, frame


def test_large_chunks_are_cut_and_empty_ones_skipped():
    large = np.zeros((70_000, 1))
    table = ChunkedTable([large[:0], large, large[:0], large[:9]])
    assert [len(chunk) for chunk in table] == [65_536, 70_000 - 65_536, 9]
    assert table.n_rows == 70_009


def test_memory_maps_are_chunks(tmp_path):
    array().tofile(tmp_path / "map")
    chunk = np.memmap(tmp_path / "map", dtype=float, mode="r", shape=(N_ROWS, 2))
    np.testing.assert_array_equal(np.concatenate(list(ChunkedTable([chunk]))), array())


@pytest.mark.parametrize(
    "chunks",
    [
        iter([frame()]),
        (frame() for _ in range(2)),
        map(pd.DataFrame, [{"x": [1]}]),
    ],
)
def test_what_can_be_read_once_is_refused(chunks):
    with pytest.raises(TypeError, match=r"read only once.*lambda: pandas\.read_csv"):
        ChunkedTable(chunks)


def test_a_reader_of_pandas_is_refused(tmp_path):
    frame().to_csv(tmp_path / "table.csv", index=False)
    with (
        pd.read_csv(tmp_path / "table.csv", chunksize=100) as reader,
        pytest.raises(TypeError, match="TextFileReader"),
    ):
        ChunkedTable(reader)
    table = ChunkedTable(lambda: pd.read_csv(tmp_path / "table.csv", chunksize=100))
    assert sum(map(len, table)) == N_ROWS


def test_a_function_that_returns_the_same_iterator_is_found_out():
    iterator = iter(cut(frame()))
    table = ChunkedTable(lambda: iterator)
    list(table)
    with pytest.raises(ValueError, match=f"{N_ROWS} rows.* and 0 now"):
        list(table)


@pytest.mark.parametrize("chunks", [frame(), array(), "table.parquet", 7, None])
def test_what_is_no_list_of_chunks_is_refused(chunks):
    with pytest.raises(TypeError, match="chunks must be a list of chunks or a function"):
        ChunkedTable(chunks)
