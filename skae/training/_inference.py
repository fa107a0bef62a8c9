"""Inference in blocks of one fixed size, outside of skorch."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

# Every call sees exactly so many rows, the last padded: matrix products of another shape may round
# otherwise, and a row's score must not depend on its neighbours. Measured: 512 to 2048 are equal in
# speed, and this many rows of hidden units stay in the cache.
BLOCK_ROWS = 2**10


@torch.inference_mode()
def map_rows(
    function: Callable[[Tensor], Tensor],
    X: np.ndarray,
    prepare: Callable[[np.ndarray], np.ndarray],
    n_outputs: int,
    device: torch.device,
    rows: np.ndarray | None = None,
    dtype: type = np.float32,
) -> np.ndarray:
    """Apply a function of tensors to the rows of an array.

    Parameters
    ----------
    function : callable
        Maps a tensor (BLOCK_ROWS, n_columns) to (BLOCK_ROWS, n_outputs).
    X : ndarray of shape (n_samples, n_columns)
        Rows, of any float type and memory order.
    prepare : callable
        Makes float32 rows of a block of `X`, such as ``TableScaler.transform``.
    n_outputs : int
        Columns of the result.
    device : torch.device
        Where the function computes.
    rows : ndarray of int of shape (n_rows,), default=None
        Which rows; None for all.
    dtype : type, default=np.float32
        Of the result.

    Returns
    -------
    ndarray of shape (n_rows, n_outputs)
        The function's values.
    """
    n_rows = len(X) if rows is None else len(rows)
    results: np.ndarray = np.empty((n_rows, n_outputs), dtype=dtype)
    # torch's own memory: NumPy's is aligned by chance, and so would be the rounding of products.
    block = torch.zeros(BLOCK_ROWS, X.shape[1], dtype=torch.float32)
    for start in range(0, n_rows, BLOCK_ROWS):
        chosen = slice(start, min(start + BLOCK_ROWS, n_rows))
        n_block = chosen.stop - chosen.start
        block.numpy()[:n_block] = prepare(X[chosen if rows is None else rows[chosen]])
        block[n_block:] = 0.0
        results[chosen] = function(block.to(device))[:n_block].cpu().numpy()
    return results
