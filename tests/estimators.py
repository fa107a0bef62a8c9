"""All exported estimators: a law that runs over this list holds for those that come later, too."""

import copy
import inspect
import warnings

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from skorch.callbacks import LRScheduler

import skae
from skae.exceptions import CalibrationWarning

# Which translate or classify rows, and neither encode nor score them: they have test files of their
# own.
NO_AUTOENCODERS = {"CycleGAN", "SelfSupervisedClassifier"}
ESTIMATORS = [
    exported
    for exported in (getattr(skae, name) for name in skae.__all__ if name not in NO_AUTOENCODERS)
    if isinstance(exported, type) and issubclass(exported, BaseEstimator)
]

# What makes a fit quick; an estimator takes those that it knows.
QUICK = {"max_epochs": 3, "contamination": 0.1, "random_state": 0, "device": "cpu"}
# Nothing drawn for a row while training.
QUIET = {"jitter": 0, "noise_level": 0, "noise_levels": (0.0,), "mask_ratio": 0, "dropout": 0}
# Nothing of a row taken out, no integers searched by their loss, however its units change.
WHOLE = {"sparsity_weight": 1e6, "n_sweeps": 0}
# No weight of the memory that rounding moves across a threshold, no variance that blows it up.
SMOOTH = {"shrink_threshold": 0, "covariance_weight": 0.05}
# What makes a fit a plain function of its rows: one batch, no hold-out, no noise; and no start from
# PCA, a stationary point from which rounding grows.
FULL_BATCH = {
    "batch_size": 10_000,
    "init": "random",
    "early_stopping": False,
    "contamination": 0.1,
    **QUIET,
    **SMOOTH,
}
# What else an estimator needs to be quick or exact, by class name.
QUICK_BY_NAME: dict[str, dict] = {
    "DAGMM": {"early_stopping": True, "n_iter_no_change": 20, "tol": 1e-2},
    "DeepSVDD": {
        "pretrain_epochs": 0,  # its own tests have some
        "lr": 3e-3,
        "early_stopping": True,
        "n_iter_no_change": 20,
        "tol": 1e-2,
        "weight_decay": 0.0,
    },
    "AutoEncoderDetector": {
        "early_stopping": True,
        "n_iter_no_change": 20,
        "tol": 1e-2,
        "batch_size": "auto",
        "weight_decay": 0.0,
    },
    # A larger one needs more rows to settle.
    "FactorVAE": {"discriminator_layer_sizes": (128, 128)},
    "RandNet": {
        "n_estimators": 3,
        "hidden_layer_sizes": (16,),
        "early_stopping": True,
        "n_iter_no_change": 20,
        "tol": 1e-2,
    },
}


def parameters(estimator_class):
    """Names of the parameters of a class, in order."""
    return [name for name in inspect.signature(estimator_class).parameters if name != "self"]


def having(*names):
    """The exported estimators that have all of these parameters."""
    return [cls for cls in ESTIMATORS if set(names) <= set(parameters(cls))]


def known(estimator_class, params):
    """Those of `params` that the class has."""
    return {name: params[name] for name in params if name in parameters(estimator_class)}


# Whose score is not the loss of `reconstruct`: that of each cell left out in turn, or a distance.
SCORED_OTHERWISE = {"AutoEncoderDetector", "DAGMM", "DeepSVDD", "MaskedAE", "RandNet", "VQVAE"}
# Whose score is a logarithm of a density in original units: it stays when the scaler moves, and
# moves by a constant when units change.
DENSITIES = {cls.__name__ for cls in ESTIMATORS if issubclass(cls, skae.VAE)}
SCORED_OTHERWISE |= DENSITIES
# Whose training draws numbers for each row: a row of weight 2 is not the row twice, to the digit.
# (Of VQVAE the rows that judge its prior.)
DRAWN = {"AdversarialAE", "VQVAE"} | DENSITIES
# Whose loss of a row depends on the rest of its batch, so that it moves as rows are shuffled: codes
# are measured in their deviations over the batch, or compared with the prior together.
JUDGED_IN_BATCHES = {"ContractiveAE", "WassersteinAE"}
# Whose loss counts pairs of rows, of a row with itself none: of the row twice there is a pair, and
# that cannot be told from weights of which only proportions matter.
PAIRED = {"WassersteinAE"}
# Whose score compares within a fit only: a distance to training rows or to a centre, a density of
# codes, an error over its deviation, nats.
SCORED_WITHIN_A_FIT = {"AutoEncoderDetector", "DAGMM", "DeepSVDD", "RandNet", "VQVAE"} | DENSITIES
# Whose code does not pass everything on, however wide it is: a mixture of a few remembered ones,
# drawn to a centre, where a density wants it, or of networks without all connections; or it is
# noisy, or has few codes that are not 0.
LOSSY = {"DAGMM", "DeepSVDD", "MemoryAE", "RandNet", "SparseAE", "VQVAE"} | DENSITIES
# Whose codes are integers, whatever the float type of the rows.
INTEGER_CODES = {"VQVAE"}
# Whose encoder learns something else than to reconstruct.
TRAINED_OTHERWISE = {"DeepSVDD"}
# Activations that an estimator refuses.
REFUSED = {"DeepSVDD": {"tanh", "logistic"}}


# Whose score is no sum over the columns: a strange cell may make a row more normal.
NOT_ADDITIVE = {"DAGMM", "DeepSVDD"}


def with_additive_scores(classes):
    """Those whose score is a sum of what is strange about each column."""
    return [cls for cls in classes if cls.__name__ not in NOT_ADDITIVE]


def having_rows_scored_as_reconstructed():
    """Those whose score is the loss of `reconstruct`."""
    return [cls for cls in having("loss") if cls.__name__ not in SCORED_OTHERWISE]


def scored_by_loss(classes):
    """Those whose score is a loss, which compares from fit to fit."""
    return [cls for cls in classes if cls.__name__ not in SCORED_WITHIN_A_FIT]


def having_lossless_codes(*names):
    """Those that can restore everything, where the code is as wide as the table."""
    return [cls for cls in having(*names) if cls.__name__ not in LOSSY]


def trained_without_draws(classes):
    """Those whose training is a function of the rows and their weights alone."""
    return [cls for cls in classes if cls.__name__ not in DRAWN]


def trained_on_single_rows(classes):
    """Those for which a row of weight 2 is the row twice."""
    return [cls for cls in trained_without_draws(classes) if cls.__name__ not in PAIRED]


def trained_to_reconstruct(classes):
    """Those whose encoder learns to reconstruct."""
    return [cls for cls in classes if cls.__name__ not in TRAINED_OTHERWISE]


def score_of_nothing(estimator, X):
    """The scores of rows that have nothing strange: contributions start from them."""
    of_cells = getattr(estimator, "feature_baselines_", np.zeros(np.shape(X)[1]))
    return getattr(estimator, "score_baseline_", 0.0) + ~_missing(X) @ of_cells


def _missing(X):
    return pd.isna(np.asarray(X, dtype=object))


def n_inputs(estimator_class, n_features=6):
    """What the encoder gets of a complete array: its columns and, if cells get hidden, masks."""
    return n_features * (2 if "mask_ratio" in parameters(estimator_class) else 1)


def n_encoder_outputs(estimator_class, n_components):
    """What the encoder gives: codes, or means and deviations of codes."""
    return n_components * getattr(estimator_class, "_outputs_per_code", 1)


def constant_rate():
    """In the place of a schedule that an estimator has of its own."""
    return LRScheduler(policy="StepLR", step_size=1, gamma=1.0)


def quick(estimator_class, **params):
    """An estimator that fits in a moment; a parameter that it lacks is an error."""
    settings = {**QUICK, **QUICK_BY_NAME.get(estimator_class.__name__, {})}
    return estimator_class(**{**known(estimator_class, settings), **params})


def full_batch(estimator_class, **params):
    """An estimator whose fit does not depend on batches, a hold-out or noise."""
    return quick(estimator_class, **{**known(estimator_class, FULL_BATCH), **params})


def from_random(estimator_class, **params):
    """`quick`, and not from PCA, a start that is hard to beat."""
    return quick(estimator_class, **known(estimator_class, {"init": "random"}), **params)


def n_codes(estimator):
    """Columns of `transform`: the codes of all members of an ensemble."""
    return estimator.n_components_ * getattr(estimator, "n_estimators", 1)


def fit(estimator, X, y=None, **fit_params):
    """`fit` without the warnings that are right for a short training on few rows."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", CalibrationWarning)
        return estimator.fit(X, y, **fit_params)


def partial_fit(estimator, X, **fit_params):
    """`partial_fit` without the warning that is right for few rows."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CalibrationWarning)
        return estimator.partial_fit(X, **fit_params)


def table(n_samples=80, n_features=6, seed=0):
    """Correlated columns of different units."""
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(n_samples, max(1, n_features // 2)))
    X = factors @ rng.normal(size=(factors.shape[1], n_features))
    X += 0.2 * rng.normal(size=X.shape)
    return X * np.logspace(-1, 2, n_features) + np.linspace(5, -50, n_features)


def holed_table(n_samples=80, n_features=6, seed=0):
    """`table` with missing cells in all columns but the first."""
    X = table(n_samples, n_features, seed)
    holes = np.random.default_rng([seed, 1]).random(X.shape) < 0.15
    holes[:, 0] = False
    X[holes] = np.nan
    return X


def mixed_table(n_samples=80, seed=0):
    """A data frame of every kind of column, with missing cells in most of them.

    All columns follow two hidden factors, so that there is something to learn.
    """
    rng = np.random.default_rng(seed)
    first, second = rng.normal(size=(2, n_samples))

    def cut(values, names):
        return np.asarray(names, dtype=object)[np.digitize(values, [-0.5, 0.5])]

    def holed(values, dtype=None):
        column = pd.Series(values, dtype=dtype)
        return column.mask(rng.random(n_samples) < 0.15)

    noise = 0.3 * rng.normal(size=(6, n_samples))
    rare = cut(second + noise[3], ["low", "middle", "high"])
    rare[:1] = "once"
    return pd.DataFrame(
        {
            "float": holed(100 * first + 7 + noise[0]),
            "float32": (second - first + noise[1]).astype(np.float32),
            "int": np.round(20 * second + noise[2]).astype(np.int64),
            "nullable": holed(np.round(5 * first), "Int64"),
            "flag": first > second,
            "maybe": holed(first > 0.3, "boolean"),
            "text": holed(cut(first, ["a", "b", "c"]), object),
            "category": holed(pd.Categorical(rare, ["never", "low", "middle", "high", "once"])),
            "code": [f"code {i}" for i in np.arange(n_samples) % 36],
            "when": holed(
                pd.Timestamp("2020-01-01") + pd.to_timedelta(np.round(300 * second), "h")
            ),
        }
    )


# The kinds of tables that laws hold for: functions of a number of rows and a seed.
TABLES = {
    "array": table,
    "array with holes": holed_table,
    "mixed frame": mixed_table,
}


def rows_of(X, rows):
    """Some rows of an array or a data frame."""
    return X.iloc[rows] if isinstance(X, pd.DataFrame) else X[rows]


def outputs(estimator, X):
    """All that a fitted estimator says of rows, by name."""
    codes = estimator.transform(X)
    return {
        "codes": codes,
        "decoded": estimator.inverse_transform(codes),
        "reconstruct": estimator.reconstruct(X),
        "imputed": estimator.impute(X),
        "scores": estimator.score_samples(X),
        "contributions": estimator.feature_contributions(X),
        "offset": estimator.offset_,
        "weights": np.concatenate(
            [p.detach().cpu().numpy().ravel() for p in estimator.module_.parameters()]
        ),
    }


def assert_same_bits(first, second):
    """Two results of `outputs` are equal to the last bit."""
    assert first.keys() == second.keys()
    for name, values in first.items():
        assert_same_cells(values, second[name], name)


def assert_close_cells(first, second):
    """Two arrays or data frames are nearly equal, relative to the size of their columns."""
    assert type(first) is type(second)
    if isinstance(first, pd.DataFrame):
        pd.testing.assert_frame_equal(first, second, rtol=1e-4, atol=1e-4)
    else:
        np.testing.assert_allclose(first, second, rtol=1e-5, atol=1e-4)


def assert_same_cells(first, second, what=""):
    """Two arrays or data frames are equal to the last bit, types and index included."""
    assert type(first) is type(second), what
    if isinstance(first, pd.DataFrame):
        pd.testing.assert_frame_equal(first, second, check_exact=True, obj=what or "DataFrame")
    else:
        np.testing.assert_array_equal(first, second, err_msg=what)


def state_of(module):
    """A copy of the tensors of a torch module, by name."""
    return copy.deepcopy(module.state_dict())
