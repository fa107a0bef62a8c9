"""Variational auto-encoders: distributions of codes, bounds on likelihoods, new rows."""

from skae.variational._vae import VAE

__all__ = ["VAE"]
