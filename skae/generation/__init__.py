"""New rows, from auto-encoders of every kind."""

from skae.generation._autoregressive_flow import MaskedAutoregressiveFlow
from skae.generation._generative_model import GenerativeModel
from skae.generation._paths import interpolate, traverse

__all__ = ["GenerativeModel", "MaskedAutoregressiveFlow", "interpolate", "traverse"]
