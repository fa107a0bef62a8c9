"""An encoder and a decoder, from parameters to modules that start as PCA."""

import math
from functools import partial
from numbers import Integral

import numpy as np
import torch
from sklearn.utils._param_validation import StrOptions
from torch import nn

from skae.base._describing import DEFAULTS
from skae.base._fitting import BaseAutoEncoder
from skae.base._images import check_input_shape, check_levels, check_pixels, pixel_units
from skae.nn import (
    ACTIVATIONS,
    AutoEncoderModule,
    ConvDecoder,
    ConvEncoder,
    SkipMLP,
    build_user_module,
    default_channels,
)
from skae.preprocessing import MAX_CATEGORIES, MISSING_MARKS, principal_axes

FEWEST_RICH_CODES = 8


def default_n_components(n_features):
    """Code size of ``n_components="auto"``.

    Parameters
    ----------
    n_features : int
        Columns of the table.

    Returns
    -------
    int
        At least 1.
    """
    return max(1, math.isqrt(n_features))


def rich_n_components(n_features):
    """Code size where codes have to keep what tells rows apart, not only what they have in common.

    Parameters
    ----------
    n_features : int
        Columns of the table.

    Returns
    -------
    int
        That of ``n_components="auto"``, but at least 8, or as many as there are columns.
    """
    return min(n_features, max(FEWEST_RICH_CODES, default_n_components(n_features)))


def default_hidden_layer_sizes(n_features):
    """Layers of ``hidden_layer_sizes="auto"``.

    Parameters
    ----------
    n_features : int
        Columns of the table.

    Returns
    -------
    tuple of int
        One layer.
    """
    return (int(np.clip(2 * n_features, 64, 256)),)


def layer_sizes(name, sizes, alternative=""):
    """Check the units of hidden layers.

    Parameters
    ----------
    name : str
        The parameter, for the error.
    sizes : array-like of int
        Units of each layer.
    alternative : str, default=""
        What else the parameter may be.

    Returns
    -------
    tuple of int
        The same.

    Raises
    ------
    ValueError
        If one is not a positive integer.
    """
    if not all(isinstance(size, Integral) and size > 0 for size in sizes):
        raise ValueError(
            f"{name} must be positive integers, one a layer{alternative}. Got {sizes!r} instead."
        )
    return tuple(sizes)


class EncoderDecoder(BaseAutoEncoder):
    """An encoder and a decoder built from parameters, which start as PCA.

    What the auto-encoders of all rooms share; their docstrings describe its parameters.
    """

    _parameter_constraints: dict = {
        **BaseAutoEncoder._parameter_constraints,
        "input_shape": ["array-like", None],
        "hidden_layer_sizes": ["array-like", StrOptions({"auto"})],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "linear_skip": ["boolean"],
        "init": [StrOptions({"pca", "random"})],
        "encoder": [nn.Module, callable, None],
        "decoder": [nn.Module, callable, None],
    }

    def __init__(
        self,
        n_components="auto",
        *,
        input_shape=None,
        hidden_layer_sizes="auto",
        activation="relu",
        linear_skip=True,
        init="pca",
        loss="squared_error",
        scaler="standard",
        categorical_features="from_dtype",
        max_categories=MAX_CATEGORIES,
        missing_marks=MISSING_MARKS,
        encoder=None,
        decoder=None,
        optimizer="adam",
        lr=DEFAULTS["lr"],
        weight_decay=0.0,
        batch_size=DEFAULTS["batch_size"],
        max_epochs=DEFAULTS["max_epochs"],
        early_stopping=True,
        validation_fraction=0.1,
        n_iter_no_change=20,
        tol=DEFAULTS["tol"],
        contamination="auto",
        false_alarm_rate=0.01,
        warm_start=False,
        callbacks=None,
        net_params=None,
        compile=False,
        device="auto",
        random_state=None,
        verbose=0,
    ):
        self.n_components = n_components
        self.input_shape = input_shape
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.linear_skip = linear_skip
        self.init = init
        self.loss = loss
        self.scaler = scaler
        self.categorical_features = categorical_features
        self.max_categories = max_categories
        self.missing_marks = missing_marks
        self.encoder = encoder
        self.decoder = decoder
        self.optimizer = optimizer
        self.lr = lr
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.contamination = contamination
        self.false_alarm_rate = false_alarm_rate
        self.warm_start = warm_start
        self.callbacks = callbacks
        self.net_params = net_params
        self.compile = compile
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    _outputs_per_code = 1  # of the encoder

    def _start(self, X, sample_weight):
        if self.input_shape is not None:
            check_input_shape(self.input_shape, self.n_features_in_)
        super()._start(X, sample_weight)
        if self.input_shape is not None:
            check_pixels(self._encoder.schema_)

    def _build_module(self, rows, sample_weight):
        generator, inputs = self._module_generator(), self._table_input()
        n_in, n_out = self._widths(inputs)
        sizes = self._layer_sizes(n_in)
        self.n_components_ = self.n_components
        if self.n_components == "auto":
            self.n_components_ = self._default_n_components(n_in, inputs)
        encoder = self._build_encoder(n_in, sizes, generator)
        decoder = self._build_decoder(n_out, sizes[::-1], generator)
        module = self._joined(encoder, decoder, inputs, generator)
        self._set_start(module, rows, sample_weight)
        return module

    def _joined(self, encoder, decoder, inputs, generator):
        """Return the network of both; `generator` draws what else it has."""
        return AutoEncoderModule(encoder, decoder, inputs)

    def _default_n_components(self, n_in, inputs):
        return default_n_components(n_in if inputs is None else inputs.n_values)

    def _refit_start(self, rows, sample_weight):
        self._set_start(self.module_, rows, sample_weight)

    def _set_start(self, module, rows, sample_weight):
        pca = None
        if self._needs_axes(module):
            pca = self._principal_axes(module.inputs, rows, sample_weight)
        self._start_networks(module, pca)

    def _needs_axes(self, module):
        return self._starts_linear(module)

    def _starts_linear(self, module):
        own = self.encoder is not None
        return self.init == "pca" and not own and module.encoder.has_linear_path

    def _start_networks(self, module, pca):
        """Let both networks start, given the principal axes where there is a use for them."""
        if self._starts_linear(module):
            self._start_from_pca(module, pca)
        if self.decoder is None:
            self._silence_constants(module.decoder)

    def _default_hidden_layer_sizes(self, n_in):
        return default_hidden_layer_sizes(n_in)

    def _layer_sizes(self, n_features):
        if isinstance(self.hidden_layer_sizes, str):
            return self._auto_layer_sizes(n_features)
        sizes = layer_sizes("hidden_layer_sizes", self.hidden_layer_sizes, " or 'auto'")
        if self.input_shape is not None:
            check_levels(self.input_shape, len(sizes))
        return sizes

    def _auto_layer_sizes(self, n_features):
        if self.input_shape is not None:
            return default_channels(self.input_shape)
        return self._default_hidden_layer_sizes(n_features)

    def _build_encoder(self, n_features, sizes, generator):
        n_out = self._outputs_per_code * self.n_components_
        if self.encoder is None:
            return self._encoder_network(n_features, n_out, sizes, generator)
        # A finished module knows its own code size; a callable has to be told.
        free = isinstance(self.encoder, nn.Module) and self.n_components == "auto"
        encoder, n_out = build_user_module(
            self.encoder, n_features, None if free else n_out, generator.initial_seed(), "encoder"
        )
        self.n_components_ = n_out // self._outputs_per_code
        return encoder

    def _build_decoder(self, n_features, sizes, generator):
        if self.decoder is None:
            return self._decoder_network(self._code_width, n_features, sizes, generator)
        decoder, _ = build_user_module(
            self.decoder, self._code_width, n_features, generator.initial_seed() + 1, "decoder"
        )
        return decoder

    def _encoder_network(self, n_in, n_out, sizes, generator):
        if self.input_shape is None or not sizes:
            return self._mlp(n_in, n_out, sizes, generator)
        units = pixel_units(self._encoder, self.input_shape[0])
        return ConvEncoder(n_in, n_out, *self._convolutional(sizes), units, generator)

    def _decoder_network(self, n_in, n_out, sizes, generator):
        if self.input_shape is None or not sizes:
            return self._mlp(n_in, n_out, sizes, generator)
        return ConvDecoder(n_in, *self._convolutional(sizes), generator)

    def _convolutional(self, channels):
        return self.input_shape, channels, self.activation, self.linear_skip

    def _mlp(self, n_in, n_out, sizes, generator):
        return SkipMLP(n_in, n_out, sizes, self.activation, self.linear_skip, generator)

    def _start_values(self, inputs, rows, block, filled=False):
        """Values of a block of rows that the linear start is learned from.

        NaN where missing, unless it is filled and there is something to fill it with.
        """
        encoded = rows.encode(block)
        if inputs is None:
            return encoded
        encoded = _tensor(encoded).to(inputs.scale.device)
        if filled and inputs.fill is not None:
            return inputs.filled(encoded).cpu().numpy()
        return inputs.values(encoded).cpu().numpy()

    def _start_from_pca(self, module, pca):
        """Let the linear paths be the principal axes: whitened codes, PCA's reconstruction."""
        encoder, decoder, inputs = module.encoder, module.decoder, module.inputs
        n_axes, n_values = pca.axes.shape
        to_codes, to_values = self._linear_codes(pca)
        self._start_linear_encoder(encoder, pca, to_codes)
        if self.decoder is not None or not decoder.has_linear_path:
            return
        loadings = np.zeros((n_values, decoder.first.in_features))
        loadings[:, :n_axes] = to_values
        decoder.start_linear(
            *self._likelihood.linear_start(_tensor(pca.mean), _tensor(loadings), inputs)
        )
        self._starts_from_pca = self._likelihood.identity_link

    def _start_linear_encoder(self, encoder, pca, to_codes):
        n_axes, n_values = pca.axes.shape
        weight = np.zeros((n_axes, encoder.first.in_features))  # masks and embeddings start at 0
        weight[:, :n_values] = to_codes
        bias = np.zeros(encoder.n_out)
        bias[:n_axes] = -to_codes @ pca.mean
        encoder.start_linear(_tensor(weight), _tensor(bias))

    def _principal_axes(self, inputs, rows, sample_weight):
        values = partial(self._start_values, inputs, rows, filled=True)
        return principal_axes(rows.X, values, self.n_components_, sample_weight)

    def _linear_codes(self, pca):
        """Maps of centred values to codes, and of codes to centred values."""
        return pca.axes / pca.scale[:, None], (pca.axes * pca.scale[:, None]).T


def _tensor(values):
    return torch.as_tensor(values, dtype=torch.float32)
