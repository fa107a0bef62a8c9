"""Codes that are, taken together, distributed as the prior."""

from typing import cast

import torch
from torch import Tensor, nn
from torch.distributions import Normal
from torch.nn.functional import softplus

from skae.distributions import Likelihood
from skae.nn import AutoEncoderModule, VariationalAutoEncoder
from skae.objectives._adversarial import Discriminated
from skae.objectives._base import Batch
from skae.objectives._divergences import normal_discrepancy, row_shares
from skae.objectives._reconstruction import Reconstruction
from skae.objectives._variational import Variational


class DiscrepantVariational(Variational):
    r"""The bound of `Variational` and the discrepancy of codes over the batch from the prior.

    .. math:: \frac 1 d \left(-\mathbb E_{q(z|x)} \log p(x \mid z) + \beta\, \mathrm{KL}(q(z \mid x)
        \,\|\, p(z)) + \lambda\, \mathrm{MMD}^2(q(z), p(z))\right)

    Parameters
    ----------
    likelihood : Likelihood
        The density of a cell.
    discrepancy_weight : float
        :math:`\lambda`, in nats.
    beta, free_bits : float
        As for `Variational`.

    References
    ----------
    Zhao, Song & Ermon, "InfoVAE: Balancing Learning and Inference in Variational Autoencoders",
    AAAI 2019, equation 6, where :math:`\beta = 1 - \alpha` and the other weight is
    :math:`\alpha + \lambda - 1`.
    """

    def __init__(
        self,
        likelihood: Likelihood,
        discrepancy_weight: float,
        beta: float = 1.0,
        free_bits: float = 0.0,
    ):
        super().__init__(likelihood, beta, free_bits)
        self.discrepancy_weight = discrepancy_weight

    def penalty(
        self,
        module: VariationalAutoEncoder,
        posterior: Normal,
        code: Tensor,
        weight: Tensor | None,
    ) -> Tensor:
        """The divergence of each row and the discrepancy of all; see `Variational.penalty`."""
        discrepancy = normal_discrepancy(code, row_shares(weight, code))
        divergence = super().penalty(module, posterior, code, weight)
        return divergence + self.discrepancy_weight * discrepancy


class WassersteinReconstruction(Reconstruction):
    r"""Reconstruction error and how far codes are, taken together, from the prior.

    .. math:: -\frac 1 d \log p(x \mid z) + \lambda\, \mathrm{MMD}^2(q(z), p(z)), \qquad z = e(x)

    Parameters
    ----------
    likelihood : Likelihood
        The loss of a cell.
    prior_weight : float
        :math:`\lambda`.

    References
    ----------
    Tolstikhin et al., "Wasserstein Auto-Encoders", ICLR 2018, equation 4 and algorithm 2.
    """

    def __init__(self, likelihood: Likelihood, prior_weight: float):
        super().__init__(likelihood)
        self.prior_weight = prior_weight

    def forward(self, module: nn.Module, batch: Batch) -> Tensor:
        """Weighted mean loss; see :meth:`Objective.forward`."""
        module = cast("AutoEncoderModule", module)
        code = module.encode(batch.inputs)
        loss = self._mean_loss(module.decode(code), batch)
        return loss + self.prior_weight * self.penalty(code, row_shares(batch.weight, code))

    def penalty(self, code: Tensor, shares: Tensor) -> Tensor:
        """Distance of the codes of a batch from the prior.

        Parameters
        ----------
        code : Tensor of shape (n_samples, n_components)
            Codes of the rows.
        shares : Tensor of shape (n_samples,)
            Of the rows; see :func:`row_shares`.

        Returns
        -------
        Tensor of shape ()
            Squared maximum mean discrepancy.
        """
        return normal_discrepancy(code, shares)

    def per_row(self, module: nn.Module, batch: Batch) -> Tensor:
        """Loss of each row and the discrepancy of all; see :meth:`Objective.per_row`."""
        module = cast("AutoEncoderModule", module)
        code = module.encode(batch.inputs)
        losses = self.likelihood.row_loss(module.decode(code), batch.targets)
        shares = row_shares(batch.weight, code)
        return losses + self.prior_weight * normal_discrepancy(code, shares)


class AdversarialReconstruction(Discriminated, WassersteinReconstruction):
    r"""Reconstruction error, and how well a discriminator tells codes from draws of the prior.

    .. math:: -\frac 1 d \log p(x \mid z) - \lambda \log(1 - D(z)), \qquad
        \max_D \mathbb E_{q(z)} \log D(z) + \mathbb E_{p(z)} \log(1 - D(z))

    Held-out rows are judged by the discrepancy of `WassersteinReconstruction`, for the
    discriminator changes from epoch to epoch.

    Parameters
    ----------
    likelihood, prior_weight
        As for `WassersteinReconstruction`.
    discriminator : nn.Module
        Maps (n_samples, n_components) to (n_samples, 1).

    References
    ----------
    Makhzani et al., "Adversarial Autoencoders", 2015, section 2.
    """

    def __init__(self, likelihood: Likelihood, prior_weight: float, discriminator: nn.Module):
        super().__init__(likelihood, prior_weight)
        self.discriminator = discriminator

    def penalty(self, code: Tensor, shares: Tensor) -> Tensor:
        """How seldom the discriminator takes codes for draws of the prior, in nats."""
        return shares @ softplus(self.discriminator(code)).squeeze(dim=1)

    def _codes(self, module: nn.Module, batch: Batch) -> Tensor:
        return cast("AutoEncoderModule", module).encode(batch.inputs)

    def _reference(self, code: Tensor, shares: Tensor) -> Tensor:
        return torch.randn_like(code)
