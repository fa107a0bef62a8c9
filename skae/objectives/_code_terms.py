"""Reconstruction error and a price on codes, or on how fast they change."""

from typing import cast

import torch
from torch import Tensor, nn

from skae.distributions import Likelihood
from skae.nn import AutoEncoderModule, squared_gradients
from skae.objectives._base import Batch
from skae.objectives._divergences import row_shares
from skae.objectives._priced import PricedReconstruction

SMALLEST_SQUARE = 1e-12


class AbsoluteCodes(PricedReconstruction):
    r"""A price on the size of codes, :math:`\frac \lambda k \sum_j |z_j| / \rho_j`.

    Codes are measured in their root mean squares over the batch, :math:`\rho_j`: otherwise smaller
    codes and a larger decoder would pay nothing and be no sparser.

    Parameters
    ----------
    likelihood : Likelihood
        The loss of a cell.
    weight : float
        :math:`\lambda`.

    References
    ----------
    Hoyer, "Non-negative Matrix Factorization with Sparseness Constraints", JMLR 2004, section 3.1,
    for the ratio of the two norms.
    """

    def price(self, module: AutoEncoderModule, seen: Tensor, code: Tensor, batch: Batch) -> Tensor:
        """See :meth:`PricedReconstruction.price`."""
        mean_square = row_shares(batch.weight, code) @ code.square()
        return (code.abs() * _inverse_root(mean_square)).mean(dim=1)


class RareCodes(PricedReconstruction):
    r"""A price on codes that are active too often, or too seldom.

    .. math:: \frac \lambda k \sum_j \rho \log \frac \rho {\hat\rho_j}
        + (1 - \rho) \log \frac{1 - \rho}{1 - \hat\rho_j}

    :math:`\hat\rho_j` is the mean over the batch of the code, which is from 0 to 1.

    Parameters
    ----------
    likelihood : Likelihood
        The loss of a cell.
    weight, target : float
        :math:`\lambda` and :math:`\rho`.

    References
    ----------
    Ng, "Sparse Autoencoder", CS294A lecture notes, 2011, section 3.
    """

    def __init__(self, likelihood: Likelihood, weight: float, target: float):
        super().__init__(likelihood, weight)
        self.target = target

    def price(self, module: AutoEncoderModule, seen: Tensor, code: Tensor, batch: Batch) -> Tensor:
        """See :meth:`PricedReconstruction.price`; equal for all rows."""
        shares = row_shares(batch.weight, code)
        tiny = torch.finfo(code.dtype).tiny  # a code that float32 rounds to 0, or to 1
        active, rho = (shares @ code), self.target
        divergence = rho * (rho / active.clamp(min=tiny)).log()
        idle = (shares @ (1 - code)).clamp(min=tiny)
        divergence = divergence + (1 - rho) * ((1 - rho) / idle).log()
        return divergence.mean().expand(len(code))


class Contraction(PricedReconstruction):
    r"""A price on how much codes change with the row.

    .. math:: \frac \lambda k \sum_j
        \frac{\|\partial z_j / \partial x\|^2}{\mathrm{Var}(z_j)}

    The Jacobian is exact. Codes are measured in their standard deviations over the batch: otherwise
    smaller codes and a larger decoder would pay nothing and be no more robust.

    Parameters
    ----------
    likelihood : Likelihood
        The loss of a cell.
    weight : float
        :math:`\lambda`.

    References
    ----------
    Rifai et al., "Contractive Auto-Encoders: Explicit Invariance During Feature Extraction", ICML
    2011, equations 2 and 3; there tied weights keep codes from shrinking.
    """

    def price(self, module: AutoEncoderModule, seen: Tensor, code: Tensor, batch: Batch) -> Tensor:
        """See :meth:`PricedReconstruction.price`."""
        squares = squared_gradients(module.encoder, seen)  # (n_samples, n_components)
        shares = row_shares(batch.weight, code)
        variance = shares @ (code - shares @ code).square()
        varies = variance > SMALLEST_SQUARE  # not where a row is alone: it costs nothing
        relative = squares * varies / variance.clamp(min=SMALLEST_SQUARE)
        return relative.mean(dim=1)


class SmoothDecoder(PricedReconstruction):
    r"""A price on large codes and on a decoder that changes fast.

    .. math:: \frac \beta {2 k} \|z\|^2 + \frac \lambda d R, \qquad
        R = \Big\|\frac{\partial \hat x}{\partial z}\Big\|^2, \quad \sum_l \sigma_{\max}(W_l)^2
        \quad\text{or}\quad \frac 1 2 \sum_l \|W_l\|^2

    Parameters
    ----------
    likelihood : Likelihood
        The loss of a cell.
    code_weight, decoder_weight : float
        :math:`\beta` and :math:`\lambda`.
    regularization : {"gradient", "spectral", "l2"}
        Which of the three, `W` being the weights of the layers of the decoder.

    References
    ----------
    Ghosh et al., "From Variational to Deterministic Autoencoders", ICLR 2020, equations 9 to 11;
    "spectral": Yoshida & Miyato, "Spectral Norm Regularization", 2017, equation 3.
    """

    def __init__(
        self,
        likelihood: Likelihood,
        code_weight: float,
        decoder_weight: float,
        regularization: str,
    ):
        super().__init__(likelihood, weight=1.0)
        self.code_weight = code_weight
        self.decoder_weight = decoder_weight
        self.regularization = regularization

    def price(self, module: AutoEncoderModule, seen: Tensor, code: Tensor, batch: Batch) -> Tensor:
        """See :meth:`PricedReconstruction.price`."""
        of_codes = self.code_weight / 2 * code.square().mean(dim=1)
        return of_codes + self.decoder_weight * self._roughness(module.decoder, code)

    def _roughness(self, decoder: nn.Module, code: Tensor) -> Tensor:
        """R over d: of each row for "gradient", one for all for the others."""
        if self.regularization == "gradient":
            return squared_gradients(decoder, code).mean(dim=1)
        weights = [p.flatten(1) for p in decoder.parameters() if p.ndim > 1]
        if self.regularization == "spectral":
            total = sum(torch.linalg.matrix_norm(weight, 2).square() for weight in weights)
        else:
            total = sum(weight.square().sum() / 2 for weight in weights)
        return cast("Tensor", total) / len(weights[-1])


def _inverse_root(squares: Tensor) -> Tensor:
    """1 / root of mean squares; those of a code that is always 0 have no gradient."""
    return squares.clamp(min=SMALLEST_SQUARE).rsqrt()
