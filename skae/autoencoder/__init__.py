"""Auto-encoders: plain, denoising, masked."""

from skae.autoencoder._autoencoder import AutoEncoder
from skae.autoencoder._denoising import DenoisingAE
from skae.autoencoder._masked import MaskedAE

__all__ = ["AutoEncoder", "DenoisingAE", "MaskedAE"]
