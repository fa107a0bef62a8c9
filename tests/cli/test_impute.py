"""``skae impute`` from end to end."""

import re

import numpy as np
import pandas as pd
import pytest

from skae.cli import _tables as tables_module
from skae.cli import main
from tests.cli.tables import KINDS, mixed_frame, write_parquet_folder

QUICK = ["--max-epochs", "3"]


def run(capsys, *argv, code=0):
    """Run ``skae impute``; return what it printed."""
    assert main(["impute", *map(str, argv)]) == code
    return capsys.readouterr()


@pytest.fixture
def table(tmp_path):
    """Mixed columns with six missing cells each, and a column to ignore."""
    path = tmp_path / "table.csv"
    mixed_frame().assign(id=[f"{i:03d}" for i in range(240)]).to_csv(path, index=False)
    return path


def test_missing_cells_are_filled_and_the_others_stay(table, tmp_path, capsys):
    out = tmp_path / "filled.csv"
    printed = run(capsys, table, "--ignore", "id", "--out", out, *QUICK)
    before, after = (pd.read_csv(path, dtype=str) for path in (table, out))
    assert list(after.columns) == list(before.columns)
    pd.testing.assert_frame_equal(after.where(before.notna()), before)
    assert not after.isna().any(axis=None)
    assert re.search(r"^filled +30 cells$", printed.out, re.MULTILINE)
    for name in KINDS:
        assert re.search(rf"^ +6 +6  {name}$", printed.out, re.MULTILINE)
    assert "Too few held-out rows" not in printed.err  # for a threshold: nobody asks for one


def test_what_is_filled_is_of_the_kind_of_its_column(table, tmp_path, capsys):
    out = tmp_path / "filled.csv"
    run(capsys, table, "--ignore", "id", "--out", out, *QUICK)
    holes = pd.read_csv(table, dtype=str).isna()
    filled = pd.read_csv(out, dtype=str).where(holes)
    assert filled["count"].dropna().str.fullmatch(r"\d+").all()
    assert set(filled["colour"].dropna()) <= {"red", "green"}
    assert set(filled["flag"].dropna()) <= {"True", "False"}
    assert filled["when"].dropna().str.fullmatch(r"2024-0[12]-\d\d").all()


def test_cells_are_filled_from_the_rest_of_their_row(table, tmp_path, capsys):
    out = tmp_path / "filled.csv"
    run(capsys, table, "--ignore", "id", "--out", out, "--max-epochs", 100)
    holes, filled = pd.read_csv(table), pd.read_csv(out)
    rows = holes["colour"].isna() & holes["count"].notna()
    assert (filled["colour"][rows] == np.where(filled["count"][rows] < 15, "red", "green")).all()
    rows = holes["size"].isna() & holes["count"].notna()
    assert (filled["size"] - filled["count"] / 4 - 0.1)[rows].abs().max() < 1


def test_it_learns_from_another_table(table, tmp_path, capsys):
    holed, out = tmp_path / "holed.csv", tmp_path / "filled.csv"
    pd.read_csv(table)[["colour", "size", "count"]][:5].assign(size=None).to_csv(holed, index=False)
    options = ["--train", table, "--ignore", "id", "flag", "when"]
    printed = run(capsys, holed, *options, "--out", out, *QUICK)
    assert "trained on 240" in printed.out
    assert pd.read_csv(out)["size"].between(0, 11).all()


def test_a_table_without_holes_stays_as_it_is(tmp_path, capsys):
    path, out = tmp_path / "table.csv", tmp_path / "filled.csv"
    path.write_text("a,b\n" + "1,x\n2,y\n3,y\n" * 10)
    printed = run(capsys, path, "--out", out, *QUICK)
    assert out.read_text() == path.read_text()
    assert re.search(r"^filled +0 cells$", printed.out, re.MULTILINE)


@pytest.mark.parametrize("is_streamed", [True, False])
def test_parquet_is_filled_chunk_by_chunk(tmp_path, capsys, monkeypatch, is_streamed):
    parquet = pytest.importorskip("pyarrow.parquet")
    if is_streamed:
        monkeypatch.setattr(tables_module, "IN_MEMORY_CELLS", 0)
    frame, out = mixed_frame(), tmp_path / "filled.parquet"
    frame.loc[3, "count"] = 2**60 + 1
    folder = write_parquet_folder(tmp_path / "folder", frame)
    printed = run(capsys, folder, "--ignore", "count", "--out", out, *QUICK)
    filled = pd.read_parquet(out)
    assert filled[KINDS].isna().sum().tolist() == [0, 6, 0, 0, 0]
    pd.testing.assert_frame_equal(filled.where(frame.notna()), frame.where(frame.notna()))
    types = [parquet.read_schema(path).types for path in (out, folder / "0.parquet")]
    assert types[0] == types[1]
    assert re.search(r"^filled +24 cells$", printed.out, re.MULTILINE)


def test_marks_of_missing_text_in_parquet_are_filled(tmp_path, capsys):
    pytest.importorskip("pyarrow")
    path, out = tmp_path / "table.parquet", tmp_path / "filled.csv"
    frame = mixed_frame()[["size", "colour"]]
    frame.fillna({"colour": "?"}).to_parquet(path)
    printed = run(capsys, path, "--out", out, *QUICK)
    assert re.search(r"^ +6 +6  colour$", printed.out, re.MULTILINE)
    assert set(pd.read_csv(out)["colour"]) == {"red", "green"}


def test_quiet_leaves_stderr_empty(table, tmp_path, capsys):
    argv = [table, "--ignore", "id", "--out", tmp_path / "out.csv", "--quiet", *QUICK]
    assert run(capsys, *argv).err == ""


def test_what_the_imputer_refuses_is_one_line(tmp_path, capsys):
    path = tmp_path / "table.csv"
    path.write_text("a,b\n1,2\n2,\n3,5\n")
    err = run(capsys, path, "--out", tmp_path / "o.csv", "--device", "abacus", code=2).err
    assert "Traceback" not in err
