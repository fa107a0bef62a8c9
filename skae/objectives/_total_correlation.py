"""Bounds that want codes which are independent of each other."""

from typing import cast

import torch
from torch import Tensor, nn
from torch.distributions import Normal

from skae.distributions import Likelihood
from skae.nn import VariationalAutoEncoder
from skae.objectives._adversarial import Discriminated
from skae.objectives._base import Batch
from skae.objectives._divergences import total_correlation
from skae.objectives._variational import RegularizedVariational


class TotalCorrelation(RegularizedVariational):
    r"""The bound of `Variational` and the total correlation of codes over the batch.

    .. math:: \frac 1 d \left(-\mathbb E_{q(z|x)} \log p(x \mid z) + \beta\, \mathrm{KL}(q(z \mid x)
        \,\|\, p(z)) + \gamma\, \mathrm{KL}(q(z) \,\|\, \prod_j q(z_j))\right)

    Parameters
    ----------
    likelihood, weight, beta, free_bits
        As for `RegularizedVariational`; `weight` is :math:`\gamma`, 1 less than the :math:`\beta`
        of the paper.

    References
    ----------
    Chen et al., "Isolating Sources of Disentanglement in Variational Autoencoders", NeurIPS 2018,
    equation 4 at :math:`\alpha = \gamma = 1`.
    """

    def term(self, posterior: Normal, code: Tensor, shares: Tensor) -> Tensor:
        """The total correlation of each row; see `RegularizedVariational.term`."""
        return total_correlation(code, posterior, shares)


class DiscriminatedCorrelation(Discriminated, RegularizedVariational):
    r"""The loss of `TotalCorrelation`, with the density ratio of a discriminator.

    A network learns to tell codes from codes whose columns are drawn from different rows; its logit
    is the logarithm of :math:`q(z) / \prod_j q(z_j)`. Held-out rows are judged by the bound alone:
    the discriminator changes from epoch to epoch.

    Parameters
    ----------
    likelihood, weight, beta, free_bits
        As for `RegularizedVariational`; `weight` is :math:`\gamma`.
    discriminator : nn.Module
        Maps (n_samples, n_components) to (n_samples, 1).

    References
    ----------
    Kim & Mnih, "Disentangling by Factorising", ICML 2018, equations 2 and 3, algorithms 1 and 2.
    """

    def __init__(
        self,
        likelihood: Likelihood,
        weight: float,
        beta: float,
        free_bits: float,
        discriminator: nn.Module,
    ):
        super().__init__(likelihood, weight, beta, free_bits)
        self.discriminator = discriminator

    def term(self, posterior: Normal, code: Tensor, shares: Tensor) -> Tensor:
        """The logits in training, else 0; see `RegularizedVariational.term`."""
        if not self.training:
            return code.new_zeros(len(code))
        return self.discriminator(code).squeeze(dim=1)

    def _codes(self, module: nn.Module, batch: Batch) -> Tensor:
        posterior = cast("VariationalAutoEncoder", module).posterior(batch.inputs)
        return posterior.rsample()  # not `sample`, which has an error of its own for NaN

    def _reference(self, code: Tensor, shares: Tensor) -> Tensor:
        return _shuffled(code, shares)


def _shuffled(code: Tensor, shares: Tensor) -> Tensor:
    """Codes (n_samples, n_components), each column from rows of its own, drawn by their shares."""
    n_samples, n_components = code.shape
    rows = torch.multinomial(shares.expand(n_components, -1), n_samples, replacement=True)
    return code.gather(0, rows.T)
