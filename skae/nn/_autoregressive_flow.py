"""A density of rows as a stack of masked autoregressive transformations."""

import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from skae.nn._autoencoder import AutoEncoderModule
from skae.nn._made import MADE

# Logarithms of conditional deviations stay within these bounds, smoothly.
LARGEST_LOG_SCALE = 5.0


class AutoregressiveLayer(nn.Module):
    r"""Noise of each feature given those before: :math:`u_i = (x_i - \mu_i) e^{-\alpha_i}`.

    :math:`\mu_i` and :math:`\alpha_i` are functions of :math:`x_1 \dots x_{i-1}`, 0 at the start.

    Parameters
    ----------
    n_features : int
        Columns of a row.
    hidden_sizes : sequence of int
        Units of the hidden layers, each at least ``n_features - 1``.
    varies : Tensor of bool of shape (n_features,)
        Features that are transformed; for the others :math:`\mu_i = \alpha_i = 0`.

    References
    ----------
    Papamakarios, Pavlakou & Murray, "Masked Autoregressive Flow for Density Estimation", NeurIPS
    2017, section 3.1.
    """

    varies: Tensor

    def __init__(self, n_features: int, hidden_sizes: Sequence[int], varies: Tensor):
        super().__init__()
        self.register_buffer("varies", varies)
        self.conditionals = MADE(n_features, 2, hidden_sizes)
        for parameter in self.conditionals.layers[-1].parameters():
            nn.init.zeros_(parameter)

    def _moments(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Means and logarithms of deviations, (n_samples, n_features) each."""
        moments = torch.where(self.varies[:, None], self.conditionals(x), 0.0)
        loc, log_scale = moments.unbind(dim=2)
        return loc, LARGEST_LOG_SCALE * torch.tanh(log_scale / LARGEST_LOG_SCALE)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Turn rows into noise.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        noise : Tensor of shape (n_samples, n_features)
            :math:`u`.
        log_derivative : Tensor of shape (n_samples, n_features)
            Of each feature of the noise by that of the row; the sum over the features is the
            logarithm of the determinant of the Jacobian, a triangular matrix.
        """
        loc, log_scale = self._moments(x)
        return (x - loc) * torch.exp(-log_scale), -log_scale

    def inverse(self, noise: Tensor) -> Tensor:
        """Turn noise into rows, feature by feature.

        Parameters
        ----------
        noise : Tensor of shape (n_samples, n_features)
            What :meth:`forward` gave.

        Returns
        -------
        Tensor of shape (n_samples, n_features)
            Rows.
        """
        x = torch.zeros_like(noise)
        for i in range(noise.shape[1]):
            loc, log_scale = self._moments(x)
            x[:, i] = noise[:, i] * torch.exp(log_scale[:, i]) + loc[:, i]
        return x


class AutoregressiveFlow(AutoEncoderModule):
    r"""An invertible network from rows to standard normal noise, and so a density of rows.

    .. math:: \log p(x) = \log \mathcal N(u; 0, I) + \log |\det \partial u / \partial x|

    Layers see the features in alternating order.

    Parameters
    ----------
    n_features : int
        Columns of a row.
    n_layers : int
        Transformations.
    hidden_sizes : sequence of int
        Units of the hidden layers of each, at least ``n_features - 1``.
    varies : Tensor of bool of shape (n_features,), default=None
        Features whose density is learned; the others, whose values are all alike so that a learned
        one had no bound, are standard normal. None is all.

    References
    ----------
    As for :class:`AutoregressiveLayer`.
    """

    def __init__(
        self,
        n_features: int,
        n_layers: int,
        hidden_sizes: Sequence[int],
        varies: Tensor | None = None,
    ):
        super().__init__(nn.Identity(), nn.Identity())
        varies = torch.ones(n_features, dtype=torch.bool) if varies is None else varies
        in_order = [varies.flip(0) if k % 2 else varies.clone() for k in range(n_layers)]
        layers = [AutoregressiveLayer(n_features, hidden_sizes, of) for of in in_order]
        self.layers = nn.ModuleList(layers)

    def encode(self, x):
        """Noise of rows, (n_samples, n_features)."""
        return self._noise(x)[0]

    def decode(self, code):
        """Rows of noise, (n_samples, n_features)."""
        for layer in reversed(self.layers):
            code = cast("AutoregressiveLayer", layer).inverse(code.flip(1))
        return code

    def log_densities(self, x: Tensor) -> Tensor:
        """Terms of the log-density of rows.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        Tensor of shape (n_samples, n_features)
            In nats; their sum over the features is the log-density of the row.
        """
        noise, log_derivative = self._noise(x)
        return -0.5 * (noise.square() + math.log(2 * math.pi)) + log_derivative

    def _noise(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Noise, and the sum over the layers of logarithms of derivatives, feature by feature."""
        total = torch.zeros_like(x)
        for layer in self.layers:
            x, log_derivative = layer(x)
            # the next layer begins with what this one has last
            x, total = x.flip(1), (total + log_derivative).flip(1)
        return x, total
