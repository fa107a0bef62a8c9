"""Reconstruction error."""

from typing import cast

import torch
from torch import Tensor, nn

from skae.distributions import Likelihood
from skae.nn import AutoEncoderModule
from skae.objectives._base import Batch, Objective, Phase


class Reconstruction(Objective):
    r"""Mean of :math:`-\log p(x_{ij} \mid z_i)` over rows `i`, by weight, and features `j`.

    Parameters
    ----------
    likelihood : Likelihood
        The loss of a cell.
    """

    def __init__(self, likelihood: Likelihood):
        super().__init__()
        self.likelihood = likelihood

    def forward(self, module: nn.Module, batch: Batch) -> Tensor:
        """Weighted mean loss; see :meth:`Objective.forward`."""
        return self._mean_loss(module(batch.inputs), batch)

    def per_row(self, module: nn.Module, batch: Batch) -> Tensor:
        """Mean loss of each row; see :meth:`Objective.per_row`."""
        return self.likelihood.row_loss(module(batch.inputs), batch.targets)

    def phases(self, module: nn.Module) -> list[Phase]:
        """One phase; networks that know their own chain rule go without autograd."""
        (phase,) = super().phases(module)
        own_loss = type(self).forward is not Reconstruction.forward
        if isinstance(module, AutoEncoderModule) and module.has_pullback and not own_loss:
            phase = phase._replace(gradients=self._gradients)
        return [phase]

    @torch.no_grad()
    def _gradients(self, module: nn.Module, batch: Batch) -> tuple[Tensor, list[Tensor]]:
        output, pull = cast("AutoEncoderModule", module).pullback(batch.inputs)
        grad = self.likelihood.gradient(output, batch.targets)
        if batch.weight is not None:
            grad.mul_(batch.weight[:, None])
        n_cells = self.likelihood.n_cells(batch.targets)
        return self._mean_loss(output, batch), pull(grad.div_(n_cells))

    def _mean_loss(self, output: Tensor, batch: Batch) -> Tensor:
        if batch.weight is None:
            return self.likelihood.nll(output, batch.targets, reduction="mean")
        losses = self.likelihood.nll(output, batch.targets).mean(dim=1)
        return (losses * batch.weight).mean()
