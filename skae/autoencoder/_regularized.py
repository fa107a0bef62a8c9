"""The regularised auto-encoder."""

from numbers import Real

from sklearn.utils._param_validation import Interval, StrOptions

from skae.base import ATTRIBUTES, DEFAULTS, EncoderDecoder, documented
from skae.objectives import Reconstruction, SmoothDecoder
from skae.utils import parameters_of


class RegularizedAE(EncoderDecoder):
    __doc__ = f"""Regularised auto-encoder (RAE): small codes and a smooth decoder, without noise.

    .. math:: -\\frac 1 d \\log p(x \\mid z) + \\frac \\beta {{2 k}} \\|z\\|^2 + \\frac \\lambda d R

    (equations 9 to 11 of Ghosh et al.). Codes lie close together and what is between them decodes
    to something like a row, as in a variational auto-encoder; a density fitted to the codes makes
    it a generator. With both weights 0 it is a plain auto-encoder.

    Parameters
    ----------
    code_weight : float, default=0.01
        :math:`\\beta`, in units of the loss of a cell.
    decoder_weight : float, default=0.01
        :math:`\\lambda`.
    regularization : {{"gradient", "spectral", "l2"}}, default="gradient"
        :math:`R`: the squared norm of the exact Jacobian of the decoder at the code; the sum over
        its layers of the squared largest singular value of the weights; or half of their squared
        norm.
    {documented(DEFAULTS)}

    Attributes
    ----------
    {ATTRIBUTES}

    See Also
    --------
    VAE : Codes that are distributions.

    References
    ----------
    Ghosh, Sajjadi, Vergari, Black & Schoelkopf, "From Variational to Deterministic Autoencoders",
    ICLR 2020; "spectral": Yoshida & Miyato, "Spectral Norm Regularization for Improving the
    Generalizability of Deep Learning", 2017.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skae import RegularizedAE
    >>> X = load_iris().data
    >>> RegularizedAE(2, max_epochs=20, random_state=0).fit(X).transform(X).shape
    (150, 2)
    """

    _parameter_constraints: dict = {
        **EncoderDecoder._parameter_constraints,
        "code_weight": [Interval(Real, 0, None, closed="left")],
        "decoder_weight": [Interval(Real, 0, None, closed="left")],
        "regularization": [StrOptions({"gradient", "spectral", "l2"})],
    }

    @parameters_of(EncoderDecoder)
    def __init__(
        self,
        n_components="auto",
        *,
        code_weight=0.01,
        decoder_weight=0.01,
        regularization="gradient",
        **inherited,
    ):
        super().__init__(n_components, **inherited)
        self.code_weight = code_weight
        self.decoder_weight = decoder_weight
        self.regularization = regularization

    def _objective(self):
        if self.code_weight == self.decoder_weight == 0:
            return Reconstruction(self._likelihood)
        return SmoothDecoder(
            self._likelihood, self.code_weight, self.decoder_weight, self.regularization
        )
