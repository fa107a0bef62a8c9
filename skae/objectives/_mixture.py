"""Reconstruction by codes that have a likely place in a mixture of normal distributions."""

from typing import cast

import torch
from torch import Tensor, nn

from skae.distributions import Likelihood
from skae.nn import AutoEncoderModule, GaussianMixture, MixtureAutoEncoder
from skae.objectives._base import Batch
from skae.objectives._reconstruction import Reconstruction

# Columns of a point beside those of the code: two errors of reconstruction.
N_ERRORS = 2
# A coordinate that all rows share, over the root of the columns; the length of a standardised row
# is about 1. Without it rows near the mean, whose direction means nothing, would be the strangest.
SHARED = 0.5
# Bound of a coordinate: its square, times the columns, is still a float32.
FARTHEST = 1e16


class MixtureReconstruction(Reconstruction):
    r"""Loss of the cells, energy of the points, and a penalty of small variances.

    .. math:: \frac 1 n \sum_i \left(\frac 1 d \sum_j -\log p(x_{ij} \mid z_i)
        + \frac{\lambda_1} d E(z_i)\right)
        + \frac{\lambda_2} d \sum_{kj} \frac 1 {\Sigma_{kjj}},

    where :math:`E` is minus the log-density of a mixture whose weights, means and covariances are
    those of the batch, by the memberships that the module estimates.

    Parameters
    ----------
    likelihood : Likelihood
        The loss of a cell.
    energy_weight, covariance_weight : float
        The factors :math:`\lambda_1` and :math:`\lambda_2`.

    References
    ----------
    Zong et al., "Deep Autoencoding Gaussian Mixture Model for Unsupervised Anomaly Detection",
    ICLR 2018, equations 4 to 7; the squared error is a sum over the columns there.
    """

    def __init__(self, likelihood: Likelihood, energy_weight: float, covariance_weight: float):
        super().__init__(likelihood)
        self.energy_weight = energy_weight
        self.covariance_weight = covariance_weight

    def forward(self, module: nn.Module, batch: Batch) -> Tensor:
        """Weighted mean loss; see :meth:`Objective.forward`."""
        output, energy = self._output_and_energy(module, batch)
        if batch.weight is not None:
            energy = energy * batch.weight
        return self._mean_loss(output, batch) + energy.mean()

    def per_row(self, module: nn.Module, batch: Batch) -> Tensor:
        """Loss of each row, by the mixture of the batch; see :meth:`Objective.per_row`."""
        output, energy = self._output_and_energy(module, batch)
        return self.likelihood.row_loss(output, batch.targets) + energy

    def _output_and_energy(self, module: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        """What the decoder gives, and what the places of the points cost each row."""
        module = cast("MixtureAutoEncoder", module)
        z, output = latent(module, self.likelihood, module.seen(batch.inputs))
        membership = module.membership(z)
        if batch.weight is not None:
            membership = membership * batch.weight[:, None]
        mixture = GaussianMixture.of_memberships(z, membership)
        penalty = self.covariance_weight * mixture.variance.reciprocal().sum()
        energy = self.energy_weight * mixture.energy(z) + penalty
        n_cells = self.likelihood.n_cells(batch.targets) / len(batch.targets)
        return output, (energy / n_cells).float()


def latent(
    module: AutoEncoderModule, likelihood: Likelihood, seen: Tensor
) -> tuple[Tensor, Tensor]:
    r"""The points of rows: their codes, and two errors of their reconstruction.

    :math:`\|x - x'\| / \|x\|` and the cosine of `x` and its reconstruction `x'`, over numbers and
    one-hot columns as the encoder sees them, and one coordinate more, :math:`\sqrt d / 2`, that
    all rows share.

    Parameters
    ----------
    module : AutoEncoderModule
        The network.
    likelihood : Likelihood
        What its outputs mean.
    seen : Tensor of shape (n_samples, n_inputs)
        What the encoder sees.

    Returns
    -------
    z : Tensor of shape (n_samples, n_components + 2)
        The points.
    output : Tensor of shape (n_samples, n_outputs)
        What the decoder's last layer gives.
    """
    code = module.encoder(seen)
    output = module.decoder(code)
    rebuilt = _bounded(likelihood.seen(output, module.inputs))
    x = _bounded(seen[:, : rebuilt.shape[1]])
    shared = SHARED**2 * x.shape[1]
    length, length_rebuilt = (_length(values, shared) for values in (x, rebuilt))
    relative = _length(x - rebuilt, torch.finfo(torch.float32).tiny) / length
    cosine = ((x * rebuilt).sum(dim=1, keepdim=True) + shared) / (length * length_rebuilt)
    return torch.cat([_bounded(code), relative, cosine], dim=1), output


def _length(values: Tensor, more: float) -> Tensor:
    """Root of the sum of squares, and of something more: its derivative is a number everywhere."""
    return (values.square().sum(dim=1, keepdim=True) + more).sqrt()


def _bounded(values: Tensor) -> Tensor:
    return values.clamp(-FARTHEST, FARTHEST)
