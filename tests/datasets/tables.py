"""The same rows as tables of every kind; the first column is the position."""

from functools import partial

import numpy as np
import pandas as pd
import pytest

from skae.datasets import ChunkedTable, ParquetTable, as_chunked_table

N_ROWS = 1300
BLOCK_ROWS = 150


def frame(n_rows=N_ROWS, start=0):
    rng = np.random.default_rng(n_rows)
    return pd.DataFrame(
        {
            "row": np.arange(start, start + n_rows),
            "float": rng.normal(size=n_rows).astype(np.float32),
            "word": rng.choice(["red", "green", "blue"], n_rows),
        }
    )


def cut(table, size=170):
    return [table[start : start + size] for start in range(0, len(table), size)]


def array():
    return np.arange(2 * N_ROWS, dtype=float).reshape(N_ROWS, 2) / 2  # row r begins with r


def arrow(whole):
    pa = pytest.importorskip("pyarrow")
    return pa.Table.from_pandas(whole)


def parquet_folder(folder, whole, n_files=3, row_group_size=100):
    parquet = pytest.importorskip("pyarrow.parquet")
    for number, rows in enumerate(np.array_split(np.arange(len(whole)), n_files)):
        part = arrow(whole.iloc[rows].reset_index(drop=True))
        parquet.write_table(part, folder / f"{number}.parquet", row_group_size=row_group_size)
    return folder


SOURCES = (
    "list",
    "function",
    "re-iterable",
    "arrays",
    "polars",
    "arrow",
    "batches",
    "dataset",
    "parquet",
    "one row group",
    "parquet file",
    "assigned",
    "mapped",
)


def make_table(source, tmp_path):
    whole = frame()
    if source == "list":
        return ChunkedTable(cut(whole))
    if source == "function":
        return ChunkedTable(partial(iter, cut(whole)))
    if source == "re-iterable":
        return ChunkedTable(ChunkedTable(cut(whole)))
    if source == "arrays":
        return ChunkedTable(cut(array()))
    if source == "polars":
        polars = pytest.importorskip("polars")
        return ChunkedTable(cut(polars.DataFrame(whole.to_dict("list"))))
    if source == "arrow":
        return as_chunked_table(arrow(whole))
    if source == "batches":
        return ChunkedTable(arrow(whole).to_batches(80))
    return make_parquet_table(source, tmp_path, whole)


def make_parquet_table(source, tmp_path, whole):
    parquet = pytest.importorskip("pyarrow.parquet")
    folder = parquet_folder(tmp_path, whole)
    if source == "dataset":
        return as_chunked_table(pytest.importorskip("pyarrow.dataset").dataset(folder))
    if source == "parquet":
        return ParquetTable(folder)
    if source == "assigned":
        return ParquetTable(folder).assign(twice=lambda chunk: 2 * chunk["row"])
    if source == "mapped":
        return ParquetTable(folder).map(lambda chunk: chunk.assign(half=chunk["row"] / 2))
    parquet.write_table(arrow(whole), tmp_path / "whole")
    if source == "parquet file":
        return as_chunked_table(parquet.ParquetFile(tmp_path / "whole"))
    return ParquetTable(tmp_path / "whole")


def first_column(chunk):
    return chunk[:, 0] if isinstance(chunk, np.ndarray) else np.asarray(chunk["row"])
