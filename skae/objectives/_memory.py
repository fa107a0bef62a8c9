"""Reconstruction from a memory that is addressed sparsely."""

from typing import cast

import torch
from torch import Tensor, nn

from skae.distributions import Likelihood
from skae.nn import MemoryAutoEncoder
from skae.objectives._base import Batch
from skae.objectives._reconstruction import Reconstruction

# Smallest weight that has a logarithm.
TINY = torch.finfo(torch.float32).tiny


class MemoryReconstruction(Reconstruction):
    r"""Loss of the cells, and the entropy of the weights by which a row addresses the memory.

    :math:`\frac 1 n \sum_i \left( \frac 1 d \sum_j -\log p(x_{ij} \mid \hat z_i)
    - \alpha \sum_k \hat w_{ik} \log \hat w_{ik} \right)`. Held-out rows are judged by the first
    term, which is the score.

    Parameters
    ----------
    likelihood : Likelihood
        The loss of a cell.
    entropy_weight : float
        The factor :math:`\alpha`.

    References
    ----------
    Gong et al., "Memorizing Normality to Detect Anomaly", ICCV 2019, equations 8 to 11.
    """

    def __init__(self, likelihood: Likelihood, entropy_weight: float):
        super().__init__(likelihood)
        self.entropy_weight = entropy_weight

    def forward(self, module: nn.Module, batch: Batch) -> Tensor:
        """Weighted mean loss; see :meth:`Objective.forward`."""
        module = cast("MemoryAutoEncoder", module)
        weights = module.address(batch.inputs)
        output = module.decoder(module.memory.read(weights))
        return self._mean_loss(output, batch) + self._entropy(weights, batch)

    @torch.no_grad()
    def _gradients(self, module: nn.Module, batch: Batch) -> tuple[Tensor, list[Tensor]]:
        output, weights, pull = cast("MemoryAutoEncoder", module).memory_pullback(batch.inputs)
        loss, output_grad = self._loss_and_gradient(output, batch)
        # d(-w log w) / dw; a weight of zero stays zero, whatever its gradient
        weights_grad = weights.clamp(min=TINY).log_().add_(1).mul_(-self.entropy_weight)
        weights_grad.div_(len(weights))
        if batch.weight is not None:
            weights_grad.mul_(batch.weight[:, None])
        return loss + self._entropy(weights, batch), pull(output_grad, weights_grad)

    def _entropy(self, weights: Tensor, batch: Batch) -> Tensor:
        """Mean entropy, in nats, times its factor."""
        entropy = -(weights * weights.clamp(min=TINY).log()).sum(dim=1)
        if batch.weight is not None:
            entropy = entropy * batch.weight
        return self.entropy_weight * entropy.mean()
