"""The table encoder: any table to rows of floats, and the same table back."""

import datetime
import functools
import inspect
import pickle
import re
import time
import tracemalloc
import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from pandas.api import types
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_estimator

from skae.preprocessing import TableEncoder, TableScaler, _table_encoder, check_no_infinity

pyarrow = pytest.importorskip("pyarrow")

N = 60
DAY = np.timedelta64(1, "D")
HOLES = [3, 10, 11, N - 1]
SCALERS = ["standard", "minmax", None]
FLOATS = [np.float64, np.float32]
every_float = pytest.mark.parametrize("dtype", FLOATS)


def _encoder(**params):
    return TableEncoder(**{"min_frequency": 1, **params})


def _cells(values, dtype=None, seed=0):
    """A column of these values, each of them there, in random order."""
    order = np.random.default_rng(seed).permutation(np.arange(N) % len(values))
    return pd.Series([values[i] for i in order], dtype=dtype)


def _times(unit, seed=0):
    """Times of a few years that are whole `unit`s."""
    steps = {"D": 2000, "h": 40_000, "s": 10**8, "ms": 10**11, "us": 10**14}[unit]
    since = np.random.default_rng(seed).integers(0, steps, N)
    return pd.Series(np.datetime64("2016-01-01", unit) + since).astype("datetime64[us]")


def _arrow(arrow_type):
    return pd.ArrowDtype(arrow_type)


def _complete_columns():
    text = _cells(["b", "a", "c"], object)
    integers = _cells([0, 1, 5, 3])
    columns = {
        "text as objects": text,
        "text": text.astype("str"),
        "category": text.astype("category"),
        "ordered category": text.astype(pd.CategoricalDtype(["c", "b", "unused", "a"], True)),
        "category of integers": integers.astype("category"),
        "category of floats": (integers / 2).astype("category"),
        "category of booleans": _cells([True, False]).astype("category"),
        "category of times": _times("D").astype("category"),
        "category of intervals": pd.cut(integers, 3),
        "category of several types": _cells(["a", 1, (2, 3)], object).astype("category"),
        "bool": _cells([True, False, True]),
        "booleans as objects": _cells([True, False, True], object),
        "integers as objects": integers.astype(object),
        "floats as objects": (integers / 4).astype(object),
        "integers and floats": _cells([1, 2.5], object),
        "decimals": _cells([Decimal("19.99"), Decimal("0.10"), Decimal("-3.5")], object),
        "dates": _times("D").dt.date.astype(object),
        "datetimes as objects": pd.Series(list(_times("s")), dtype=object),
        "datetimes with a zone as objects": pd.Series(
            list(_times("s").dt.tz_localize("UTC").dt.tz_convert("Asia/Kolkata")), dtype=object
        ),
        "sparse integers": integers.astype("Sparse[int]"),
        "sparse booleans": (integers > 1).astype("Sparse[bool]"),
        "int64 far from zero": integers + 10**12,
        "int64 limits": _cells([-(2**63), 2**63 - 2**10]),
        "uint64 limits": _cells([0, 2**64 - 2**11], np.uint64),
    }
    for size in (8, 16, 32, 64):
        for dtype in (f"int{size}", f"uint{size}", f"Int{size}", f"UInt{size}"):
            columns[dtype] = integers.astype(dtype)
        columns[f"int{size} of pyarrow"] = integers.astype(f"int{size}[pyarrow]")
    for dtype in ("float16", "float32", "float64", "Float32", "Float64", "double[pyarrow]"):
        columns[dtype] = (integers / 4).astype(dtype)
    for dtype in ("string", "string[python]", "string[pyarrow]"):
        columns[dtype] = text.astype(dtype)
    columns["large strings of pyarrow"] = text.astype(_arrow(pyarrow.large_string()))
    dictionary = pyarrow.dictionary(pyarrow.int32(), pyarrow.string())
    columns["dictionary of pyarrow"] = text.astype(_arrow(dictionary))
    columns["decimals of pyarrow"] = columns["decimals"].astype(_arrow(pyarrow.decimal128(9, 2)))
    for dtype in ("boolean", "bool[pyarrow]"):
        columns[dtype] = columns["bool"].astype(dtype)
    for unit in ("s", "ms", "us", "ns"):
        for step in ("D", "h", "s"):
            columns[f"datetime64[{unit}], whole {step}"] = _times(step).astype(
                f"datetime64[{unit}]"
            )
        zoned = _times("s").dt.tz_localize("UTC").dt.tz_convert("Europe/Berlin")
        columns[f"datetime64[{unit}, Europe/Berlin]"] = zoned.astype(
            f"datetime64[{unit}, Europe/Berlin]"
        )
        columns[f"timestamp[{unit}] of pyarrow"] = _times("s").astype(
            _arrow(pyarrow.timestamp(unit))
        )
        columns[f"timestamp[{unit}] of pyarrow with a zone"] = zoned.astype(
            _arrow(pyarrow.timestamp(unit, "Europe/Berlin"))
        )
    columns["date32 of pyarrow"] = columns["dates"].astype(_arrow(pyarrow.date32()))
    columns["date64 of pyarrow"] = columns["dates"].astype(_arrow(pyarrow.date64()))
    return columns


def _with_holes(column):
    """The same with missing cells, or None where its type has none."""
    dtype = column.dtype
    if isinstance(dtype, np.dtype | pd.SparseDtype) and np.dtype(dtype.type).kind in "biu":
        return None
    keep = np.ones(N, dtype=bool)
    keep[HOLES] = False
    return column.where(keep, None) if types.is_object_dtype(dtype) else column.where(keep)


COMPLETE = _complete_columns()
HOLED = {
    f"{name}, holes": column
    for name, column in ((name, _with_holes(column)) for name, column in COMPLETE.items())
    if column is not None
}
COLUMNS = {**COMPLETE, **HOLED}
# What float32 has not the digits for.
TOO_PRECISE = {"int64 far from zero", "int64 limits", "uint64 limits"}
# Once a type, with holes where it may have them.
every_type = pytest.mark.parametrize(
    "name", [name if f"{name}, holes" not in HOLED else f"{name}, holes" for name in COMPLETE]
)


def _frame(name):
    return pd.DataFrame({"number": np.linspace(-3, 9, N), "it": COLUMNS[name]})


@functools.cache
def _fitted(name):
    """A frame with a column, the encoder of it, and the encoded frame."""
    frame = _frame(name)
    encoder = _encoder().fit(frame)
    return frame, encoder, encoder.transform(frame)


def _mixed(n=N, seed=0, holes=True):
    """A table with a column of each kind."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "price": rng.normal(100, 20, n),
            "count": pd.array(rng.integers(0, 9, n), dtype="Int64"),
            "colour": pd.Categorical(rng.choice(["red", "green", "blue"], n)),
            "city": rng.choice(["Rome", "Bonn", "Oslo", "Lund"], n),
            "open": pd.array(rng.random(n) < 0.3, dtype="boolean"),
            "when": np.datetime64("2020-01-01", "us") + rng.integers(0, 999, n) * DAY,
        }
    )
    return frame.mask(rng.random(frame.shape) < 0.1) if holes else frame


def _assert_same(back, frame, tolerance):
    """Equal to the last bit, but floats: labels, order, types, categories, what is missing."""
    assert type(back) is type(frame)
    pd.testing.assert_index_equal(back.columns, frame.columns, exact=True)
    pd.testing.assert_index_equal(back.index, frame.index)
    for i, dtype in enumerate(frame.dtypes):
        ours, theirs = back.iloc[:, i], frame.iloc[:, i]
        if types.is_object_dtype(dtype):
            _assert_same_objects(ours, theirs, tolerance)
        elif types.is_float_dtype(dtype):
            pd.testing.assert_series_equal(ours, theirs, rtol=tolerance, atol=tolerance)
        else:
            pd.testing.assert_series_equal(ours, theirs, check_exact=True)


def _assert_same_objects(back, column, tolerance):
    assert back.dtype == object
    for cell, expected in zip(back, column, strict=True):
        if pd.isna(expected):
            assert _both_missing(cell, expected)
        elif isinstance(cell, float):  # of integers and floats all become floats
            assert cell == pytest.approx(expected, rel=tolerance, abs=tolerance)
        else:
            assert cell == expected
            assert isinstance(cell, type(expected))


def _both_missing(cell, other):
    """Whether both are None, or NaN, or NA, or NaT."""
    return cell is other or (type(cell) is type(other) is float and cell != cell and other != other)


def _same_encoding(first, other, X):
    """Whether two encoders do the same to a table, and say the same of it."""
    np.testing.assert_allclose(first.transform(X), other.transform(X), rtol=1e-9, atol=1e-9)
    for ours, theirs in zip(first.schema_.columns, other.schema_.columns, strict=True):
        np.testing.assert_allclose(ours.frequencies, theirs.frequencies)
        assert ours.n_seen == pytest.approx(theirs.n_seen)
        assert (ours.name, ours.kind, ours.width) == (theirs.name, theirs.kind, theirs.width)
        assert (ours.n_known, ours.has_missing) == (theirs.n_known, theirs.has_missing)


# ---- there and back ----


@every_type
def test_every_type_comes_back(name):
    frame, encoder, encoded = _fitted(name)
    _assert_same(encoder.inverse_transform(encoded), frame, 1e-12)


@pytest.mark.parametrize("name", [name for name in COMPLETE if name not in TOO_PRECISE])
def test_every_type_comes_back_from_float32(name):
    frame = _frame(name)
    encoder = _encoder(dtype=np.float32).fit(frame)
    encoded = encoder.transform(frame)
    assert encoded.dtype == np.float32
    _assert_same(encoder.inverse_transform(encoded), frame, 1e-5)


@every_type
def test_an_encoded_cell_is_missing_where_it_was(name):
    frame, _, encoded = _fitted(name)
    assert encoded.dtype == np.float64
    expected = frame["it"].isna().to_numpy()
    assert expected.sum() == (len(HOLES) if name in HOLED else 0)
    np.testing.assert_array_equal(np.isnan(encoded[:, 1:]).any(axis=1), expected)
    np.testing.assert_array_equal(np.isnan(encoded[:, 1:]).all(axis=1), expected)
    assert np.isfinite(encoded[:, 0]).all()


@every_type
def test_a_category_may_be_made_of_any_type(name):
    frame = _frame(name)
    encoder = _encoder(categorical_features=["it"]).fit(frame)
    encoded = encoder.transform(frame)
    assert encoder.schema_.columns[1].kind == "categorical"
    assert encoder.schema_.columns[1].n_known == frame["it"].nunique()
    assert set(np.unique(encoded[:, 1])) - {np.nan} >= {0.0, 1.0}
    _assert_same(encoder.inverse_transform(encoded), frame, 1e-12)


@pytest.mark.parametrize("scaler", SCALERS)
@every_float
def test_a_mixed_table_comes_back(scaler, dtype):
    frame = _mixed()
    encoder = _encoder(scaler=scaler, dtype=dtype).fit(frame)
    back = encoder.inverse_transform(encoder.transform(frame))
    _assert_same(back, frame, 1e-12 if dtype == np.float64 else 1e-4)


def test_quantiles_come_back_up_to_the_grid():
    frame = _mixed()
    encoder = _encoder(scaler="quantile").fit(frame)
    back = encoder.inverse_transform(encoder.transform(frame))
    assert (back.dtypes == frame.dtypes).all()
    assert (back["price"] - frame["price"]).abs().max() < 0.5
    _assert_same(back.drop(columns="price"), frame.drop(columns="price"), 0)


@pytest.mark.parametrize(
    "labels",
    [
        list("fedcba"),
        [9, 3, 5, 0, 2, 1],
        pd.RangeIndex(6),
        pd.Index([1.5, 2, 3, 4, 5, 6], name="x"),
        pd.MultiIndex.from_product([["p", "q"], [1, 2, 3]], names=["outer", "inner"]),
        pd.date_range("2000-01-01", periods=6),
        pd.Index([(1, 2), (1,), (3,), (4, 5, 6), (), ("a",)], dtype=object),
    ],
    ids=lambda labels: type(labels).__name__,
)
def test_labels_come_back(labels):
    frame = _mixed().set_axis(labels, axis=1)
    encoder = _encoder().fit(frame)
    _assert_same(encoder.inverse_transform(encoder.transform(frame)), frame, 1e-12)
    assert [column.name for column in encoder.schema_.columns] == list(frame.columns)


@pytest.mark.parametrize("column", ["price", "count", "colour", "city", "open", "when"])
def test_one_column_does(column):
    frame = _mixed()[[column]]
    encoder = _encoder().fit(frame)
    _assert_same(encoder.inverse_transform(encoder.transform(frame)), frame, 1e-12)


@pytest.mark.parametrize("n_repeats", [1, 2, 40])
def test_constant_columns_come_back(n_repeats):
    frame = pd.concat([_mixed(holes=False)[:1]] * n_repeats, ignore_index=True)
    encoder = _encoder().fit(frame)
    encoded = encoder.transform(frame)
    assert np.isfinite(encoded).all()
    assert (encoded == encoded[0]).all()
    _assert_same(encoder.inverse_transform(encoded), frame, 1e-12)


def test_columns_without_a_value_of_some_class_come_back():
    frame = pd.DataFrame({"yes": [True, True], "cat": pd.Categorical(["b", "b"], list("ab"))})
    encoder = _encoder().fit(frame)
    _assert_same(encoder.inverse_transform(encoder.transform(frame)), frame, 0)


def test_the_index_is_that_of_the_frame_to_be_like():
    frame = _mixed().set_index(pd.Index([f"row {i // 2}" for i in range(N)], name="rows"))
    encoder = _encoder().fit(frame)
    back = encoder.decoded_frame(encoder.transform(frame), frame)
    pd.testing.assert_index_equal(back.index, frame.index)
    pd.testing.assert_frame_equal(back, frame)
    back = encoder.inverse_transform(encoder.transform(frame))
    pd.testing.assert_index_equal(back.index, pd.RangeIndex(N))


def test_what_stands_for_a_missing_object_comes_back():
    for missing in (None, np.nan, pd.NA, pd.NaT):
        for cells in (["a", "b"], [True, False], [1, 2], [1.5, 2.5], [Decimal(1), Decimal(2)]):
            frame = pd.DataFrame({"it": pd.Series([cells[0], missing, cells[1]], dtype=object)})
            encoder = _encoder().fit(frame)
            back = encoder.inverse_transform(encoder.transform(frame))["it"]
            assert back.dtype == object
            assert _both_missing(back[1], missing)
            assert [back[0], back[2]] == cells


def test_a_type_without_missing_cells_gives_way_to_one_that_has_them():
    frame = pd.DataFrame({"integer": [1, 2, 3], "bool": [True, False, True]})
    encoder = _encoder().fit(frame)
    holed = frame.astype(object).mask([[True, False], [False, True], [False, False]])
    back = encoder.inverse_transform(encoder.transform(holed))
    assert back["integer"].dtype == np.float64
    assert back["bool"].dtype == object
    assert back["integer"].tolist()[1:] == [2.0, 3.0]
    assert back["bool"].tolist()[::2] == [True, True]
    assert back.isna().to_numpy().tolist() == [[True, False], [False, True], [False, False]]


@pytest.mark.parametrize(
    "dtype", ["int8", "uint8", "int32", "uint32", "int64", "uint64", "Int16", "uint16[pyarrow]"]
)
def test_decoded_integers_are_rounded_and_stay_within_their_type(dtype):
    frame = pd.DataFrame({"it": pd.Series([0, 4], dtype=dtype)})
    encoder = _encoder().fit(frame)  # mean 2, deviation 2
    back = encoder.inverse_transform([[-1.3], [0.9], [-0.2], [-1e30], [1e30]])["it"]
    assert back.dtype == frame["it"].dtype
    limits = np.iinfo(getattr(frame["it"].dtype, "numpy_dtype", frame["it"].dtype))
    cells = [int(cell) for cell in back]
    assert cells[1:3] == [4, 2]
    assert cells[0] in (0, -1)
    assert cells[3] == limits.min
    assert limits.max - 1024 * (limits.bits == 64) * 2 <= cells[4] <= limits.max


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_decoded_times_stay_within_their_type(unit):
    frame = pd.DataFrame({"it": _times("s").astype(f"datetime64[{unit}]")})
    encoder = _encoder().fit(frame)
    encoded = encoder.transform(frame)[:2]
    encoded[:, 0] = [-1e9, 1e9]
    back = encoder.inverse_transform(encoded)["it"]
    assert back.dtype == frame["it"].dtype
    assert back.notna().all()
    assert back[0].year < 1700
    assert back[1].year > 2200


def test_what_a_network_says_is_decoded_to_valid_cells():
    frame = _mixed()
    encoder = _encoder().fit(frame)
    noise = np.random.default_rng(0).normal(0, 3, (500, encoder.schema_.n_encoded))
    back = encoder.inverse_transform(noise)
    assert (back.dtypes == frame.dtypes).all()
    for column in ("price", "count", "open", "when"):
        assert back[column].notna().all()
    for column in ("colour", "city"):  # codes beyond the known ones are of no value
        assert set(back[column].dropna()) == set(frame[column].dropna())


# ---- arrays ----


@every_float
@pytest.mark.parametrize("scaler", SCALERS)
def test_an_array_is_scaled_and_comes_back_as_an_array(scaler, dtype):
    X = np.random.default_rng(0).normal(3, 2, (N, 4)).astype(dtype)
    X[::7, 1] = np.nan
    encoder = _encoder(scaler=scaler, dtype=dtype).fit(X)
    encoded = encoder.transform(X)
    np.testing.assert_array_equal(encoded, TableScaler(scaler).fit(X).transform(X, dtype))
    back = encoder.inverse_transform(encoded)
    assert type(back) is np.ndarray
    np.testing.assert_allclose(back, X, rtol=1e-5, atol=1e-5)


def test_columns_of_an_array_may_be_categories():
    X = np.random.default_rng(0).integers(5, 8, (N, 3)).astype(float)
    X[4, 1] = np.nan
    encoder = _encoder(categorical_features=[1]).fit(X)
    encoded = encoder.transform(X)
    assert set(encoded[:, 1][~np.isnan(X[:, 1])]) == {0, 1, 2}
    np.testing.assert_allclose(encoder.inverse_transform(encoded), X)
    assert list(encoder.get_feature_names_out()) == ["x0", "x1", "x2"]
    assert np.isnan(encoder.inverse_transform([[0, 99, 0]])[0, 1])


def test_a_frame_of_floats_is_encoded_as_its_array():
    X = np.random.default_rng(0).normal(size=(N, 3)).astype(np.float32)
    frame = pd.DataFrame(X, columns=list("abc"))
    expected = _encoder().fit(X).transform(X)
    np.testing.assert_allclose(_encoder().fit(frame).transform(frame), expected, rtol=1e-12)


# ---- polars ----


def _polars_columns():
    polars = pytest.importorskip("polars")
    text = polars.Series(list(_cells(["b", "a", "c"])))
    times = polars.Series([time.to_pydatetime() for time in _times("s")])
    columns = {
        "String": text,
        "Categorical": text.cast(polars.Categorical),
        "Enum": text.cast(polars.Enum(["c", "unused", "a", "b"])),
        "Boolean": polars.Series(list(_cells([True, False, True]))),
        "Decimal": polars.Series(list(_cells([Decimal("19.99"), Decimal("0.10")]))),
        "Date": times.cast(polars.Date),
        "Datetime(ms)": times.cast(polars.Datetime("ms")),
        "Datetime(us)": times.cast(polars.Datetime("us")),
        "Datetime(ns)": times.cast(polars.Datetime("ns")),
        "Datetime(zone)": times.dt.replace_time_zone("UTC").dt.convert_time_zone("Asia/Tokyo"),
    }
    for size in (8, 16, 32, 64):
        for name in (f"Int{size}", f"UInt{size}"):
            columns[name] = polars.Series(list(_cells([0, 1, 5]))).cast(getattr(polars, name))
    for name in ("Float32", "Float64"):
        columns[name] = polars.Series(list(_cells([0.25, 1.0]))).cast(getattr(polars, name))
    return columns


@every_float
@pytest.mark.parametrize("holes", [False, True])
def test_every_type_of_polars_comes_back(holes, dtype):
    polars = pytest.importorskip("polars")
    from polars.testing import assert_frame_equal

    tolerance = inspect.signature(assert_frame_equal).parameters  # renamed in polars 1.32
    tolerance = dict.fromkeys({"rtol", "atol", "rel_tol", "abs_tol"} & set(tolerance), 1e-5)
    for name, column in _polars_columns().items():
        keep = polars.Series([not holes or i not in HOLES for i in range(N)])
        frame = polars.DataFrame({"number": np.linspace(-3, 9, N), "it": column})
        frame = frame.with_columns(it=polars.when(keep).then(polars.col("it")))
        encoder = _encoder(dtype=dtype).fit(frame)
        encoded = encoder.transform(frame)
        assert np.isnan(encoded).any(axis=1).sum() == (len(HOLES) if holes else 0), name
        back = pickle.loads(pickle.dumps(encoder)).inverse_transform(encoded)
        assert back.schema == frame.schema
        assert_frame_equal(back, frame, check_exact=False, **tolerance)


def test_integers_of_polars_with_holes_are_rounded():
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"it": [0, 4, None]})
    encoder = _encoder().fit(frame)
    assert encoder.inverse_transform([[0.9], [-0.2], [np.nan]])["it"].to_list() == [4, 2, None]


def test_polars_and_pandas_are_encoded_alike():
    pytest.importorskip("polars")
    from skae.utils import in_library

    frame = _mixed()
    _same_encoding(_encoder().fit(in_library(frame, "polars")), _encoder().fit(frame), frame)


# ---- a row ----


def test_a_row_is_encoded_alone_as_among_others():
    frame = _mixed()
    encoder = _encoder().fit(frame)
    encoded = encoder.transform(frame)
    for i in range(N):
        np.testing.assert_array_equal(encoder.transform(frame[i : i + 1]), encoded[i : i + 1])


@every_type
def test_a_row_of_any_type_is_encoded_alone_as_among_others(name):
    frame, encoder, encoded = _fitted(name)
    for i in (0, HOLES[0]):
        np.testing.assert_array_equal(encoder.transform(frame[i : i + 1]), encoded[i : i + 1])


def test_a_row_without_any_value_is_all_nan():
    frame = _mixed()
    frame.iloc[5] = None
    encoder = _encoder().fit(frame)
    assert np.isnan(encoder.transform(frame)[5]).all()
    assert encoder.inverse_transform(encoder.transform(frame)).iloc[5].isna().all()
    assert np.isnan(encoder.transform(frame.iloc[[5]])).all()


@pytest.mark.parametrize(
    ("missing", "dtype"),
    [
        *((missing, object) for missing in (None, np.nan, pd.NA, pd.NaT)),
        *((None, dtype) for dtype in (float, "string", "str", "category", "Int64", "boolean")),
        *((None, dtype) for dtype in ("datetime64[s]", "datetime64[ns, Asia/Tokyo]")),
    ],
    ids=str,
)
def test_a_chunk_without_any_value_of_a_column_may_be_of_any_type(missing, dtype):
    frame = _mixed(holes=False)
    encoder = _encoder().fit(frame)
    expected = encoder.transform(frame)
    for i, column in enumerate(frame.columns):
        chunk = frame.assign(**{column: pd.Series([missing] * N, dtype=dtype)})
        encoded = encoder.transform(chunk)
        own = encoder.schema_.encoded_features == i
        assert np.isnan(encoded[:, own]).all()
        np.testing.assert_array_equal(encoded[:, ~own], expected[:, ~own])


def test_a_chunk_of_a_category_may_know_fewer_categories():
    frame = _mixed()
    encoder = _encoder().fit(frame)
    for colour in ("red", "green", "blue"):
        rows = frame[frame["colour"] == colour]
        chunk = rows.assign(colour=rows["colour"].cat.remove_unused_categories())
        np.testing.assert_array_equal(encoder.transform(chunk), encoder.transform(rows))
        chunk = rows.assign(colour=rows["colour"].astype(object))
        np.testing.assert_array_equal(encoder.transform(chunk), encoder.transform(rows))


def test_numbers_that_are_categories_may_change_their_width():
    frame = pd.DataFrame({"code": np.array([10, 20, 30, 20], dtype=np.int8)})
    encoder = _encoder(categorical_features=["code"]).fit(frame)
    expected = encoder.transform(frame)
    for dtype in ("int64", "float32", "Int16", "category", "int64[pyarrow]"):
        np.testing.assert_array_equal(encoder.transform(frame.astype(dtype)), expected)


def test_numbers_may_change_their_width():
    frame = pd.DataFrame({"it": np.array([1, 0, 1, 1], dtype=np.int8)})
    encoder = _encoder().fit(frame)
    expected = encoder.transform(frame)
    for dtype in ("int64", "float32", "UInt16", "bool", "boolean", object, "double[pyarrow]"):
        np.testing.assert_array_equal(encoder.transform(frame.astype(dtype)), expected)


def test_no_rows_give_no_rows():
    frame = _mixed()
    encoder = _encoder().fit(frame)
    assert encoder.transform(frame[:0]).shape == (0, encoder.schema_.n_encoded)


# ---- more rows ----


@pytest.mark.parametrize("sizes", [(20, 20, 20), (1, 59), (50, 5, 5)])
def test_partial_fit_of_chunks_is_fit_of_all(sizes):
    frame = _mixed(holes=False)
    whole, chunks = _encoder().fit(frame), _encoder()
    for chunk in np.split(np.arange(N), np.cumsum(sizes)[:-1]):
        chunks.partial_fit(frame.iloc[chunk])
    ours, theirs = chunks.transform(frame), whole.transform(frame)
    price, count = 0, 1
    np.testing.assert_allclose(ours[:, [price, count]], theirs[:, [price, count]])
    np.testing.assert_allclose(chunks.offset_[:2], whole.offset_[:2])
    _assert_same(chunks.inverse_transform(ours), frame, 1e-9)
    for mine, other in zip(chunks.schema_.columns, whole.schema_.columns, strict=True):
        assert sorted(mine.frequencies) == pytest.approx(sorted(other.frequencies))
        assert mine.n_seen == other.n_seen


def test_values_that_become_known_get_codes_after_the_others():
    first = pd.DataFrame({"it": ["b", "b", "a", "a", "a", "x"]})
    encoder = TableEncoder(max_categories=3).fit(first)
    assert encoder.schema_.columns[0].n_known == 2
    assert encoder.transform(first)[:, 0].tolist() == [1, 1, 0, 0, 0, 2]
    encoder.partial_fit(pd.DataFrame({"it": ["c"] * 9 + ["d"] * 8}))
    assert encoder.schema_.columns[0].n_known == 3
    known = pd.DataFrame({"it": ["a", "b", "c", "d", "x"]})
    assert encoder.transform(known)[:, 0].tolist() == [0, 1, 2, 3, 3]
    encoder.partial_fit(pd.DataFrame({"it": ["d"] * 99}))
    assert encoder.transform(known)[:, 0].tolist() == [0, 1, 2, 3, 3]  # there is no room


def test_a_value_that_was_rare_becomes_known_when_it_is_not():
    encoder = TableEncoder(min_frequency=3).fit(pd.DataFrame({"it": ["a"] * 3 + ["b"] * 2}))
    assert encoder.schema_.columns[0].n_known == 1
    encoder.partial_fit(pd.DataFrame({"it": ["b"]}))
    assert encoder.transform(pd.DataFrame({"it": ["b"]})) == 1
    assert encoder.inverse_transform([[1.0]])["it"].tolist() == ["b"]


@pytest.mark.parametrize(
    ("first", "later"),
    [("bb", "aa"), ([3, 3], [1, 2]), ([True], [False]), ([(1, 2)], [(3, 4)]), ([1.5], [0.5])],
)
@pytest.mark.parametrize("ordered", [False, True])
def test_categories_that_become_known_later_come_back_at_the_end(first, later, ordered):
    frames = [
        pd.DataFrame({"it": pd.Series(list(cells)).astype("category")}) for cells in (first, later)
    ]
    dtype = pd.CategoricalDtype(frames[0]["it"].cat.categories, ordered)
    encoder = _encoder().fit(frames[0].astype({"it": dtype})).partial_fit(frames[1])
    back = encoder.inverse_transform(encoder.transform(frames[1]))["it"]
    assert back.tolist() == frames[1]["it"].tolist()
    assert back.cat.ordered is ordered
    assert back.cat.categories[0] == dtype.categories[0]
    assert back.cat.categories.dtype == dtype.categories.dtype
    back = encoder.inverse_transform(encoder.transform(frames[0]))["it"]
    assert back.dtype == dtype


def test_missing_cells_of_later_rows_are_noticed():
    frame = _mixed(holes=False)
    encoder = _encoder().fit(frame)
    assert not any(column.has_missing for column in encoder.schema_.columns)
    assert not encoder.schema_.is_plain
    holed = frame.where(np.outer(np.arange(N) != 4, np.ones(frame.shape[1], dtype=bool)))
    encoder.partial_fit(holed)
    assert all(column.has_missing for column in encoder.schema_.columns)
    assert all(column.n_seen == 2 * N - 1 for column in encoder.schema_.columns)
    _assert_same(encoder.inverse_transform(encoder.transform(holed)), holed, 1e-9)


def test_quantiles_and_cycles_stay_as_the_first_call_found_them():
    frame = _mixed(holes=False)
    encoder = _encoder(scaler="quantile").fit(frame)
    before, width = encoder.transform(frame)[:, 0], encoder.schema_.n_encoded
    encoder.partial_fit(frame.assign(price=frame["price"] * 9 + 1, when=_times("s")))
    np.testing.assert_array_equal(encoder.transform(frame)[:, 0], before)
    assert encoder.schema_.n_encoded == width


def test_a_chunk_that_is_refused_leaves_no_trace():
    frame = _mixed()
    encoder, untouched = _encoder().fit(frame), _encoder().fit(frame)
    with pytest.raises(ValueError, match="'when'"):
        encoder.partial_fit(frame.assign(price=1e6, when="yesterday"))
    encoder.finish()
    _same_encoding(encoder, untouched, frame)


def test_fit_forgets_what_it_knew():
    frame, other = _mixed(), _mixed(seed=1).rename(columns=str.upper)
    _same_encoding(_encoder().fit(other).fit(frame), _encoder().fit(frame), frame)


@pytest.mark.parametrize("scaler", [*SCALERS, "quantile"])
@pytest.mark.parametrize("weighted", [False, True])
def test_reading_by_blocks_changes_nothing(scaler, weighted, monkeypatch):
    frame = _mixed()
    weight = np.random.default_rng(1).integers(0, 3, N).astype(float) if weighted else None
    whole = _encoder(scaler=scaler).fit(frame, sample_weight=weight)
    expected = whole.transform(frame)
    monkeypatch.setattr(_table_encoder, "BLOCK_CELLS", 7 * frame.shape[1])
    by_blocks = _encoder(scaler=scaler).fit(frame, sample_weight=weight)
    np.testing.assert_array_equal(whole.transform(frame), expected)
    _same_encoding(by_blocks, whole, frame)


@pytest.mark.parametrize("scaler", [*SCALERS, "quantile"])
def test_adding_chunks_is_fit(scaler):
    frame = _mixed()
    encoder = _encoder(scaler=scaler).start(frame[:20])
    for start in range(0, N, 20):
        encoder.add(encoder.check(frame[start : start + 20]))
    _same_encoding(encoder.finish(), _encoder(scaler=scaler).fit(frame), frame)


def test_a_block_without_any_value_of_a_column_changes_nothing():
    frame = _mixed(holes=False)
    empty = frame.mask(np.ones(frame.shape, dtype=bool))
    expected = _encoder().fit(frame)
    for order in ([empty, frame], [frame, empty], [frame[:9], empty, frame[9:]]):
        encoder = _encoder().start(frame)
        for chunk in order:
            encoder.add(chunk)
        np.testing.assert_allclose(encoder.finish().transform(frame), expected.transform(frame))


# ---- weights ----


def test_a_row_of_weight_two_is_the_row_twice():
    frame, weight = _mixed(), np.random.default_rng(1).integers(0, 4, N)
    weighted = TableEncoder().fit(frame, sample_weight=weight)
    repeated = frame.loc[np.repeat(frame.index, weight)]
    _same_encoding(weighted, TableEncoder().fit(repeated), frame)


def test_a_row_of_weight_zero_is_no_row():
    frame, weight = _mixed(), np.ones(N)
    weight[:9] = 0
    frame.loc[:8, "price"] = np.nan
    frame.loc[:8, "city"] = "Atlantis"
    frame.loc[:8, "when"] = pd.Timestamp("1066-10-14")
    frame.loc[0, "count"] = pd.NA
    weighted = _encoder().fit(frame, sample_weight=weight)
    without = _encoder().fit(frame[9:])
    _same_encoding(weighted, without, frame[9:])


def test_weights_that_say_nothing_are_refused():
    with pytest.raises(ValueError, match="zero"):
        _encoder().fit(_mixed(), sample_weight=np.zeros(N))
    with pytest.raises(ValueError, match="egative"):
        _encoder().fit(_mixed(), sample_weight=-np.ones(N))
    with pytest.raises(ValueError, match="sample_weight"):
        _encoder().fit(_mixed(), sample_weight=np.ones(N - 1))


# ---- which columns are categories ----


def test_names_positions_and_a_mask_choose_the_same():
    frame = _mixed(holes=False)
    expected = _encoder(categorical_features=["count", "open"]).fit(frame)
    assert [c.kind for c in expected.schema_.columns][1:5] == ["categorical"] * 4
    for chosen in (
        [1, 4],
        np.array([1, 4], dtype=np.int8),
        ("open", 1),
        pd.Index(["open", "count"]),
        [False, True, False, False, True, False],
        np.array([0, 1, 0, 0, 1, 0], dtype=bool),
    ):
        _same_encoding(_encoder(categorical_features=chosen).fit(frame), expected, frame)


def test_none_chosen_is_from_dtype():
    frame = _mixed()
    expected = _encoder().fit(frame)
    for chosen in ([], np.zeros(6, dtype=bool), ["city"], "from_dtype"):
        _same_encoding(_encoder(categorical_features=chosen).fit(frame), expected, frame)


def test_a_label_goes_before_a_position():
    frame = pd.DataFrame({1: [5, 6], 0: [7, 8]})
    kinds = [c.kind for c in _encoder(categorical_features=[1]).fit(frame).schema_.columns]
    assert kinds == ["categorical", "numeric"]


@pytest.mark.parametrize(
    ("chosen", "named"),
    [
        (["colour", "taste"], "'taste'"),
        ([0, 6], "6, .*positions from 0 to 5"),
        ([-1], "-1"),
        ([0.5], "0.5"),
        ([None], "None"),
        ([["city"]], r"\['city'\]"),
        ([True, False], r"one entry a column, \(6,\)\. Got shape \(2,\)"),
        (np.ones(7, dtype=bool), r"\(7,\)"),
        ("city", "categorical_features"),
        (3, "categorical_features"),
    ],
)
def test_a_wrong_choice_is_named(chosen, named):
    for X in (_mixed(), np.ones((3, 6))):
        with pytest.raises(ValueError, match="categorical_features") as error:
            _encoder(categorical_features=chosen).fit(X)
        assert re.search(named, str(error.value)) or not isinstance(X, pd.DataFrame)


# ---- what is refused ----

UNKNOWN_KINDS = {
    "complex": (pd.Series([1j] * N), "complex128"),
    "complex objects": (pd.Series([1j] * N, dtype=object), "complex"),
    "timedelta": (pd.Series(pd.to_timedelta(range(N), "s")), "timedelta64"),
    "period": (pd.Series(pd.period_range("2000", periods=N, freq="D")), "period"),
    "interval": (pd.Series(pd.interval_range(0, N)), "interval"),
    "lists": (pd.Series([[1, 2]] * N), "list"),
    "dicts": (pd.Series([{"a": 1}] * N), "dict"),
    "sets": (pd.Series([{1}] * N), "set"),
    "arrays": (pd.Series([np.zeros(2)] * N), "ndarray"),
    "bytes": (pd.Series([b"a"] * N), "bytes"),
    "times of day": (pd.Series([datetime.time(1)] * N), "time"),
    "text and numbers": (_cells(["a", 1], object), "int, str"),
    "booleans and numbers": (_cells([True, 2], object), "bool, int"),
    "dates and text": (_cells([datetime.date(2000, 1, 1), "a"], object), "date, str"),
    "lists of pyarrow": (pd.Series([[1]] * N, dtype=_arrow(pyarrow.list_(pyarrow.int8()))), "list"),
    "bytes of pyarrow": (pd.Series([b"a"] * N, dtype=_arrow(pyarrow.binary())), "binary"),
}
EMPTY = {
    "float": np.full(N, np.nan),
    "objects": np.full(N, None, dtype=object),
    "times": pd.Series([pd.NaT] * N),
    "Int64": pd.array([pd.NA] * N, dtype="Int64"),
    "string": pd.array([pd.NA] * N, dtype="string"),
    "category": pd.Categorical([None] * N, ["a"]),
    "null of pyarrow": pd.Series([None] * N, dtype=_arrow(pyarrow.null())),
    "missing marks": ["?"] * N,
}


@pytest.mark.parametrize("name", UNKNOWN_KINDS)
def test_a_column_of_no_kind_is_named_with_its_type(name):
    column, type_name = UNKNOWN_KINDS[name]
    with pytest.raises(ValueError, match=f"'odd' has the type .*{type_name}.*Convert it or leave"):
        _encoder().fit(_mixed().assign(odd=column))


@pytest.mark.parametrize("name", EMPTY)
def test_a_column_without_any_value_is_named(name):
    with pytest.raises(ValueError, match=r"'odd' has no value at all.*Leave it out"):
        _encoder().fit(_mixed().assign(odd=EMPTY[name]))


@pytest.mark.parametrize("infinite", [np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["float64", "float32", "Float64", "double[pyarrow]", object])
def test_an_infinite_value_is_named(infinite, dtype):
    frame = _mixed(holes=False)
    encoder = _encoder().fit(frame)
    bad = frame.assign(price=frame["price"].where(frame.index != 5, infinite).astype(dtype))
    for call in (_encoder().fit, encoder.transform, encoder.partial_fit):
        with pytest.raises(ValueError, match="infinity in column 'price'"):
            call(bad)


@pytest.mark.parametrize("infinite", [np.inf, -np.inf])
def test_an_infinite_value_of_an_array_is_named(infinite):
    X = np.ones((4, 3))
    encoder = _encoder().fit(X)
    X[2, 1] = infinite
    for call in (_encoder().fit, encoder.transform, encoder.partial_fit):
        with pytest.raises(ValueError, match="infinity in column 1"):
            call(X)


def test_check_no_infinity_says_whether_a_value_is_missing():
    assert check_no_infinity(np.array([[1.0, np.nan]]), "ab") is True
    assert check_no_infinity(np.array([[1.0, 2.0]]), "ab") is False
    assert check_no_infinity(np.full((2, 2), 1e308), "ab") is False  # the sum alone overflows
    with pytest.raises(ValueError, match="'b'"):
        check_no_infinity(np.array([[np.nan, np.inf]]), "ab")


CHANGED = {
    "price": ["text", "digits", "times", "category", "complex", "timedelta", "lists", "mixed"],
    "count": ["text", "digits", "times", "category", "dates"],
    "colour": ["numbers", "times", "booleans", "lists", "category"],
    "city": ["numbers", "times", "booleans", "mixed", "category"],
    "open": ["text", "numbers", "times", "category"],
    "when": ["text", "numbers", "booleans", "timedelta", "category"],
}
OTHERS = {
    "text": pd.Series(["old"] * N),
    "digits": pd.Series(["12"] * N, dtype=object),
    "numbers": pd.Series(np.arange(N)),
    "times": _times("s"),
    "dates": pd.Series([datetime.date(2000, 1, 1)] * N, dtype=object),
    "booleans": pd.Series([True] * N),
    "category": pd.Series(np.arange(N) % 3).astype("category"),
    "complex": pd.Series([2j] * N),
    "timedelta": pd.Series(pd.to_timedelta(np.arange(N), "s")),
    "lists": pd.Series([[1]] * N),
    "mixed": _cells(["a", 1], object),
}


@pytest.mark.parametrize(
    ("column", "other"), [(column, other) for column in CHANGED for other in CHANGED[column]]
)
def test_a_changed_type_is_named_and_shown(column, other):
    frame = _mixed()
    encoder = _encoder().fit(frame)
    bad = frame.assign(**{column: OTHERS[other]})
    example = str(OTHERS[other].iloc[0])[:10]
    for call in (encoder.transform, encoder.partial_fit):
        with pytest.raises(ValueError, match=f"'{column}' was .* in fit") as error:
            call(bad)
        assert example in str(error.value)
        assert "Convert it to what fit saw" in str(error.value)


def test_text_is_no_category_of_numbers():
    frame = pd.DataFrame({"code": [1, 2, 3]})
    for fitted in (
        _encoder(categorical_features=["code"]).fit(frame),
        _encoder().fit(frame.astype("category")),
    ):
        with pytest.raises(ValueError, match="'code' was categorical in fit"):
            fitted.transform(frame.astype(str))


def test_new_missing_and_moved_columns_are_named():
    frame = _mixed()
    encoder = _encoder().fit(frame)
    for call in (encoder.transform, encoder.partial_fit):
        with pytest.raises(ValueError, match=r"unseen(.|\n)*surplus"):
            call(frame.assign(surplus=1))
        with pytest.raises(ValueError, match=r"missing(.|\n)*city"):
            call(frame.drop(columns="city"))
        with pytest.raises(ValueError, match="order"):
            call(frame[frame.columns[::-1]])


@pytest.mark.parametrize("labels", [["a", "b", "a"], [0, 1, 0], [("a", 1), ("b", 1), ("a", 1)]])
def test_labels_that_are_there_twice_are_named(labels):
    frame = pd.DataFrame(np.ones((3, 3))).set_axis(labels, axis=1)
    with pytest.raises(ValueError, match=re.escape(f"called {labels[0]!r}. Rename")):
        _encoder().fit(frame)


def test_an_array_in_place_of_a_mixed_frame_is_refused():
    frame = _mixed()
    encoder = _encoder().fit(frame)
    for X in (frame.to_numpy(dtype=object), np.ones((3, 6))):
        for call in (encoder.transform, encoder.partial_fit):
            with pytest.raises(ValueError, match=r"'colour' was categorical.*Pass a data frame"):
                call(X)


def test_an_empty_table_is_refused():
    with pytest.raises(ValueError, match="0 samples"):
        _encoder().fit(_mixed()[:0])
    with pytest.raises(ValueError, match="0 features"):
        _encoder().fit(_mixed()[[]])


def test_encoded_rows_of_another_width_are_refused():
    encoder = _encoder().fit(_mixed())
    with pytest.raises(ValueError, match=f"X has 3 columns.*{encoder.schema_.n_encoded}"):
        encoder.inverse_transform(np.ones((2, 3)))


@pytest.mark.parametrize(
    "params",
    [
        {"scaler": "log"},
        {"max_categories": 0},
        {"min_frequency": 0},
        {"missing_marks": "?"},
        {"dtype": int},
        {"dtype": "single"},
    ],
    ids=str,
)
def test_parameters_are_checked(params):
    with pytest.raises(ValueError, match=f"The '{next(iter(params))}' parameter of TableEncoder"):
        TableEncoder(**params).fit(_mixed())


# ---- what it says of the table ----


def test_the_schema_describes_the_columns():
    frame = _mixed()
    schema = _encoder().fit(frame).schema_
    assert [column.kind for column in schema.columns] == [
        "numeric",
        "numeric",
        "categorical",
        "categorical",
        "boolean",
        "datetime",
    ]
    for column in schema.columns:
        cells = frame[column.name]
        assert column.dtype == cells.dtype
        assert column.has_missing == cells.isna().any()
        assert column.n_seen == cells.notna().sum()
        if column.kind in ("boolean", "categorical"):
            expected = cells.value_counts(normalize=True)
            assert sorted(column.frequencies) == pytest.approx(sorted(expected))
    assert schema.n_encoded == _encoder().fit_transform(frame).shape[1]


def test_frequencies_are_those_of_the_codes():
    frame = _mixed(n=300).assign(rare=[f"name {i % 250}" for i in range(300)])
    encoder = TableEncoder(min_frequency=2, max_categories=20).fit(frame)
    encoded = encoder.transform(frame)
    for column, place in zip(encoder.schema_.columns, encoder.schema_.first_parts, strict=True):
        if column.kind in ("boolean", "categorical"):
            codes = encoded[:, place][~np.isnan(encoded[:, place])].astype(int)
            share = np.bincount(codes, minlength=column.n_classes) / len(codes)
            np.testing.assert_allclose(column.frequencies, share)


@pytest.mark.parametrize("scaler", SCALERS)
def test_offset_and_scale_are_the_map_of_the_numbers(scaler):
    frame = _mixed()
    encoder = _encoder(scaler=scaler).fit(frame)
    encoded = encoder.transform(frame)
    back = encoded * encoder.scale_ + encoder.offset_
    places = encoder.schema_.first_parts
    np.testing.assert_allclose(back[:, places[0]], frame["price"])
    np.testing.assert_allclose(back[:, places[1]], frame["count"].to_numpy(float, na_value=np.nan))
    others = np.setdiff1d(np.arange(encoder.schema_.n_encoded), places[[0, 1, 5]])
    np.testing.assert_array_equal(back[:, others], encoded[:, others])
    days = (frame["when"] - frame["when"].dropna().iloc[0]) / pd.Timedelta(days=1)
    np.testing.assert_allclose(back[:, places[5]], days, atol=1e-8)


def test_constant_numbers_are_known_as_such():
    frame = _mixed(holes=False).assign(price=3.0, when=pd.Timestamp("2020-02-02"), city="Rome")
    encoder = _encoder().fit(frame)
    first = encoder.schema_.first_parts
    assert encoder.constant_.dtype == bool
    assert set(np.flatnonzero(encoder.constant_)) == {first[0], first[5]}


def test_names_of_encoded_columns_are_unique_and_begin_with_their_column():
    frame = _mixed()
    encoder = _encoder().fit(frame)
    names = encoder.get_feature_names_out()
    assert len(set(names)) == len(names) == encoder.schema_.n_encoded
    for name, feature in zip(names, encoder.schema_.encoded_features, strict=True):
        assert name.startswith(frame.columns[feature])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_an_error_of_the_scaler_names_the_column():
    frame = _mixed(holes=False).assign(count=1e300)
    with pytest.raises(ValueError, match=r"'count' are too large.*Divide the column"):
        _encoder().fit(frame)


# ---- a transformer of scikit-learn ----


def test_scikit_learns_checks_pass():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(TableEncoder(), on_skip=None, on_fail=None)
    assert {result["status"] for result in results} == {"passed"}, [
        (result["check_name"], result["exception"])
        for result in results
        if result["status"] != "passed"
    ]
    assert len(results) > 40


def test_its_tags_say_what_it_takes():
    tags = get_tags(TableEncoder())
    assert tags.input_tags.allow_nan
    assert tags.input_tags.categorical
    assert not tags.no_validation


def test_a_clone_knows_nothing_and_has_the_same_parameters():
    encoder = _encoder(max_categories=7, missing_marks=("-",)).fit(_mixed())
    copy = clone(encoder)
    assert copy.get_params() == encoder.get_params()
    with pytest.raises(NotFittedError):
        copy.transform(_mixed())


@pytest.mark.parametrize("scaler", [*SCALERS, "quantile"])
def test_a_pickle_does_the_same_and_goes_on_learning(scaler):
    frame = _mixed()
    encoder = _encoder(scaler=scaler).fit(frame)
    copy = pickle.loads(pickle.dumps(encoder))
    np.testing.assert_array_equal(copy.transform(frame), encoder.transform(frame))
    more = _mixed(seed=1)
    _same_encoding(copy.partial_fit(more), encoder.partial_fit(more), frame)


@pytest.mark.parametrize("scaler", [*SCALERS, "quantile"])
def test_it_does_not_keep_the_table(scaler):
    frame = pd.concat([_mixed(1000)] * 20, ignore_index=True)
    assert len(pickle.dumps(_encoder(scaler=scaler).fit(frame))) < 60_000
    frame.columns = ["schema", *frame.columns[1:]]  # a name of polars
    assert len(pickle.dumps(_encoder(scaler=scaler).fit(frame))) < 60_000


def test_set_output_gives_a_frame_with_names_and_index():
    frame = _mixed().set_index(np.arange(N) * 2)
    encoder = _encoder().set_output(transform="pandas").fit(frame)
    encoded = encoder.transform(frame)
    assert list(encoded.columns) == list(encoder.get_feature_names_out())
    pd.testing.assert_index_equal(encoded.index, frame.index)
    pd.testing.assert_frame_equal(
        encoder.inverse_transform(encoded), frame.reset_index(drop=True), rtol=1e-9
    )


def test_fit_transform_is_fit_then_transform():
    frame = _mixed()
    np.testing.assert_array_equal(
        _encoder().fit_transform(frame), _encoder().fit(frame).transform(frame)
    )


def test_it_works_on_some_columns():
    frame = _mixed()
    chosen = ["city", "price"]
    columns = ColumnTransformer([("table", _encoder(), chosen)], remainder="drop")
    np.testing.assert_array_equal(
        columns.fit_transform(frame), _encoder().fit_transform(frame[chosen])
    )


def test_the_table_is_left_alone():
    frame = _mixed()
    before = frame.copy(deep=True)
    encoder = _encoder().fit(frame)
    encoder.transform(frame)
    encoder.partial_fit(frame)
    pd.testing.assert_frame_equal(frame, before)


# ---- size ----


def test_fifty_thousand_values_do_not_take_long():
    names = np.array([f"customer {i}" for i in range(50_000)], dtype=object)
    frame = pd.DataFrame({"it": np.concatenate([names, names[::-1]])})
    start = time.perf_counter()
    encoder = TableEncoder(max_categories=60_000).fit(frame)
    encoded = encoder.transform(frame)
    assert (encoder.inverse_transform(encoded)["it"] == frame["it"]).all()
    assert time.perf_counter() - start < 10
    assert encoder.schema_.columns[0].n_known == 50_000
    np.testing.assert_array_equal(encoded[:50_000], encoded[50_000:][::-1])


def test_two_thousand_columns_do_not_take_long():
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(500, 2000)))
    frame = frame.mask(frame > 1).astype(dict.fromkeys(range(0, 2000, 10), "Float32"))
    start = time.perf_counter()
    encoder = TableEncoder().fit(frame)
    encoded = encoder.transform(frame)
    assert time.perf_counter() - start < 10
    assert (np.isnan(encoded) == frame.isna().to_numpy()).all()


@pytest.mark.slow
def test_two_thousand_columns_of_all_kinds_do_not_take_long():
    mixed = _mixed(200)
    frame = pd.concat(
        [mixed.add_suffix(f" {i}") for i in range(2000 // mixed.shape[1])], axis=1
    ).copy()
    start = time.perf_counter()
    encoder = TableEncoder().fit(frame)
    back = encoder.inverse_transform(encoder.transform(frame))
    assert time.perf_counter() - start < 30
    assert (back.dtypes == frame.dtypes).all()
    assert (back.isna() == frame.isna()).all(axis=None)


@pytest.mark.slow
@pytest.mark.parametrize("n_columns", [15, 2000])
def test_memory_is_that_of_the_result(n_columns):
    frame = pd.DataFrame(np.ones((40_000_000 // n_columns, n_columns), dtype=np.float32))
    frame[0] = frame[0].astype("Int64")
    encoder = TableEncoder().start(frame).add(frame).finish()
    tracemalloc.start()
    encoded = encoder.encode(frame)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < encoded.nbytes + 200e6
