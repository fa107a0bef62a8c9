"""All exported estimators: a law that runs over this list holds for those that come later, too."""

import copy
import inspect
import warnings

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning

import skae
from skae.exceptions import CalibrationWarning

ESTIMATORS = [
    exported
    for exported in (getattr(skae, name) for name in skae.__all__)
    if isinstance(exported, type) and issubclass(exported, BaseEstimator)
]

# What makes a fit quick; an estimator takes those that it knows.
QUICK = {"max_epochs": 3, "contamination": 0.1, "random_state": 0, "device": "cpu"}
# What makes a fit a plain function of its rows: one batch, no hold-out, no noise; and no start from
# PCA, a stationary point from which rounding grows.
FULL_BATCH = {
    "batch_size": 10_000,
    "init": "random",
    "early_stopping": False,
    "contamination": 0.1,
    "noise_level": 0,
}
# What else an estimator needs to be quick or exact, by class name.
QUICK_BY_NAME: dict[str, dict] = {}


def parameters(estimator_class):
    """Names of the parameters of a class, in order."""
    return [name for name in inspect.signature(estimator_class).parameters if name != "self"]


def having(*names):
    """The exported estimators that have all of these parameters."""
    return [cls for cls in ESTIMATORS if set(names) <= set(parameters(cls))]


def known(estimator_class, params):
    """Those of `params` that the class has."""
    return {name: params[name] for name in params if name in parameters(estimator_class)}


def quick(estimator_class, **params):
    """An estimator that fits in a moment; a parameter that it lacks is an error."""
    settings = {**QUICK, **QUICK_BY_NAME.get(estimator_class.__name__, {})}
    return estimator_class(**{**known(estimator_class, settings), **params})


def full_batch(estimator_class, **params):
    """An estimator whose fit does not depend on batches, a hold-out or noise."""
    return quick(estimator_class, **{**known(estimator_class, FULL_BATCH), **params})


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


def outputs(estimator, X):
    """All that a fitted estimator says of rows, by name."""
    codes = estimator.transform(X)
    return {
        "codes": codes,
        "decoded": estimator.inverse_transform(codes),
        "reconstruct": estimator.reconstruct(X),
        "scores": estimator.score_samples(X),
        "contributions": estimator.feature_contributions(X),
        "decision": estimator.decision_function(X),
        "predict": estimator.predict(X),
        "weights": np.concatenate(
            [p.detach().cpu().numpy().ravel() for p in estimator.module_.parameters()]
        ),
    }


def assert_same_bits(first, second):
    """Two results of `outputs` are equal to the last bit."""
    assert first.keys() == second.keys()
    for name, values in first.items():
        np.testing.assert_array_equal(values, second[name], err_msg=name)


def state_of(module):
    """A copy of the tensors of a torch module, by name."""
    return copy.deepcopy(module.state_dict())
