"""The variational auto-encoder whose codes may tell more."""

from numbers import Real

from sklearn.utils._param_validation import Interval

from skae.objectives import DiscrepantVariational
from skae.utils import parameters_of
from skae.variational._vae import SOFT_START, VAE, VAE_ATTRIBUTES, VAE_DEFAULTS, documented_vae


class InfoVAE(VAE):
    __doc__ = f"""InfoVAE: a variational auto-encoder that holds all codes together to the prior.

    The codes of each row cost less, or nothing; those of a batch are to be distributed as the
    prior, by their maximum mean discrepancy from it,

    .. math:: -\\mathbb E_{{q(z \\mid x)}} \\log p(x \\mid z)
        + \\beta\\, \\mathrm{{KL}}(q(z \\mid x) \\,\\|\\, p(z))
        + \\lambda\\, \\mathrm{{MMD}}^2(q(z), p(z))

    (equation 6 of Zhao et al., where :math:`\\beta` is :math:`1 - \\alpha`, and the other weight
    :math:`\\alpha + \\lambda - 1`). With :math:`\\lambda = 0` it is :class:`VAE`.

    Parameters
    ----------
    beta : float, default=0.5
        Weight of the divergence of the codes of a row; the lower, the more they tell.
    discrepancy_weight : float, default=100.0
        :math:`\\lambda`, in nats.
    {SOFT_START}
    {documented_vae(VAE_DEFAULTS)}

    Attributes
    ----------
    {VAE_ATTRIBUTES}

    See Also
    --------
    WassersteinAE : Codes that are points.

    References
    ----------
    Zhao, Song & Ermon, "InfoVAE: Balancing Learning and Inference in Variational Autoencoders",
    AAAI 2019.

    Notes
    -----
    The kernel of the discrepancy is a mean of normal densities of several widths; see
    `skae.objectives.normal_discrepancy`. `score_samples` is the bound of :class:`VAE`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skae import InfoVAE
    >>> X = load_iris().data
    >>> InfoVAE(2, max_epochs=20, random_state=0).fit(X).sample(3, random_state=0).shape
    (3, 4)
    """

    _parameter_constraints: dict = {
        **VAE._parameter_constraints,
        "discrepancy_weight": [Interval(Real, 0, None, closed="left")],
    }

    @parameters_of(VAE, VAE_DEFAULTS)
    def __init__(self, n_components="auto", *, beta=0.5, discrepancy_weight=100.0, **inherited):
        super().__init__(n_components, beta=beta, **inherited)
        self.discrepancy_weight = discrepancy_weight

    def _objective(self):
        return DiscrepantVariational(
            self._likelihood, self.discrepancy_weight, self.beta, self.free_bits
        )
