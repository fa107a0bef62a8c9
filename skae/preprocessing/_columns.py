"""Columns of a data frame: what they hold, their numbers, and the way back to their types."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from skae.utils import with_values

# The first that fits a dtype says its kind; of objects the values do.
_KINDS = (
    (lambda dtype: dtype.type is pd.CategoricalDtype.type, "categorical"),  # of pyarrow, too
    (types.is_bool_dtype, "boolean"),
    (types.is_complex_dtype, None),
    (types.is_numeric_dtype, "numeric"),
    (types.is_datetime64_any_dtype, "datetime"),
    (types.is_object_dtype, "object"),
    (types.is_string_dtype, "categorical"),
)
# What pandas' infer_dtype says of the values of an object column.
_KINDS_OF_OBJECTS = {
    "string": "categorical",
    "boolean": "boolean",
    "integer": "numeric",
    "floating": "numeric",
    "mixed-integer-float": "numeric",
    "decimal": "numeric",
    "datetime": "datetime",
    "datetime64": "datetime",
    "date": "datetime",
    "empty": "empty",
}
# Of values that a column is expected to have, and has.
_EXCHANGEABLE = {("numeric", "boolean"), ("boolean", "numeric")}
# What chunks without any value of a column become.
_MISSING_DTYPES = {"numeric": np.float64, "datetime": "datetime64[us]"}
SHOWN_CELLS = 1000
SHOWN_CHARACTERS = 40
# Within what datetimes in nanoseconds can say.
NANOSECONDS = (np.datetime64("1678-01-01", "us"), np.datetime64("2262-01-01", "us"))


# ---- what there is ----


def kind_of(values):
    """Kind of a Series or Index: one of `KINDS`, "empty" where no cell says it, or None."""
    kind = next((kind for fits, kind in _KINDS if fits(values.dtype)), None)
    if kind == "object":
        kind = _KINDS_OF_OBJECTS.get(objects_of(values))
    return "empty" if kind is None and values.isna().all() else kind


def objects_of(values):
    """What pandas' infer_dtype says of objects, whatever stands for the missing ones."""
    objects = types.infer_dtype(values, skipna=True)
    if objects in _KINDS_OF_OBJECTS:
        return objects
    return types.infer_dtype(values[values.notna()])  # NaT and NaN among text, say


def kind_of_cells(column):
    """Kind of what a Series holds: of a column of categories that of the categories."""
    dtype = column.dtype
    return kind_of(dtype.categories if isinstance(dtype, pd.CategoricalDtype) else column)


def type_name(column):
    """Type of a Series, for an error; of objects what they are."""
    if column.dtype != object:
        return str(column.dtype)
    cells = column.dropna().head(SHOWN_CELLS)
    return f"object ({', '.join(sorted({type(cell).__name__ for cell in cells}))})"


def check_has_kind(kind, name, column):
    """Raise a ValueError that names a column of no kind, or without any value."""
    if kind == "empty":
        raise ValueError(no_value(name))
    if kind is None:
        raise ValueError(
            f"Column {name!r} has the type {type_name(column)}, which is none of: numbers, "
            "booleans, text, categories, datetimes. Convert it or leave it out."
        )


def no_value(name):
    """What to say of a column that is missing in every row."""
    return f"Column {name!r} has no value at all: every cell of it is missing. Leave it out."


def check_no_infinity(X, names):
    """Raise a ValueError that names a column with an infinite value; return whether one is NaN."""
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(X.sum()):
            return False
    infinite = np.isinf(X).any(axis=0)
    if infinite.any():
        name = names[int(np.argmax(infinite))]
        raise ValueError(
            f"Input X contains infinity in column {name!r}. Values must be finite, or missing: NaN."
        )
    return bool(np.isnan(X).any())


def check_not_empty(X):
    """Raise a ValueError where a table has no rows or no columns."""
    if 0 in X.shape:
        what = "samples" if X.shape[1] else "features"
        raise ValueError(f"X has 0 {what}, shape {X.shape}, while at least 1 is required.")


def check_unique(names):
    """Raise a ValueError that names a column which is there more than once."""
    repeated = pd.Index(names)[pd.Index(names).duplicated()].tolist()
    if repeated:
        raise ValueError(f"More than one column of X is called {repeated[0]!r}. Rename it.")


def chosen_columns(wanted, names, n_features, argument="categorical_features"):
    """Mask of the columns that a parameter such as `categorical_features` asks for.

    Parameters
    ----------
    wanted : "from_dtype", or array-like of names, positions or bool
        As the user passed it.
    names : list
        Labels of the columns; empty where the table has none.
    n_features : int
        How many columns there are.
    argument : str, default="categorical_features"
        The parameter, for the error.

    Returns
    -------
    ndarray of bool of shape (n_features,)
        A name goes before a position.
    """
    wanted = [] if isinstance(wanted, str) else list(wanted)
    if wanted and all(isinstance(item, (bool, np.bool_)) for item in wanted):
        if len(wanted) != n_features:
            raise ValueError(
                f"{argument} as a mask must have one entry a column, "
                f"({n_features},). Got shape ({len(wanted)},) instead."
            )
        return np.array(wanted)
    places = {position: position for position in range(n_features)}
    places |= {name: position for position, name in enumerate(names)}
    chosen = np.zeros(n_features, dtype=bool)
    for item in wanted:
        if not types.is_hashable(item) or item not in places:
            raise ValueError(
                f"{argument} names {item!r}, which is no column of X. Give names of its columns, "
                f"positions from 0 to {n_features - 1}, or a mask over the columns."
            )
        chosen[places[item]] = True
    return chosen


def plain_floats(frame):
    """Columns of numbers as an array, all at once, where NumPy holds all of them.

    Parameters
    ----------
    frame : DataFrame of shape (n_samples, n_columns)
        Columns of any type.

    Returns
    -------
    ndarray of float32 or float64 of shape (n_samples, n_columns), or None
        float32 where all columns are; None where a column is no NumPy number.
    """
    dtypes = set(frame.dtypes)
    if all(isinstance(dtype, np.dtype) and dtype.kind in "biuf" for dtype in dtypes):
        return frame.to_numpy(np.float32 if dtypes == {np.dtype(np.float32)} else np.float64)
    return None


def as_floats(column):
    """Cells of a Series of numbers or booleans of any type; NaN where missing."""
    return column.to_numpy(np.float64, na_value=np.nan)


# ---- what there was ----


@dataclass(frozen=True)
class ColumnType:
    """What a column of the first table was made of, to know it again and to make it again.

    Attributes
    ----------
    kind : {"numeric", "boolean", "categorical", "datetime"}
        What its type says.
    cells : str or None
        Kind of its cells, as :func:`kind_of_cells` finds it.
    dtype : dtype
        In pandas, or of the array.
    objects : str, default=None
        Of an object column what the objects are, in the words of pandas' infer_dtype.
    missing : object, default=nan
        Of an object column what stands for a missing cell: None, NaN, NA or NaT.
    detail : object, default=None
        Digits of decimals; time zone of datetimes.
    """

    kind: str
    cells: str | None
    dtype: Any
    objects: str | None = None
    missing: Any = np.nan
    detail: Any = None

    @classmethod
    def of(cls, column, name):
        """Read the type off a Series; raise a ValueError with its name where it has no kind."""
        kind = kind_of(column)
        check_has_kind(kind, name, column)
        if column.dtype != object:
            return cls(kind, kind_of_cells(column), column.dtype)
        objects = objects_of(column)
        is_missing = column.isna().to_numpy()
        markers = column.array[is_missing]
        missing = markers[0] if len(markers) else np.nan
        read_detail = _DETAILS.get(objects)
        detail = read_detail and read_detail(column.array[~is_missing])
        return cls(kind, kind, column.dtype, objects, missing, detail)

    def checked(self, column, name, expected):
        """Return a Series that holds what the column did, or raise a ValueError.

        Parameters
        ----------
        column : Series
            More rows of the column.
        name : hashable
            What an error calls it.
        expected : str
            As what the column is encoded, one of `KINDS`; numbers and booleans stand for each
            other but where it is booleans.

        Returns
        -------
        Series
            As it is, or where nothing is there of a type that is missing everywhere.
        """
        kind = kind_of_cells(column) if expected == "categorical" else kind_of(column)
        same = self.cells in (kind, None)  # where the categories are of no kind, any may come
        if same or (expected != "boolean" and (self.cells, kind) in _EXCHANGEABLE):
            return column
        if column.isna().all():
            return pd.Series(index=column.index, dtype=_MISSING_DTYPES.get(expected, object))
        example = str(column.dropna().iloc[0])[:SHOWN_CHARACTERS]
        raise ValueError(
            f"Column {name!r} was {expected} in fit, of type {self.dtype}; now it has the type "
            f"{type_name(column)}, with values such as {example!r}. Convert it to what fit saw."
        )

    def restore(self, values):
        """Return decoded values as a Series of this type, as far as it can hold them.

        Parameters
        ----------
        values : ndarray of float, datetime64 or object of shape (n_samples,)
            Numbers, datetimes in UTC, or objects that were categories or booleans; NaN or NaT where
            missing.

        Returns
        -------
        Series
            Integers are rounded. Where a cell is missing and the type cannot say so, floats
            instead of integers and objects instead of booleans.
        """
        if self.objects is None:
            return _as_dtype(values, self.dtype)
        present = ~pd.isna(values)
        cells = np.full(len(values), self.missing, dtype=object)
        cells[present] = self._as_objects(values[present])
        return pd.Series(cells, dtype=object)

    def _as_objects(self, values):
        if values.dtype == object or self.objects not in _OBJECTS:
            return values.astype(object)
        objects = np.empty(len(values), dtype=object)
        objects[:] = list(_OBJECTS[self.objects](values, self.detail))
        return objects


def _as_dtype(values, dtype):
    storage, is_decoded = _storage(dtype), values.dtype != object
    if storage.kind in "biu" and not _says_missing(dtype) and pd.isna(values).any():
        return pd.Series(values, dtype=object if storage.kind == "b" else np.float64)
    if is_decoded and types.is_integer_dtype(dtype):
        values = np.clip(np.rint(values), *_limits(storage))
    elif is_decoded and types.is_datetime64_any_dtype(dtype) and "[ns" in str(dtype):
        values = np.clip(values, *NANOSECONDS)
    elif isinstance(dtype, pd.CategoricalDtype):
        dtype = with_values(dtype, values)
    column = pd.Series(values, dtype=values.dtype)
    if is_decoded and isinstance(dtype, pd.DatetimeTZDtype):
        column = column.dt.tz_localize("UTC")
    return column.astype(dtype)


def _storage(dtype):
    """NumPy's type of the values."""
    if isinstance(dtype, pd.SparseDtype):
        return dtype.subtype
    return np.dtype(getattr(dtype, "numpy_dtype", dtype if isinstance(dtype, np.dtype) else object))


def _says_missing(dtype):
    """Whether the type can say of integers and booleans that they are missing."""
    return not isinstance(dtype, (np.dtype, pd.SparseDtype))


def _limits(dtype):
    """Lowest and highest integer, as floats within."""
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    return float(low), float(high) if float(high) <= high else np.nextafter(float(high), 0)


def _digits(decimals):
    """Digits after the point."""
    return max([0, *(-decimal.as_tuple().exponent for decimal in decimals if decimal.is_finite())])


def _zone(datetimes):
    return datetimes[0].tzinfo


def _datetimes(times, zone):
    times = pd.Series(times)
    return times if zone is None else times.dt.tz_localize("UTC").dt.tz_convert(zone)


_DETAILS = {"decimal": _digits, "datetime": _zone}
# How the objects of a column are made of decoded values; all others are floats.
_OBJECTS = {
    "integer": lambda values, _: map(int, np.rint(values)),
    "decimal": lambda values, digits: (Decimal(f"{value:.{digits}f}") for value in values),
    "date": lambda values, _: pd.Series(values).dt.date,
    "datetime": _datetimes,
    "datetime64": _datetimes,
}
