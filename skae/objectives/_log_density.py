"""The negative log-density of a network that has one."""

from typing import cast

from torch import Tensor, nn

from skae.nn import AutoregressiveFlow
from skae.objectives._base import Batch, Objective


class NegativeLogDensity(Objective):
    """Mean negative log-density of rows: maximum likelihood."""

    def forward(self, module: nn.Module, batch: Batch) -> Tensor:
        """Weighted mean; see :meth:`Objective.forward`."""
        losses = self.per_row(module, batch)
        return (losses if batch.weight is None else losses * batch.weight).mean()

    def per_row(self, module: nn.Module, batch: Batch) -> Tensor:
        """In nats; see :meth:`Objective.per_row`."""
        return -cast("AutoregressiveFlow", module).log_densities(batch.inputs).sum(dim=1)
