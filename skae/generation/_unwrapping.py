"""Which auto-encoder the user means."""

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
