"""Chunks are alike, and what is none is named."""

import numpy as np
import pandas as pd
import pytest

from skae.datasets import ChunkedTable
from tests.datasets.tables import array, arrow, frame


@pytest.mark.parametrize(
    ("chunk", "message"),
    [
        ([[1.0]], "Chunk 1 is a list; a chunk must be a pandas or polars DataFrame"),
        (np.zeros(3), r"Chunk 1 is a ndarray of shape \(3,\)"),
        (pd.Series([1.0]), "Chunk 1 is a Series"),
        (array(), "Chunk 1 is of numpy, the first one of pandas"),
    ],
)
def test_what_is_no_chunk_is_refused(chunk, message):
    for chunks in ([frame(), chunk], lambda: iter([frame(), chunk])):
        with pytest.raises(TypeError, match=message):
            list(ChunkedTable(chunks))


@pytest.mark.parametrize(
    ("chunk", "message"),
    [
        (frame().drop(columns="word"), "Chunk 1 lacks the column 'word'"),
        (frame().assign(more=1), "Chunk 1 has the column 'more', which is not there before"),
        (frame()[["word", "row", "float"]], "another order"),
    ],
)
def test_chunks_must_have_the_same_columns(chunk, message):
    with pytest.raises(ValueError, match=message):
        ChunkedTable([frame(), chunk])
    with pytest.raises(ValueError, match=message):
        ChunkedTable([arrow(frame()), arrow(chunk)])


def test_arrays_must_have_the_same_number_of_columns():
    with pytest.raises(ValueError, match="Chunk 1 has 1 columns, the first one 2"):
        ChunkedTable([array(), array()[:, :1]])


def test_arrow_chunks_must_have_the_same_types():
    other = arrow(frame().astype({"row": float}))
    with pytest.raises(ValueError, match="column 'row' is of type double, and int64 before"):
        ChunkedTable([arrow(frame()), other])


@pytest.mark.parametrize("dtype", ["int64", "uint64", "int8"])
def test_whole_numbers_keep_their_digits_beside_missing_cells(dtype):
    pa = pytest.importorskip("pyarrow")
    largest = np.iinfo(dtype).max
    columns = {
        "x": pa.array([1, None, largest], dtype),
        "y": [0.5, None, 1.0],
        "z": [None, True, None],
    }
    whole = pa.table(columns)
    chunk = next(iter(ChunkedTable([whole])))
    assert chunk["x"].tolist() == [1, pd.NA, largest]
    assert chunk["y"].dtype == np.float64
    assert chunk["z"].tolist() == [pd.NA, True, pd.NA]
    assert next(iter(ChunkedTable([whole[2:].drop_columns("z")])))["x"].dtype == dtype
