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
        self.set_likelihood(likelihood)

    def set_likelihood(self, likelihood: Likelihood) -> None:
        """Take another loss, such as that of a table that has grown.

        Parameters
        ----------
        likelihood : Likelihood
            The loss of a cell.
        """
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
        own_loss &= type(self)._gradients is Reconstruction._gradients
        if isinstance(module, AutoEncoderModule) and module.has_pullback and not own_loss:
            phase = phase._replace(gradients=self._gradients)
        return [phase]

    @torch.no_grad()
    def _gradients(self, module: nn.Module, batch: Batch) -> tuple[Tensor, list[Tensor]]:
        output, pull = cast("AutoEncoderModule", module).pullback(batch.inputs)
        loss, grad = self._loss_and_gradient(output, batch)
        return loss, pull(grad)

    def _loss_and_gradient(self, output: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Mean loss, and its gradient by the decoder's output."""
        losses, grad = self.likelihood.nll_and_gradient(output, batch.targets, _reduction(batch))
        if batch.weight is not None:
            grad.mul_(batch.weight[:, None])
        return _mean(losses, batch), grad.div_(self.likelihood.n_cells(batch.targets))

    def _mean_loss(self, output: Tensor, batch: Batch) -> Tensor:
        return _mean(self.likelihood.nll(output, batch.targets, _reduction(batch)), batch)


def _reduction(batch: Batch) -> str:
    return "mean" if batch.weight is None else "none"


def _mean(losses: Tensor, batch: Batch) -> Tensor:
    return losses if batch.weight is None else (losses.mean(dim=1) * batch.weight).mean()
