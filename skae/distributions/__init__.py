"""Likelihoods p(x | z), each with a per-feature negative log-likelihood."""

from skae.distributions._likelihoods import (
    LOSS_NAMES,
    AbsoluteError,
    Huber,
    Likelihood,
    LogLoss,
    SquaredError,
    get_likelihood,
)
from skae.distributions._mixed import MixedColumns

__all__ = [
    "LOSS_NAMES",
    "AbsoluteError",
    "Huber",
    "Likelihood",
    "LogLoss",
    "MixedColumns",
    "SquaredError",
    "get_likelihood",
]
