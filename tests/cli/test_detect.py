"""``skae detect`` from end to end."""

import re
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from skae.cli import _detect as detect_module
from skae.cli import _tables as tables_module
from skae.cli import main
from skae.cli._tables import read_table
from skae.datasets import _parquet as parquet_module
from skae.datasets import load_digit_anomalies
from tests.cli.tables import KINDS, mixed_frame, write_parquet_folder

QUICK = ["--max-epochs", "3"]


def run(capsys, *argv, code=0):
    """Run ``skae detect``; return what it printed."""
    assert main(["detect", *map(str, argv)]) == code
    return capsys.readouterr()


@pytest.fixture(scope="module")
def embedded(tmp_path_factory):
    """The demo, as a user runs it: stdout, stderr, and the scored table."""
    out = tmp_path_factory.mktemp("embedded") / "scored.csv"
    with redirect_stdout(StringIO()) as stdout, redirect_stderr(StringIO()) as stderr:
        assert main(["detect", "--out", str(out)]) == 0
    return stdout.getvalue(), stderr.getvalue(), pd.read_csv(out, index_col=0)


@pytest.fixture
def table(tmp_path):
    """60 rows on a line, in which one value of row 17 is far off; and words."""
    line = np.linspace(-1, 1, 60)
    frame = pd.DataFrame({"a": line, "b": 2 * line, "c": -line})
    frame.loc[17, "b"] = 30.0
    frame["odd"] = (frame.index == 17).astype(int)
    frame["id"] = [f"{i:03d}" for i in range(60)]
    path = tmp_path / "table.csv"
    frame.to_csv(path, index=False)
    return path


def auc_of(report, detector):
    return float(re.search(rf"^{detector}.*?  +(\d\.\d+)", report, re.MULTILINE)[1])


# ---- the embedded table ----


def test_the_demo_finds_the_zeros_better_than_its_peers(embedded):
    report, _, scored = embedded
    target = load_digit_anomalies().target[scored.index]
    auc = roc_auc_score(target, -scored["score"])
    assert auc > 0.9
    assert auc_of(report, "AutoEncoderDetector") == pytest.approx(auc, abs=6e-4)
    assert auc > auc_of(report, "IsolationForest") > 0.7
    assert auc > auc_of(report, "PCA reconstruction error") > 0.7


def test_the_demo_says_what_the_data_is(embedded):
    report, _, scored = embedded
    for words in ["handwritten digits", "anomaly is a zero", "64", "1797"]:
        assert words.lower() in report.lower()
    assert len(scored) == 1797 - 810  # half of the 1619 other digits train


def test_progress_is_one_line_where_there_is_no_terminal(embedded):
    _, err, _ = embedded
    progress = [line for line in err.splitlines() if not line.startswith("note: ")]
    assert len(progress) == 1
    assert re.fullmatch(r"training on 810 rows x 64 columns: \d+ epochs, [\d.]+ s", progress[0])


def test_columns_of_the_report_are_aligned(embedded):
    lines = embedded[0].split("Top anomalies, lowest score first:\n")[1].split("\n\n")[0]
    places = [re.search(r" (yes|flagged) ", line).start() for line in lines.splitlines()]
    assert len(places) == 11
    assert len(set(places)) == 1


def test_the_same_seed_prints_the_same(capsys):
    first, second, third = (
        run(capsys, *QUICK, "--seed", seed, "--quiet").out for seed in (1, 1, 2)
    )
    assert first == second != third


# ---- tables of the user ----


def test_out_keeps_the_table_and_adds_what_was_found(table, tmp_path, capsys):
    out = tmp_path / "scored.csv"
    run(capsys, table, "--label", "odd", "--ignore", "id", "--out", out, *QUICK)
    before, after = (pd.read_csv(path, dtype={"id": str}) for path in (table, out))
    pd.testing.assert_frame_equal(after[before.columns], before, check_exact=True)
    assert list(after.columns[-3:]) == ["score", "is_anomaly", "reason"]
    assert after["score"].idxmin() == 17
    assert after["is_anomaly"][17]
    assert after["reason"][17].startswith("b (")
    assert (after["reason"].notna() == after["is_anomaly"]).all()
    assert (
        after.loc[after["is_anomaly"], "score"].max()
        < after.loc[~after["is_anomaly"], "score"].min()
    )


def test_parquet_and_csv_are_scored_alike(table, tmp_path, capsys):
    pytest.importorskip("pyarrow")
    parquet = tmp_path / "table.parquet"
    pd.read_csv(table, dtype={"id": str}).to_parquet(parquet)
    outs = [tmp_path / "1.csv", tmp_path / "2.parquet"]
    for source, out in zip([table, parquet], outs, strict=True):
        run(capsys, source, "--ignore", "odd", "id", "--out", out, *QUICK)
    np.testing.assert_array_equal(
        read_table(outs[0]).head["score"], read_table(outs[1]).head["score"]
    )


def test_the_reasons_name_column_value_and_share(table, capsys):
    report = run(capsys, table, "--ignore", "id", "odd", "--top", 1, *QUICK).out
    assert re.search(
        r"^ 17 +-[\d.]+ +yes +b = 30 instead of -?[\d.e-]+ \(\d+%\), ", report, re.MULTILINE
    )


def test_labels_are_only_for_the_report(table, tmp_path, capsys):
    outs = [tmp_path / "1.csv", tmp_path / "2.csv"]
    with_label = run(
        capsys, table, "--ignore", "id", "--label", "odd", "--out", outs[0], *QUICK
    ).out
    without = run(capsys, table, "--ignore", "id", "odd", "--out", outs[1], *QUICK).out
    assert outs[0].read_text() == outs[1].read_text()
    assert auc_of(with_label, "AutoEncoderDetector") == 1
    assert "odd = 1, 1 row)" in with_label
    assert "ROC AUC" not in without


def test_contamination_is_the_share_flagged(table, capsys):
    report = run(capsys, table, "--ignore", "id", "odd", "--contamination", 0.1, *QUICK).out
    assert re.search(r"^flagged +6 \(10.0%\)$", report, re.MULTILINE)


def test_train_learns_from_other_rows(table, tmp_path, capsys):
    frame = pd.read_csv(table)
    normal = tmp_path / "normal.csv"  # columns in another order, no label, no id
    frame.drop(index=17)[["c", "a", "b"]].to_csv(normal, index=False)
    options = ["--label", "odd", "--ignore", "id", *QUICK]
    report = run(capsys, table, "--train", normal, *options).out
    assert "60 scored, trained on 59" in report
    assert auc_of(report, "AutoEncoderDetector") == 1
    share = re.search(r"^ 17 .*b = 30 instead of \S+ \((\d+)%\)", report, re.MULTILINE)[1]
    assert int(share) > 50


def test_a_row_index_is_no_feature(table, tmp_path, capsys):
    indexed, out = tmp_path / "indexed.csv", tmp_path / "scored.csv"
    pd.read_csv(table).drop(columns=["id", "odd"]).to_csv(indexed)  # as pandas does by default
    printed = run(capsys, indexed, "--out", out, *QUICK)
    assert re.search(r"^columns +3$", printed.out, re.MULTILINE)
    assert "row names" in printed.err
    assert out.read_text().startswith(",a,b,c,score,is_anomaly,reason\n0,")


def test_a_header_of_numbers_is_noted(tmp_path, capsys):
    path = tmp_path / "table.csv"
    path.write_text("0.5,1.5\n" + "1,2\n2,1\n" * 10)
    assert "numbers only" in run(capsys, path, *QUICK).err


def test_quiet_leaves_stderr_empty(table, capsys):
    printed = run(capsys, table, "--ignore", "id", "odd", "--quiet", *QUICK)
    assert printed.err == ""
    assert "flagged" in printed.out


def test_notes_are_single_lines(table, capsys):
    """60 rows are too few for a threshold at 1 %: that is said, without file name and line."""
    err = run(capsys, table, "--ignore", "id", "odd", *QUICK).err
    notes = [line for line in err.splitlines() if line.startswith("note: ")]
    assert notes
    assert err.count("\n") == 1 + len(notes)
    assert "Warning" not in err


def test_a_terminal_shows_the_epochs(table, capsys, monkeypatch):
    pytest.importorskip("sklearn.callback")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    err = run(capsys, table, "--ignore", "id", "odd", *QUICK).err
    assert re.findall(r"epoch (\d), [\d,]+ rows/s", err) == ["1", "2", "3"]
    assert re.search(r"3 epochs, [\d.]+ s\n", err)


def test_the_strangest_value_of_a_single_column_is_found(tmp_path, capsys):
    path = tmp_path / "table.csv"
    path.write_text("a\n" + "1\n2\n3\n" * 10 + "9\n")
    printed = run(capsys, path, *QUICK)
    assert re.search(r"a = 9 instead of", printed.out)


def test_rows_that_are_all_the_same_are_scored_in_peace(tmp_path, capsys, recwarn):
    path = tmp_path / "table.csv"
    path.write_text("a,b,y\n" + "1,2,0\n1,2,1\n" * 10)
    report = run(capsys, path, "--label", "y", *QUICK).out
    assert re.search(r"^flagged +0 ", report, re.MULTILINE)
    assert not [str(w.message) for w in recwarn if w.category is RuntimeWarning]


def test_what_fit_refuses_is_one_line(tmp_path, capsys):
    path = tmp_path / "table.csv"
    path.write_text("a,b\n1,2\n2,3\n3,5\n")
    assert main(["detect", str(path), "--device", "abacus"]) == 2
    assert "Traceback" not in capsys.readouterr().err


# ---- tables as they come ----


@pytest.fixture
def mixed(tmp_path):
    """Mixed columns with missing cells; row 100 is of the wrong colour."""
    frame, path = mixed_frame(), tmp_path / "mixed.csv"
    frame.loc[100, KINDS] = [0.1, 0, "green", True, pd.Timestamp("2024-01-01")]
    frame.assign(odd=(frame.index == 100).astype(int)).to_csv(path, index=False)
    return path


def test_a_table_is_taken_as_it_comes(mixed, tmp_path, capsys):
    out = tmp_path / "scored.csv"
    options = ["--label", "odd", "--contamination", 0.01, "--max-epochs", 30, "--out", out]
    printed = run(capsys, mixed, *options)
    assert re.search(r"^columns +5$", printed.out, re.MULTILINE)
    assert re.search(
        r"^100 .* yes +anomaly +colour = green instead of \w+ \(\d+%\)", printed.out, re.MULTILINE
    )
    assert auc_of(printed.out, "AutoEncoderDetector") > 0.95
    assert 0 <= auc_of(printed.out, "IsolationForest") <= 1
    assert 0 <= auc_of(printed.out, "PCA reconstruction error") <= 1
    assert "read as dates: 'when'" in printed.err
    before, after = (pd.read_csv(path, dtype=str) for path in (mixed, out))
    pd.testing.assert_frame_equal(after[before.columns], before)
    assert after["reason"][100].startswith("colour (")


def test_a_question_mark_is_a_missing_cell(mixed, tmp_path, capsys):
    marked = tmp_path / "marked.csv"
    marked.write_text(re.sub(r"(?<=,)(?=,)", "?", mixed.read_text()))
    assert "?" in marked.read_text()
    outs = [tmp_path / "1.csv", tmp_path / "2.csv"]
    for path, out in zip([mixed, marked], outs, strict=True):
        run(capsys, path, "--out", out, *QUICK)
    assert outs[0].read_text() == outs[1].read_text()


def test_names_that_say_nothing_are_noted(tmp_path, capsys):
    path = tmp_path / "table.csv"
    lines = [f"{i % 7},{i % 5},key {i},{i % 3 or 'n/a'}" for i in range(40)]
    path.write_text("\n".join(["a,b,my key,c", *lines]))
    err = run(capsys, path, *QUICK).err
    assert "column 'my key' has another text in every row" in err
    assert "--ignore 'my key' leaves it out" in err
    assert "column 'c' is taken as text, though most of it is numbers, unlike 'n/a'" in err
    assert err.count("has another text") == 1


def test_labels_may_be_of_any_type(mixed, tmp_path, capsys):
    pytest.importorskip("pyarrow")
    path = tmp_path / "labelled.parquet"
    frame = mixed_frame(60, 1)
    frame.assign(odd=pd.Categorical(["no"] * 59 + ["yes"])).to_parquet(path)
    assert "odd = yes, 1 row)" in run(capsys, path, "--label", "odd", *QUICK).out


@pytest.mark.parametrize(
    "values", [[[1, 2]] * 30, [b"x", b"y"] * 15, pd.to_timedelta(range(30), unit="s")]
)
def test_what_is_no_feature_is_refused_by_name(values, tmp_path, capsys):
    pytest.importorskip("pyarrow")
    path = tmp_path / "table.parquet"
    pd.DataFrame({"a": np.arange(30) % 7, "odd one": values}).to_parquet(path)
    assert "'odd one'" in run(capsys, path, *QUICK, code=2).err
    run(capsys, path, "--ignore", "odd one", *QUICK)


# ---- tables larger than memory ----


@pytest.fixture
def streamed(tmp_path, monkeypatch):
    """Four Parquet files, as if they were large."""
    pytest.importorskip("pyarrow")
    monkeypatch.setattr(tables_module, "IN_MEMORY_CELLS", 0)
    frame = mixed_frame().assign(id=[f"row {i}" for i in range(240)])
    return write_parquet_folder(tmp_path / "folder", frame)


def whole(folder):
    return pd.concat(map(pd.read_parquet, sorted(folder.iterdir())), ignore_index=True)


def test_a_folder_is_scored_chunk_by_chunk(streamed, tmp_path, capsys):
    out = tmp_path / "scored.parquet"
    report = run(capsys, streamed, "--ignore", "id", "--out", out, "--top", 7, *QUICK).out
    before, after = whole(streamed), pd.read_parquet(out)
    pd.testing.assert_frame_equal(after[before.columns], before)
    assert list(after.columns[-3:]) == ["score", "is_anomaly", "reason"]
    assert ((after["reason"] != "") == after["is_anomaly"]).all()
    flagged = int(after["is_anomaly"].sum())
    assert re.search(rf"^flagged +{flagged} ", report, re.MULTILINE)
    listed = re.findall(r"^ *(\d+) +-[\d.]+ +(?:yes|no) ", report, re.MULTILINE)
    assert list(map(int, listed)) == after["score"].nsmallest(7).index.tolist()


def test_scores_do_not_depend_on_how_a_table_is_kept(streamed, tmp_path, capsys):
    """Learned from the same rows, the same rows get the same scores."""
    csv, outs = tmp_path / "table.csv", [tmp_path / "1.csv", tmp_path / "2.csv"]
    whole(streamed).to_csv(csv, index=False)
    for path, out in zip([csv, streamed], outs, strict=True):
        options = ["--train", csv, "--ignore", "id", "when", "--out", out]
        run(capsys, path, *options, *QUICK)
    first, second = (pd.read_csv(out) for out in outs)
    np.testing.assert_array_equal(first["score"], second["score"])
    assert first["reason"].equals(second["reason"])


def test_the_table_is_read_once_after_training(streamed, tmp_path, capsys, monkeypatch):
    passes, trained = [], detect_module._trained
    pieces = parquet_module.ParquetFiles.pieces

    def counted_pieces(source):
        passes.append(1)
        return pieces(source)

    def train_and_forget(*args):
        detector = trained(*args)
        passes.clear()
        return detector

    monkeypatch.setattr(parquet_module.ParquetFiles, "pieces", counted_pieces)
    monkeypatch.setattr(detect_module, "_trained", train_and_forget)
    run(capsys, streamed, "--ignore", "id", "--out", tmp_path / "scored.parquet", *QUICK)
    assert len(passes) == 1


def test_labels_of_a_stream_are_compared_without_peers(streamed, capsys):
    printed = run(capsys, streamed, "--ignore", "id", "--label", "flag", *QUICK, code=2)
    assert "column 'flag' has 6 missing cells" in printed.err
    for path in streamed.iterdir():
        frame = pd.read_parquet(path)
        frame.assign(odd=frame["count"].fillna(0) > 35).to_parquet(path, index=False)
    printed = run(capsys, streamed, "--ignore", "id", "--label", "odd", *QUICK)
    assert 0 <= auc_of(printed.out, "AutoEncoderDetector") <= 1
    assert "too large for IsolationForest and PCA" in printed.err
    assert "IsolationForest" not in printed.out


@pytest.mark.parametrize("trains", [True, False])
def test_an_infinite_value_is_found_wherever_it_is(streamed, tmp_path, capsys, trains):
    normal, out = tmp_path / "normal.csv", tmp_path / "scored.parquet"
    mixed_frame().drop(columns="when").to_csv(normal, index=False)
    path = streamed / "2.parquet"
    pd.read_parquet(path).replace({"size": {9.6: np.inf, 0.1: -np.inf}}).to_parquet(
        path, index=False
    )
    options = [] if trains else ["--train", normal]
    argv = [streamed, "--ignore", "id", "when", "--out", out, *options, *QUICK]
    err = run(capsys, *argv, code=2).err
    assert "infinity in column 'size'" in err.splitlines()[-1]
    assert not out.exists()


def test_a_terminal_shows_a_bar_for_every_pass(streamed, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    argv = [streamed, "--ignore", "id", "--out", tmp_path / "scored.parquet", *QUICK]
    printed = run(capsys, *argv)
    for what in ("statistics", "training", "writing scored.parquet"):
        assert re.search(rf"{what}: .*rows/s", printed.err), what
    assert printed.out.startswith(f"{streamed}: learned from its own rows.")
    assert re.search(r"scoring: .*rows/s", run(capsys, streamed, "--ignore", "id", *QUICK).err)
    assert run(capsys, *argv, "--quiet").err == ""
