"""Torch modules: layers, corruptions and the auto-encoder they make."""

from skae.nn._activations import ACTIVATIONS
from skae.nn._autoencoder import AutoEncoderModule, build_user_module
from skae.nn._corruptions import NOISE_NAMES, corrupt
from skae.nn._mlp import SkipMLP
from skae.nn._products import AlignedProducts
from skae.nn._rng import isolated_rng

__all__ = [
    "ACTIVATIONS",
    "NOISE_NAMES",
    "AlignedProducts",
    "AutoEncoderModule",
    "SkipMLP",
    "build_user_module",
    "corrupt",
    "isolated_rng",
]
