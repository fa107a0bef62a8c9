"""Bounds on the likelihood of rows."""

import math
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Normal

from skae.distributions import Likelihood
from skae.nn import VariationalAutoEncoder, cubature_points
from skae.objectives._base import Batch
from skae.objectives._divergences import row_shares
from skae.objectives._reconstruction import Reconstruction


class Variational(Reconstruction):
    r"""Minus the evidence lower bound of a row, in nats, over the number of its columns.

    .. math:: \frac 1 d \left(-\mathbb E_{q(z|x)} \log p(x \mid z) + \beta\, \mathrm{KL}
        (q(z \mid x) \,\|\, p(z))\right)

    In training the expectation is one draw, in judging held-out rows the mean over cubature points.
    A subclass has another `penalty` in the place of the second term.

    Parameters
    ----------
    likelihood : Likelihood
        The density of a cell.
    beta : float, default=1.0
        Weight of the divergence.
    free_bits : float, default=0.0
        Nats of each code that cost nothing: :math:`\max(\lambda, \mathrm{KL}_j)`, the divergence of
        a code averaged over the batch.

    Attributes
    ----------
    warmth : Tensor of shape ()
        Factor of the penalty in training, that a warm-up moves from 0 to 1.

    References
    ----------
    Kingma & Welling, "Auto-Encoding Variational Bayes", ICLR 2014, equation 3; `beta`: Higgins et
    al., "beta-VAE", ICLR 2017, equation 4; `free_bits`: Kingma et al., "Improved Variational
    Inference with Inverse Autoregressive Flow", NeurIPS 2016, equation 15.
    """

    warmth: Tensor

    def __init__(self, likelihood: Likelihood, beta: float = 1.0, free_bits: float = 0.0):
        super().__init__(likelihood)
        self.beta = beta
        self.free_bits = free_bits
        self.register_buffer("warmth", torch.ones((), dtype=torch.float32), persistent=False)

    def forward(self, module: nn.Module, batch: Batch) -> Tensor:
        """Weighted mean loss; see :meth:`Objective.forward`."""
        losses = self.drawn_losses(cast("VariationalAutoEncoder", module), batch)
        if batch.weight is not None:
            losses = losses * batch.weight
        return losses.mean() / self._n_columns(batch)

    def drawn_losses(self, module: VariationalAutoEncoder, batch: Batch) -> Tensor:
        """Loss of each row, by draws from torch's process-wide generators.

        Parameters
        ----------
        module : VariationalAutoEncoder
            The network.
        batch : Batch
            The rows.

        Returns
        -------
        Tensor of shape (n_samples,)
            Nats, unweighted.
        """
        seen = module.seen(batch.inputs)
        posterior = module.posterior_of_seen(seen)
        code = posterior.rsample()
        output = module.decode(module.joined(code, seen))
        losses = self.likelihood.neg_log_density(output, batch.targets).sum(dim=1)
        return losses + self.warmth * self.penalty(module, posterior, code, batch.weight)

    def penalty(
        self,
        module: VariationalAutoEncoder,
        posterior: Normal,
        code: Tensor,
        weight: Tensor | None,
    ) -> Tensor:
        """What keeps the distributions of codes near to the prior.

        Parameters
        ----------
        module : VariationalAutoEncoder
            The network.
        posterior : Normal
            Distributions of the codes of the rows, of batch shape (n_samples, n_components).
        code : Tensor of shape (n_samples, n_components)
            A draw from each.
        weight : Tensor of shape (n_samples,) or None
            Weights of the rows.

        Returns
        -------
        Tensor of shape (n_samples,)
            Nats. Rows of a term that belongs to the whole batch are equal.
        """
        divergence = module.divergence(posterior, code)
        if self.free_bits:
            divergence = _free(divergence, self.free_bits, weight)
        return self.beta * divergence.sum(dim=1)

    def per_row(self, module: nn.Module, batch: Batch) -> Tensor:
        """Loss of each row; see :meth:`Objective.per_row`."""
        module = cast("VariationalAutoEncoder", module)
        seen = module.seen(batch.inputs)
        loss = self.likelihood.neg_log_density
        losses, posterior = expected_losses(module, loss, seen, batch.targets)
        penalty = self.penalty(module, posterior, _fixed_draw(posterior), batch.weight)
        return (losses.sum(dim=1) + penalty) / self._n_columns(batch)

    def _n_columns(self, batch: Batch) -> float:
        return self.likelihood.n_cells(batch.targets) / max(len(batch.targets), 1)


class RegularizedVariational(Variational):
    r"""The bound of `Variational` and a term of the codes of a batch, taken together.

    Parameters
    ----------
    likelihood : Likelihood
        The density of a cell.
    weight : float
        Of the term; it is in nats.
    beta, free_bits : float
        As for `Variational`.
    """

    def __init__(
        self,
        likelihood: Likelihood,
        weight: float,
        beta: float = 1.0,
        free_bits: float = 0.0,
    ):
        super().__init__(likelihood, beta, free_bits)
        self.weight = weight

    def penalty(
        self,
        module: VariationalAutoEncoder,
        posterior: Normal,
        code: Tensor,
        weight: Tensor | None,
    ) -> Tensor:
        """The divergence of each row and the term; see :meth:`Variational.penalty`."""
        divergence = super().penalty(module, posterior, code, weight)
        if self.weight == 0:
            return divergence
        return divergence + self.weight * self.term(posterior, code, row_shares(weight, code))

    @abstractmethod
    def term(self, posterior: Normal, code: Tensor, shares: Tensor) -> Tensor:
        """What codes cost together.

        Parameters
        ----------
        posterior : Normal
            Distributions of the codes of the rows, of batch shape (n_samples, n_components).
        code : Tensor of shape (n_samples, n_components)
            A draw from each.
        shares : Tensor of shape (n_samples,)
            Of the rows; see :func:`row_shares`.

        Returns
        -------
        Tensor of shape () or (n_samples,)
            Nats.
        """


class ImportanceWeighted(Variational):
    r"""Minus the importance-weighted bound of a row, in nats, over the number of its columns.

    .. math:: -\frac 1 d\, \mathbb E \log \frac 1 S \sum_{s=1}^S
        \frac{p(x, z_s)}{q(z_s \mid x)}, \qquad z_s \sim q(z \mid x)

    With one draw it is :class:`Variational`, in expectation. In judging held-out rows the draws are
    the same in every epoch.

    Parameters
    ----------
    likelihood : Likelihood
        The density of a cell.
    n_draws : int, default=5
        :math:`S`, for each row.

    References
    ----------
    Burda, Grosse & Salakhutdinov, "Importance Weighted Autoencoders", ICLR 2016, equation 8.
    """

    def __init__(self, likelihood: Likelihood, n_draws: int = 5):
        super().__init__(likelihood)
        self.n_draws = n_draws

    def drawn_losses(self, module: VariationalAutoEncoder, batch: Batch) -> Tensor:
        """Loss of each row; see :meth:`Variational.drawn_losses`."""
        shape = self._shape(module, batch)
        return self._losses(module, batch, torch.randn(shape, device=batch.targets.device))

    def per_row(self, module: nn.Module, batch: Batch) -> Tensor:
        """Loss of each row; see :meth:`Objective.per_row`."""
        module = cast("VariationalAutoEncoder", module)
        noise = _fixed_noise(self._shape(module, batch), batch.targets.device)
        return self._losses(module, batch, noise) / self._n_columns(batch)

    def _shape(self, module: VariationalAutoEncoder, batch: Batch) -> tuple[int, int, int]:
        return self.n_draws, len(batch.targets), module.n_components

    def _losses(self, module: VariationalAutoEncoder, batch: Batch, noise: Tensor) -> Tensor:
        seen, prior = module.seen(batch.inputs), module.prior()
        weights = log_weights(module, self.likelihood, prior, seen, batch.targets, noise)
        return -log_mean_exp(weights)


def expected_losses(
    module: VariationalAutoEncoder,
    loss: Callable[[Tensor, Tensor], Tensor],
    seen: Tensor,
    targets: Tensor,
) -> tuple[Tensor, Normal]:
    """Expected loss of cells under the distributions of codes, by cubature.

    Parameters
    ----------
    module : VariationalAutoEncoder
        The network.
    loss : callable
        Maps outputs and targets to losses of cells: :meth:`Likelihood.neg_log_density`.
    seen : Tensor of shape (n_samples, n_inputs)
        What the encoder sees.
    targets : Tensor of shape (n_samples, n_encoded)
        Encoded rows.

    Returns
    -------
    losses : Tensor of shape (n_samples, n_features)
        Nats; 0 for a missing cell.
    posterior : Normal
        The distributions of codes.
    """
    posterior = module.posterior_of_seen(seen)
    codes = module.joined(cubature_points(posterior), seen)
    losses = [loss(module.decode(code), targets) for code in codes]
    return torch.stack(losses).mean(dim=0), posterior


def log_weights(
    module: VariationalAutoEncoder,
    likelihood: Likelihood,
    prior: Distribution,
    seen: Tensor,
    targets: Tensor,
    noise: Tensor,
) -> Tensor:
    r"""Logarithms of the importance weights :math:`p(x, z) / q(z \mid x)` of draws.

    Parameters
    ----------
    module : VariationalAutoEncoder
        The network.
    likelihood : Likelihood
        The density of a cell.
    prior : Distribution
        Of codes, (n_components,).
    seen : Tensor of shape (n_samples, n_inputs)
        What the encoder sees.
    targets : Tensor of shape (n_samples, n_encoded)
        Encoded rows.
    noise : Tensor of shape (n_draws, n_samples, n_components), or one that broadcasts
        Standard normal numbers that make the draws.

    Returns
    -------
    Tensor of shape (n_draws, n_samples)
        Nats.
    """
    posterior = module.posterior_of_seen(seen)
    code = posterior.loc + posterior.scale * noise  # (n_draws, n_samples, n_components)
    n_draws = len(code)
    output = module.decode(module.joined(code, seen).flatten(0, 1))
    losses = likelihood.neg_log_density(output, targets.repeat(n_draws, 1)).sum(dim=1)
    log_q = posterior.log_prob(code).sum(dim=-1)
    return prior.log_prob(code) - log_q - losses.unflatten(0, (n_draws, -1))


def log_mean_exp(values: Tensor) -> Tensor:
    """Logarithm of the mean over the first axis of exponentials."""
    return torch.logsumexp(values, dim=0) - math.log(len(values))


def _free(divergence: Tensor, free: float, weight: Tensor | None) -> Tensor:
    """Divergences (n_samples, n_components); a constant where the mean of a code is below."""
    weighted = divergence if weight is None else divergence * weight[:, None]
    return torch.where(weighted.mean(dim=0) > free, divergence, free)


def _fixed_draw(posterior: Normal) -> Tensor:
    """A draw from each distribution that is the same in every epoch."""
    return posterior.loc + posterior.scale * _fixed_noise(posterior.loc.shape, posterior.loc.device)


def _fixed_noise(shape: Sequence[int], device: torch.device) -> Tensor:
    generator = torch.Generator(device).manual_seed(0)
    return torch.randn(shape, generator=generator, device=device)
