"""Data frames in, data frames out."""

import datetime
import sys
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from pandas.api import types

from skae.exceptions import MissingDependencyError
from skae.utils import as_pandas, fill_cells, frame_library, frame_like, in_library

SHAPES = [(1, 1), (1, 3), (3, 1), (3, 3), (2, 3), (5, 2)]


def _values(shape, order="C"):
    return np.asarray(np.arange(np.prod(shape), dtype=np.float32).reshape(shape), order=order)


@pytest.mark.parametrize("shape", SHAPES)
def test_pandas_keeps_the_index_and_takes_the_columns(shape):
    index = [f"row {i}" for i in range(shape[0])][::-1]
    columns = [f"column {j}" for j in range(shape[1])]
    frame = frame_like(pd.DataFrame({"other": index}, index=index), _values(shape), columns)
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.index) == index
    assert list(frame.columns) == columns
    assert set(frame.dtypes) == {np.dtype(np.float32)}
    np.testing.assert_array_equal(frame.to_numpy(), _values(shape))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", SHAPES)
def test_polars_keeps_rows_rows_and_columns_columns(shape, order):
    polars = pytest.importorskip("polars")
    columns = np.array([f"column {j}" for j in range(shape[1])], dtype=object)
    frame = frame_like(polars.DataFrame({"a": [0]}), _values(shape, order), columns)
    assert isinstance(frame, polars.DataFrame)
    assert frame.columns == list(columns)
    assert frame.dtypes == [polars.Float32] * shape[1]
    np.testing.assert_array_equal(frame.to_numpy(), _values(shape))


@pytest.mark.parametrize("like", [np.zeros((2, 3)), [[0.0]], pd.Series([1.0]), None])
def test_what_is_no_frame_gives_the_values_themselves(like):
    values = _values((2, 3))
    assert frame_like(like, values, list("abc")) is values


# ---- from and to polars ----


def _polars_frame(holes=True):
    """A frame of many types, the second row missing or not."""
    polars = pytest.importorskip("polars")
    day, time = datetime.date(2020, 2, 29), datetime.datetime(2020, 1, 1)
    cells = {
        "int": ([1, 2, 3], polars.Int16),
        "float": ([1.5, 0.1, 2.5], polars.Float32),
        "bool": ([True, True, False], polars.Boolean),
        "text": (["a", "c", "b"], polars.String),
        "category": (["a", "c", "b"], polars.Categorical),
        "enum": (["b", "c", "a"], polars.Enum(["b", "unused", "a", "c"])),
        "date": ([day, day.replace(day=1), day], polars.Date),
        "time": ([time, time.replace(hour=5), time], polars.Datetime("ms")),
        "decimal": ([Decimal("1.25"), Decimal("0.10"), Decimal("-3.50")], polars.Decimal(None, 2)),
    }
    return polars.DataFrame(
        {
            name: polars.Series(name, [first, None if holes else second, third], dtype=dtype)
            for name, ((first, second, third), dtype) in cells.items()
        }
    )


@pytest.mark.parametrize(
    "X", [np.zeros((2, 2)), [[0.0]], None, "polars", pd.DataFrame({"a": [1]}), pd.Series([1])]
)
def test_what_is_no_frame_of_polars_is_left_as_it_is(X):
    assert as_pandas(X) is X
    assert frame_library(X) == ("pandas" if isinstance(X, pd.DataFrame) else None)


def test_a_frame_of_polars_becomes_one_of_pandas_with_the_same_cells():
    frame = _polars_frame()
    assert frame_library(frame) == "polars"
    converted = as_pandas(frame)
    assert frame_library(converted) == "pandas"
    assert list(converted.columns) == frame.columns
    for name in frame.columns:
        np.testing.assert_array_equal(converted[name].isna(), frame[name].is_null())
    assert list(converted["enum"].cat.categories) == ["b", "unused", "a", "c"]


def test_polars_needs_pyarrow_and_says_so(monkeypatch):
    frame = _polars_frame()
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingDependencyError, match="polars"):
        as_pandas(frame)


def test_there_and_back_is_the_same_frame_of_polars():
    from polars.testing import assert_frame_equal

    frame = _polars_frame()
    assert_frame_equal(in_library(as_pandas(frame), "polars", dict(frame.schema)), frame)


def test_integers_of_polars_are_rounded_and_not_cut():
    polars = pytest.importorskip("polars")
    frame = pd.DataFrame({"it": [0.6, -0.6, np.nan, 2.4], "float": [0.6, 0.5, 0.4, 0.3]})
    schema = {"it": polars.Int8, "float": polars.Float32}
    converted = in_library(frame, "polars", schema)
    assert converted["it"].to_list() == [1, -1, None, 2]
    assert dict(converted.schema) == schema


def test_a_frame_of_pandas_stays_where_pandas_is_asked_for():
    frame = pd.DataFrame({"a": [1]})
    assert in_library(frame, "pandas") is frame


# ---- cells that are filled ----

MISSING = np.array([[False], [True], [False], [True]])
FULL = {
    "float64": [0.1, 0.2, -0.0, 0.4],
    "float32": [0.1, 0.2, -0.0, 0.4],
    "Float32": [0.1, 0.2, 0.3, 0.4],
    "double[pyarrow]": [0.1, 0.2, 0.3, 0.4],
    "Int64": [2**62 + 1, 2, 3, 4],
    "UInt8": [1, 2, 3, 255],
    "int64[pyarrow]": [2**62 + 1, 2, 3, 4],
    "boolean": [True, False, False, True],
    "bool[pyarrow]": [True, False, False, True],
    "object": ["a", "b", "a", "b"],
    "str": ["a", "b", "a", "b"],
    "string": ["a", "b", "a", "b"],
    "string[pyarrow]": ["a", "b", "a", "b"],
    "category": ["a", "b", "a", "b"],
    "datetime64[s]": pd.date_range("2020-01-01", periods=4),
    "datetime64[ns]": pd.date_range("2020-01-01", periods=4),
    "datetime64[us, Europe/Berlin]": pd.date_range("2020-01-01", periods=4, tz="Europe/Berlin"),
    "timestamp[us][pyarrow]": pd.date_range("2020-01-01", periods=4),
    "date32[pyarrow]": [datetime.date(2020, 1, day) for day in (1, 2, 3, 4)],
    "Sparse[float]": [0.1, 0.2, 0.0, 0.4],
}
every_dtype = pytest.mark.parametrize("dtype", FULL)


def _full_and_holed(dtype):
    full = pd.Series(FULL[dtype]).astype(dtype)
    keep = ~MISSING[:, 0]
    holed = full.where(keep, None) if types.is_object_dtype(full) else full.where(keep)
    return pd.DataFrame({"it": full}), pd.DataFrame({"it": holed})


def _bits(frame):
    """Cells so that equal ones are equal to the last bit, and no NaN differs from itself."""
    return [repr(cell) for cell in frame["it"]]


@every_dtype
def test_missing_cells_are_taken_from_the_other_frame(dtype):
    if dtype.endswith("[pyarrow]"):
        pytest.importorskip("pyarrow")
    full, holed = _full_and_holed(dtype)
    assert holed["it"].isna().sum() == 2
    before = _bits(holed)
    filled = fill_cells(holed, full, MISSING)
    pd.testing.assert_frame_equal(filled, full, check_exact=True)
    assert _bits(filled) == _bits(full)
    assert _bits(holed) == before


@every_dtype
def test_cells_that_are_not_missing_are_kept(dtype):
    if dtype.endswith("[pyarrow]"):
        pytest.importorskip("pyarrow")
    full, holed = _full_and_holed(dtype)
    other = full.iloc[::-1].reset_index(drop=True)
    filled = fill_cells(holed, other, MISSING)
    assert filled["it"].dtype == full["it"].dtype
    expected = [_bits(other)[i] if hole else _bits(full)[i] for i, hole in enumerate(MISSING[:, 0])]
    assert _bits(filled) == expected


@every_dtype
def test_labels_that_repeat_do_not_matter(dtype):
    if dtype.endswith("[pyarrow]"):
        pytest.importorskip("pyarrow")
    full, holed = _full_and_holed(dtype)
    holed.index = pd.Index([1, 1, 0, 1], name="row")
    filled = fill_cells(holed, full, MISSING)
    pd.testing.assert_index_equal(filled.index, holed.index)
    assert _bits(filled) == _bits(full)


def test_columns_of_one_label_are_filled_each_for_itself():
    holed = pd.DataFrame([[np.nan, 1.0], [2.0, np.nan]], columns=["it", "it"])
    full = pd.DataFrame([[5.0, 6.0], [7.0, 8.0]], columns=["it", "it"])
    filled = fill_cells(holed, full, np.eye(2, dtype=bool))
    assert filled.to_numpy().tolist() == [[5, 1], [2, 8]]
    assert list(filled.columns) == ["it", "it"]


def test_a_cell_takes_the_type_of_its_column():
    holed = pd.DataFrame({"float": [np.nan, 1.5], "object": [None, "a"]})
    full = pd.DataFrame({"float": [3, 4], "object": pd.array(["b", "c"], dtype="str")})
    filled = fill_cells(holed, full, holed.isna().to_numpy())
    assert (filled.dtypes == holed.dtypes).all()
    assert filled["float"].tolist() == [3.0, 1.5]
    assert filled["object"].tolist() == ["b", "a"]


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize(("a", "b", "c"), ["abc", (1, 2, 3), (0.5, 1.5, 2.5)])
def test_a_category_that_a_chunk_does_not_know_is_added_at_the_end(a, b, c, ordered):
    holed = pd.DataFrame({"it": pd.Categorical([c, None, None], [c, b], ordered=ordered)})
    full = pd.DataFrame({"it": pd.Categorical([c, a, b], [a, b, c], ordered=ordered)})
    filled = fill_cells(holed, full, np.array([[False], [True], [True]]))["it"]
    assert filled.tolist() == [c, a, b]
    assert filled.cat.categories.tolist() == [c, b, a]
    assert filled.cat.categories.dtype == holed["it"].cat.categories.dtype
    assert filled.cat.ordered is ordered


def test_nothing_missing_gives_an_equal_copy():
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]})
    filled = fill_cells(frame, frame[::-1], np.zeros((2, 2), dtype=bool))
    pd.testing.assert_frame_equal(filled, frame)
    assert filled is not frame


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_array_is_filled_and_keeps_its_type_and_bits(dtype):
    rng = np.random.default_rng(0)
    X, missing = rng.normal(size=(20, 3)).astype(dtype), rng.random((20, 3)) < 0.3
    X[0] = [0.1, -0.0, 1e-40]
    missing[0] = False
    holed, values = np.where(missing, dtype(np.nan), X), rng.normal(size=(20, 3))
    filled = fill_cells(holed, values, missing)
    assert filled.dtype == dtype
    assert filled[~missing].tobytes() == X[~missing].tobytes()
    np.testing.assert_array_equal(filled[missing], values[missing].astype(dtype))
    assert np.isnan(holed[missing]).all()


def test_a_frame_of_polars_is_filled_and_keeps_its_types():
    from polars.testing import assert_frame_equal

    holed, full = _polars_frame(), _polars_frame(holes=False)
    missing = np.zeros(holed.shape, dtype=bool)
    assert_frame_equal(fill_cells(holed, full[::-1], missing), holed)
    missing[1] = True
    filled = fill_cells(holed, full, missing)
    assert_frame_equal(filled, full)
    assert filled.schema == holed.schema


def test_a_cell_of_an_integer_column_of_polars_is_rounded():
    polars = pytest.importorskip("polars")
    holed = polars.DataFrame({"it": [1, None]})
    filled = fill_cells(holed, polars.DataFrame({"it": [9.9, 2.7]}), np.array([[False], [True]]))
    assert filled["it"].to_list() == [1, 3]
    assert filled.schema == holed.schema


def test_a_column_of_polars_without_a_type_takes_that_of_the_cells():
    polars = pytest.importorskip("polars")
    holed = polars.DataFrame({"it": [None, None]})
    filled = fill_cells(holed, polars.DataFrame({"it": ["a", "b"]}), np.ones((2, 1), dtype=bool))
    assert filled["it"].to_list() == ["a", "b"]


def test_whole_numbers_with_holes_are_filled_with_whole_numbers():
    table = pd.DataFrame({"n": pd.array([1, None], dtype="Int64")})
    filled = fill_cells(table, pd.DataFrame({"n": [0.4, 2.6]}), np.array([[False], [True]]))
    assert filled["n"].tolist() == [1, 3]
    assert filled["n"].dtype == "Int64"


def test_values_that_are_not_taken_need_no_category():
    column = pd.Series(["low", None, "high"], dtype=pd.CategoricalDtype(["low", "high"]))
    values = pd.DataFrame({"it": pd.Categorical(["new", "low", "other"])})
    filled = fill_cells(pd.DataFrame({"it": column}), values, np.array([[False], [True], [False]]))
    assert filled["it"].tolist() == ["low", "low", "high"]
    assert filled["it"].dtype == column.dtype
