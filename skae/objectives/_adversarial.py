"""A discriminator of codes, trained in turns with the auto-encoder."""

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from skae.objectives._base import Batch, Objective, Phase
from skae.objectives._divergences import row_shares


class Discriminated(Objective):
    r"""An objective with a second phase, that of a discriminator of codes.

    It learns to tell codes `z` from others, the reference, which the subclass makes in
    `_reference`. Its logit becomes the logarithm of the ratio of their densities: it minimises
    :math:`-\frac 1 2 \mathbb E_{q(z)} \log D(z) - \frac 1 2 \mathbb E_{r(z)} \log(1 - D(z))`.

    Attributes
    ----------
    discriminator : nn.Module
        Maps codes (n_samples, n_components) to logits (n_samples, 1).

    References
    ----------
    Goodfellow et al., "Generative Adversarial Nets", NeurIPS 2014, equation 1.
    """

    discriminator: nn.Module

    def discrimination(self, module: nn.Module, batch: Batch) -> Tensor:
        """Cross-entropy of the discriminator, which its phase lowers.

        Parameters
        ----------
        module : nn.Module
            The network.
        batch : Batch
            The rows.

        Returns
        -------
        Tensor of shape ()
            Nats.
        """
        with torch.no_grad():
            code = self._codes(module, batch)
            shares = row_shares(batch.weight, code)
            reference = self._reference(code, shares)
        of_codes = softplus(-self.discriminator(code)).squeeze(dim=1)
        return (shares @ of_codes + softplus(self.discriminator(reference)).mean()) / 2

    def phases(self, module: nn.Module) -> list[Phase]:
        """The auto-encoder, then the discriminator; see :meth:`Objective.phases`."""
        judges = [*self.discriminator.parameters()]
        return [
            Phase("optimizer", self, [*module.parameters()]),
            Phase("discriminator_optimizer", self.discrimination, judges),
        ]

    def _codes(self, module: nn.Module, batch: Batch) -> Tensor:
        """Codes of rows, (n_samples, n_components)."""
        raise NotImplementedError

    def _reference(self, code: Tensor, shares: Tensor) -> Tensor:
        """What codes are told apart from, of the same shape."""
        raise NotImplementedError
