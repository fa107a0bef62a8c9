"""Reconstruction from integers, and the likelihood of these."""

from typing import cast

from torch import Tensor, nn

from skae.distributions import Likelihood
from skae.nn import QuantizedAutoEncoder, TokenPrior
from skae.objectives._base import Batch, Objective
from skae.objectives._reconstruction import Reconstruction


class QuantizedReconstruction(Reconstruction):
    r"""Loss of the cells, rebuilt from quantised codes, and the commitment of the encoder to these.

    .. math:: -\frac 1 d \log p(x \mid \hat z)
        + \frac \beta k \|z - \operatorname{sg}(\hat z)\|^2

    sg stops the gradient. Codebooks follow the codes of the batch beside. Held-out rows are judged
    by the first term.

    Parameters
    ----------
    likelihood : Likelihood
        The loss of a cell.
    commitment_weight : float
        :math:`\beta`.

    References
    ----------
    van den Oord, Vinyals & Kavukcuoglu, "Neural Discrete Representation Learning", NeurIPS 2017,
    equation 3; its second term is a moving mean here (appendix A.1).
    """

    def __init__(self, likelihood: Likelihood, commitment_weight: float):
        super().__init__(likelihood)
        self.commitment_weight = commitment_weight

    def forward(self, module: nn.Module, batch: Batch) -> Tensor:
        """Weighted mean loss; see :meth:`Objective.forward`."""
        module = cast("QuantizedAutoEncoder", module)
        z = module.encoder(module.seen(batch.inputs))
        embedding, commitment = module.quantizer(z)
        if module.training:
            module.quantizer.follow(z.detach(), batch.weight)
        if batch.weight is not None:
            commitment = commitment * batch.weight
        loss = self._mean_loss(module.decode(embedding), batch)
        return loss + self.commitment_weight * commitment.mean()


class TokenLikelihood(Objective):
    r"""Negative log-likelihood of rows of integers, :math:`-\log p(t)`, in nats.

    Its module is a :class:`skae.nn.TokenPrior`.
    """

    def forward(self, module: nn.Module, batch: Batch) -> Tensor:
        """Weighted mean; see :meth:`Objective.forward`."""
        losses = self.per_row(module, batch)
        return (losses if batch.weight is None else losses * batch.weight).mean()

    def per_row(self, module: nn.Module, batch: Batch) -> Tensor:
        """Loss of each row; see :meth:`Objective.per_row`."""
        return -cast("TokenPrior", module).log_prob(batch.targets.long())
