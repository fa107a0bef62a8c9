"""Losses as likelihoods: what the decoder's output says of a feature's value.

Each is the negative logarithm of a density, up to a constant and a factor, so that "loss",
"likelihood" and "anomaly score of a cell" are one object.
"""

import math
from numbers import Real
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Laplace
from torch.nn import functional as F  # noqa: N812


class Likelihood:
    """The interface of every loss: a negative log-likelihood per feature.

    Attributes
    ----------
    support : tuple of two floats
        Lowest and highest value that a (scaled) feature may take.
    identity_link : bool
        Whether the decoder's output is the reconstruction itself.
    log_normalizer : float
        What has to be added to `nll` so that its exponential is a density.
    """

    support: tuple[float, float] = (-float("inf"), float("inf"))
    identity_link = True
    log_normalizer = 0.0

    def n_scales(self, n_outputs: int) -> int:
        """Number of scales that come after the outputs, learned beside the decoder.

        Parameters
        ----------
        n_outputs : int
            Columns that the decoder gives.

        Returns
        -------
        int
            0, unless the likelihood learns how far values spread around their means.
        """
        return 0

    def nll(self, output: Tensor, target: Tensor, reduction: str = "none") -> Tensor:
        """Negative log-likelihood of `target`, up to a constant.

        Parameters
        ----------
        output : Tensor of shape (n_samples, n_features)
            What the decoder's last layer gives.
        target : Tensor of shape (n_samples, n_features)
            The true, scaled values.
        reduction : {"none", "mean"}
            Whether to average over all cells.

        Returns
        -------
        Tensor of shape (n_samples, n_features), or () for ``"mean"``
            Lower is more likely.
        """
        raise NotImplementedError

    def neg_log_density(self, output: Tensor, target: Tensor) -> Tensor:
        """Negative logarithm of a density that integrates to 1, in nats.

        Parameters
        ----------
        output, target : Tensor
            As for :meth:`nll`.

        Returns
        -------
        Tensor of shape (n_samples, n_features)
            Of scaled values; a missing cell has 0.
        """
        return self.nll(output, target) + self.log_normalizer

    def least_loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Least :meth:`neg_log_density` of any value: what says nothing of how strange a cell is.

        Parameters
        ----------
        output : Tensor of shape (n_samples, n_outputs) or (1, n_outputs)
            What the decoder gives.
        target : Tensor of shape (n_samples, n_features)
            As for :meth:`nll`.

        Returns
        -------
        Tensor of shape (n_samples, n_features)
            Minus the logarithm of the height of the density; a missing cell has 0.
        """
        return torch.full_like(target, self.log_normalizer)

    def sample(self, output: Tensor) -> Tensor:
        """Draw encoded rows, from torch's process-wide generators.

        Parameters
        ----------
        output : Tensor of shape (n_samples, n_outputs)
            What the decoder gives, scales included.

        Returns
        -------
        Tensor of shape (n_samples, n_encoded)
            Scaled values.
        """
        raise NotImplementedError(f"{type(self).__name__} says nothing of how to draw values.")

    def gradient(self, output: Tensor, target: Tensor) -> Tensor:
        """Derivative of :meth:`nll` with respect to `output`.

        Parameters
        ----------
        output, target : Tensor of shape (n_samples, n_features)
            As for :meth:`nll`.

        Returns
        -------
        Tensor of shape (n_samples, n_features)
            The derivative of each cell: by autograd, unless a subclass knows a faster way.
        """
        with torch.enable_grad():
            output = output.detach().requires_grad_()
            return torch.autograd.grad(self.nll(output, target).sum(), output)[0]

    def nll_and_gradient(
        self, output: Tensor, target: Tensor, reduction: str = "none"
    ) -> tuple[Tensor, Tensor]:
        """Loss and derivative at once, for likelihoods where they share work.

        Parameters
        ----------
        output, target, reduction
            As for :meth:`nll`.

        Returns
        -------
        nll : Tensor
            As :meth:`nll` returns it.
        gradient : Tensor of the shape of `output`
            As :meth:`gradient` returns it: of the sum, whatever the reduction.
        """
        return self.nll(output, target, reduction), self.gradient(output, target)

    def n_cells(self, target: Tensor) -> int:
        """Number of losses that :meth:`nll` gives.

        Parameters
        ----------
        target : Tensor of shape (n_samples, n_features)
            As for :meth:`nll`.

        Returns
        -------
        int
            One for each cell of the table.
        """
        return target.numel()

    def shares(self, output: Tensor, target: Tensor) -> Tensor:
        """Loss of each feature as a share of that of its row.

        Parameters
        ----------
        output, target : Tensor
            As for :meth:`nll`.

        Returns
        -------
        Tensor of shape (n_samples, n_features)
            Each row sums to :meth:`row_loss`.
        """
        losses = self.nll(output, target)
        return losses / losses.shape[1]

    def row_loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Mean loss of the features of each row.

        Parameters
        ----------
        output, target : Tensor
            As for :meth:`nll`.

        Returns
        -------
        Tensor of shape (n_samples,)
            Lower is more likely.
        """
        return self.nll(output, target).mean(dim=1)

    def mean(self, output: Tensor) -> Tensor:
        """Reconstruction that belongs to a decoder output (its mean, or its median).

        Parameters
        ----------
        output : Tensor of shape (n_samples, n_features)
            What the decoder's last layer gives.

        Returns
        -------
        Tensor of shape (n_samples, n_features)
            Scaled values.
        """
        return output

    def seen(self, output: Tensor, inputs: Any = None) -> Tensor:
        """Reconstruction as an encoder would see it, differentiable where `output` is.

        Parameters
        ----------
        output : Tensor of shape (n_samples, n_outputs)
            What the decoder's last layer gives.
        inputs : skae.nn.TableInput, default=None
            What the encoder sees; None where it is the encoded row itself.

        Returns
        -------
        Tensor of shape (n_samples, n_values)
            Numbers and one-hot columns; of a category the probabilities of its classes.
        """
        return self.mean(output)

    def output_for_mean(self, mean: Tensor) -> Tensor:
        """Decoder output whose reconstruction is `mean`: the inverse of :meth:`mean`.

        Parameters
        ----------
        mean : Tensor
            Scaled values.

        Returns
        -------
        Tensor of the same shape
            Decoder outputs.
        """
        return mean

    def of_numbers(self, scale: Tensor, shift: Tensor) -> tuple[Tensor, Tensor]:
        """Maps of encoded columns as maps of the decoder's outputs.

        Parameters
        ----------
        scale, shift : Tensor of shape (n_encoded,)
            ``x_new = scale * x_old + shift``, for each column of an encoded row.

        Returns
        -------
        scale, shift : Tensor of shape (n_outputs,)
            The same for each output.
        """
        return scale, shift

    def linear_start(
        self, mean: Tensor, loadings: Tensor, inputs: Any = None
    ) -> tuple[Tensor, Tensor]:
        """Start of a linear decoder: principal axes, as far as the link lets them through.

        Parameters
        ----------
        mean : Tensor of shape (n_values,)
            Mean of the values that were decomposed.
        loadings : Tensor of shape (n_values, n_components)
            How they change with the code.
        inputs : skae.nn.TableInput, default=None
            What the values are; None where they are the encoded row itself.

        Returns
        -------
        weight : Tensor of shape (n_outputs, n_components)
            The linear map.
        bias : Tensor of shape (n_outputs,)
            The decoder's output at the mean.
        """
        weight = loadings if self.identity_link else torch.zeros_like(loadings)
        return weight, self.output_for_mean(mean)

    def __eq__(self, other):
        """Two losses of one class and equal settings are equal, as ``clone`` expects."""
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self):
        return hash((type(self), tuple(sorted(vars(self).items()))))

    def __repr__(self):
        settings = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({settings})"


class SquaredError(Likelihood):
    r"""Squared error :math:`(x - \hat x)^2`: a Gaussian of fixed scale.

    Examples
    --------
    >>> import torch
    >>> from skae.distributions import SquaredError
    >>> SquaredError().nll(torch.tensor([[0.0, 1.0]]), torch.tensor([[2.0, 1.0]]))
    tensor([[4., 0.]])
    """

    def nll(self, output, target, reduction="none"):
        """Squared error; see :meth:`Likelihood.nll`."""
        return F.mse_loss(output, target, reduction=reduction)

    log_normalizer = 0.5 * math.log(math.pi)

    def gradient(self, output, target):
        """Twice the error; see :meth:`Likelihood.gradient`."""
        return (output - target).mul_(2)

    def sample(self, output):
        """Draw from the normal distribution of variance 1/2; see :meth:`Likelihood.sample`."""
        return output + math.sqrt(0.5) * torch.randn_like(output)


class AbsoluteError(Likelihood):
    r"""Absolute error :math:`|x - \hat x|`: a Laplace density; the reconstruction is a median."""

    def nll(self, output, target, reduction="none"):
        """Absolute error; see :meth:`Likelihood.nll`."""
        return F.l1_loss(output, target, reduction=reduction)

    log_normalizer = math.log(2)

    def gradient(self, output, target):
        """Sign of the error; see :meth:`Likelihood.gradient`."""
        return (output - target).sign_()

    def sample(self, output):
        """Draw from the Laplace distribution of scale 1; see :meth:`Likelihood.sample`."""
        return Laplace(output, 1.0, validate_args=False).sample()


class Huber(Likelihood):
    r"""Huber's loss of the error `e`, quadratic near zero and linear far away.

    It is :math:`\frac12 e^2` where :math:`|e| \le \delta`, and
    :math:`\delta(|e| - \delta/2)` beyond.

    Parameters
    ----------
    delta : float, default=1.0
        Where the square turns into a line, in units of the scaled feature.

    References
    ----------
    Huber, "Robust Estimation of a Location Parameter", Annals of Mathematical Statistics 1964.
    """

    def __init__(self, delta: float = 1.0):
        if not delta > 0:
            raise ValueError(f"delta must be a positive number. Got {delta!r} instead.")
        self.delta = float(delta)

    def nll(self, output, target, reduction="none"):
        """Huber's loss; see :meth:`Likelihood.nll`."""
        return F.huber_loss(output, target, reduction=reduction, delta=self.delta)

    def gradient(self, output, target):
        """Clipped error; see :meth:`Likelihood.gradient`."""
        return (output - target).clamp_(-self.delta, self.delta)

    def _masses(self):
        """Integral of the density's core, and of its two tails, before it is normalised."""
        core = math.sqrt(2 * math.pi) * math.erf(self.delta / math.sqrt(2))
        return core, 2 / self.delta * math.exp(-(self.delta**2) / 2)

    @property
    def log_normalizer(self) -> float:  # type: ignore[override]
        """Logarithm of the integral of the exponential of the loss."""
        return math.log(sum(self._masses()))

    def sample(self, output):
        """Draw from a normal core or exponential tails; see :meth:`Likelihood.sample`."""
        core, tails = self._masses()
        reach = math.erf(self.delta / math.sqrt(2))
        near = math.sqrt(2) * torch.erfinv(reach * (2 * torch.rand_like(output) - 1))
        sign = torch.randint_like(output, 2) * 2 - 1
        far = sign * (self.delta + torch.empty_like(output).exponential_(self.delta))
        is_near = torch.rand_like(output) < core / (core + tails)
        return output + torch.where(is_near, near, far)


class LogLoss(Likelihood):
    r"""Log loss :math:`-x \log \hat x - (1 - x) \log(1 - \hat x)` of values in [0, 1]: a Bernoulli.

    The decoder gives logits. A value outside [0, 1], which only a new row can have, is taken as the
    nearest bound, and its squared distance to it is added: cross-entropy alone would reward it.
    """

    support = (0.0, 1.0)
    identity_link = False

    def nll(self, output, target, reduction="none"):
        """Cross-entropy in nats; see :meth:`Likelihood.nll`."""
        inside = target.clamp(*self.support)
        loss = F.binary_cross_entropy_with_logits(output, inside, reduction=reduction)
        return loss + F.mse_loss(inside, target, reduction=reduction)

    def gradient(self, output, target):
        """Error of the probability; see :meth:`Likelihood.gradient`."""
        return torch.sigmoid(output) - target.clamp(*self.support)

    def mean(self, output):
        """Probability of each logit."""
        return torch.sigmoid(output)

    def sample(self, output):
        """Draw zeros and ones; see :meth:`Likelihood.sample`."""
        return torch.bernoulli(torch.sigmoid(output))

    def output_for_mean(self, mean):
        """Logit of each probability, kept finite."""
        return torch.logit(mean, eps=1e-3)


class Gaussian(Likelihood):
    r"""Normal density :math:`\frac{(x - m)^2}{2 s^2} + \log s + \frac12 \log 2\pi`, in nats.

    Parameters
    ----------
    scale : float or "learned", default="learned"
        The deviation `s`, in scaled units: one for all columns, or one for each, learned with the
        network. A learned one is an output of its own: the outputs of the decoder are followed by
        the logarithms of the scales.

    References
    ----------
    Kingma & Welling, "Auto-Encoding Variational Bayes", ICLR 2014, appendix C.2; learned: Rybkin,
    Daniilidis & Levine, "Simple and Effective VAE Training with Calibrated Decoders", ICML 2021.
    """

    def __init__(self, scale: "float | str" = "learned"):
        if scale != "learned" and not (isinstance(scale, Real) and scale > 0):
            raise ValueError(
                f"scale must be 'learned' or a positive number. Got {scale!r} instead."
            )
        self.scale = scale

    def n_scales(self, n_outputs):
        """One for each output, if they are learned; see :meth:`Likelihood.n_scales`."""
        return n_outputs if self.scale == "learned" else 0

    def _loc_and_log_scale(self, output):
        if self.scale == "learned":
            return output.chunk(2, dim=1)
        return output, torch.full_like(output, math.log(self.scale))

    def nll(self, output, target, reduction="none"):
        """Negative log-density; see :meth:`Likelihood.nll`."""
        loc, log_scale = self._loc_and_log_scale(output)
        error = (target - loc) * torch.exp(-log_scale)
        losses = 0.5 * error.square() + log_scale + 0.5 * math.log(2 * math.pi)
        return losses.mean() if reduction == "mean" else losses

    def least_loss(self, output, target):
        """That of the mean; see :meth:`Likelihood.least_loss`."""
        log_scale = self._loc_and_log_scale(output)[1]
        return (log_scale + 0.5 * math.log(2 * math.pi)).expand_as(target)

    def mean(self, output):
        """The outputs without their scales."""
        return self._loc_and_log_scale(output)[0]

    def sample(self, output):
        """Draw from the normal distribution; see :meth:`Likelihood.sample`."""
        loc, log_scale = self._loc_and_log_scale(output)
        return loc + log_scale.exp() * torch.randn_like(loc)


_LIKELIHOODS = {
    "squared_error": SquaredError,
    "absolute_error": AbsoluteError,
    "huber": Huber,
    "log_loss": LogLoss,
    "gaussian": Gaussian,
}
LOSS_NAMES = frozenset(_LIKELIHOODS) - {"gaussian"}  # whose scale only some networks learn
DENSITY_NAMES = frozenset(_LIKELIHOODS)


def get_likelihood(loss: "str | Likelihood") -> Likelihood:
    """Return the likelihood that `loss` names, or `loss` itself.

    Parameters
    ----------
    loss : {"squared_error", "absolute_error", "huber", "log_loss", "gaussian"} or Likelihood
        A name or an object.

    Returns
    -------
    Likelihood
        The object.

    Examples
    --------
    >>> from skae.distributions import get_likelihood
    >>> get_likelihood("huber")
    Huber(delta=1.0)
    """
    return loss if isinstance(loss, Likelihood) else _LIKELIHOODS[loss]()
