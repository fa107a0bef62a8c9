"""Codes that are, taken together, distributed as the prior."""

from typing import cast

import torch
from torch import Tensor, nn
from torch.distributions import Normal
from torch.nn.functional import softplus

from skae.distributions import Likelihood
from skae.nn import AutoEncoderModule
from skae.objectives._adversarial import Discriminated
from skae.objectives._base import Batch
from skae.objectives._divergences import normal_discrepancy, row_shares
from skae.objectives._priced import PricedReconstruction
from skae.objectives._variational import RegularizedVariational


class DiscrepantVariational(RegularizedVariational):
    r"""The bound of `Variational` and the discrepancy of codes over the batch from the prior.

    .. math:: \frac 1 d \left(-\mathbb E_{q(z|x)} \log p(x \mid z) + \beta\, \mathrm{KL}(q(z \mid x)
        \,\|\, p(z)) + \lambda\, \mathrm{MMD}^2(q(z), p(z))\right)

    Parameters
    ----------
    likelihood, weight, beta, free_bits
        As for `RegularizedVariational`; `weight` is :math:`\lambda`.

    References
    ----------
    Zhao, Song & Ermon, "InfoVAE: Balancing Learning and Inference in Variational Autoencoders",
    AAAI 2019, equation 6, where :math:`\beta = 1 - \alpha` and the other weight is
    :math:`\alpha + \lambda - 1`.
    """

    def term(self, posterior: Normal, code: Tensor, shares: Tensor) -> Tensor:
        """The discrepancy; see `RegularizedVariational.term`."""
        return normal_discrepancy(code, shares)


class WassersteinReconstruction(PricedReconstruction):
    r"""Reconstruction error and how far codes are, taken together, from the prior.

    .. math:: -\frac 1 d \log p(x \mid z) + \lambda\, \mathrm{MMD}^2(q(z), p(z)), \qquad z = e(x)

    Parameters
    ----------
    likelihood : Likelihood
        The loss of a cell.
    weight : float
        :math:`\lambda`.

    References
    ----------
    Tolstikhin et al., "Wasserstein Auto-Encoders", ICLR 2018, equation 4 and algorithm 2.
    """

    def price(self, module: AutoEncoderModule, seen: Tensor, code: Tensor, batch: Batch) -> Tensor:
        """Distance of the codes of the batch from the prior, equal for all rows."""
        return self._distance(code, row_shares(batch.weight, code)).expand(len(code))

    def _distance(self, code: Tensor, shares: Tensor) -> Tensor:
        return normal_discrepancy(code, shares)


class AdversarialReconstruction(Discriminated, WassersteinReconstruction):
    r"""Reconstruction error, and how well a discriminator tells codes from draws of the prior.

    .. math:: -\frac 1 d \log p(x \mid z) - \lambda \log(1 - D(z)), \qquad
        \max_D \mathbb E_{q(z)} \log D(z) + \mathbb E_{p(z)} \log(1 - D(z))

    Held-out rows are judged by the discrepancy of `WassersteinReconstruction`, for the
    discriminator changes from epoch to epoch.

    Parameters
    ----------
    likelihood, weight
        As for `WassersteinReconstruction`.
    discriminator : nn.Module
        Maps (n_samples, n_components) to (n_samples, 1).

    References
    ----------
    Makhzani et al., "Adversarial Autoencoders", 2015, section 2.
    """

    def __init__(self, likelihood: Likelihood, weight: float, discriminator: nn.Module):
        super().__init__(likelihood, weight)
        self.discriminator = discriminator

    def _distance(self, code: Tensor, shares: Tensor) -> Tensor:
        """How seldom the discriminator takes codes for draws of the prior, in nats."""
        if not self.training:
            return super()._distance(code, shares)
        return shares @ softplus(self.discriminator(code)).squeeze(dim=1)

    def _codes(self, module: nn.Module, batch: Batch) -> Tensor:
        return cast("AutoEncoderModule", module).encode(batch.inputs)

    def _reference(self, code: Tensor, shares: Tensor) -> Tensor:
        return torch.randn_like(code)
