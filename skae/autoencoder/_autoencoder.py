"""The plain auto-encoder."""

from skae.base import ATTRIBUTES, DEFAULTS, EncoderDecoder, documented


class AutoEncoder(EncoderDecoder):
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
