"""Inference in blocks of one fixed size, outside of skorch."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

# Every call sees exactly so many rows, the last padded: matrix products of another shape may round
# otherwise, and a row's score must not depend on its neighbours. Measured: 512 to 2048 are equal in
# speed, and this many rows of hidden units stay in the cache.
BLOCK_ROWS = 2**10
# The same for convolutions on a CPU, where padding to many rows would make a single image cost
# seconds. Measured at 28 x 28 and 32 x 32 pixels: 16 to 64 images at once are the fastest, too.
BLOCK_IMAGES = 2**5


def block_rows(module: nn.Module, device: torch.device) -> int:
    """How many rows a network maps at once; see :func:`map_rows`.

    Parameters
    ----------
    module : Module
        The network.
    device : torch.device
        Where it computes.

    Returns
    -------
    int
        Always the same for a network and a device.
    """
    convolves = any(isinstance(part, nn.Conv2d) for part in module.modules())
    return BLOCK_IMAGES if convolves and device.type == "cpu" else BLOCK_ROWS


@torch.inference_mode()
def map_rows(
    function: Callable[[Tensor], Tensor],
    X: np.ndarray,
    prepare: Callable[[np.ndarray], np.ndarray],
    n_outputs: int,
    device: torch.device,
    rows: np.ndarray | None = None,
    dtype: type = np.float32,
    n_block: int = BLOCK_ROWS,
) -> np.ndarray:
    """Apply a function of tensors to the rows of an array.

    Parameters
    ----------
    function : callable
        Maps a tensor (n_block, n_columns) to (n_block, n_outputs).
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
    n_block : int, default=1024
        Rows of a block; see :func:`block_rows`.

    Returns
    -------
    ndarray of shape (n_rows, n_outputs)
        The function's values.
    """
    n_rows = len(X) if rows is None else len(rows)
    results: np.ndarray = np.empty((n_rows, n_outputs), dtype=dtype)
    # torch's own memory: NumPy's is aligned by chance, and so would be the rounding of products.
    block = torch.zeros(n_block, X.shape[1], dtype=torch.float32)
    for start in range(0, n_rows, n_block):
        chosen = slice(start, min(start + n_block, n_rows))
        n_there = chosen.stop - chosen.start
        block.numpy()[:n_there] = prepare(X[chosen if rows is None else rows[chosen]])
        block[n_there:] = 0.0
        results[chosen] = function(block.to(device))[:n_there].cpu().numpy()
    return results
