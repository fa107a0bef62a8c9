"""Reconstruction by many auto-encoders at once."""

from typing import cast

import torch
from torch import Tensor, nn

from skae.distributions import Likelihood
from skae.nn import MembersAutoEncoder
from skae.objectives._base import Batch
from skae.objectives._reconstruction import Reconstruction


class MembersReconstruction(Reconstruction):
    r"""Loss of the cells, averaged over the members; its gradient is that of their sum.

    So each member learns as if it were alone.

    Parameters
    ----------
    likelihood : Likelihood
        The loss of a cell.
    """

    def forward(self, module: nn.Module, batch: Batch) -> Tensor:
        """Weighted mean loss; see :meth:`Objective.forward`."""
        outputs = cast("MembersAutoEncoder", module).each(batch.inputs)
        loss = self._mean_loss(outputs.flatten(0, 1), _repeated(batch, len(outputs)))
        return loss + (len(outputs) - 1) * (loss - loss.detach())

    def per_row(self, module: nn.Module, batch: Batch) -> Tensor:
        """Mean loss of each row over the members; see :meth:`Objective.per_row`."""
        module = cast("MembersAutoEncoder", module)
        return member_losses(module, self.likelihood, batch.inputs, batch.targets).mean(dim=0)

    @torch.no_grad()
    def _gradients(self, module: nn.Module, batch: Batch) -> tuple[Tensor, list[Tensor]]:
        outputs, pull = cast("MembersAutoEncoder", module).pullback(batch.inputs)
        repeated = _repeated(batch, len(outputs))
        loss, grad = self._loss_and_gradient(outputs.flatten(0, 1), repeated)
        return loss, pull(grad.view_as(outputs).mul_(len(outputs)))


def member_losses(
    module: MembersAutoEncoder, likelihood: Likelihood, inputs: Tensor, targets: Tensor
) -> Tensor:
    """Loss of each row by each member.

    Parameters
    ----------
    module : MembersAutoEncoder
        The network.
    likelihood : Likelihood
        The loss of a cell.
    inputs, targets : Tensor
        As in :class:`Batch`.

    Returns
    -------
    Tensor of shape (n_members, n_samples)
        Losses.
    """
    return torch.stack([likelihood.row_loss(output, targets) for output in module.each(inputs)])


def _repeated(batch: Batch, n_members: int) -> Batch:
    """Targets and weights of the batch, once for each member."""
    weight = None if batch.weight is None else batch.weight.repeat(n_members)
    return Batch(batch.inputs, batch.targets.repeat(n_members, 1), weight)
