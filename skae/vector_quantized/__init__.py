"""Auto-encoders whose codes are integers, and what makes them so."""

from skae.vector_quantized._quantizers import (
    FiniteScalarQuantizer,
    ResidualQuantizer,
    VectorQuantizer,
)
from skae.vector_quantized._vqvae import VQVAE

__all__ = ["VQVAE", "FiniteScalarQuantizer", "ResidualQuantizer", "VectorQuantizer"]
