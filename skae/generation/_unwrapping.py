"""Which auto-encoder the user means, its codes, and what it makes of them."""

from functools import partial

import numpy as np
from sklearn.frozen import FrozenEstimator

from skae.base import BaseAutoEncoder


def autoencoder_of(estimator):
    """Return an auto-encoder of skae, out of a `FrozenEstimator` where it is in one.

    Parameters
    ----------
    estimator : object
        What the user passed.

    Returns
    -------
    BaseAutoEncoder
        The auto-encoder.

    Raises
    ------
    TypeError
        If it is none.
    """
    if isinstance(estimator, FrozenEstimator):
        return autoencoder_of(estimator.estimator)
    if not isinstance(estimator, BaseAutoEncoder):
        raise TypeError(
            f"estimator has to be an auto-encoder of skae, such as AutoEncoder() or VAE(), or "
            f"FrozenEstimator of one. Got {estimator!r} instead."
        )
    return estimator


def codes_of(estimator, X):
    """Codes of rows as the decoder takes them, float64 of shape (n_samples, n_components)."""
    codes = autoencoder_of(estimator)._check_codes(estimator.transform(X))
    return np.asarray(codes, dtype=np.float64)


def decoded(autoencoder, codes):
    """Encoded rows that the decoder makes of codes, (n_samples, n_encoded)."""
    means = partial(autoencoder._decoded, autoencoder.module_, autoencoder._likelihood)
    return autoencoder._of_codes(codes, means)
