"""Codes whose covariance over rows is held near to the identity."""

import torch
from torch import Tensor
from torch.distributions import Normal

from skae.distributions import Likelihood
from skae.objectives._variational import RegularizedVariational


class InferredPrior(RegularizedVariational):
    r"""The bound of `Variational` and a penalty on the covariance of codes over the batch.

    .. math:: \lambda_{od} \sum_{i \ne j} C_{ij}^2 + \lambda_d \sum_i (C_{ii} - 1)^2

    Parameters
    ----------
    likelihood : Likelihood
        The density of a cell.
    kind : {"i", "ii"}
        C is the covariance of the means of codes ("i"), or of codes ("ii").
    off_diagonal_weight, diagonal_weight : float
        :math:`\lambda_{od}` and :math:`\lambda_d`.
    beta, free_bits : float
        As for `Variational`.

    References
    ----------
    Kumar et al., "Variational Inference of Disentangled Latent Concepts from Unlabeled
    Observations", ICLR 2018, equations 6 and 7.
    """

    def __init__(
        self,
        likelihood: Likelihood,
        kind: str,
        off_diagonal_weight: float,
        diagonal_weight: float,
        beta: float = 1.0,
        free_bits: float = 0.0,
    ):
        super().__init__(likelihood, 1.0, beta, free_bits)  # the term has weights of its own
        self.kind = kind
        self.off_diagonal_weight = off_diagonal_weight
        self.diagonal_weight = diagonal_weight

    def term(self, posterior: Normal, code: Tensor, shares: Tensor) -> Tensor:
        """The penalty on the covariance; see `RegularizedVariational.term`."""
        covariance = self._covariance(posterior, shares)
        diagonal = covariance.diagonal()
        off_diagonal = (covariance - torch.diag(diagonal)).square().sum()
        of_diagonal = (diagonal - 1).square().sum()
        return self.off_diagonal_weight * off_diagonal + self.diagonal_weight * of_diagonal

    def _covariance(self, posterior: Normal, shares: Tensor) -> Tensor:
        centred = posterior.loc - shares @ posterior.loc
        covariance = (shares[:, None] * centred).T @ centred
        if self.kind == "i":
            return covariance
        return covariance + torch.diag(shares @ posterior.variance)
