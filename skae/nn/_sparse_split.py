"""Rows as what a network rebuilds and a sparse rest."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

Rebuild = Callable[[Tensor], Tensor]


class SparseSplit(nn.Module):
    r"""Splits rows `x` into :math:`l + s`: what a network `f` rebuilds, and a sparse rest.

    From :math:`s = 0`, so many proximal steps
    :math:`s \leftarrow \operatorname{prox}(x - f(x - s))` are made. The proximal operator of
    :math:`\lambda \|s\|_1` is the soft threshold of cells,
    :math:`\operatorname{sign}(e) \max(|e| - \lambda, 0)`; that of
    :math:`\lambda \sqrt m\, \|s\|_2` is the soft threshold of a row of `m` numbers,
    :math:`e \max(1 - \lambda \sqrt m / \|e\|_2, 0)`, so that :math:`\lambda` is a root mean square.
    Where `f` is a projection on a subspace, these are the steps of proximal gradient descent on
    :math:`\frac12 \|l - f(l)\|^2` plus the norm, and they converge.

    Parameters
    ----------
    is_number : Tensor of bool of shape (n_encoded,)
        Columns of an encoded row that may have a sparse part; others stay as they are, and so do
        missing cells.
    threshold : float
        The threshold :math:`\lambda`, in scaled units.
    by_row : bool
        Whether rows are sparse, instead of cells.
    n_steps : int
        Proximal steps.

    References
    ----------
    Zhou & Paffenroth, "Anomaly Detection with Robust Deep Autoencoders", KDD 2017, sections 3.2
    and 4; Beck & Teboulle, "A Fast Iterative Shrinkage-Thresholding Algorithm for Linear Inverse
    Problems", SIAM Journal on Imaging Sciences 2009 (proximal gradient descent).
    """

    is_number: Tensor

    def __init__(self, is_number: Tensor, threshold: float, by_row: bool, n_steps: int):
        super().__init__()
        self.register_buffer("is_number", is_number)
        self.threshold = threshold
        self.by_row = by_row
        self.n_steps = n_steps

    def forward(self, rebuild: Rebuild, x: Tensor) -> Tensor:
        """Return the part that the network rebuilds; the rest is sparse.

        Parameters
        ----------
        rebuild : callable
            The network: encoded rows to encoded rows.
        x : Tensor of shape (n_samples, n_encoded)
            Encoded rows, NaN where a cell is missing.

        Returns
        -------
        Tensor of the same shape
            The same bits as `x` in every cell without a sparse part.
        """
        low = x
        for _ in range(self.n_steps):
            expected = rebuild(low)
            # Of the error the proximal operator leaves a share to the sparse part. Adding the rest
            # to what was expected loses no digits where `x` is huge.
            error = x - expected
            share = self._share_that_stays(error)
            low = torch.where(self.is_number & (share < 1), expected + share * error, x)
        return low

    def norm(self, x: Tensor, low: Tensor) -> Tensor:
        """Weighted norm of the sparse part of each row, times the threshold.

        Parameters
        ----------
        x, low : Tensor of shape (n_samples, n_encoded)
            Encoded rows, and what :meth:`forward` made of them.

        Returns
        -------
        Tensor of shape (n_samples,)
            Sum of the sizes of its cells, or the length of the row times the root of the number of
            its cells.
        """
        sparse = self._numbers(x - low)
        if not self.by_row:
            return self.threshold * sparse.abs().sum(dim=1)
        return self._row_threshold(x)[:, 0] * sparse.norm(dim=1)

    def _share_that_stays(self, error: Tensor) -> Tensor:
        if not self.by_row:
            return (self.threshold / error.abs()).clamp(max=1.0)
        length = self._numbers(error).norm(dim=1, keepdim=True)
        return (self._row_threshold(error) / length).clamp(max=1.0)

    def _row_threshold(self, x: Tensor) -> Tensor:
        n_numbers = (self.is_number & ~x.isnan()).sum(dim=1, keepdim=True)
        return self.threshold * n_numbers.sqrt()

    def _numbers(self, x: Tensor) -> Tensor:
        return x.masked_fill(~self.is_number, 0.0).nan_to_num(nan=0.0)


class SplitInput:
    """An auto-encoder that is given rows without their sparse part.

    Parameters
    ----------
    module : AutoEncoderModule
        The network.
    mean : callable
        Encoded rows of a decoder output.
    split : SparseSplit
        What takes the sparse part away.
    """

    def __init__(self, module: Any, mean: Callable[[Tensor], Tensor], split: SparseSplit):
        self.module, self.mean, self.split = module, mean, split

    def low(self, x: Tensor) -> Tensor:
        """Encoded rows without their sparse part, (n_samples, n_encoded)."""
        return self.split(lambda low: self.mean(self.module(self.module.prepare(low))), x)

    def prepare(self, x: Tensor) -> Tensor:
        """Make encoded rows what the other methods take."""
        return self.module.prepare(self.low(x))

    def encode(self, x: Tensor) -> Tensor:
        """Encode prepared rows; see :meth:`AutoEncoderModule.encode`."""
        return self.module.encode(x)

    def decode(self, code: Tensor) -> Tensor:
        """Decode codes; see :meth:`AutoEncoderModule.decode`."""
        return self.module.decode(code)

    def __call__(self, x: Tensor) -> Tensor:
        """Encode and decode prepared rows; see :meth:`AutoEncoderModule.forward`."""
        return self.module(x)
