"""The importance-weighted auto-encoder."""

from numbers import Integral

from sklearn.utils._param_validation import Interval

from skae.objectives import ImportanceWeighted
from skae.utils import parameters_of
from skae.variational._vae import VAE, VAE_ATTRIBUTES, VAE_DEFAULTS, documented_vae

WEIGHTS_OF_BOUND = ("beta", "free_bits", "warmup_epochs")


class IWAE(VAE):
    __doc__ = f"""Importance-weighted auto-encoder: a variational one with a tighter bound.

    Its networks are those of :class:`VAE`, and it starts at probabilistic PCA, too. Several codes
    are drawn for each row, and it is the mean of their importance weights whose logarithm training
    raises,

    .. math:: \\log p(x) \\ge \\mathbb E_{{z_1 \\dots z_S \\sim q(z \\mid x)}} \\log \\frac 1 S
        \\sum_{{s=1}}^S \\frac{{p(x, z_s)}}{{q(z_s \\mid x)}}

    (equation 8 of Burda et al.). The bound rises with :math:`S`; with one draw it is that of
    :class:`VAE`. What the encoder gives need only cover the codes that a row may have, not be their
    distribution, so that the decoder is less restrained.

    Parameters
    ----------
    n_importance_samples : int, default=5
        Draws of a row, :math:`S`. The decoder's work in training grows with it.
    {documented_vae(VAE_DEFAULTS)}

    Attributes
    ----------
    {VAE_ATTRIBUTES}

    See Also
    --------
    VAE : One draw, and weights for the parts of its bound.

    References
    ----------
    Burda, Grosse & Salakhutdinov, "Importance Weighted Autoencoders", ICLR 2016.

    Notes
    -----
    `score_samples` is the bound of one draw, as in :class:`VAE`: its expectation needs no draws.
    For the bound that was trained call ``log_likelihood(X, n_importance_samples)``; with more
    samples it is closer to the likelihood.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skae import IWAE
    >>> X = load_iris().data
    >>> iwae = IWAE(2, max_epochs=20, random_state=0).fit(X)
    >>> iwae.transform(X).shape
    (150, 2)
    """

    _parameter_constraints: dict = {
        name: allowed
        for name, allowed in VAE._parameter_constraints.items()
        if name not in WEIGHTS_OF_BOUND
    } | {"n_importance_samples": [Interval(Integral, 1, None, closed="left")]}

    @parameters_of(VAE, VAE_DEFAULTS, without=WEIGHTS_OF_BOUND)
    def __init__(self, n_components="auto", *, n_importance_samples=5, **inherited):
        vars(self).update(inherited, n_components=n_components)  # VAE's own would want the weights
        self.n_importance_samples = n_importance_samples

    def _objective(self):
        return ImportanceWeighted(self._likelihood, self.n_importance_samples)

    def _schedule(self, n_epochs):
        return []
