"""The contract that every auto-encoder of skae keeps."""

from skae.base._annealing import AUTO_EPOCHS, AnnealedMixin, AutoEpochsMixin
from skae.base._describing import ATTRIBUTES, DEFAULTS, documented
from skae.base._encoder_decoder import (
    EncoderDecoder,
    default_hidden_layer_sizes,
    default_n_components,
    layer_sizes,
    rich_n_components,
)
from skae.base._explaining import path_shares
from skae.base._fitting import MOST_HELD_OUT_ROWS, BaseAutoEncoder
from skae.base._images import check_input_shape
from skae.base._net_holder import NetHolder
from skae.base._sampling import SamplingMixin
from skae.base._tables import check_table
from skae.base._unwrapping import autoencoder_of

__all__ = [
    "ATTRIBUTES",
    "AUTO_EPOCHS",
    "DEFAULTS",
    "MOST_HELD_OUT_ROWS",
    "AnnealedMixin",
    "AutoEpochsMixin",
    "BaseAutoEncoder",
    "EncoderDecoder",
    "NetHolder",
    "SamplingMixin",
    "autoencoder_of",
    "check_input_shape",
    "check_table",
    "default_hidden_layer_sizes",
    "default_n_components",
    "documented",
    "layer_sizes",
    "path_shares",
    "rich_n_components",
]
