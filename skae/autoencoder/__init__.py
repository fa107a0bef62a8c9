"""Auto-encoders whose codes are points: plain and denoising, masked and sparse ones, and more."""

from skae.autoencoder._autoencoder import AutoEncoder
from skae.autoencoder._contractive import ContractiveAE
from skae.autoencoder._denoising import DenoisingAE
from skae.autoencoder._masked import MaskedAE
from skae.autoencoder._regularized import RegularizedAE
from skae.autoencoder._sparse import SparseAE

__all__ = ["AutoEncoder", "ContractiveAE", "DenoisingAE", "MaskedAE", "RegularizedAE", "SparseAE"]
