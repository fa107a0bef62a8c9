"""Encoders that give a distribution of codes, decoders that give scales."""

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal

from skae.nn._autoencoder import AutoEncoderModule
from skae.nn._table_input import TableInput

# A learned scale is at least this share of the deviation of its column: a column that can be
# predicted exactly would have an infinite density.
SMALLEST_SCALE = 0.03
# A posterior is hardly ever wider than its prior: what the encoder says of rows far from all
# others is limited, or a single one of them upsets training.
LOG_SCALES = (-8.0, 1.0)


class NoiseScale(nn.Module):
    """Logarithms of the deviations of numbers around their means, one a column, learned.

    Parameters
    ----------
    n_scales : int
        How many.

    Attributes
    ----------
    relative : Parameter of shape (n_scales,)
        Logarithms of the scales, in units of the deviations of the columns.
    unit : Tensor of shape (n_scales,)
        These deviations.
    varies : Tensor of shape (n_scales,)
        1, or 0 for a column whose scale stays at its unit.
    """

    unit: Tensor
    varies: Tensor

    def __init__(self, n_scales: int):
        super().__init__()
        self.relative = nn.Parameter(torch.zeros(n_scales, dtype=torch.float32))
        self.register_buffer("unit", torch.ones(n_scales, dtype=torch.float32))
        self.register_buffer("varies", torch.ones(n_scales, dtype=torch.float32))

    def forward(self) -> Tensor:
        """Logarithms of the scales, (n_scales,)."""
        variance = torch.exp(2 * self.relative * self.varies) + SMALLEST_SCALE**2 * self.varies
        return self.unit.log() + 0.5 * variance.log()

    @torch.no_grad()
    def start(self, unit: Tensor, relative: Tensor, varies: Tensor) -> None:
        """Set deviations of the columns, scales relative to them, and which are learned.

        Parameters
        ----------
        unit, relative : Tensor of shape (n_scales,)
            Deviations; shares of them.
        varies : Tensor of bool of shape (n_scales,)
            Which columns are not constant.
        """
        spread = varies & (unit > 0)  # of a single row nothing is known
        self.unit.copy_(unit.where(spread, 1.0))
        self.varies.copy_(varies)
        floor = SMALLEST_SCALE**2
        learned = (relative.where(spread, 1.0).square() - floor).clamp(min=floor / 4)
        self.relative.copy_(0.5 * learned.log())


class VariationalAutoEncoder(AutoEncoderModule):
    """An encoder of distributions: its output is their means and logarithms of deviations.

    Parameters
    ----------
    encoder : nn.Module
        Maps (n_samples, n_inputs) to (n_samples, 2 n_components).
    decoder, inputs
        As for :class:`AutoEncoderModule`.
    n_components : int
        Columns of a code.
    n_scales : int
        Learned scales of the likelihood.
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        n_components: int,
        n_scales: int,
        inputs: TableInput | None = None,
    ):
        super().__init__(encoder, decoder, inputs)
        self.noise = NoiseScale(n_scales) if n_scales else None
        self.n_components = n_components

    def posterior(self, x: Tensor) -> Normal:
        """Distributions of the codes of rows.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_prepared)
            Prepared rows.

        Returns
        -------
        Normal
            Of batch shape (n_samples, n_components).
        """
        return self.posterior_of_seen(self.seen(x))

    def posterior_of_seen(self, seen: Tensor) -> Normal:
        """Distributions of codes, given what the encoder sees; see :meth:`posterior`."""
        loc, log_scale = self.encoder(seen).chunk(2, dim=-1)
        scale = log_scale.clamp(*LOG_SCALES).exp()
        return Normal(loc, scale, validate_args=False)

    def prior(self) -> Distribution:
        """Distribution of codes, of event shape (n_components,): standard normal."""
        loc = next(self.parameters()).new_zeros(self.n_components)
        return Independent(Normal(loc, torch.ones_like(loc), validate_args=False), 1)

    def divergence(self, posterior: Normal, code: Tensor) -> Tensor:
        """Divergence of distributions of codes from the prior.

        Parameters
        ----------
        posterior : Normal
            Distributions of the codes of rows, of batch shape (n_samples, n_components).
        code : Tensor of shape (n_samples, n_components) or (n_points, n_samples, n_components)
            A draw from each, or points whose mean stands for the expectation: for priors without a
            closed form.

        Returns
        -------
        Tensor of shape (n_samples, n_components), or (n_samples, 1)
            Nats: of each code, where the prior is independent in the codes.
        """
        # Not torch's kl_divergence, which looks for its formula in a way that does not compile.
        loc, scale = posterior.loc, posterior.scale
        return 0.5 * (loc.square() + scale.square() - 1) - scale.log()

    def joined(self, code: Tensor, seen: Tensor) -> Tensor:
        """Codes of a posterior, and what else of the rows the decoder is told.

        Parameters
        ----------
        code : Tensor of shape (..., n_samples, n_components)
            Draws.
        seen : Tensor of shape (n_samples, n_inputs)
            What the encoder sees of the rows.

        Returns
        -------
        Tensor of shape (..., n_samples, n_codes)
            What :meth:`decode` takes: the draws.
        """
        return code

    def encode(self, x: Tensor) -> Tensor:
        """Means of the distributions of codes; see :meth:`AutoEncoderModule.encode`."""
        seen = self.seen(x)
        return self.joined(self.posterior_of_seen(seen).mean, seen)

    def decode(self, code: Tensor) -> Tensor:
        """Decode codes; the learned scales follow the decoder's outputs."""
        output = self.decoder(code)
        if self.noise is None:
            return output
        return torch.cat([output, self.noise().expand(len(output), -1)], dim=1)

    def compensate_output(self, scale: Tensor, shift: Tensor) -> None:
        """Give outputs and scales in other units; see :meth:`SkipMLP.compensate_output`."""
        super().compensate_output(scale, shift)
        if self.noise is not None:
            self.noise.unit.mul_(scale[: len(self.noise.unit)])

    @property
    def has_pullback(self) -> bool:
        """False: gradients come from autograd."""
        return False
