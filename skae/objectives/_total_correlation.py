"""Bounds that want codes which are independent of each other."""

from typing import cast

import torch
from torch import Tensor, nn
from torch.distributions import Normal

from skae.distributions import Likelihood
from skae.nn import VariationalAutoEncoder
from skae.objectives._adversarial import Discriminated
from skae.objectives._base import Batch
from skae.objectives._divergences import row_shares, total_correlation
from skae.objectives._variational import Variational


class TotalCorrelation(Variational):
    r"""The bound of `Variational` and the total correlation of codes over the batch.

    .. math:: \frac 1 d \left(-\mathbb E_{q(z|x)} \log p(x \mid z) + \beta\, \mathrm{KL}(q(z \mid x)
        \,\|\, p(z)) + \gamma\, \mathrm{KL}(q(z) \,\|\, \prod_j q(z_j))\right)

    Parameters
    ----------
    likelihood : Likelihood
        The density of a cell.
    correlation_weight : float
        :math:`\gamma`; 1 less than the :math:`\beta` of the paper.
    beta, free_bits : float
        As for `Variational`.

    References
    ----------
    Chen et al., "Isolating Sources of Disentanglement in Variational Autoencoders", NeurIPS 2018,
    equation 4 at :math:`\alpha = \gamma = 1`.
    """

    def __init__(
        self,
        likelihood: Likelihood,
        correlation_weight: float,
        beta: float = 1.0,
        free_bits: float = 0.0,
    ):
        super().__init__(likelihood, beta, free_bits)
        self.correlation_weight = correlation_weight

    def penalty(
        self,
        module: VariationalAutoEncoder,
        posterior: Normal,
        code: Tensor,
        weight: Tensor | None,
    ) -> Tensor:
        """The divergence and the total correlation of each row; see `Variational.penalty`."""
        divergence = super().penalty(module, posterior, code, weight)
        if self.correlation_weight == 0:
            return divergence
        correlation = self._correlation(posterior, code, weight)
        return divergence + self.correlation_weight * correlation

    def _correlation(self, posterior: Normal, code: Tensor, weight: Tensor | None) -> Tensor:
        return total_correlation(code, posterior, row_shares(weight, code))


class DiscriminatedCorrelation(Discriminated, TotalCorrelation):
    r"""The loss of `TotalCorrelation`, with the density ratio of a discriminator.

    A network learns to tell codes from codes whose columns are drawn from different rows; its logit
    is the logarithm of :math:`q(z) / \prod_j q(z_j)`. Held-out rows are judged without it, for it
    changes from epoch to epoch.

    Parameters
    ----------
    likelihood, correlation_weight, beta, free_bits
        As for `TotalCorrelation`.
    discriminator : nn.Module
        Maps (n_samples, n_components) to (n_samples, 1).

    References
    ----------
    Kim & Mnih, "Disentangling by Factorising", ICML 2018, equations 2 and 3, algorithms 1 and 2.
    """

    def __init__(
        self,
        likelihood: Likelihood,
        correlation_weight: float,
        beta: float,
        free_bits: float,
        discriminator: nn.Module,
    ):
        super().__init__(likelihood, correlation_weight, beta, free_bits)
        self.discriminator = discriminator

    def _correlation(self, posterior: Normal, code: Tensor, weight: Tensor | None) -> Tensor:
        if not self.training:
            return super()._correlation(posterior, code, weight)
        return self.discriminator(code).squeeze(dim=1)

    def _codes(self, module: nn.Module, batch: Batch) -> Tensor:
        return cast("VariationalAutoEncoder", module).posterior(batch.inputs).sample()

    def _reference(self, code: Tensor, shares: Tensor) -> Tensor:
        return _shuffled(code, shares)


def _shuffled(code: Tensor, shares: Tensor) -> Tensor:
    """Codes (n_samples, n_components), each column from rows of its own, drawn by their shares."""
    n_samples, n_components = code.shape
    rows = torch.multinomial(shares.expand(n_components, -1), n_samples, replacement=True)
    return code.gather(0, rows.T)
