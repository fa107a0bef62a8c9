"""The auto-encoder whose codes are distributed as a prior."""

from numbers import Real

from sklearn.utils._param_validation import Interval

from skae.base import ATTRIBUTES, DEFAULTS, EncoderDecoder, SamplingMixin, documented
from skae.objectives import WassersteinReconstruction
from skae.utils import parameters_of


class WassersteinAE(SamplingMixin, EncoderDecoder):
    __doc__ = f"""Wasserstein auto-encoder: codes are points, together distributed as the prior.

    .. math:: -\\frac 1 d \\log p(x \\mid z) + \\lambda\\, \\mathrm{{MMD}}^2(q(z), p(z)), \\qquad
        z = e(x), \\quad p(z) = \\mathcal N(0, I)

    (equation 4 and algorithm 2 of Tolstikhin et al.). The second term, the maximum mean discrepancy
    of the codes of a batch from the prior, lets `sample` decode draws of the prior. At
    :math:`\\lambda = 0` it is a plain auto-encoder.

    Parameters
    ----------
    prior_weight : float, default=1.0
        :math:`\\lambda`, in units of the loss of a cell.
    {documented(DEFAULTS)}

    Attributes
    ----------
    {ATTRIBUTES}

    See Also
    --------
    InfoVAE : Codes that are distributions.
    AdversarialAE : A discriminator in the place of the discrepancy.

    References
    ----------
    Tolstikhin, Bousquet, Gelly & Schoelkopf, "Wasserstein Auto-Encoders", ICLR 2018.

    Notes
    -----
    The kernel of the discrepancy is a mean of normal densities of several widths; see
    `skae.objectives.normal_discrepancy`. `sample` gives what the decoder makes of codes, without
    noise: the mean of a number, the likeliest category. Pairs of codes count, of a code with itself
    none, so a row of weight 2 is nearly, not exactly, the row twice.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skae import WassersteinAE
    >>> X = load_iris().data
    >>> WassersteinAE(2, max_epochs=20, random_state=0).fit(X).sample(3, random_state=0).shape
    (3, 4)
    """

    _parameter_constraints: dict = {
        **EncoderDecoder._parameter_constraints,
        "prior_weight": [Interval(Real, 0, None, closed="left")],
    }

    @parameters_of(EncoderDecoder)
    def __init__(self, n_components="auto", *, prior_weight=1.0, **inherited):
        super().__init__(n_components, **inherited)
        self.prior_weight = prior_weight

    def _objective(self):
        return WassersteinReconstruction(self._likelihood, self.prior_weight)
