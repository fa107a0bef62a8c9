"""Tables on disk: what is read is what was written, and nothing is written by half."""

import numpy as np
import pandas as pd
import pytest

from skae.cli import _tables as tables_module
from skae.cli._report import CommandError
from skae.cli._tables import go_through, read_table
from skae.datasets import ChunkedTable
from tests.cli.tables import KINDS, mixed_frame, write_parquet_folder


@pytest.fixture(params=[".csv", ".parquet"])
def suffix(request):
    if request.param == ".parquet":
        pytest.importorskip("pyarrow")
    return request.param


def awkward_frame():
    """Numbers with all their digits, and names and words that a careless CSV writer breaks."""
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "wide": rng.standard_normal(50) * 10.0 ** rng.integers(-300, 300, 50),
            "whole": rng.integers(-(2**62), 2**62, 50),
            "a, comma": rng.random(50) > 0.5,
            'a "quote"': rng.standard_normal(50),
            "Ünïcode": ["line\nbreak", "comma, here", '"quoted"', "007", "NA"] * 10,
        }
    )


def write_table(frame, path):
    go_through(ChunkedTable([frame]), path, show=False)


def test_a_table_round_trips(tmp_path, suffix):
    frame, path = awkward_frame(), tmp_path / f"table{suffix}"
    write_table(frame, path)
    again = read_table(path, text_columns=["Ünïcode"]).head
    pd.testing.assert_frame_equal(again, frame, check_dtype=False, check_exact=True)


def test_a_second_round_changes_nothing(tmp_path, suffix):
    first, second = tmp_path / f"1{suffix}", tmp_path / f"2{suffix}"
    write_table(awkward_frame(), first)
    go_through(read_table(first, text_columns=["Ünïcode"]).chunks, second, show=False)
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("before", [None, "what,was\n1,there\n"])
def test_a_file_is_never_half_written(tmp_path, suffix, error, before):
    path = tmp_path / f"table{suffix}"
    if before is not None:
        path.write_text(before)

    def fail_in_the_middle(chunk):
        if chunk.index[0] > 0:
            raise error
        return chunk

    table = ChunkedTable([awkward_frame(), awkward_frame()[1:]]).map(fail_in_the_middle)
    with pytest.raises((CommandError, KeyboardInterrupt)) as stop:
        go_through(table, path, show=False)
    if stop.type is CommandError:
        assert str(stop.value) == f"--out {path}: no space left on device"
    assert [file.read_text() for file in tmp_path.iterdir()] == ([] if before is None else [before])


def test_a_link_stays_a_link(tmp_path):
    target, link = tmp_path / "target.csv", tmp_path / "link.csv"
    target.touch()
    link.symlink_to(target)
    write_table(pd.DataFrame({"a": [1]}), link)
    assert link.is_symlink()
    assert target.read_text() == "a\n1\n"


@pytest.mark.parametrize("n_cells", [1, 2, 4, 5])
@pytest.mark.parametrize("row", [0, 1, 49])
def test_one_ragged_row_is_found_wherever_it_is(tmp_path, n_cells, row):
    lines = ["1,2,3"] * 50
    lines[row] = ",".join("1" * n_cells)
    path = tmp_path / "table.csv"
    path.write_text("\n".join(["a,b,c", *lines]))
    with pytest.raises(CommandError, match=f"line {row + 2} has {n_cells} cell"):
        read_table(path)


def test_rows_that_are_all_one_cell_too_long_do_not_become_an_index(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a,b\n1,2,3\n4,5,6\n")
    with pytest.raises(CommandError, match="line 2 has 3 cells"):
        read_table(path)


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path):
    path = tmp_path / "table.CSV"
    path.write_bytes(b"\xef\xbb\xbfa,b\r\n1,2\r\n3,4\r\n")
    pd.testing.assert_frame_equal(read_table(path).head, pd.DataFrame({"a": [1, 3], "b": [2, 4]}))


def test_spaces_after_commas_do_not_count(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text('a, b, c\n1, ?, "x, y"\n2, 3, z\n')
    frame = read_table(path).head
    assert frame["b"].tolist() == [pd.NA, 3]
    assert frame["c"].tolist() == ["x, y", "z"]


COLUMNS = {
    "whole numbers": (["1", "2", "3"], "int64"),
    "whole numbers with holes": (["1", "?", str(2**60 + 1)], "Int64"),
    "numbers": (["1.5", "2", "-3e5"], "float64"),
    "numbers with holes": (["1.5", "NA", ""], "float64"),
    "numbers beyond all integers": ([str(10**30), "1", "2"], "float64"),
    "booleans": (["True", "False", "True"], "bool"),
    "booleans with holes": (["True", "", "False"], "boolean"),
    "text": (["a", "b", "7"], "string"),
    "text with holes": (["a", "null", "?"], "string"),
    "nothing": (["", "NaN", "?"], "object"),
}


@pytest.mark.parametrize(("cells", "dtype"), COLUMNS.values(), ids=COLUMNS)
def test_columns_of_csv_have_the_types_of_their_cells(tmp_path, cells, dtype):
    path = tmp_path / "table.csv"
    path.write_text("\n".join(["x,y", *(f"{cell},0" for cell in cells)]))
    column = read_table(path).head["x"]
    assert column.dtype == dtype
    for value, cell in zip(column, cells, strict=True):
        assert pd.isna(value) == (cell in ("", "?", "NA", "NaN", "null"))
        assert pd.isna(value) or str(value) == cell or float(value) == float(cell)


def test_columns_that_are_kept_are_kept_letter_by_letter(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("id,x\n007,1\nNA,2\n,3\n?,4\n")
    frame = read_table(path, text_columns=["id"]).head
    assert frame["id"].tolist() == ["007", "NA", "", "?"]
    write_table(frame, tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_text() == path.read_text()


DATES = {
    "days": (["2024-12-31", "1999-01-01"], False),
    "with a hole": (["2024-12-31", ""], False),
    "times": (["2024-12-31T23:59", "2024-12-31 01:02:03.5", "2024-12-31"], False),
    "zones": (["2024-12-31T23:59Z", "2024-12-31 01:02:03+02:00"], True),
    "some zones": (["2024-12-31T23:59Z", "2024-12-31 01:02:03"], None),
    "no such day": (["2024-12-31", "2023-02-29"], None),
    "which is the month": (["01/02/2024", "02/01/2024"], None),
    "years": (["2023", "2024"], None),
    "months": (["2023-01", "2024-02"], None),
    "one word": (["2024-12-31", "today"], None),
    "nothing": (["", ""], None),
}


@pytest.mark.parametrize(("cells", "has_zone"), DATES.values(), ids=DATES)
def test_text_is_dates_where_that_is_the_only_way_to_read_it(tmp_path, cells, has_zone):
    path = tmp_path / "table.csv"
    path.write_text("\n".join(["when,x", *(f"{cell},0" for cell in cells)]))
    table = read_table(path)
    when = table.features(table.head, ["when"])["when"]
    assert table.dates == ({} if has_zone is None else {"when": has_zone})
    assert pd.api.types.is_datetime64_any_dtype(when.dtype) == (has_zone is not None)
    if has_zone is not None:
        assert [cell == "" for cell in cells] == when.isna().tolist()
    kept = ["" if pd.isna(cell) else str(cell) for cell in table.head["when"]]
    assert kept == cells


# ---- Parquet ----


@pytest.fixture(params=["in memory", "streamed"])
def folder(request, tmp_path, monkeypatch):
    """A folder of Parquet files, of a size that is held in memory or is not."""
    pytest.importorskip("pyarrow")
    monkeypatch.setattr(
        tables_module, "IN_MEMORY_CELLS", 149 if request.param == "streamed" else 150
    )
    return write_parquet_folder(tmp_path / "folder", mixed_frame(50, 2))


def test_a_folder_is_a_table(folder):
    table = read_table(folder)
    assert table.n_rows == 50
    assert table.columns == KINDS
    rows = table.rows(["count", "size"])
    assert isinstance(rows, ChunkedTable) == table.is_streamed
    assert list(rows.columns) == ["count", "size"]
    whole = pd.concat(rows) if table.is_streamed else rows
    expected = mixed_frame(50, 2)[["count", "size"]]
    pd.testing.assert_frame_equal(whole.reset_index(drop=True), expected)
    assert table.column("colour").isna().sum() == 2


def test_names_of_columns_are_text(folder):
    for path in folder.iterdir():
        path.unlink()
    frame = pd.DataFrame(np.arange(300).reshape(100, 3))
    frame.to_parquet(folder / "numbered.parquet")
    table = read_table(folder)
    assert table.columns == ["0", "1", "2"]
    rows = table.rows(["2", "0"])
    assert list(rows.columns) == ["2", "0"]
    assert list(next(iter(table.chunks)).columns) == ["0", "1", "2"]
