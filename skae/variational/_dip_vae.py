"""The variational auto-encoder whose codes are uncorrelated."""

from numbers import Real

from sklearn.utils._param_validation import Interval, StrOptions

from skae.objectives import InferredPrior
from skae.utils import parameters_of
from skae.variational._vae import (
    VAE,
    VAE_ATTRIBUTES,
    VAE_DEFAULTS,
    VAE_PARAMETERS,
    documented_vae,
)


class DIPVAE(VAE):
    __doc__ = f"""DIP-VAE: a variational auto-encoder whose codes are uncorrelated over the rows.

    The covariance :math:`C` of the codes of each batch is drawn to that of the prior, the identity,

    .. math:: -\\mathbb E_{{q(z \\mid x)}} \\log p(x \\mid z)
        + \\beta\\, \\mathrm{{KL}}(q(z \\mid x) \\,\\|\\, p(z))
        + \\lambda_{{od}} \\sum_{{i \\ne j}} C_{{ij}}^2 + \\lambda_d \\sum_i (C_{{ii}} - 1)^2

    (equations 6 and 7 of Kumar et al.). With both weights 0 it is :class:`VAE`.

    Parameters
    ----------
    kind : {{"i", "ii"}}, default="ii"
        Whether :math:`C` is the covariance of the means of codes ("i"), or of codes, whose noise
        adds to it ("ii").
    off_diagonal_weight : float, default=10.0
        :math:`\\lambda_{{od}}`.
    diagonal_weight : float, default=10.0
        :math:`\\lambda_d`. In the paper as much as :math:`\\lambda_{{od}}` for "ii", ten times as
        much for "i".
    {VAE_PARAMETERS}
    {documented_vae(VAE_DEFAULTS)}

    Attributes
    ----------
    {VAE_ATTRIBUTES}

    See Also
    --------
    BetaTCVAE : Codes that are independent, not only uncorrelated.

    References
    ----------
    Kumar, Sattigeri & Balakrishnan, "Variational Inference of Disentangled Latent Concepts from
    Unlabeled Observations", ICLR 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from skae import DIPVAE
    >>> X = load_iris().data
    >>> codes = DIPVAE(2, max_epochs=20, random_state=0).fit(X).transform(X)
    >>> bool(abs(np.corrcoef(codes.T)[0, 1]) < 0.1)
    True
    """

    _parameter_constraints: dict = {
        **VAE._parameter_constraints,
        "kind": [StrOptions({"i", "ii"})],
        "off_diagonal_weight": [Interval(Real, 0, None, closed="left")],
        "diagonal_weight": [Interval(Real, 0, None, closed="left")],
    }

    @parameters_of(VAE, VAE_DEFAULTS)
    def __init__(
        self,
        n_components="auto",
        *,
        kind="ii",
        off_diagonal_weight=10.0,
        diagonal_weight=10.0,
        **inherited,
    ):
        super().__init__(n_components, **inherited)
        self.kind = kind
        self.off_diagonal_weight = off_diagonal_weight
        self.diagonal_weight = diagonal_weight

    def _objective(self):
        return InferredPrior(
            self._likelihood,
            self.kind,
            self.off_diagonal_weight,
            self.diagonal_weight,
            self.beta,
            self.free_bits,
        )
