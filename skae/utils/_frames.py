"""Data frames in, data frames out."""

import sys

import numpy as np

from skae.utils._optional import import_optional


def frame_library(X):
    """Name of the library whose DataFrame `X` is.

    Parameters
    ----------
    X : object
        What the user passed.

    Returns
    -------
    {"pandas", "polars"} or None
        None for anything else.
    """
    for name in ("pandas", "polars"):
        library = sys.modules.get(name)  # a library that is not imported cannot have made X
        if library is not None and isinstance(X, library.DataFrame):
            return name
    return None


def as_pandas(X):
    """Return a DataFrame of polars as one of pandas; anything else as it is.

    Integers beside missing cells are nullable ones of pandas: as floats, which polars would make of
    them, they lost digits.

    Parameters
    ----------
    X : object
        What the user passed.

    Returns
    -------
    object
        `X` or a copy.

    Raises
    ------
    MissingDependencyError
        If pyarrow, which polars needs for this, is not installed.
    """
    if frame_library(X) != "polars":
        return X
    import_optional("pyarrow", extra="polars")
    frame = X.to_pandas()
    for name, dtype in X.schema.items():
        if dtype.is_integer() and X[name].null_count():
            frame[name] = sys.modules["pandas"].array(X[name].to_list(), dtype=str(dtype))
    return frame


def inferred_frame(X):
    """Return a table as a DataFrame of pandas, whose columns of objects are of what they hold.

    Parameters
    ----------
    X : {DataFrame, array-like} of shape (n_samples, n_columns)
        As the user passed it.

    Returns
    -------
    DataFrame
        Columns of an array are numbered.
    """
    import pandas as pd

    return pd.DataFrame(as_pandas(X) if frame_library(X) else np.asarray(X)).infer_objects()


def in_library(frame, library, polars_schema=None):
    """Return a DataFrame of pandas as one of another library.

    Parameters
    ----------
    frame : pandas.DataFrame
        Rows.
    library : {"pandas", "polars"}
        Which library.
    polars_schema : dict, default=None
        Types of the columns in polars, by name.

    Returns
    -------
    DataFrame
        Of that library.
    """
    if library == "pandas":
        return frame
    frame = import_optional("polars", extra="polars").from_pandas(frame)
    if polars_schema is None:
        return frame
    return frame.with_columns(_cast_polars(column, polars_schema[column.name]) for column in frame)


def frame_like(X, values, columns):
    """Return `values` as the kind of data frame that `X` is, or as they are.

    Parameters
    ----------
    X : object
        What the user passed: a pandas or polars DataFrame, or anything else.
    values : ndarray of shape (n_samples, n_columns)
        The result to dress.
    columns : array-like of str of shape (n_columns,)
        Its column names.

    Returns
    -------
    DataFrame or ndarray
        A DataFrame of the library of `X` (with the index of `X` in pandas) or `values` itself.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from skae.utils import frame_like
    >>> frame_like(pd.DataFrame({"z": [0.0]}, index=["row"]), np.array([[1.0]]), ["a"])
           a
    row  1.0
    """
    library = frame_library(X)
    if library == "pandas":
        return sys.modules["pandas"].DataFrame(values, columns=columns, index=X.index)
    if library == "polars":
        return sys.modules["polars"].DataFrame(values, schema=list(columns), orient="row")
    return values


def fill_cells(X, values, missing):
    """Return a copy of a table with some cells taken from another one.

    Parameters
    ----------
    X : DataFrame of pandas or polars, or ndarray, of shape (n_samples, n_features)
        The table.
    values : of the same kind and shape
        Where the cells come from.
    missing : ndarray of bool of shape (n_samples, n_features)
        Which cells to take; all others stay the same to the last bit.

    Returns
    -------
    DataFrame or ndarray
        As `X`, with the same types.

    Examples
    --------
    >>> import numpy as np
    >>> from skae.utils import fill_cells
    >>> fill_cells(np.array([[np.nan, 2.0]]), np.array([[5.0, 6.0]]), np.array([[True, False]]))
    array([[5., 2.]])
    """
    library = frame_library(X)
    if library is None:
        return np.where(missing, values, X).astype(X.dtype, copy=False)
    filled = X.copy() if library == "pandas" else X
    for i in np.flatnonzero(missing.any(axis=0)).tolist():
        cells = missing[:, i]
        if library == "pandas":
            filled.isetitem(i, _filled_pandas(X.iloc[:, i], values.iloc[:, i], cells))
        else:
            filled = filled.with_columns(_filled_polars(X[:, i], values[:, i], cells))
    return filled


def _filled_pandas(column, values, missing):
    """Take the missing cells of a Series from another one."""
    pandas = sys.modules["pandas"]
    dtype = column.dtype
    if isinstance(dtype, pandas.CategoricalDtype):  # of a chunk that had fewer categories
        values = values.where(missing)  # others may be of categories that it lacks
        dtype = with_values(dtype, values[missing])
    types = pandas.api.types
    if types.is_integer_dtype(dtype) and types.is_float_dtype(values.dtype):
        values = values.round()
    both = pandas.concat([column.astype(dtype), values.astype(dtype)])
    filled = both.take(np.arange(len(column)) + len(column) * missing)
    filled.index = column.index
    return filled


def with_values(dtype, values):
    """Return pandas' type of categories, with values that are none yet at the end.

    Parameters
    ----------
    dtype : pandas.CategoricalDtype
        The type.
    values : array-like
        What it has to hold; missing ones are ignored.

    Returns
    -------
    pandas.CategoricalDtype
        `dtype` itself, where it holds them all.
    """
    pandas = sys.modules["pandas"]
    new = pandas.Index(values, dtype=object).dropna().unique()
    new = new[~new.isin(dtype.categories)].infer_objects()
    if not len(new):
        return dtype
    return pandas.CategoricalDtype(dtype.categories.append(new), dtype.ordered)


def _filled_polars(column, values, missing):
    polars = sys.modules["polars"]
    if column.dtype != polars.Null:
        values = _cast_polars(values, column.dtype)
    return values.zip_with(polars.Series(missing), column).alias(column.name)


def _cast_polars(column, dtype):
    """Cast a Series; to integers it is rounded, not cut."""
    if dtype.is_integer() and column.dtype.is_float():
        column = column.round()
    return column.cast(dtype)
