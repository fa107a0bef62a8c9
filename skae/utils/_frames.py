"""Data frames in, data frames out."""

import sys


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
    # A library that is not imported cannot have made X.
    pandas, polars = sys.modules.get("pandas"), sys.modules.get("polars")
    if pandas is not None and isinstance(X, pandas.DataFrame):
        return pandas.DataFrame(values, columns=columns, index=X.index)
    if polars is not None and isinstance(X, polars.DataFrame):
        return polars.DataFrame(values, schema=list(columns), orient="row")
    return values
