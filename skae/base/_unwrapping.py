"""Which auto-encoder the user means."""

from sklearn.frozen import FrozenEstimator

from skae.base._fitting import BaseAutoEncoder


def autoencoder_of(estimator):
    """Return an auto-encoder of skae, out of the `FrozenEstimator` or `Pipeline` that it is in.

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
    from sklearn.pipeline import Pipeline  # slow to import, and asks for newer parts of sklearn

    if isinstance(estimator, FrozenEstimator):
        return autoencoder_of(estimator.estimator)
    if isinstance(estimator, Pipeline):
        return autoencoder_of(estimator.steps[-1][1])
    if not isinstance(estimator, BaseAutoEncoder):
        raise TypeError(
            "estimator has to be an auto-encoder of skae, such as AutoEncoder() or VAE(), a "
            f"Pipeline that ends in one, or FrozenEstimator of either. Got {estimator!r} instead."
        )
    return estimator
