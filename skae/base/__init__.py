"""The contract that every auto-encoder of skae keeps."""

from skae.base._explaining import path_shares
from skae.base._fitting import MOST_HELD_OUT_ROWS, BaseAutoEncoder
from skae.base._sampling import SamplingMixin

__all__ = ["MOST_HELD_OUT_ROWS", "BaseAutoEncoder", "SamplingMixin", "path_shares"]
