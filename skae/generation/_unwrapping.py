"""What comes before the auto-encoder that the user means, its codes, and what it makes of them."""

from functools import partial

import numpy as np
import pandas as pd
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from skae.base import autoencoder_of
from skae.utils import frame_library


def steps_before(estimator):
    """Return the transformers that rows pass before they come to the auto-encoder.

    Parameters
    ----------
    estimator : object
        What the user passed.

    Returns
    -------
    list of transformers
        In order.

    Raises
    ------
    TypeError
        If one has no way back.
    """
    if isinstance(estimator, FrozenEstimator):
        return steps_before(estimator.estimator)
    if not isinstance(estimator, Pipeline):
        return []
    *before, (_, last) = estimator.steps
    before = [(name, step) for name, step in before if step not in (None, "passthrough")]
    for name, step in before:
        if not hasattr(step, "inverse_transform"):
            raise TypeError(
                f"The step {name!r} of estimator, {step!r}, has no inverse_transform, by which "
                "drawn rows would come back. Leave it out: auto-encoders of skae scale numbers "
                "and take words, categories, dates and missing cells themselves."
            )
    return [step for _, step in before] + steps_before(last)


def seen_by_autoencoder(estimator, X):
    """Rows after the steps before the auto-encoder; it takes a table, (n_samples, n_seen)."""
    for step in steps_before(estimator):
        X = step.transform(X)
    return X


def in_original_units(estimator, rows):
    """Rows as the user passes them, given those that the auto-encoder sees or makes."""
    steps = steps_before(estimator)
    for step in reversed(steps):
        rows = step.inverse_transform(rows)
    if steps and frame_library(rows) is None and hasattr(estimator, "feature_names_in_"):
        return pd.DataFrame(rows, columns=estimator.feature_names_in_)
    return rows


def codes_of(estimator, X):
    """Codes of rows as the decoder takes them, float64 of shape (n_samples, n_components)."""
    return as_decoded(estimator, encoded(estimator, X))


def encoded(estimator, X):
    """Codes of rows as `transform` gives them, an array (n_samples, n_codes)."""
    return np.asarray(autoencoder_of(estimator).transform(seen_by_autoencoder(estimator, X)))


def as_decoded(estimator, codes):
    """Codes as the decoder takes them, of those that `transform` gives: no integers."""
    return np.asarray(autoencoder_of(estimator)._check_codes(codes), dtype=np.float64)


def decoded(autoencoder, codes):
    """Encoded rows that the decoder makes of codes, (n_samples, n_encoded)."""
    means = partial(autoencoder._decoded, autoencoder.module_, autoencoder._likelihood)
    return autoencoder._of_codes(codes, means)
