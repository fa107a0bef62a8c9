"""Reconstruction of rows without their sparse part."""

from typing import cast

import torch
from torch import Tensor, nn

from skae.distributions import Likelihood
from skae.nn import AutoEncoderModule, SparseSplit, SplitInput
from skae.objectives._base import Batch
from skae.objectives._reconstruction import Reconstruction


class RobustReconstruction(Reconstruction):
    r"""Loss of the part of rows that the network rebuilds, and the norm of their sparse rest.

    Rows are split into `l + s` by the network as it is; `s` is a constant of the step. The loss of
    a row is :math:`\frac 1 d (\sum_j -\log p(l_j \mid z) + 2 \|s\|)`, `z` the code of `l` and the
    norm weighted as in :class:`skae.nn.SparseSplit`: for squared error twice what its proximal
    steps lower, over the columns.

    Parameters
    ----------
    likelihood : Likelihood
        The loss of a cell.
    split : SparseSplit
        What splits rows.

    References
    ----------
    Zhou & Paffenroth, "Anomaly Detection with Robust Deep Autoencoders", KDD 2017, equations 6 and
    10.
    """

    def __init__(self, likelihood: Likelihood, split: SparseSplit):
        super().__init__(likelihood)
        self.split = split

    def forward(self, module: nn.Module, batch: Batch) -> Tensor:
        """Weighted mean loss; see :meth:`Objective.forward`."""
        low = self._low(module, batch)
        return super().forward(module, low) + self._norm(batch, low)

    def per_row(self, module: nn.Module, batch: Batch) -> Tensor:
        """Loss of each row; see :meth:`Objective.per_row`."""
        low = self._low(module, batch)
        return super().per_row(module, low) + self._row_norm(batch, low)

    @torch.no_grad()
    def _gradients(self, module: nn.Module, batch: Batch) -> tuple[Tensor, list[Tensor]]:
        low = self._low(module, batch)
        loss, grads = super()._gradients(module, low)
        return loss + self._norm(batch, low), grads

    @torch.no_grad()
    def _low(self, module: nn.Module, batch: Batch) -> Batch:
        """The batch without its sparse part."""
        low = SplitInput(module, self.likelihood.mean, self.split).low(batch.targets)
        return Batch(cast("AutoEncoderModule", module).prepare(low), low, batch.weight)

    def _norm(self, batch: Batch, low: Batch) -> Tensor:
        norm = self._row_norm(batch, low)
        return norm.mean() if batch.weight is None else (norm * batch.weight).mean()

    def _row_norm(self, batch: Batch, low: Batch) -> Tensor:
        n_cells = self.likelihood.n_cells(batch.targets) / len(batch.targets)
        return self.split.norm(batch.targets, low.targets) * 2 / n_cells
