"""What is strange about rows, as a table to read."""

import numpy as np
import pandas as pd
import torch

from skae.utils import as_pandas

# Of Gauss and Legendre, on the line between two rows.
N_NODES = 32
TINY = 1e-300


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
    total = -np.abs(contributions).sum(axis=1, keepdims=True)
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


def path_shares(loss, start, end):
    """Split the change of a loss between two points over the coordinates that change.

    Aumann–Shapley shares: the gradient, integrated along the straight line, times the way of each
    coordinate. What quadrature leaves over goes to the coordinates by the size of their shares, so
    that they sum to the change.

    Parameters
    ----------
    loss : callable
        Maps points (n_samples, n_coordinates) to losses (n_samples,).
    start, end : Tensor of shape (n_samples, n_coordinates)
        The ends of the line.

    Returns
    -------
    Tensor of float64 of shape (n_samples, n_coordinates)
        0 where a coordinate does not change.

    References
    ----------
    Aumann & Shapley, "Values of Non-Atomic Games", 1974; Sundararajan, Taly & Yan, "Axiomatic
    Attribution for Deep Networks", ICML 2017, equations 1 and 3.
    """
    way = end - start
    gradient = torch.zeros_like(way, dtype=torch.float64)
    for node, weight in zip(*np.polynomial.legendre.leggauss(N_NODES), strict=True):
        gradient += weight / 2 * _gradient(loss, start + (node + 1) / 2 * way)
    shares = gradient * way
    left_over = loss(end).double() - loss(start).double() - shares.sum(dim=1)
    size = shares.abs()
    even = (way != 0).double()
    size = torch.where(size.sum(dim=1, keepdim=True) > 0, size, even)
    return shares + left_over[:, None] * size / size.sum(dim=1, keepdim=True).clamp(min=TINY)


def _gradient(loss, points):
    with torch.inference_mode(False), torch.enable_grad():
        points = points.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(loss(points).sum(), points)
    return gradient
