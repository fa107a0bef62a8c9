"""Files are written whole or not at all, and hold what was read."""

import numpy as np
import pandas as pd
import pytest

from skae.datasets import ChunkedTable, ParquetTable
from tests.datasets.tables import N_ROWS, SOURCES, cut, frame, make_table, parquet_folder


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_what_is_written_is_what_is_read(source, form, tmp_path):
    (tmp_path / "in").mkdir()
    table, path = make_table(source, tmp_path / "in"), tmp_path / f"out.{form}"
    getattr(table, f"to_{form}")(path)
    if form == "parquet":
        pytest.importorskip("pyarrow")
    again = pd.read_parquet(path) if form == "parquet" else pd.read_csv(path)
    rows = again["x0" if source == "arrays" else "row"]
    np.testing.assert_array_equal(rows, np.arange(N_ROWS))
    if source != "arrays":
        assert list(again.columns) == table.columns
        np.testing.assert_allclose(again["float"], frame()["float"], rtol=1e-6)
        assert list(again["word"]) == list(frame()["word"])
    assert [file.name for file in tmp_path.iterdir() if file.name != "in"] == [path.name]


@pytest.mark.parametrize("form", ["parquet", "csv"])
@pytest.mark.parametrize("before", [None, b"what was there"])
@pytest.mark.parametrize("error", [ValueError("no score"), KeyboardInterrupt()])
def test_a_file_is_written_whole_or_not_at_all(tmp_path, form, before, error):
    pytest.importorskip("pyarrow")
    path, n_chunks = tmp_path / "out", []

    def fail_at_the_third(chunk):
        n_chunks.append(len(chunk))
        if len(n_chunks) == 3:
            raise error
        return chunk["row"]

    if before is not None:
        path.write_bytes(before)
    table = ChunkedTable(cut(frame())).assign(score=fail_at_the_third)
    with pytest.raises(type(error)):
        getattr(table, f"to_{form}")(path)
    assert [file.read_bytes() for file in tmp_path.iterdir()] == ([before] if before else [])


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_a_table_is_not_written_over_itself(tmp_path, form):
    table = ParquetTable(parquet_folder(tmp_path, frame())).assign(a=lambda chunk: chunk["row"])
    before = (tmp_path / "1.parquet").read_bytes()
    (tmp_path / "link").symlink_to(tmp_path / "1.parquet")
    for name in ("1.parquet", "link"):
        with pytest.raises(ValueError, match=r"The table is read from .*1\.parquet"):
            getattr(table, f"to_{form}")(tmp_path / name)
    assert (tmp_path / "1.parquet").read_bytes() == before


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_a_place_where_nothing_can_be_written_is_named(tmp_path, form):
    write = getattr(ChunkedTable([frame()]), f"to_{form}")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        write(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"no folder .*nowhere to write out to"):
        write(tmp_path / "nowhere" / "out")
    with pytest.raises(ValueError, match="no rows"):
        getattr(ChunkedTable([]), f"to_{form}")(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("first", "later"),
    [
        ([1, 2], ["a", "b"]),
        ([1, 2], [1.5, 2.0]),
        (np.float32([1, 2]), [0.1, 0.2]),
        (["a", "b"], [1, 2]),
        ([True, False], [2, 3]),
        ([None, None], [1, "a"]),
        (["2020-01-01", "a"], pd.to_datetime(["2020-01-01", "2020-01-02"])),
    ],
)
def test_a_chunk_that_does_not_fit_the_first_is_named(tmp_path, first, later):
    pytest.importorskip("pyarrow")
    table = ChunkedTable([pd.DataFrame({"good": 1, "bad": values}) for values in (first, later)])
    with pytest.raises(ValueError, match=r"chunk of rows 2 to 3.*bad"):
        table.to_parquet(tmp_path / "out.parquet")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("first", "later"),
    [
        ([1, 2], [3.0, np.nan]),
        ([1, 2], [np.nan, np.nan]),
        ([1.5, 2.0], [3, 4]),
        (["a", "b"], [None, None]),
        ([True, False], [True, None]),
        (pd.Categorical(["a", "b"]), pd.Categorical(["c", "a"])),
    ],
)
def test_missing_cells_and_whole_numbers_fit(tmp_path, first, later):
    pytest.importorskip("pyarrow")
    table = ChunkedTable([pd.DataFrame({"x": values}) for values in (first, later)])
    table.to_parquet(tmp_path / "out.parquet")
    again = pd.read_parquet(tmp_path / "out.parquet")["x"].astype(object)
    expected = [None if pd.isna(value) else value for value in [*first, *later]]
    assert [None if pd.isna(value) else value for value in again] == expected


def test_what_is_read_from_parquet_keeps_its_types(tmp_path):
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    whole = pa.table({"id": pa.array([1, 2**60 + 1, None, None]), "yes": [True, None, None, None]})
    parquet.write_table(whole, tmp_path / "in", row_group_size=1)
    table = ParquetTable(tmp_path / "in").assign(a=lambda chunk: np.ones(len(chunk), np.float32))
    table.to_parquet(tmp_path / "out")
    assert parquet.read_table(tmp_path / "out").drop_columns("a").equals(whole)
    table.to_csv(tmp_path / "csv")
    assert (tmp_path / "csv").read_text().splitlines()[2] == f"{2**60 + 1},,1.0"


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_writing_shows_how_far_it_is_where_asked_to(tmp_path, capsys, form):
    pytest.importorskip("pyarrow")
    write = getattr(ChunkedTable(cut(frame())), f"to_{form}")
    write(tmp_path / "out")
    assert capsys.readouterr().err == ""
    write(tmp_path / "out", verbose=True)
    shown = capsys.readouterr().err
    assert "writing out" in shown
    assert "1.30k rows" in shown or "/1.30k" in shown


def test_small_chunks_do_not_make_small_row_groups(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    chunks = [np.zeros((n_rows, 1)) for n_rows in (10, 20, 70_000, 30)]
    ChunkedTable(chunks).to_parquet(tmp_path / "out")
    metadata = parquet.read_metadata(tmp_path / "out")
    groups = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
    assert groups == [30, 65_536, 70_000 - 65_536 + 30]


def test_an_index_is_written_and_read(tmp_path):
    pytest.importorskip("pyarrow")
    whole = frame(20).set_index(pd.Index([f"row {n}" for n in range(20)], name="label"))
    ChunkedTable(cut(whole, 7)).to_parquet(tmp_path / "out.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "out.parquet"), whole)
    table = ParquetTable(tmp_path / "out.parquet", columns=["word", "row"])
    assert table.columns == ["word", "row"]
    pd.testing.assert_frame_equal(next(iter(table)), whole[["word", "row"]])
    rows, block = next(table.shuffled(np.random.default_rng(0)))
    pd.testing.assert_frame_equal(block, whole.iloc[rows][["word", "row"]])
    ChunkedTable(cut(whole, 7)).to_csv(tmp_path / "out.csv")
    assert pd.read_csv(tmp_path / "out.csv").columns[0] == "label"


@pytest.mark.parametrize("form", ["parquet", "csv"])
@pytest.mark.parametrize("first_is_filtered", [True, False])
def test_the_first_chunk_decides_whether_an_index_is_written(tmp_path, form, first_is_filtered):
    pytest.importorskip("pyarrow")
    whole = frame(20)
    chunks = [whole.iloc[[0, 3, 4]], whole[5:9]]  # an index with gaps, and a RangeIndex
    chunks = chunks if first_is_filtered else chunks[::-1]
    getattr(ChunkedTable(chunks), f"to_{form}")(tmp_path / "out")
    if form == "parquet":
        again = pd.read_parquet(tmp_path / "out")
    else:
        again = pd.read_csv(tmp_path / "out", index_col=0 if first_is_filtered else None)
    expected = pd.concat(chunks, ignore_index=not first_is_filtered)
    pd.testing.assert_frame_equal(again, expected, check_dtype=False, rtol=1e-6)
