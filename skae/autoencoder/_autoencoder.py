"""The plain auto-encoder."""

import math
import re
from functools import partial
from numbers import Integral

import numpy as np
import torch
from sklearn.utils._param_validation import StrOptions
from torch import nn

from skae.base import BaseAutoEncoder
from skae.nn import ACTIVATIONS, AutoEncoderModule, SkipMLP, build_user_module
from skae.preprocessing import MAX_CATEGORIES, MISSING_MARKS, principal_axes

PARAMETERS = """n_components : int or "auto", default="auto"
        Columns of the code. "auto" takes the square root of the number of features, rounded
        down; the result is in `n_components_`.
    hidden_layer_sizes : tuple of int or "auto", default="auto"
        Units of the encoder's hidden layers, from the data to the code; the decoder mirrors them.
        () is a linear auto-encoder. "auto" is one layer of twice as many units as features, but
        at least 64 and at most 256.
    activation : {{"relu", "tanh", "silu", "gelu", "elu", "logistic", "identity"}}, \
default={activation}
        Non-linearity of the hidden layers.
    linear_skip : bool, default=True
        Whether encoder and decoder have a linear path beside the hidden layers, ``z = W x + f(x)``.
    init : {{"pca", "random"}}, default={init}
        Where training starts. "pca": the linear paths are the principal axes (whitened codes) and
        `f` is zero, so that epoch 0 is PCA, of the rows that are not held out; where training does
        not beat it, it is refitted on all rows at the end. It applies to what has a linear path,
        and not to modules of the user's. With ``loss="log_loss"`` the encoder starts as PCA, the
        decoder at the mean.
    loss : {{"squared_error", "absolute_error", "huber", "log_loss"}} or Likelihood, \
default="squared_error"
        Error of a cell, in scaled units; "log_loss" is for values in [0, 1]. See
        :mod:`skae.distributions`.
    scaler : {{"standard", "minmax", "quantile"}} or None, default="standard"
        What is done to columns inside: unit variance, the range 0 to 1, a normal distribution by
        quantiles (values beyond the training range are taken as its ends), or nothing.
        `inverse_transform` returns original units. A column that is constant in training counts
        in a score only where its value changes, at most like a deviation of 3.
    categorical_features : "from_dtype" or array-like, default="from_dtype"
        Which columns are categories, beside those that can be nothing else (text, and the dtype
        category of pandas): names, positions, or a mask over the columns.
    max_categories : int, default=256
        Values of a categorical column that are told apart, the most frequent ones; the others, and
        those that stand in one row only, are one.
    missing_marks : tuple of str, default=("?",)
        Texts that stand for a missing cell in columns of text, beside NaN, None and NA.
    encoder, decoder : nn.Module, or callable (n_in, n_out) -> nn.Module, default=None
        Own networks, on scaled float32 rows. A module is copied, never trained itself. Its random
        numbers (first weights, dropout) follow `random_state` too.
    optimizer : {{"adam", "adamw", "sgd", "rmsprop"}} or class, default={optimizer}
        A name or a subclass of :class:`torch.optim.Optimizer`.
    lr : float, default={lr}
        Learning rate.
    weight_decay : float, default={weight_decay}
        As the optimizer understands it.
    batch_size : int or "auto", default={batch_size}
        Rows a step. "auto" is the power of two below a 32nd of the rows, at least 32, at most 256.
        A rest of less than half a batch joins the batch before it.
    max_epochs : int, default={max_epochs}
        Most passes over the table; 0 leaves the start as it is.
    early_stopping : bool, default={early_stopping}
        Whether held-out rows judge each epoch and the best weights are restored. The start
        competes: weights that do not beat it by 3 standard errors on these rows give way to it.
        If False, the training loss decides when to stop and the last weights stay.
    validation_fraction : float, default=0.1
        Share of the rows to hold out, drawn at random, at most 100 000: for `early_stopping` and to
        calibrate ``contamination="auto"``. With neither, no row is held out.
    n_iter_no_change : int, default={n_iter_no_change}
        Epochs without improvement after which training stops.
    tol : float, default={tol}
        Improvement that counts, relative to the loss.
    contamination : float or "auto", default="auto"
        The threshold of `predict`. "auto": `false_alarm_rate`, calibrated on the held-out rows. A
        float in (0, 0.5]: that share of the training rows is flagged.
    false_alarm_rate : float, default=0.01
        Share of fresh normal rows that are flagged under ``contamination="auto"``. It takes
        ``1 / false_alarm_rate - 1`` held-out rows. `set_threshold` changes it without a fit.
    warm_start : bool, default=False
        Whether `fit` goes on from the weights of the last fit, with the same scaler, loss, network
        and optimizer; other parameters may have changed.
    callbacks : list, default=None
        Callbacks of skorch; copied for each fit. Those of scikit-learn are set with
        `set_callbacks`.
    net_params : dict, default=None
        Anything else that :class:`skorch.NeuralNet` accepts, such as
        ``{{"optimizer__betas": (0.9, 0.99)}}``.
    compile : bool, default=False
        Whether to compile whole training steps, several a call: worth it from some millions of rows
        times epochs. Needs a C++ compiler.
    device : str, default="auto"
        "auto" is a CUDA GPU where there is one, else the CPU; or "cpu", "cuda", "cuda:0", "mps".
    random_state : int, RandomState or None, default=None
        The same number (and number of threads) gives the same bits.
    verbose : int, default=0
        Whether to print the losses of each epoch."""

ATTRIBUTES = """n_components_ : int
        Columns of the code.
    offset_ : float
        Threshold on `score_samples`; under ``contamination="auto"`` a score of a held-out row,
        before a start that was kept is refitted on all rows.
    history_ : DataFrame
        One row an epoch: `epoch`, `train_loss`, `valid_loss`, `seconds`. Row 0 is the start.
    n_iter_ : int
        Epochs trained, those after the best one included.
    best_epoch_ : int
        Epoch that the weights are those of; 0 is the start.
    net_ : skorch.NeuralNet
        The net that trained.
    module_ : nn.Module
        The network, with `encoder` and `decoder`.
    n_features_in_ : int
        Columns seen in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, where `X` had names."""

# As they are, and as the docstrings show them: what estimators differ in.
DEFAULTS = {
    "activation": "relu",
    "init": "pca",
    "optimizer": "adam",
    "lr": 3e-3,
    "weight_decay": 0.0,
    "batch_size": "auto",
    "max_epochs": 200,
    "early_stopping": True,
    "n_iter_no_change": 20,
    "tol": 1e-2,
}


def documented(defaults, without=()):
    """Descriptions of all parameters, with these defaults.

    Parameters
    ----------
    defaults : dict
        Of the parameters in which estimators differ.
    without : sequence of str, default=()
        Parameters to leave out.

    Returns
    -------
    str
        Part of a docstring.
    """
    shown = {name: f'"{v}"' if isinstance(v, str) else v for name, v in defaults.items()}
    entries = re.split(r"\n    (?=\S)", PARAMETERS.format(**shown))
    kept = [entry for entry in entries if not {*entry.split(" : ")[0].split(", ")} <= {*without}]
    return "\n    ".join(kept)


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


class AutoEncoder(BaseAutoEncoder):
    __doc__ = f"""Auto-encoder: a non-linear PCA that is never worse than PCA where it is judged.

    Encoder and decoder are multi-layer perceptrons with a linear path beside them. They start as
    the PCA of the (scaled) table and are trained to reconstruct it. The code of a row is a
    dimension reduction; the error of its reconstruction is an anomaly score.

    Parameters
    ----------
    {documented(DEFAULTS)}

    Attributes
    ----------
    {ATTRIBUTES}

    See Also
    --------
    DenoisingAE : Learns to undo noise; usually the better detector.
    sklearn.decomposition.PCA : The linear auto-encoder of least squares.
    sklearn.ensemble.IsolationForest : An outlier detector with the same methods.

    References
    ----------
    Hinton & Salakhutdinov, "Reducing the Dimensionality of Data with Neural Networks", Science
    2006.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import AutoEncoder
    >>> X = load_digits().data
    >>> ae = AutoEncoder(8, max_epochs=30, tol=0.05, random_state=0).fit(X)
    >>> ae.transform(X).shape
    (1797, 8)
    >>> ae.reconstruct(X).shape
    (1797, 64)
    """

    _parameter_constraints: dict = {
        **BaseAutoEncoder._parameter_constraints,
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
        if self.init == "pca":
            self._start_from_pca(module, rows, sample_weight)
        if self.decoder is None:
            self._silence_constants(module.decoder)

    def _default_hidden_layer_sizes(self, n_in):
        return default_hidden_layer_sizes(n_in)

    def _layer_sizes(self, n_features):
        if isinstance(self.hidden_layer_sizes, str):
            return self._default_hidden_layer_sizes(n_features)
        return layer_sizes("hidden_layer_sizes", self.hidden_layer_sizes, " or 'auto'")

    def _build_encoder(self, n_features, sizes, generator):
        n_out = self._outputs_per_code * self.n_components_
        if self.encoder is None:
            return self._mlp(n_features, n_out, sizes, generator)
        # A finished module knows its own code size; a callable has to be told.
        free = isinstance(self.encoder, nn.Module) and self.n_components == "auto"
        encoder, n_out = build_user_module(
            self.encoder, n_features, None if free else n_out, generator.initial_seed(), "encoder"
        )
        self.n_components_ = n_out // self._outputs_per_code
        return encoder

    def _build_decoder(self, n_features, sizes, generator):
        if self.decoder is None:
            return self._mlp(self._n_features_out, n_features, sizes, generator)
        decoder, _ = build_user_module(
            self.decoder, self._n_features_out, n_features, generator.initial_seed() + 1, "decoder"
        )
        return decoder

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

    def _start_from_pca(self, module, rows, sample_weight):
        """Let the linear paths be the principal axes: whitened codes, PCA's reconstruction."""
        encoder, decoder, inputs = module.encoder, module.decoder, module.inputs
        if self.encoder is not None or not encoder.has_linear_path:
            return

        pca = self._principal_axes(inputs, rows, sample_weight)
        n_axes, n_values = pca.axes.shape
        to_codes, to_values = self._linear_codes(pca)
        weight = np.zeros((n_axes, encoder.first.in_features))  # masks and embeddings start at 0
        weight[:, :n_values] = to_codes
        bias = np.zeros(encoder.n_out)
        bias[:n_axes] = -to_codes @ pca.mean
        encoder.start_linear(_tensor(weight), _tensor(bias))
        if self.decoder is not None or not decoder.has_linear_path:
            return
        loadings = np.zeros((n_values, decoder.first.in_features))
        loadings[:, :n_axes] = to_values
        decoder.start_linear(
            *self._likelihood.linear_start(_tensor(pca.mean), _tensor(loadings), inputs)
        )
        self._starts_from_pca = self._likelihood.identity_link

    def _principal_axes(self, inputs, rows, sample_weight):
        values = partial(self._start_values, inputs, rows, filled=True)
        return principal_axes(rows.X, values, self.n_components_, sample_weight)

    def _linear_codes(self, pca):
        """Maps of centred values to codes, and of codes to centred values."""
        return pca.axes / pca.scale[:, None], (pca.axes * pca.scale[:, None]).T


def _tensor(values):
    return torch.as_tensor(values, dtype=torch.float32)
