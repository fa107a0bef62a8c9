"""Reconstruction error and a price on codes, or on how fast they change."""

from abc import abstractmethod
from typing import cast

import torch
from torch import Tensor, nn

from skae.distributions import Likelihood
from skae.nn import AutoEncoderModule, squared_gradients
from skae.objectives._base import Batch
from skae.objectives._divergences import row_shares
from skae.objectives._reconstruction import Reconstruction

SMALLEST_SQUARE = 1e-12


class PricedReconstruction(Reconstruction):
    r"""Reconstruction error plus a price for each row, :math:`-\frac 1 d \log p(x \mid z) + c(x)`.

    Parameters
    ----------
    likelihood : Likelihood
        The loss of a cell.
    """

    def forward(self, module: nn.Module, batch: Batch) -> Tensor:
        """Weighted mean loss; see :meth:`Objective.forward`."""
        output, price = self._output_and_price(module, batch)
        if batch.weight is not None:
            price = price * batch.weight
        return self._mean_loss(output, batch) + price.mean()

    def per_row(self, module: nn.Module, batch: Batch) -> Tensor:
        """Loss of each row; see :meth:`Objective.per_row`."""
        output, price = self._output_and_price(module, batch)
        return self.likelihood.row_loss(output, batch.targets) + price

    def _output_and_price(self, module: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        module = cast("AutoEncoderModule", module)
        seen = module.seen(batch.inputs)
        code = module.encode_seen(seen)
        shares = row_shares(batch.weight, code)
        return module.decode(code), self.price(module, seen, code, shares)

    @abstractmethod
    def price(
        self, module: AutoEncoderModule, seen: Tensor, code: Tensor, shares: Tensor
    ) -> Tensor:
        """What is added to the loss of each row.

        Parameters
        ----------
        module : AutoEncoderModule
            The network.
        seen : Tensor of shape (n_samples, n_inputs)
            What the encoder sees of the rows.
        code : Tensor of shape (n_samples, n_components)
            Their codes.
        shares : Tensor of shape (n_samples,)
            Of the rows in what is estimated from the batch; see :func:`row_shares`.

        Returns
        -------
        Tensor of shape (n_samples,)
            In the units of the loss of a cell.
        """


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

    def __init__(self, likelihood: Likelihood, weight: float):
        super().__init__(likelihood)
        self.weight = weight

    def price(
        self, module: AutoEncoderModule, seen: Tensor, code: Tensor, shares: Tensor
    ) -> Tensor:
        """See :meth:`PricedReconstruction.price`."""
        mean_square = shares @ code.square()
        return self.weight * (code.abs() * _inverse_root(mean_square)).mean(dim=1)


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
        super().__init__(likelihood)
        self.weight = weight
        self.target = target

    def price(
        self, module: AutoEncoderModule, seen: Tensor, code: Tensor, shares: Tensor
    ) -> Tensor:
        """See :meth:`PricedReconstruction.price`; equal for all rows."""
        tiny = torch.finfo(code.dtype).tiny  # a code that float32 rounds to 0, or to 1
        active, rho = (shares @ code), self.target
        divergence = rho * (rho / active.clamp(min=tiny)).log()
        idle = (shares @ (1 - code)).clamp(min=tiny)
        divergence = divergence + (1 - rho) * ((1 - rho) / idle).log()
        return self.weight * divergence.mean().expand(len(code))


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

    def __init__(self, likelihood: Likelihood, weight: float):
        super().__init__(likelihood)
        self.weight = weight

    def price(
        self, module: AutoEncoderModule, seen: Tensor, code: Tensor, shares: Tensor
    ) -> Tensor:
        """See :meth:`PricedReconstruction.price`."""
        squares = squared_gradients(module.encoder, seen)  # (n_samples, n_components)
        variance = shares @ (code - shares @ code).square()
        varies = variance > SMALLEST_SQUARE  # not where a row is alone: it costs nothing
        relative = squares * varies / variance.clamp(min=SMALLEST_SQUARE)
        return self.weight * relative.mean(dim=1)


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
        super().__init__(likelihood)
        self.code_weight = code_weight
        self.decoder_weight = decoder_weight
        self.regularization = regularization

    def price(
        self, module: AutoEncoderModule, seen: Tensor, code: Tensor, shares: Tensor
    ) -> Tensor:
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
