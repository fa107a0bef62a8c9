"""Reconstruction error."""

from torch import Tensor, nn

from skae.distributions import Likelihood
from skae.objectives._base import Batch, Objective


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
        if batch.weight is None:
            return self.likelihood.nll(module(batch.inputs), batch.targets, reduction="mean")
        return (self.per_row(module, batch) * batch.weight).mean()

    def per_row(self, module: nn.Module, batch: Batch) -> Tensor:
        """Mean loss of each row; see :meth:`Objective.per_row`."""
        return self.likelihood.nll(module(batch.inputs), batch.targets).mean(dim=1)
