"""A mixture of normal distributions of codes, and the auto-encoder that learns to belong to one."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from skae.nn._autoencoder import AutoEncoderModule
from skae.nn._mlp import linear
from skae.nn._products import aligned
from skae.nn._table_input import TableInput

# Added to each variance, absolutely and in proportion, so that equal points have a density.
SMALLEST_VARIANCE = 1e-6


class GaussianMixture(NamedTuple):
    """Normal distributions and their weights, in double precision.

    Attributes
    ----------
    weight : Tensor of shape (n_mixtures,)
        Weights; they sum to that of all points.
    mean : Tensor of shape (n_mixtures, n_latent)
        Means.
    covariance : Tensor of shape (n_mixtures, n_latent, n_latent)
        Covariances.
    """

    weight: Tensor
    mean: Tensor
    covariance: Tensor

    @classmethod
    def of_memberships(cls, z: Tensor, membership: Tensor) -> "GaussianMixture":
        r"""Weights, means and covariances of points that belong to components by shares.

        :math:`\phi_k = \sum_i \gamma_{ik} / \sum_{il} \gamma_{il}`,
        :math:`\mu_k = \sum_i \gamma_{ik} z_i / \sum_i \gamma_{ik}` and
        :math:`\Sigma_k = \sum_i \gamma_{ik} (z_i - \mu_k)(z_i - \mu_k)^\top /
        \sum_i \gamma_{ik}`.

        Parameters
        ----------
        z : Tensor of shape (n_samples, n_latent)
            Points.
        membership : Tensor of shape (n_samples, n_mixtures)
            The shares :math:`\gamma`, times the weights of the rows.

        Returns
        -------
        GaussianMixture
            Differentiable in both.
        """
        z, membership = z.double(), membership.double()
        total = membership.sum(dim=0).clamp(min=torch.finfo(torch.float64).tiny)
        mean = (membership.T @ z) / total[:, None]
        centred = z - mean[:, None]  # (n_mixtures, n_samples, n_latent)
        weighted = centred * (membership / total).T[:, :, None]
        covariance = centred.mT @ weighted
        more = SMALLEST_VARIANCE * (1 + covariance.diagonal(dim1=1, dim2=2))
        return cls(total, mean, covariance + torch.diag_embed(more))

    @property
    def variance(self) -> Tensor:
        """Diagonals of the covariances, (n_mixtures, n_latent)."""
        return self.covariance.diagonal(dim1=1, dim2=2)

    def joined(self, later: "GaussianMixture", most_weight: float) -> "GaussianMixture":
        """The mixture of these points and later ones.

        Parameters
        ----------
        later : GaussianMixture
            As many components, of which each joins its namesake.
        most_weight : float
            What all points of this mixture count at most.

        Returns
        -------
        GaussianMixture
            Weights, means and covariances of both.
        """
        weight = self.weight * min(1.0, most_weight / float(self.weight.sum()))
        total = weight + later.weight
        share, way = later.weight / total, later.mean - self.mean
        between = (share * (1 - share))[:, None, None] * way[:, :, None] * way[:, None, :]
        within = self.covariance + share[:, None, None] * (later.covariance - self.covariance)
        return GaussianMixture(total, self.mean + share[:, None] * way, within + between)

    def energy(self, z: Tensor) -> Tensor:
        r"""Minus the log-density, in nats.

        :math:`-\log \sum_k \phi_k \exp(-\frac12 (z - \mu_k)^\top \Sigma_k^{-1} (z - \mu_k))
        / \sqrt{|2 \pi \Sigma_k|}`.

        Parameters
        ----------
        z : Tensor of shape (n_samples, n_latent)
            Points.

        Returns
        -------
        Tensor of float64 of shape (n_samples,)
            Of any sign: a density may be larger than 1.
        """
        factor = torch.linalg.cholesky_ex(self.covariance).L  # a diverged network is no error here
        identity = torch.eye(z.shape[1], dtype=factor.dtype, device=factor.device)
        root = torch.linalg.solve_triangular(factor, identity.expand_as(factor), upper=False)
        whitened_mean = torch.einsum("kij,kj->ki", root, self.mean)
        whitened = F.linear(*aligned(z.double(), root.flatten(0, 1)))  # of all at once
        whitened = whitened.unflatten(1, whitened_mean.shape) - whitened_mean
        log_scale = root.diagonal(dim1=1, dim2=2).log().sum(dim=1)
        log_scale = log_scale - z.shape[1] / 2 * math.log(2 * math.pi)
        log_weight = (self.weight / self.weight.sum()).log()
        exponents = log_weight + log_scale - whitened.square().sum(dim=2) / 2
        return -torch.logsumexp(exponents, dim=1)


class MixtureAutoEncoder(AutoEncoderModule):
    """An auto-encoder, and a network that says which component a point belongs to.

    Parameters
    ----------
    encoder, decoder, inputs
        As for :class:`AutoEncoderModule`.
    n_latent : int
        Columns of a point: those of the code, and others.
    n_mixtures : int
        Number of components.
    hidden_layer_sizes : sequence of int
        Hidden layers of that network, with tanh.
    dropout : float
        Share of the units of its hidden layers that are left out in training.
    generator : torch.Generator
        Source of its initial weights.
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        inputs: TableInput | None,
        n_latent: int,
        n_mixtures: int,
        hidden_layer_sizes: Sequence[int],
        dropout: float,
        generator: torch.Generator,
    ):
        super().__init__(encoder, decoder, inputs)
        layers: list[nn.Module] = []
        n_in = n_latent
        for size in hidden_layer_sizes:
            layers += [linear(n_in, size, True, generator), nn.Tanh(), nn.Dropout(dropout)]
            n_in = size
        self.estimation = nn.Sequential(*layers, linear(n_in, n_mixtures, True, generator))

    def membership(self, z: Tensor) -> Tensor:
        """Shares by which points belong to the components.

        Parameters
        ----------
        z : Tensor of shape (n_samples, n_latent)
            Points.

        Returns
        -------
        Tensor of shape (n_samples, n_mixtures)
            Each row sums to 1.
        """
        return self.estimation(z).softmax(dim=1)
