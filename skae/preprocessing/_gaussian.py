"""A normal distribution fitted to rows with holes."""

import numpy as np
import torch

from skae.preprocessing._principal_axes import column_means, pairwise_covariance

N_ITERATIONS = 5
# Rows of one iteration: each takes the inverse of a covariance of its own.
EM_ROWS = 1000
EM_BLOCK_ROWS = 2**8
SMALLEST_VARIANCE = 1e-5


def gaussian_of_holed_rows(X, transform, sample_weight=None):
    r"""Mean and covariance of rows with missing values, by expectation maximisation.

    It starts from the covariance of pairs of values that are both there, over all rows, and goes
    on with `N_ITERATIONS` iterations on other rows each, unless nothing is missing. After each the
    covariance is shrunk towards its diagonal, by the ratio of columns to values a column.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_columns)
        The table; may be a memory map.
    transform : callable
        Maps a block of rows to values (n_block, n_features), NaN where missing.
    sample_weight : ndarray of shape (n_samples,), default=None
        Weight 2 counts as the same row twice, but for the shrinkage, which counts rows.

    Returns
    -------
    mean : Tensor of shape (n_features,)
        Mean.
    covariance : Tensor of shape (n_features, n_features)
        Positive definite.

    References
    ----------
    Dempster, Laird & Rubin, "Maximum Likelihood from Incomplete Data via the EM Algorithm", JRSS B
    1977, section 4.1.3.
    """
    rows = np.arange(len(X)) if sample_weight is None else np.flatnonzero(sample_weight)
    n_counting = len(rows)
    rows = rows[:: max(1, n_counting // (N_ITERATIONS * EM_ROWS))]
    values = torch.from_numpy(np.asarray(transform(X[rows]), dtype=np.float32))
    weight = np.ones(len(rows)) if sample_weight is None else sample_weight[rows]
    weight = torch.from_numpy(weight / weight.mean()).float()
    centre = column_means(X, transform, sample_weight)
    pairwise = torch.from_numpy(pairwise_covariance(X, transform, centre, sample_weight)).float()
    centre = torch.from_numpy(centre).float()
    missing = torch.isnan(values)
    share_present = 1 - missing.float().mean().item()
    ridge = values.shape[1] / max(n_counting * share_present, 1.0)
    spread = _shrunk(_positive(pairwise), torch.diagonal(pairwise), ridge)
    if not missing.any():
        return centre, spread
    n_parts = N_ITERATIONS if len(rows) > EM_ROWS else 1
    for iteration in range(N_ITERATIONS):
        part = slice(iteration % n_parts, None, n_parts)
        centre, spread = _em_step(values[part], weight[part], centre, spread)
        spread = _shrunk(spread, torch.diagonal(spread), ridge)
    return centre, spread


def _positive(matrix):
    """Nearest matrix without negative eigenvalues: pairs from other rows may disagree."""
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp(min=0)) @ vectors.T


def _shrunk(covariance, variance, ridge):
    shrunk = (covariance + ridge * torch.diag(variance)) / (1 + ridge)
    return shrunk + SMALLEST_VARIANCE * torch.eye(len(covariance), dtype=covariance.dtype)


def _em_step(values, weight, centre, spread):
    """Expected first and second moments of the completed rows."""
    holed = torch.isnan(values).any(1)
    complete, w = values[~holed] - centre, weight[~holed, None]
    total, squares = (w * complete).sum(0), complete.T @ (w * complete)
    for block, w in zip(
        values[holed].split(EM_BLOCK_ROWS),
        weight[holed, None].split(EM_BLOCK_ROWS),
        strict=True,
    ):
        present = (~torch.isnan(block)).float()
        missing = 1 - present
        centred = torch.nan_to_num(block - centre) * present
        # The covariance of what is there; the identity elsewhere.
        among = present[:, :, None] * spread * present[:, None, :] + torch.diag_embed(missing)
        factor = torch.linalg.cholesky(among)
        solved = torch.cholesky_solve(centred[:, :, None], factor)[:, :, 0]
        completed = torch.where(present > 0, centred, solved @ spread)
        total += (w * completed).sum(0)
        squares += completed.T @ (w * completed)
        # Plus the covariance that the missing values have, given those that are there.
        explained = torch.linalg.solve_triangular(factor, present[:, :, None] * spread, upper=False)
        explained = (explained * (missing * w.sqrt())[:, None, :]).flatten(0, 1)
        squares += (missing.T @ (w * missing)) * spread - explained.T @ explained
    step = total / weight.sum()
    spread = squares / weight.sum() - torch.outer(step, step)
    return centre + step, (spread + spread.T) / 2
