"""Cells predicted from the rest of their row."""

from typing import cast

import torch
from torch import Tensor, nn

from skae.distributions import Likelihood, MixedColumns
from skae.nn import AutoEncoderModule, TableInput
from skae.objectives._base import Batch
from skae.objectives._reconstruction import Reconstruction


class MaskedReconstruction(Reconstruction):
    r"""Loss of hidden cells, and a little of the others.

    :math:`\sum_{ij} w_{ij} (-\log p(x_{ij} \mid z_i)) / \sum_{ij} 1`, `w` being 1 for the cells
    that are hidden from the encoder (masked in the inputs, not NaN in the targets) and
    `visible_weight` for the others.

    Parameters
    ----------
    likelihood : MixedColumns
        The loss of a cell.
    visible_weight : float
        Weight of a cell that the encoder sees.

    References
    ----------
    Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for Language
    Understanding", NAACL 2019, section 3.1: cells are to columns what words are to sentences.
    """

    first_parts: Tensor
    output_features: Tensor

    def __init__(self, likelihood: MixedColumns, visible_weight: float):
        super().__init__(likelihood)
        self.visible_weight = visible_weight

    def set_likelihood(self, likelihood: Likelihood) -> None:
        """Take another loss; see :meth:`Reconstruction.set_likelihood`."""
        super().set_likelihood(likelihood)
        mixed = cast("MixedColumns", likelihood)
        features = torch.tensor([i for i, _ in mixed.labels])
        self.register_buffer("output_features", features, persistent=False)
        first = torch.from_numpy(mixed.schema.first_parts)
        self.register_buffer("first_parts", first, persistent=False)

    def forward(self, module: nn.Module, batch: Batch) -> Tensor:
        """Weighted mean loss; see :meth:`Objective.forward`."""
        losses = self.likelihood.nll(module(batch.inputs), batch.targets)
        return (losses * self._cell_weight(module, batch)).mean()

    def per_row(self, module: nn.Module, batch: Batch) -> Tensor:
        """Mean loss of the hidden cells of each row; 0 where none is hidden."""
        losses = self.likelihood.nll(module(batch.inputs), batch.targets)
        hidden = self._hidden(module, batch)
        return (losses * hidden).sum(dim=1) / hidden.sum(dim=1).clamp(min=1)

    @torch.no_grad()
    def _gradients(self, module: nn.Module, batch: Batch) -> tuple[Tensor, list[Tensor]]:
        output, pull = cast("AutoEncoderModule", module).pullback(batch.inputs)
        losses, grad = self.likelihood.nll_and_gradient(output, batch.targets)
        weight = self._cell_weight(module, batch)
        grad.mul_(weight.index_select(1, self.output_features)).div_(losses.numel())
        return (losses * weight).mean(), pull(grad)

    def _cell_weight(self, module: nn.Module, batch: Batch) -> Tensor:
        """Weight of each cell, (n_samples, n_features)."""
        weight = torch.where(self._hidden(module, batch), 1.0, self.visible_weight)
        return weight if batch.weight is None else weight * batch.weight[:, None]

    def _hidden(self, module: nn.Module, batch: Batch) -> Tensor:
        """Cells that are there, and that the masks among the inputs say are not."""
        inputs = cast("TableInput", cast("AutoEncoderModule", module).inputs)
        masks = inputs.masks(batch.inputs)
        return (masks > 0) & ~torch.isnan(batch.targets.index_select(1, self.first_parts))
