"""Tables read chunk by chunk: every row once, as in one piece."""

import os
import pickle
from contextlib import closing
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skae.datasets import ChunkedTable
from skae.datasets import _mixing as mixing_module
from tests.datasets.tables import (
    BLOCK_ROWS,
    N_ROWS,
    SOURCES,
    array,
    cut,
    first_column,
    frame,
    make_table,
)

NOT_EXTENDED = ("arrays", "assigned", "mapped")


def test_the_chunks_one_after_another_are_the_table(table):
    for _ in range(2):
        rows = np.concatenate([first_column(chunk) for chunk in table])
        np.testing.assert_array_equal(rows, np.arange(N_ROWS))
        assert table.n_rows == N_ROWS


def test_chunks_and_blocks_are_of_the_same_kind_and_columns(table):
    chunk = next(iter(table))
    _, block = next(table.shuffled(np.random.default_rng(0), 100))
    assert type(chunk) is type(block)
    if isinstance(chunk, np.ndarray):
        assert table.columns is None
    else:
        assert list(chunk.columns) == list(block.columns) == table.columns


def test_rows_are_counted_once_they_were_read():
    table = ChunkedTable(partial(iter, cut(frame())))
    assert table.n_rows is None
    assert "? rows" in repr(table)
    next(iter(table))
    assert table.n_rows is None
    list(table.shuffled(np.random.default_rng(0)))
    assert table.n_rows == N_ROWS
    assert f"{N_ROWS} rows x 3 columns" in repr(table)


def test_a_table_without_rows():
    table = ChunkedTable([])
    assert list(table) == list(table.shuffled(np.random.default_rng(0))) == []
    assert table.n_rows == 0
    with pytest.raises(ValueError, match="no rows"):
        _ = table.columns


@pytest.mark.parametrize("source", ["list", "arrays", "batches", "parquet"])
def test_a_table_survives_pickling(source, tmp_path):
    table = make_table(source, tmp_path)
    again = pickle.loads(pickle.dumps(table))
    assert repr(again) == repr(table)
    for chunk, expected in zip(again, table, strict=True):
        np.testing.assert_array_equal(np.asarray(chunk), np.asarray(expected))


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="asks Linux for open files")
@pytest.mark.parametrize("read", [iter, lambda table: table.shuffled(np.random.default_rng(0), 5)])
def test_a_reader_that_is_left_early_leaves_no_file_open(tmp_path, monkeypatch, read):
    monkeypatch.setattr(mixing_module, "SMALLEST_SLICE", 1)

    def open_files():
        targets = [os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")]
        return [target for target in targets if target.startswith(os.path.realpath(tmp_path))]

    with closing(read(make_table("parquet", tmp_path))) as blocks:
        next(blocks)
        assert open_files()
    assert not open_files()


@pytest.mark.parametrize("rng", [0, None, np.random.RandomState(0)])
def test_only_a_generator_shuffles(rng):
    with pytest.raises(TypeError, match=r"rng must be a numpy.random.Generator.*default_rng"):
        ChunkedTable([frame()]).shuffled(rng)


@pytest.mark.parametrize("block_rows", [0, -1, 1.5, None])
def test_blocks_have_rows(block_rows):
    with pytest.raises(ValueError, match="block_rows must be a positive integer"):
        ChunkedTable([frame()]).shuffled(np.random.default_rng(0), block_rows)


@pytest.mark.parametrize("source", [s for s in SOURCES if s not in NOT_EXTENDED])
def test_new_columns_come_with_chunks_and_blocks(source, tmp_path):
    table = make_table(source, tmp_path).assign(
        twice=lambda chunk: 2 * chunk["row"],
        listed=lambda chunk: [str(row) for row in chunk["row"]],
    )
    n_rows = table.n_rows
    shuffled = [block for _, block in table.shuffled(np.random.default_rng(0), BLOCK_ROWS)]
    for chunk in [*table, *shuffled]:
        rows = first_column(chunk)
        np.testing.assert_array_equal(np.asarray(chunk["twice"]), 2 * rows)
        assert list(chunk["listed"]) == [str(row) for row in rows]
    assert table.columns == ["row", "float", "word", "twice", "listed"]
    assert n_rows in (None, N_ROWS)


def test_a_new_column_sees_the_chunk_without_the_other_new_ones():
    seen = []
    table = ChunkedTable([frame()])

    def remember(chunk):
        seen.append(list(chunk.columns))
        return chunk["row"]

    list(table.assign(a=remember, b=remember).assign(c=remember))
    columns = ["row", "float", "word"]
    assert seen == [columns, columns, [*columns, "a", "b"]]


def test_new_columns_ignore_the_index_of_a_series():
    table = ChunkedTable([frame(3)]).assign(back=lambda chunk: chunk["row"][::-1])
    assert list(next(iter(table))["back"]) == [2, 1, 0]


def test_a_column_that_is_there_is_not_assigned():
    for table in (ChunkedTable([frame()]), ChunkedTable([frame()]).assign(a=len)):
        with pytest.raises(ValueError, match="the table has a column 'row' already"):
            table.assign(row=len)
    unread = ChunkedTable(partial(iter, [frame()])).assign(row=len)
    with pytest.raises(ValueError, match="the table has a column 'row' already"):
        list(unread)


def test_arrays_get_no_columns():
    with pytest.raises(TypeError, match="named columns"):
        list(ChunkedTable([array()]).assign(a=len))


@pytest.mark.parametrize("value", [1.0, "row", np.zeros(N_ROWS)])
def test_a_new_column_is_a_function(value):
    with pytest.raises(TypeError, match="assign: score must be a function of a chunk"):
        ChunkedTable([frame()]).assign(score=value)


@pytest.mark.parametrize(
    ("function", "shape"),
    [
        (lambda chunk: np.zeros((len(chunk), 2)), r"\(1300, 2\)"),
        (lambda chunk: chunk[["row"]], r"\(1300, 1\)"),
        (lambda chunk: chunk["row"][1:], r"\(1299,\)"),
        (lambda chunk: 0.0, r"\(\)"),
    ],
)
def test_a_new_column_has_one_value_a_row(function, shape):
    with pytest.raises(ValueError, match=f"one value for each of the {N_ROWS} rows.*{shape}"):
        list(ChunkedTable([frame()]).assign(score=function))


# ---- chunks through a function ----


def times_ten(chunk):
    return chunk * 10


def test_a_map_is_computed_with_every_chunk_and_block():
    table = ChunkedTable(cut(array())).map(times_ten)
    np.testing.assert_array_equal(np.concatenate(list(table)), 10 * array())
    for rows, block in table.shuffled(np.random.default_rng(0), BLOCK_ROWS):
        np.testing.assert_array_equal(block, 10 * array()[rows])


def test_nothing_is_computed_before_it_is_read():
    calls = []
    table = ChunkedTable([frame()]).map(lambda chunk: calls.append(1) or chunk)
    assert table.n_rows == N_ROWS
    assert calls == []
    assert table.map(times_ten).n_rows == N_ROWS


def test_a_map_counts_rows_as_its_source_does():
    table = ChunkedTable(partial(iter, cut(array()))).map(times_ten)
    assert table.n_rows is None
    assert "? rows" in repr(table)
    list(table)
    assert table.n_rows == N_ROWS


def test_a_map_may_make_arrays_of_frames_and_other_columns():
    table = ChunkedTable(cut(frame()))
    rows = table.map(lambda chunk: chunk[["row"]].to_numpy())
    assert rows.columns is None
    np.testing.assert_array_equal(np.concatenate(list(rows))[:, 0], np.arange(N_ROWS))
    assert rows.map(lambda chunk: pd.DataFrame({"again": chunk[:, 0]})).columns == ["again"]
    assert table.columns == ["row", "float", "word"]


def test_a_map_survives_pickling():
    table = pickle.loads(pickle.dumps(ChunkedTable(cut(array())).map(times_ten)))
    np.testing.assert_array_equal(np.concatenate(list(table)), 10 * array())


@pytest.mark.parametrize(
    ("function", "got"),
    [
        (lambda chunk: chunk[1:], r"DataFrame of shape \(1299, 3\)"),
        (lambda chunk: chunk["row"], r"Series of shape \(1300,\)"),
        (lambda chunk: chunk["row"].to_numpy(), r"ndarray of shape \(1300,\)"),
        (len, "int"),
        (lambda chunk: None, "NoneType"),
    ],
)
def test_a_map_returns_a_row_for_each_row(function, got):
    table = ChunkedTable([frame()]).map(function)
    with pytest.raises(ValueError, match=f"map: .* each of the {N_ROWS} rows.*got a {got}"):
        list(table)
    with pytest.raises(ValueError, match=got):
        list(table.shuffled(np.random.default_rng(0), N_ROWS))


def test_a_map_returns_the_same_columns_for_every_chunk():
    table = ChunkedTable(cut(frame())).map(
        lambda chunk: chunk if chunk["row"].iloc[0] == 0 else chunk[["row", "word"]]
    )
    with pytest.raises(ValueError, match="Chunk 1 lacks the column 'float'"):
        list(table)


@pytest.mark.parametrize("function", [None, "row", np.zeros(3)])
def test_a_map_needs_a_function(function):
    with pytest.raises(TypeError, match="map: function must be a function of a chunk"):
        ChunkedTable([frame()]).map(function)
