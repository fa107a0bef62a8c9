"""Variational auto-encoders: distributions of codes, bounds on likelihoods, new rows."""

from skae.variational._iwae import IWAE
from skae.variational._vae import VAE
from skae.variational._vamp_prior import VampPriorVAE

__all__ = ["IWAE", "VAE", "VampPriorVAE"]
