"""Auto-encoders that differ from each other by what they are asked to undo."""

from skae.autoencoder._autoencoder import AutoEncoder
from skae.autoencoder._denoising import DenoisingAE

__all__ = ["AutoEncoder", "DenoisingAE"]
