"""The variational auto-encoder with a price on total correlation."""

from skae.objectives import TotalCorrelation
from skae.utils import parameters_of
from skae.variational._vae import SOFT_START, VAE, VAE_ATTRIBUTES, VAE_DEFAULTS, documented_vae


class BetaTCVAE(VAE):
    __doc__ = f"""Beta-TC-VAE: a variational auto-encoder whose codes are to be independent.

    The divergence from the prior has a part for what codes tell about the row, one for how they
    depend on each other, and one for the distribution of each. Only the second gets more weight,

    .. math:: -\\mathbb E_{{q(z \\mid x)}} \\log p(x \\mid z)
        + \\mathrm{{KL}}(q(z \\mid x) \\,\\|\\, p(z))
        + (\\beta - 1)\\, \\mathrm{{KL}}\\Big(q(z) \\,\\Big\\|\\, \\prod_j q(z_j)\\Big)

    (equation 4 of Chen et al. at :math:`\\alpha = \\gamma = 1`), so that codes can become factors
    of variation without telling less. The total correlation is estimated from each batch. At
    :math:`\\beta = 1` it is :class:`VAE`.

    Parameters
    ----------
    beta : float, default=6.0
        Weight of the total correlation.
    {SOFT_START}
    {documented_vae(VAE_DEFAULTS)}

    Attributes
    ----------
    {VAE_ATTRIBUTES}

    See Also
    --------
    FactorVAE : The same term, by a discriminator.
    skae.metrics.mutual_information_gap : Whether codes are factors.

    References
    ----------
    Chen, Li, Grosse & Duvenaud, "Isolating Sources of Disentanglement in Variational
    Autoencoders", NeurIPS 2018.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skae import BetaTCVAE
    >>> X = load_iris().data
    >>> BetaTCVAE(2, max_epochs=20, random_state=0).fit(X).transform(X).shape
    (150, 2)
    """

    @parameters_of(VAE, VAE_DEFAULTS)
    def __init__(self, n_components="auto", *, beta=6.0, **inherited):
        super().__init__(n_components, beta=beta, **inherited)

    def _objective(self):
        return TotalCorrelation(self._likelihood, self.beta - 1, free_bits=self.free_bits)
