"""Products that give a row the same bits wherever it stands among others."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812
from torch.overrides import TorchFunctionMode

# Products with fewer columns than this depend on the alignment of rows (measured: 2 to 11 do).
FEW_OUTPUTS = 16


def aligned(x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Factors of the product ``x @ weight.T`` that give each row the same bits at any place.

    Where a row of `x` is no multiple of 16 bytes, the products of MKL with few columns, and in
    double precision all, depend on how the row is aligned; zeros make it one. So do those that give
    the gradient of `x`.

    Parameters
    ----------
    x : Tensor of shape (..., n_in)
        Rows.
    weight : Tensor of shape (..., n_out, n_in)
        As in :class:`torch.nn.Linear`.

    Returns
    -------
    x, weight : Tensor
        The same, with columns of zeros where these are needed.
    """
    n_missing = -x.shape[-1] % 4
    single, few = x.dtype is torch.float32, weight.shape[-2] < FEW_OUTPUTS
    if n_missing and (few or not single or x.requires_grad):
        x, weight = F.pad(x, (0, n_missing)), F.pad(weight, (0, n_missing))
    return x, weight


class AlignedProducts(TorchFunctionMode):
    """A context in which the linear layers of any module are computed by :func:`aligned`.

    It costs some microseconds an operation: our own networks call :func:`aligned` themselves.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Replace ``torch.nn.functional.linear``, leave the rest."""
        function = _linear if func is F.linear else func
        return function(*args, **(kwargs or {}))


def _linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    return F.linear(*aligned(input, weight), bias)
