"""Tables in Parquet files."""

import re

import numpy as np
import pandas as pd
import pytest

from skae.datasets import ParquetTable
from skae.datasets import _parquet as parquet_module
from tests.datasets.tables import BLOCK_ROWS, N_ROWS, frame, parquet_folder


def test_parquet_is_read_as_pandas_reads_it(tmp_path):
    whole = frame().assign(
        when=pd.date_range("2020", periods=N_ROWS, freq="h"),
        kind=pd.Categorical(["a", "b"] * (N_ROWS // 2)),
        small=np.arange(N_ROWS).astype(np.int8),
    )
    table = ParquetTable(parquet_folder(tmp_path, whole))
    pd.testing.assert_frame_equal(pd.concat(list(table)), whole)
    for rows, block in table.shuffled(np.random.default_rng(0), BLOCK_ROWS):
        pd.testing.assert_frame_equal(block, whole.iloc[rows])


def test_parquet_says_what_it_is(tmp_path):
    table = ParquetTable(parquet_folder(tmp_path, frame()))
    assert table.n_rows == N_ROWS
    assert table.columns == ["row", "float", "word"]
    assert repr(table) == f"ParquetTable({str(tmp_path)!r}, {N_ROWS} rows x 3 columns, 3 files)"
    files = [tmp_path / "2.parquet", str(tmp_path / "0.parquet")]
    assert "2 paths" in repr(ParquetTable(files))


def test_files_are_read_in_the_order_of_names_and_hidden_ones_are_not(tmp_path):
    parquet_folder(tmp_path, frame(), n_files=1)
    for name in ("a/1.parquet", "a/0.PARQUET", "_log/0.parquet", ".x/0.parquet", "a/.0.parquet"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        frame(10, start=len(name)).to_parquet(path)
    (tmp_path / "read me").write_text("not Parquet")
    firsts = [chunk["row"].iloc[0] for chunk in ParquetTable(tmp_path)]
    assert firsts == [0, len("a/0.PARQUET"), len("a/1.parquet")]
    listed = ParquetTable([tmp_path / "a" / "1.parquet", tmp_path / "0.parquet"])
    assert listed.n_rows == N_ROWS + 10


def test_columns_are_read_in_the_order_they_are_named(tmp_path):
    table = ParquetTable(parquet_folder(tmp_path, frame()), columns=["word", "row"])
    pd.testing.assert_frame_equal(pd.concat(list(table)), frame()[["word", "row"]])
    for rows, block in table.shuffled(np.random.default_rng(0), BLOCK_ROWS):
        pd.testing.assert_frame_equal(block, frame()[["word", "row"]].iloc[rows])


def test_no_more_row_groups_are_open_than_memory_allows(tmp_path, monkeypatch):
    table = ParquetTable(parquet_folder(tmp_path, frame()))
    assert table._source._n_open() == 8
    monkeypatch.setattr(parquet_module, "OPEN_BYTES", 1)
    assert table._source._n_open() == 1
    rows = np.concatenate(
        [rows for rows, _ in table.shuffled(np.random.default_rng(0), BLOCK_ROWS)]
    )
    np.testing.assert_array_equal(np.sort(rows), np.arange(N_ROWS))


@pytest.mark.parametrize("columns", [["row", "flaot"], "row", [], ["row", 3]])
def test_unknown_columns_are_named(tmp_path, columns):
    with pytest.raises(ValueError, match=r"columns.*(did you mean 'float'|got 'row'|got \[\]|3)"):
        ParquetTable(parquet_folder(tmp_path, frame()), columns=columns)


def test_paths_without_a_table_are_refused(tmp_path):
    pytest.importorskip("pyarrow")
    with pytest.raises(FileNotFoundError, match=r"no file or folder .*nowhere"):
        ParquetTable(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=re.escape(f".parquet in {tmp_path}")):
        ParquetTable(tmp_path)
    with pytest.raises(ValueError, match="it is empty"):
        ParquetTable([])
    for path in (None, frame(), 3):
        with pytest.raises(TypeError, match="path must be a file, a folder or a list"):
            ParquetTable(path)
    (tmp_path / "bad.parquet").write_text("not Parquet at all")
    with pytest.raises(ValueError, match=r"bad\.parquet is not a readable Parquet file"):
        ParquetTable(tmp_path)


def test_a_damaged_file_is_named_while_reading(tmp_path):
    table = ParquetTable(parquet_folder(tmp_path, frame()))
    path = tmp_path / "1.parquet"
    content = path.read_bytes()
    path.write_bytes(b"\xff" * (len(content) - 5000) + content[-5000:])
    with pytest.raises(ValueError, match=r"1\.parquet is not a readable Parquet file"):
        list(table)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"1\.parquet"):
        list(table)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (frame().drop(columns="float"), r"3\.parquet lacks the column 'float'"),
        (frame().assign(more=1), r"3\.parquet has the column 'more'"),
        (frame().astype({"row": float}), r"3\.parquet: column 'row' is of type double, and int64"),
    ],
)
def test_files_must_have_the_same_columns(tmp_path, other, message):
    parquet_folder(tmp_path, frame())
    other.to_parquet(tmp_path / "3.parquet")
    with pytest.raises(ValueError, match=message):
        ParquetTable(tmp_path)
    assert ParquetTable(tmp_path, columns=["word"]).n_rows == 2 * N_ROWS
