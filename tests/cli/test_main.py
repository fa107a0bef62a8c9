"""Arguments and exit statuses: whatever is wrong is said in one line, before any training."""

import os
import subprocess
import sys

import pytest

from skae.cli import main

GOOD = "a,b,y\n" + "".join(f"{i % 7},{i % 5}.5,{int(i == 3)}\n" for i in range(30))


@pytest.fixture
def no_training(monkeypatch):
    def fail(*args):
        pytest.fail("training started")

    monkeypatch.setattr("skae.cli._detect._trained", fail)
    monkeypatch.setattr("skae.cli._impute._trained", fail)


def refusal(argv, capsys):
    """Run a command that must be refused, and return its one line on stderr."""
    assert main(argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("skae: error: ")
    assert err.count("\n") == 1
    return err


BAD_TABLES = {
    "empty": ("", [], ["empty"]),
    "blank": ("\n\n\n", [], ["empty"]),
    "header only": ("a,b\n", [], ["no rows"]),
    "one row": ("a,b\n1,2\n", [], ["too few"]),
    "short row": ("a,b\n1,2\n3\n", [], ["line 3 has 1 cell,", "header has 2"]),
    "long row": ("a,b\n1,2\n3,4,5\n", [], ["line 3 has 3 cells", "header has 2"]),
    "semicolons": ("a;b\n1;2\n", [], ["one cell", "'a;b'"]),
    "open quote": ('a,b\n1,"2\n3,4\n', [], ["CSV"]),
    "not UTF-8": (b"\xff\xfea\x00\n\x00", [], ["UTF-8"]),
    "column twice": ("a,b,a\n1,2,3\n", [], ["more than one", "'a'"]),
    "no value": ("a,my col\n1,\n2,?\n", [], ["'my col'", "no value", "--ignore 'my col'"]),
    "infinite": ("a,b\n1,2\n-inf,3\n", [], ["'a'", "1 infinite or huge value;"]),
    "infinite and missing": ("a,b\n1,2\ninf,3\n,4\n", [], ["'a'", "1 infinite or huge value;"]),
    "too large": ("a,b\n1,2\n1e400,3\n", [], ["'a'", "infinite"]),
    "too large for float32": ("a,b\n1,2\n1e40,3\n", [], ["'a'", "huge"]),
    "wrong label": (GOOD, ["--label", "Y"], ["'Y'", "did you mean 'y'"]),
    "wrong ignore": (GOOD, ["--ignore", "a", "bb"], ["'bb'", "did you mean 'b'"]),
    "one label": (GOOD.replace(",1\n", ",0\n"), ["--label", "y"], ["two values", "1 ('0')"]),
    "many labels": (GOOD, ["--label", "b"], ["two values", "5 ("]),
    "missing label": (GOOD.replace(",1\n", ",\n"), ["--label", "y"], ["'y'", "1 missing cell"]),
    "undecided label": ("a,y\n1,p\n2,q\n", ["--label", "y"], ["'p'", "'q'", "1 for it"]),
    "nothing left": (GOOD, ["--ignore", "a", "b", "y"], ["no column left"]),
    "train is missing": (GOOD, ["--train", "nowhere.csv"], ["nowhere.csv", "no such file"]),
}


@pytest.mark.parametrize(("content", "options", "fragments"), BAD_TABLES.values(), ids=BAD_TABLES)
def test_a_bad_table_gets_one_line(content, options, fragments, tmp_path, capsys, no_training):
    table, out = tmp_path / "table.csv", tmp_path / "out.csv"
    table.write_bytes(content if isinstance(content, bytes) else content.encode())
    line = refusal(["detect", str(table), "--out", str(out), *options], capsys)
    assert all(fragment in line for fragment in fragments), line
    assert list(tmp_path.iterdir()) == [table]


BAD_TRAINING = {
    "lacks a column": ("a,y\n1,0\n", "lacks column 'b'"),
    "has one more": ("a,b,c,y\n1,2,3,0\n", "lacks column 'c'"),
    "words": ("a,b\n1,x\n2,y\n", "column 'b' holds text (such as 'x'), and numbers in"),
    "dates": ("a,b\n1,2024-01-01\n2,\n", "column 'b' holds dates (such as '2024-01-01 00:00:00')"),
    "no value": ("a,b\n1,\n2,\n", "column 'b' has no value at all"),
    "header only": ("a,b,y\n", "no rows"),
    "one row": ("a,b,y\n1,2,0\n", "too few"),
}


@pytest.mark.parametrize(("content", "fragment"), BAD_TRAINING.values(), ids=BAD_TRAINING)
def test_a_bad_training_table_gets_one_line(content, fragment, tmp_path, capsys, no_training):
    table, train = tmp_path / "table.csv", tmp_path / "train.csv"
    table.write_text(GOOD)
    train.write_text(content)
    argv = ["detect", str(table), "--train", str(train), "--label", "y"]
    assert fragment in refusal(argv, capsys)


BAD_NAMES = {
    "nowhere.csv": "no such file",
    "nowhere.parquet": "no such file",
    "folder": "no file with a name ending in .parquet",
    "folder.csv": "no file with a name ending in .parquet",
    "table.txt": "must end in .csv or .parquet",
    "fake.parquet": "not a readable Parquet file",
}


@pytest.mark.parametrize(("name", "fragment"), BAD_NAMES.items())
def test_a_bad_file_gets_one_line(name, fragment, tmp_path, capsys, no_training):
    pytest.importorskip("pyarrow")
    for folder in ("folder", "folder.csv"):
        (tmp_path / folder).mkdir()
    for file in ("table.txt", "fake.parquet"):
        (tmp_path / file).write_text(GOOD)
    assert fragment in refusal(["detect", str(tmp_path / name)], capsys)


BAD_OUTS = {
    "out.xlsx": "must end in .csv or .parquet",
    "nowhere/out.csv": "no folder",
    "folder.csv": "is a directory",
    "folder.csv/out.csv": "would overwrite, or become part of, a table that is read",
    "table.csv": "overwrite",
    "../{folder}/table.csv": "overwrite",
    "train.csv": "overwrite",
}


@pytest.mark.parametrize("command", ["detect", "impute"])
@pytest.mark.parametrize(("out", "fragment"), BAD_OUTS.items())
def test_a_bad_out_is_refused_before_training(
    command, out, fragment, tmp_path, capsys, no_training
):
    table, train, folder = (tmp_path / name for name in ("table.csv", "train.csv", "folder.csv"))
    table.write_text(GOOD)
    train.write_text(GOOD)
    folder.mkdir()
    out = tmp_path / out.format(folder=tmp_path.name)
    read = folder if out.parent == folder else train
    argv = [command, str(table), "--train", str(read), "--out", str(out)]
    assert fragment in refusal(argv, capsys)
    assert table.read_text() == train.read_text() == GOOD


def test_columns_that_out_adds_must_be_free(tmp_path, capsys, no_training):
    table = tmp_path / "table.csv"
    table.write_text(GOOD.replace("b", "is_anomaly", 1))
    line = refusal(["detect", str(table), "--out", str(tmp_path / "out.csv")], capsys)
    assert "'is_anomaly'" in line


def test_parquet_without_pyarrow_names_the_extra(tmp_path, capsys, no_training, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "table.parquet").write_text(GOOD)
    assert "skae[parquet]" in refusal(["detect", str(tmp_path / "table.parquet")], capsys)
    assert "skae[parquet]" in refusal(["detect", "--out", str(tmp_path / "o.parquet")], capsys)


BAD_ARGUMENTS = {
    "no command": [],
    "wrong command": ["detekt"],
    "wrong option": ["detect", "--colour"],
    "contamination 0": ["detect", "--contamination", "0"],
    "contamination nan": ["detect", "--contamination", "nan"],
    "contamination word": ["detect", "--contamination", "some"],
    "seed": ["detect", "--seed", str(2**32)],
    "top": ["detect", "--top", "-1"],
    "epochs": ["detect", "--max-epochs", "0"],
    "label without table": ["detect", "--label", "y"],
    "train without table": ["detect", "--train", "y.csv"],
    "table after ignore": ["detect", "--ignore", "a", "table.csv"],
    "impute without table": ["impute", "--out", "out.csv"],
    "impute without out": ["impute", "table.csv"],
}


@pytest.mark.parametrize("argv", BAD_ARGUMENTS.values(), ids=BAD_ARGUMENTS)
def test_bad_arguments_get_one_line(argv, capsys, no_training):
    refusal(argv, capsys)


@pytest.mark.parametrize(
    ("argv", "fragment"),
    [
        (["--version"], "skae 0"),
        (["--help"], "impute"),
        (["detect", "--help"], "examples:"),
        (["impute", "--help"], "examples:"),
    ],
)
def test_what_only_prints_exits_with_0(argv, fragment, capsys):
    with pytest.raises(SystemExit) as stop:
        main(argv)
    assert stop.value.code == 0
    assert fragment in capsys.readouterr().out


def test_an_interrupt_exits_with_130_and_leaves_nothing(tmp_path, capsys, monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("skae.cli._training._fit", interrupt)
    assert main(["detect", "--out", str(tmp_path / "out.csv")]) == 130
    assert "Traceback" not in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_leaves_is_no_error():
    """As in ``skae detect | head``, where head has seen enough."""
    code = (
        "import sys; from skae.cli import _main; "
        "_main._run_detect = lambda args: print('report'); sys.exit(_main.main(['detect']))"
    )
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write) as pipe:
        command = [sys.executable, "-c", code]
        result = subprocess.run(command, stdout=pipe, stderr=subprocess.PIPE, check=False)
    assert (result.returncode, result.stderr) == (1, b"")


def test_a_refusal_is_quick():
    """What is wrong with a file is known before torch, which takes seconds to import."""
    command = [sys.executable, "-X", "importtime", "-m", "skae", "detect", "nowhere.csv"]
    result = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    imported = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines()}
    assert result.returncode == 2
    assert "skae.cli._main" in imported
    assert "torch" not in imported
