"""Codes near a centre."""

from typing import cast

import torch
from torch import Tensor, nn

from skae.distributions import Likelihood
from skae.nn import AutoEncoderModule
from skae.objectives._base import Batch
from skae.objectives._reconstruction import Reconstruction


class OneClass(Reconstruction):
    r"""The volume of a hypersphere around the codes :math:`\phi(x_i)`.

    With a hard boundary :math:`\frac 1 n \sum_i \|\phi(x_i) - c\|^2` (equation 4 of the source);
    with a soft one :math:`R^2 + \frac 1 {\nu n} \sum_i \max(0, \|\phi(x_i) - c\|^2 - R^2)`
    (equation 3), where :math:`R^2` is that quantile of the distances of the batch which minimises
    it. Both without weight decay, which is the optimizer's.

    The decoder goes on to learn from the codes as they move; it gives no gradient to the encoder,
    nor does its error count in the value.

    Parameters
    ----------
    likelihood : Likelihood
        What the decoder learns.
    center : Tensor of shape (n_components,)
        `c`.
    nu : float, default=None
        Share of the rows that a soft boundary leaves outside; None for a hard one.

    References
    ----------
    Ruff et al., "Deep One-Class Classification", ICML 2018.
    """

    center: Tensor

    def __init__(self, likelihood: Likelihood, center: Tensor, nu: float | None = None):
        super().__init__(likelihood)
        self.register_buffer("center", center, persistent=False)
        self.nu = nu

    def forward(self, module: nn.Module, batch: Batch) -> Tensor:
        """Weighted mean; see :meth:`Objective.forward`."""
        module = cast("AutoEncoderModule", module)
        code = module.encode(batch.inputs)
        losses = self._losses(self._distances(code), batch.weight)
        if batch.weight is not None:
            losses = losses * batch.weight
        rebuilt = self._mean_loss(module.decoder(code.detach()), batch)
        return losses.mean() + rebuilt - rebuilt.detach()

    def per_row(self, module: nn.Module, batch: Batch) -> Tensor:
        """Loss of the code of each row; see :meth:`Objective.per_row`."""
        code = cast("AutoEncoderModule", module).encode(batch.inputs)
        return self._losses(self._distances(code), batch.weight)

    def _distances(self, code):
        return (code - self.center).square().sum(dim=1)

    def _losses(self, distances, weight):
        if self.nu is None:
            return distances
        limit = squared_radius(distances.detach(), weight, self.nu)
        return limit + (distances - limit).clamp(min=0) / self.nu


def squared_radius(distances: Tensor, weight: Tensor | None, nu: float) -> Tensor:
    r"""The :math:`R^2` that minimises the loss of a soft boundary: a quantile.

    Parameters
    ----------
    distances : Tensor of shape (n_samples,)
        Squared distances to the centre.
    weight : Tensor of shape (n_samples,) or None
        Weights of the rows.
    nu : float
        Share of the weight that is to be outside, at most.

    Returns
    -------
    Tensor of shape ()
        The smallest of the distances beyond which no more than that share is.
    """
    ordered, order = distances.sort()
    weight = torch.ones_like(ordered) if weight is None else weight[order].to(ordered)
    inside = weight.cumsum(dim=0) / weight.sum()
    first = (inside < (1 - nu) * (1 - 1e-6)).sum().clamp(max=len(ordered) - 1)
    return ordered[first]
