"""Tables on disk: what is read is what was written, and nothing is written by half."""

import numpy as np
import pandas as pd
import pytest

from skae.cli._report import CommandError
from skae.cli._tables import anomaly_labels, numeric_features, read_table, write_table


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


def test_a_table_round_trips(tmp_path, suffix):
    frame, path = awkward_frame(), tmp_path / f"table{suffix}"
    write_table(frame, path)
    again = read_table(path, text_columns=["Ünïcode"])
    pd.testing.assert_frame_equal(again, frame, check_dtype=False, check_exact=True)


def test_a_second_round_changes_nothing(tmp_path, suffix):
    first, second = tmp_path / f"1{suffix}", tmp_path / f"2{suffix}"
    write_table(awkward_frame(), first)
    write_table(read_table(first, text_columns=["Ünïcode"]), second)
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("before", [None, "what,was\n1,there\n"])
def test_a_file_is_never_half_written(tmp_path, monkeypatch, suffix, error, before):
    path = tmp_path / f"table{suffix}"
    if before is not None:
        path.write_text(before)

    def fail_in_the_middle(frame, target, **kwargs):
        target.write_text("half of")
        assert not path.exists() if before is None else path.read_text() == before
        raise error

    writer = "to_csv" if suffix == ".csv" else "to_parquet"
    monkeypatch.setattr(pd.DataFrame, writer, fail_in_the_middle)
    with pytest.raises((CommandError, KeyboardInterrupt)):
        write_table(awkward_frame(), path)
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
    pd.testing.assert_frame_equal(read_table(path), pd.DataFrame({"a": [1, 3], "b": [2, 4]}))


def test_features_are_numbers_however_they_are_stored():
    frame = pd.DataFrame(
        {
            "bool": [True, False],
            "nullable": pd.array([1, 2], dtype="Int64"),
            "small": np.array([1, 2], dtype=np.float32),
            "beyond int64": [10**30, 1],
            "left out": ["a", "b"],
        }
    )
    features = numeric_features(frame, "table", excluded={"left out"})
    assert (features.dtypes == np.float64).all()
    assert features.to_numpy().tolist() == [[1, 1, 1, 1e30], [0, 2, 2, 1]]


@pytest.mark.parametrize(
    "values",
    [
        pd.to_datetime(["2020-01-01", "2020-01-02"]),
        pd.to_timedelta(["1s", "2s"]),
        pd.Categorical(["a", "b"]),
        [[1, 2], [3]],
        [b"x", b"y"],
        [1 + 2j, 3],
    ],
    ids=lambda values: type(values[0]).__name__,
)
def test_what_is_no_number_is_refused_by_name(values):
    with pytest.raises(CommandError, match="column 'odd one' is not numeric"):
        numeric_features(pd.DataFrame({"odd one": values}), "table")


@pytest.mark.parametrize(
    ("values", "anomaly"),
    [
        (["0", "1", "1"], "1"),  # 1 beside 0, however frequent
        ([0.0, 1.0, 1.0], "1"),
        ([False, True, True], "true"),
        (["no", "Yes", "yes "], "yes"),
        (["0", "3", "3"], "3"),
        (["ok", "anomaly", "anomaly"], "anomaly"),
        (["normal", "attack", "attack"], "attack"),
        ([1, -1, -1], "-1"),  # scikit-learn's signs
        ([1, 2, 2], "1"),  # no meaning known: the rarer
        (["benign", "malignant", "benign"], "malignant"),
    ],
)
def test_which_label_means_anomaly(values, anomaly):
    is_anomaly, meaning = anomaly_labels(pd.Series(values, name="y"), "table")
    assert meaning == anomaly
    texts = [str(value).strip().lower().removesuffix(".0") for value in values]
    assert is_anomaly.tolist() == [text == anomaly for text in texts]
