"""A prior of codes that is made of posteriors."""

import math

import torch
from torch import Tensor, nn
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from skae.nn._table_input import TableInput
from skae.nn._variational import VariationalAutoEncoder


class NormalMixture(MixtureSameFamily):
    """A mixture of normal distributions without correlations.

    Parameters
    ----------
    parts : Normal
        Of batch shape (n_parts, n_components).
    logits : Tensor of shape (n_parts,)
        Logarithms of their shares, up to a constant.
    """

    def __init__(self, parts: Normal, logits: Tensor):
        self.parts = parts
        shares = Categorical(logits=logits, validate_args=False)
        super().__init__(shares, Independent(parts, 1), validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        """Logarithm of the density, coordinate by coordinate: a value for each part at a time.

        Parameters
        ----------
        value : Tensor of shape (..., n_components)
            Codes.

        Returns
        -------
        Tensor of shape (...)
            Nats.
        """
        n_components = self.parts.loc.shape[1]
        log_volume = self.parts.scale.log().sum(dim=1) + 0.5 * n_components * math.log(2 * math.pi)
        log_density = self.mixture_distribution.logits - log_volume
        for z, loc, scale in zip(
            value.unbind(-1), self.parts.loc.unbind(1), self.parts.scale.unbind(1), strict=True
        ):
            log_density = log_density - 0.5 * ((z[..., None] - loc) / scale).square()
        return torch.logsumexp(log_density, dim=-1)


class VampPriorAutoEncoder(VariationalAutoEncoder):
    r"""A variational auto-encoder whose prior is a mixture of its own posteriors.

    .. math:: p(z) = \sum_{k=1}^K w_k\, q(z \mid u_k)

    Parameters
    ----------
    encoder, decoder, n_components, n_scales, inputs
        As for :class:`VariationalAutoEncoder`.
    pseudo_inputs : Tensor of shape (n_pseudo_inputs, n_inputs)
        The first :math:`u_k`, rows as the encoder sees them.

    Attributes
    ----------
    pseudo_inputs : Parameter
        The :math:`u_k`, learned.
    logits : Parameter of shape (n_pseudo_inputs,)
        Logarithms of the shares :math:`w_k`, up to a constant; equal at first.
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        n_components: int,
        n_scales: int,
        pseudo_inputs: Tensor,
        inputs: TableInput | None = None,
    ):
        super().__init__(encoder, decoder, n_components, n_scales, inputs)
        self.pseudo_inputs = nn.Parameter(pseudo_inputs)
        self.logits = nn.Parameter(torch.zeros_like(pseudo_inputs[:, 0]))

    def prior(self) -> NormalMixture:
        """Distribution of codes, of event shape (n_components,): a mixture of posteriors."""
        return NormalMixture(self.posterior_of_seen(self.pseudo_inputs), self.logits)

    def divergence(self, posterior: Normal, code: Tensor) -> Tensor:
        r"""Mean over points of :math:`\log q(z \mid x) - \log p(z)`.

        See :meth:`VariationalAutoEncoder.divergence`; there is no closed form.
        """
        log_q = posterior.log_prob(code).sum(dim=-1)
        log_ratio = log_q - self.prior().log_prob(code)  # (n_samples,) or (n_points, n_samples)
        return log_ratio.reshape(-1, log_ratio.shape[-1]).mean(dim=0)[:, None]

    @torch.no_grad()
    def compensate_input(self, scale: Tensor, shift: Tensor, masks: Tensor | None = None) -> None:
        """Move the pseudo-inputs along; see :meth:`SkipMLP.compensate_input`."""
        super().compensate_input(scale, shift, masks)
        present = torch.ones_like(self.pseudo_inputs)
        if masks is not None:
            masked = masks >= 0
            present[:, masked] -= self.pseudo_inputs[:, masks[masked]]
        self.pseudo_inputs.sub_(shift * present).div_(scale)

    @torch.no_grad()
    def take_inputs(self, places: Tensor) -> None:
        """Give the pseudo-inputs other columns, too; see :meth:`SkipMLP.take_inputs`.

        Those that come of one column share its value: their weights in the encoder are equal.
        """
        super().take_inputs(places)
        known = places >= 0
        n_heirs = torch.bincount(places[known], minlength=self.pseudo_inputs.shape[1])
        shared = self.pseudo_inputs / n_heirs.clamp(min=1).to(self.pseudo_inputs)
        values = shared.new_zeros(len(shared), len(places))
        values[:, known] = shared[:, places[known]]
        self.pseudo_inputs = nn.Parameter(values)
