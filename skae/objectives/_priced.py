"""Reconstruction error and a price on each row."""

from abc import abstractmethod
from typing import cast

from torch import Tensor, nn

from skae.distributions import Likelihood
from skae.nn import AutoEncoderModule
from skae.objectives._base import Batch
from skae.objectives._reconstruction import Reconstruction


class PricedReconstruction(Reconstruction):
    r"""Reconstruction error plus a price, :math:`-\frac 1 d \log p(x \mid z) + \lambda\, c(x)`.

    Parameters
    ----------
    likelihood : Likelihood
        The loss of a cell.
    weight : float
        :math:`\lambda`.
    """

    def __init__(self, likelihood: Likelihood, weight: float):
        super().__init__(likelihood)
        self.weight = weight

    def forward(self, module: nn.Module, batch: Batch) -> Tensor:
        """Weighted mean loss; see :meth:`Objective.forward`."""
        output, price = self._output_and_price(module, batch)
        if batch.weight is not None:
            price = price * batch.weight
        return self._mean_loss(output, batch) + self.weight * price.mean()

    def per_row(self, module: nn.Module, batch: Batch) -> Tensor:
        """Loss of each row; see :meth:`Objective.per_row`."""
        output, price = self._output_and_price(module, batch)
        return self.likelihood.row_loss(output, batch.targets) + self.weight * price

    def _output_and_price(self, module: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        module = cast("AutoEncoderModule", module)
        seen = module.seen(batch.inputs)
        code = module.encode_seen(seen)
        return module.decode(code), self.price(module, seen, code, batch)

    @abstractmethod
    def price(self, module: AutoEncoderModule, seen: Tensor, code: Tensor, batch: Batch) -> Tensor:
        """What is added, by its weight, to the loss of each row.

        Parameters
        ----------
        module : AutoEncoderModule
            The network.
        seen : Tensor of shape (n_samples, n_inputs)
            What the encoder sees of the rows.
        code : Tensor of shape (n_samples, n_components)
            Their codes.
        batch : Batch
            The rows.

        Returns
        -------
        Tensor of shape (n_samples,)
            In the units of the loss of a cell. Rows of a price of the whole batch are equal.
        """
