"""Descriptions of parameters and attributes that docstrings share."""

import re

PARAMETERS = """n_components : int or "auto", default="auto"
        Columns of the code. "auto" takes {auto[n_components]};
        the result is in `n_components_`.
    input_shape : tuple of int, default=None
        (channels, height, width) where rows are images, their pixels in this order: encoder and
        decoder are convolutional, with residual blocks. Height and width are at least 4. All
        columns have to be numbers, or all booleans. ``lr=1e-3`` suits them better than the default.
        None: rows are no images.
    hidden_layer_sizes : tuple of int or "auto", default="auto"
        Units of the encoder's hidden layers, from the data to the code; the decoder mirrors them.
        () is a linear auto-encoder. "auto" is {auto[hidden_layer_sizes]}.
        With `input_shape`: channels of each resolution, from half of the full one downwards, each
        half of the one before; "auto" is 32, 64, 128, 128 ... down to 4 to 7 pixels.
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
    lr : float{or_auto[lr]}, default={lr}
        Learning rate.{auto[lr]}
    weight_decay : float, default={weight_decay}
        As the optimizer understands it.
    batch_size : int or "auto", default={batch_size}
        Rows a step. "auto" is {auto[batch_size]}.
        A rest of less than half a batch joins the batch before it.
    max_epochs : int{or_auto[max_epochs]}, default={max_epochs}
        Most passes over the table; 0 leaves the start as it is.{auto[max_epochs]}
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
        Whether `fit` goes on from the weights of the last fit. Parameters may have changed, but for
        those that the network was made with, which is an error; another optimizer begins anew.
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
        The same number (and number of threads) gives the same bits. A fit that goes on keeps the
        seed of the first, and so the rows that are held out.
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
# What "auto" takes, but for estimators that say otherwise.
AUTO = {
    "n_components": """the square root of the number of features, rounded down
        (a category counts as several)""",
    "hidden_layer_sizes": """one layer of twice as many units as features, but
        at least 64 and at most 256""",
    "lr": "",
    "batch_size": "the power of two below a 32nd of the rows, at least 32, at most 256",
    "max_epochs": "",
}


def documented(defaults, without=(), auto=None):
    """Descriptions of all parameters, with these defaults.

    Parameters
    ----------
    defaults : dict
        Of the parameters in which estimators differ.
    without : sequence of str, default=()
        Parameters to leave out.
    auto : dict, default=None
        What "auto" takes of `n_components`, `hidden_layer_sizes`, `lr`, `batch_size` and
        `max_epochs`, where that is something else than in most estimators.

    Returns
    -------
    str
        Part of a docstring.
    """
    shown = {name: f'"{v}"' if isinstance(v, str) else v for name, v in defaults.items()}
    shown["or_auto"] = {
        name: ' or "auto"' if defaults[name] == "auto" else "" for name in ("lr", "max_epochs")
    }
    entries = re.split(r"\n    (?=\S)", PARAMETERS.format(**shown, auto=AUTO | (auto or {})))
    kept = [entry for entry in entries if not {*entry.split(" : ")[0].split(", ")} <= {*without}]
    return "\n    ".join(kept)
