"""The contractive auto-encoder."""

from numbers import Real

from sklearn.utils._param_validation import Interval

from skae.base import ATTRIBUTES, DEFAULTS, EncoderDecoder, documented
from skae.objectives import Contraction, Reconstruction
from skae.utils import parameters_of


class ContractiveAE(EncoderDecoder):
    __doc__ = f"""Contractive auto-encoder: codes that hardly change where the row hardly does.

    .. math:: -\\frac 1 d \\log p(x \\mid z) + \\frac \\lambda k \\sum_j
        \\frac{{\\|\\partial z_j / \\partial x\\|^2}}{{\\mathrm{{Var}}(z_j)}}

    (equations 2 and 3 of Rifai et al.). The Jacobian is exact, for encoders of any depth. Codes are
    measured in their standard deviations over the batch, or smaller codes with a larger decoder
    would do: the paper has tied weights against that. At :math:`\\lambda = 0` it is a
    plain auto-encoder.

    Parameters
    ----------
    contraction_weight : float, default=0.1
        :math:`\\lambda`, in units of the loss of a cell.
    {documented(DEFAULTS)}

    Attributes
    ----------
    {ATTRIBUTES}

    See Also
    --------
    DenoisingAE : Robust by training on noisy rows.

    References
    ----------
    Rifai, Vincent, Muller, Glorot & Bengio, "Contractive Auto-Encoders: Explicit Invariance During
    Feature Extraction", ICML 2011.

    Notes
    -----
    Derivatives are by what the encoder sees: scaled numbers, the columns of classes, embeddings,
    and masks of missing cells. A step costs about that of `n_components` plain encoders.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skae import ContractiveAE
    >>> X = load_iris().data
    >>> ContractiveAE(2, max_epochs=20, random_state=0).fit(X).transform(X).shape
    (150, 2)
    """

    _parameter_constraints: dict = {
        **EncoderDecoder._parameter_constraints,
        "contraction_weight": [Interval(Real, 0, None, closed="left")],
    }

    @parameters_of(EncoderDecoder)
    def __init__(self, n_components="auto", *, contraction_weight=0.1, **inherited):
        super().__init__(n_components, **inherited)
        self.contraction_weight = contraction_weight

    def _objective(self):
        if self.contraction_weight == 0:
            return Reconstruction(self._likelihood)
        return Contraction(self._likelihood, self.contraction_weight)
