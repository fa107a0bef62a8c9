"""Corruptions of (scaled) rows, from which a denoising auto-encoder learns."""

from collections.abc import Callable

import torch
from torch import Tensor


def _gaussian(X: Tensor, level: float, generator: torch.Generator) -> Tensor:
    """Add normal noise of standard deviation `level`."""
    noise = torch.empty_like(X).normal_(std=level, generator=generator)
    return noise.add_(X)


def _masking(X: Tensor, level: float, generator: torch.Generator) -> Tensor:
    """Set a share `level` of the cells to zero, the mean of a standardised column."""
    return X.masked_fill(_chosen_cells(X, level, generator), 0.0)


def _salt_and_pepper(X: Tensor, level: float, generator: torch.Generator) -> Tensor:
    """Set a share `level` of the cells to the lowest or the highest value of their column."""
    low, high = X.amin(dim=0), X.amax(dim=0)
    extreme = torch.where(_chosen_cells(X, 0.5, generator), low, high)
    return torch.where(_chosen_cells(X, level, generator), extreme, X)


def _swap(X: Tensor, level: float, generator: torch.Generator) -> Tensor:
    """Replace a share `level` of the cells by the same column's value in another random row."""
    n = len(X)
    if n == 1:
        return X  # there is no other row
    # A step of 1 to n - 1 rows onwards, around the end, never comes back to the row itself.
    steps = torch.randint(1, n, X.shape, generator=generator, device=X.device)
    rows = (torch.arange(n, device=X.device)[:, None] + steps) % n
    return torch.where(_chosen_cells(X, level, generator), X.gather(0, rows), X)


def _chosen_cells(X: Tensor, share: float, generator: torch.Generator) -> Tensor:
    return torch.rand(X.shape, generator=generator, device=X.device) < share


_NOISES: dict[str, Callable[[Tensor, float, torch.Generator], Tensor]] = {
    "gaussian": _gaussian,
    "masking": _masking,
    "salt_and_pepper": _salt_and_pepper,
    "swap": _swap,
}
NOISE_NAMES = frozenset(_NOISES)


def corrupt(X: Tensor, noise: str, level: float, generator: torch.Generator) -> Tensor:
    """Return a corrupted copy of rows.

    Parameters
    ----------
    X : Tensor of shape (n_samples, n_features)
        Scaled rows; the extremes of "salt_and_pepper" and the values of "swap" come from them.
    noise : {"gaussian", "masking", "salt_and_pepper", "swap"}
        The kind of corruption.
    level : float
        Standard deviation of "gaussian", in scaled units; share of the cells for the others.
    generator : torch.Generator
        Source of randomness, on the device of `X`.

    Returns
    -------
    Tensor of shape (n_samples, n_features)
        Corrupted rows; `X` is left alone.

    References
    ----------
    Vincent et al., "Stacked Denoising Autoencoders", JMLR 2010, section 3.2; "swap" is the swap
    noise of Jahrer's Porto Seguro solution, 2017.

    Examples
    --------
    >>> import torch
    >>> from skae.nn import corrupt
    >>> corrupt(torch.ones(1, 3), "masking", 1.0, torch.Generator())
    tensor([[0., 0., 0.]])
    """
    return _NOISES[noise](X, level, generator)
