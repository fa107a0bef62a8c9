"""``skae detect`` from end to end."""

import re
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from skae.cli import main
from skae.cli._tables import read_table
from skae.datasets import load_digit_anomalies

QUICK = ["--max-epochs", "3"]


def run(capsys, *argv):
    """Run ``skae detect``; return what it printed."""
    assert main(["detect", *map(str, argv)]) == 0
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
    assert auc_of(report, "DenoisingAE") == pytest.approx(auc, abs=6e-4)
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
        read_table(outs[0], text_columns=["id", "reason"])["score"], read_table(outs[1])["score"]
    )


def test_the_reasons_name_column_value_and_share(table, capsys):
    report = run(capsys, table, "--ignore", "id", "odd", "--top", 1, *QUICK).out
    assert re.search(r"^ 17 +-[\d.]+ +yes +b = 30 \(\d+%\), ", report, re.MULTILINE)


def test_labels_are_only_for_the_report(table, tmp_path, capsys):
    outs = [tmp_path / "1.csv", tmp_path / "2.csv"]
    with_label = run(
        capsys, table, "--ignore", "id", "--label", "odd", "--out", outs[0], *QUICK
    ).out
    without = run(capsys, table, "--ignore", "id", "odd", "--out", outs[1], *QUICK).out
    assert outs[0].read_text() == outs[1].read_text()
    assert auc_of(with_label, "DenoisingAE") == 1
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
    assert auc_of(report, "DenoisingAE") == 1
    share = re.search(r"^ 17 .*b = 30 \((\d+)%\)", report, re.MULTILINE)[1]
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
    assert re.findall(r"epoch (\d)", err) == ["1", "2", "3"]
    assert re.search(r"3 epochs, [\d.]+ s\n", err)


def test_a_single_column_is_noted(tmp_path, capsys):
    path = tmp_path / "table.csv"
    path.write_text("a\n" + "1\n2\n3\n" * 10)
    printed = run(capsys, path, *QUICK)
    assert "1 column: too few" in printed.err
    assert "-0" not in printed.out


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
