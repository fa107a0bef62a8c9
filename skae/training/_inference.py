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


@torch.inference_mode()
def map_rows(
    function: Callable[[Tensor], Tensor],
    module: nn.Module,
    X: np.ndarray,
    prepare: Callable[[np.ndarray], np.ndarray],
    n_outputs: int,
    device: torch.device,
    dtype: type = np.float32,
) -> np.ndarray:
    """Apply a function of tensors to the rows of an array.

    Parameters
    ----------
    function : callable
        Maps a tensor (n_block, n_columns) to (n_block, n_outputs).
    module : Module
        The network that the function is of: what suits it decides how many rows a block has,
        always the same for a network and a device.
    X : ndarray of shape (n_samples, n_columns)
        Rows, of any float type and memory order.
    prepare : callable
        Makes float32 rows of a block of `X`, such as ``TableScaler.transform``.
    n_outputs : int
        Columns of the result.
    device : torch.device
        Where the function computes.
    dtype : type, default=np.float32
        Of the result.

    Returns
    -------
    ndarray of shape (n_samples, n_outputs)
        The function's values.
    """
    n_block = _block_rows(module, device)
    results: np.ndarray = np.empty((len(X), n_outputs), dtype=dtype)
    # torch's own memory: NumPy's is aligned by chance, and so would be the rounding of products.
    block = torch.zeros(n_block, X.shape[1], dtype=torch.float32)
    for start in range(0, len(X), n_block):
        chosen = slice(start, min(start + n_block, len(X)))
        n_there = chosen.stop - chosen.start
        block.numpy()[:n_there] = prepare(X[chosen])
        block[n_there:] = 0.0
        results[chosen] = function(block.to(device))[:n_there].cpu().numpy()
    return results


def _block_rows(module: nn.Module, device: torch.device) -> int:
    convolves = any(isinstance(part, nn.Conv2d) for part in module.modules())
    return BLOCK_IMAGES if convolves and device.type == "cpu" else BLOCK_ROWS
