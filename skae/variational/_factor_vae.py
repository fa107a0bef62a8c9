"""The variational auto-encoder whose discriminator finds dependent codes."""

from numbers import Real

from sklearn.utils._param_validation import Interval

from skae.objectives import DiscriminatedCorrelation
from skae.utils import parameters_of
from skae.variational._discriminators import (
    DISCRIMINATOR,
    DISCRIMINATOR_LAYER_SIZES,
    code_discriminator,
)
from skae.variational._vae import VAE, VAE_ATTRIBUTES, VAE_DEFAULTS, VAE_PARAMETERS, documented_vae


class FactorVAE(VAE):
    __doc__ = f"""FactorVAE: a variational auto-encoder whose codes are to be independent.

    A discriminator :math:`D` learns to tell codes from codes whose columns come from different
    rows. What it finds is the total correlation of the codes, which the auto-encoder lowers,

    .. math:: -\\mathbb E_{{q(z \\mid x)}} \\log p(x \\mid z)
        + \\beta\\, \\mathrm{{KL}}(q(z \\mid x) \\,\\|\\, p(z))
        + \\gamma\\, \\mathbb E_{{q(z)}} \\log \\frac{{D(z)}}{{1 - D(z)}}

    (equations 2 and 3 of Kim & Mnih, where :math:`\\beta = 1`). Both networks are updated in every
    step. At :math:`\\gamma = 0` it is :class:`VAE`.

    Parameters
    ----------
    gamma : float, default=5.0
        Weight of the total correlation beyond its share of the divergence.
    {DISCRIMINATOR}
    {VAE_PARAMETERS}
    {documented_vae(VAE_DEFAULTS)}

    Attributes
    ----------
    {VAE_ATTRIBUTES}

    See Also
    --------
    BetaTCVAE : The same term, estimated from each batch.
    skae.metrics.mutual_information_gap : Whether codes are factors.

    References
    ----------
    Kim & Mnih, "Disentangling by Factorising", ICML 2018.

    Notes
    -----
    Epochs are judged by the total correlation that `BetaTCVAE` estimates: that of a discriminator
    changes as it learns.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skae import FactorVAE
    >>> X = load_iris().data
    >>> FactorVAE(2, max_epochs=20, random_state=0).fit(X).transform(X).shape
    (150, 2)
    """

    _parameter_constraints: dict = {
        **VAE._parameter_constraints,
        "gamma": [Interval(Real, 0, None, closed="left")],
        "discriminator_layer_sizes": ["array-like"],
    }

    @parameters_of(VAE, VAE_DEFAULTS)
    def __init__(
        self,
        n_components="auto",
        *,
        gamma=5.0,
        discriminator_layer_sizes=DISCRIMINATOR_LAYER_SIZES,
        **inherited,
    ):
        super().__init__(n_components, **inherited)
        self.gamma = gamma
        self.discriminator_layer_sizes = discriminator_layer_sizes

    def _objective(self):
        discriminator = code_discriminator(
            self.n_components_, self.discriminator_layer_sizes, self._seed
        )
        return DiscriminatedCorrelation(
            self._likelihood, self.gamma, self.beta, self.free_bits, discriminator
        )
