"""Likelihoods p(x | z), each with a per-feature negative log-likelihood."""

from skae.distributions._likelihoods import (
    DENSITY_NAMES,
    LOSS_NAMES,
    AbsoluteError,
    Gaussian,
    Huber,
    Likelihood,
    LogLoss,
    SquaredError,
    get_likelihood,
)
from skae.distributions._mixed import MixedColumns

__all__ = [
    "DENSITY_NAMES",
    "LOSS_NAMES",
    "AbsoluteError",
    "Gaussian",
    "Huber",
    "Likelihood",
    "LogLoss",
    "MixedColumns",
    "SquaredError",
    "get_likelihood",
]
