"""Corruptions of (scaled) rows, from which a denoising auto-encoder learns."""

from collections.abc import Callable

import torch
from torch import Tensor

Level = float | Tensor


def _gaussian(X: Tensor, level: Level, generator: torch.Generator) -> Tensor:
    """Add normal noise of standard deviation `level`."""
    noise = torch.empty_like(X).normal_(generator=generator)
    return noise.mul_(level).add_(X)


def _masking(X: Tensor, level: Level, generator: torch.Generator) -> Tensor:
    """Set a share `level` of the cells to zero, the mean of a standardised column."""
    return X.masked_fill(_chosen_cells(X, level, generator), 0.0)


def _salt_and_pepper(X: Tensor, level: Level, generator: torch.Generator) -> Tensor:
    """Set a share `level` of the cells to the lowest or the highest value of their column."""
    low = X.nan_to_num(nan=torch.inf).amin(dim=0)
    high = X.nan_to_num(nan=-torch.inf).amax(dim=0)
    extreme = torch.where(_chosen_cells(X, 0.5, generator), low, high)
    return torch.where(_chosen_cells(X, level, generator) & ~torch.isnan(X), extreme, X)


def _swap(X: Tensor, level: Level, generator: torch.Generator) -> Tensor:
    """Replace a share `level` of the cells by the same column's value in another random row."""
    n = len(X)
    if n == 1:
        return X  # there is no other row
    # A step of 1 to n - 1 rows onwards, around the end, never comes back to the row itself.
    steps = torch.randint(1, n, X.shape, generator=generator, device=X.device)
    rows = (torch.arange(n, device=X.device)[:, None] + steps) % n
    return torch.where(_chosen_cells(X, level, generator), X.gather(0, rows), X)


def jitter(
    X: Tensor, level: float, generator: torch.Generator, columns: Tensor | None = None
) -> Tensor:
    """Add normal noise of standard deviation `level` to all or some columns."""
    if columns is None:  # a third of the time
        return _gaussian(X, level, generator)
    return X.index_copy(1, columns, _gaussian(X[:, columns], level, generator))


def hide(X: Tensor, level: Level, generator: torch.Generator) -> Tensor:
    """Let a share `level` of the cells be missing (NaN)."""
    return X.masked_fill(_chosen_cells(X, level, generator), torch.nan)


def _chosen_cells(X: Tensor, share: Level, generator: torch.Generator) -> Tensor:
    chances = torch.rand(X.shape, generator=generator, device=X.device, dtype=torch.float32)
    return chances < share


_NOISES: dict[str, Callable[[Tensor, Level, torch.Generator], Tensor]] = {
    "gaussian": _gaussian,
    "masking": _masking,
    "salt_and_pepper": _salt_and_pepper,
    "swap": _swap,
}
NOISE_NAMES = frozenset(_NOISES)


# What is done to codes of categories and to booleans, where numbers get a noise that these cannot.
_NOISES_OF_CODES = {"gaussian": _swap, "masking": hide, "salt_and_pepper": _swap, "swap": _swap}


def corrupt(
    X: Tensor,
    noise: str,
    level: Level,
    generator: torch.Generator,
    codes: Tensor | None = None,
) -> Tensor:
    """Return a corrupted copy of rows.

    Parameters
    ----------
    X : Tensor of shape (n_samples, n_features)
        Scaled rows; the extremes of "salt_and_pepper" and the values of "swap" come from them.
    noise : {"gaussian", "masking", "salt_and_pepper", "swap"}
        The kind of corruption.
    level : float or Tensor of shape (n_samples, 1)
        Standard deviation of "gaussian", in scaled units; share of the cells for the others. A
        tensor has a level for each row.
    generator : torch.Generator
        Source of randomness, on the device of `X`.
    codes : Tensor of int of shape (n_codes,), default=None
        Columns that hold categories or booleans: "masking" hides their cells (NaN), the other kinds
        take the value of another row.

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
    corrupted = _NOISES[noise](X, level, generator)
    if codes is not None and len(codes):
        level = level.clamp(max=1.0) if isinstance(level, Tensor) else min(level, 1.0)
        corrupted[:, codes] = _NOISES_OF_CODES[noise](X[:, codes], level, generator)
    return corrupted
