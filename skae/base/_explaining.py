"""What is strange about rows, as a table to read."""

import numpy as np
import pandas as pd

from skae.utils import as_pandas


def explanation(X, expected, contributions, names, n_features=None):
    """Return the strangest cells of rows, one line a cell.

    Parameters
    ----------
    X, expected : {DataFrame, ndarray} of shape (n_samples, n_features)
        Rows, and what they were expected to be.
    contributions : ndarray of shape (n_samples, n_features)
        Each row sums to its score.
    names : sequence of length n_features
        Of the columns.
    n_features : int, default=None
        Cells of a row; None for all.

    Returns
    -------
    DataFrame
        With the columns `column`, `value`, `expected` and `share`; the index is that of `X`.
    """
    total = contributions.sum(axis=1, keepdims=True)
    shares = np.divide(contributions, total, out=np.zeros_like(contributions), where=total != 0)
    order = np.argsort(-shares, axis=1, kind="stable")[:, :n_features]
    X, expected = _as_frame(X), _as_frame(expected)
    cells = [(row, column) for row, columns in enumerate(order) for column in columns]
    return pd.DataFrame(
        {
            "column": [names[column] for _, column in cells],
            "value": [X.iat[cell] for cell in cells],
            "expected": [expected.iat[cell] for cell in cells],
            "share": np.take_along_axis(shares, order, axis=1).ravel(),
        },
        index=np.repeat(X.index, order.shape[1]),
    )


def _as_frame(X):
    X = as_pandas(X)
    return X if isinstance(X, pd.DataFrame) else pd.DataFrame(X)
