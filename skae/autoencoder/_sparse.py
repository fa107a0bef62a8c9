"""The sparse auto-encoder."""

from numbers import Integral, Real

from sklearn.utils._param_validation import Interval, StrOptions
from torch import nn

from skae.base import ATTRIBUTES, DEFAULTS, EncoderDecoder, default_n_components, documented
from skae.nn import SparseAutoEncoder, TopCodes
from skae.objectives import AbsoluteCodes, RareCodes, Reconstruction
from skae.utils import parameters_of

AUTO = {"n_components": "as many as the encoder sees columns of numbers and classes"}


class SparseAE(EncoderDecoder):
    __doc__ = f"""Sparse auto-encoder: many codes, of which a row has few.

    With ``sparsity="k"`` only the codes of a row that are farthest from 0 are kept (Makhzani &
    Frey, who take the largest ones of codes that are not scaled). The other two add a price,

    .. math:: -\\frac 1 d \\log p(x \\mid z) + \\frac \\lambda k \\sum_j |z_j| / \\rho_j
        \\qquad\\text{{or}}\\qquad -\\frac 1 d \\log p(x \\mid z)
        + \\frac \\lambda k \\sum_j \\mathrm{{KL}}(\\rho \\,\\|\\, \\hat\\rho_j)

    "l1": negative codes become 0; without that, a price makes codes small, not absent.
    :math:`\\rho_j` is the root mean square of the code over the batch, so that smaller codes alone
    gain nothing. At :math:`\\lambda = 0` it is a plain auto-encoder. "kl" (section 3 of Ng): codes
    go through the logistic function, and their means :math:`\\hat\\rho_j` are drawn to the target
    :math:`\\rho`.

    Parameters
    ----------
    sparsity : {{"k", "l1", "kl"}}, default="k"
        What makes codes sparse. "k" says how many codes a row has; "l1" lets rows differ in that,
        and at the default weight restores digits three times better, by 29 codes a row, not 8.
    n_active : int or "auto", default="auto"
        Codes that a row keeps, for "k". "auto" takes the square root of `n_components_`, rounded
        down. As many as there are make it a plain auto-encoder.
    sparsity_weight : float, default=0.1
        :math:`\\lambda`, in units of the loss of a cell, for "l1" and "kl".
    target_activation : float, default=0.05
        :math:`\\rho` of "kl".
    {documented(DEFAULTS, auto=AUTO)}

    Attributes
    ----------
    {ATTRIBUTES}

    See Also
    --------
    AutoEncoder : Few codes, all of which a row has.

    References
    ----------
    Makhzani & Frey, "k-Sparse Autoencoders", ICLR 2014.
    Ng, "Sparse Autoencoder", CS294A lecture notes, 2011.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import SparseAE
    >>> X = load_digits().data
    >>> codes = SparseAE(max_epochs=20, random_state=0).fit(X).transform(X)
    >>> codes.shape, int((codes != 0).sum(axis=1).max())
    ((1797, 64), 8)
    """

    _parameter_constraints: dict = {
        **EncoderDecoder._parameter_constraints,
        "sparsity": [StrOptions({"k", "l1", "kl"})],
        "n_active": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "sparsity_weight": [Interval(Real, 0, None, closed="left")],
        "target_activation": [Interval(Real, 0, 1, closed="neither")],
    }

    _kept_names = EncoderDecoder._kept_names | {"sparsity", "n_active"}

    @parameters_of(EncoderDecoder)
    def __init__(
        self,
        n_components="auto",
        *,
        sparsity="k",
        n_active="auto",
        sparsity_weight=0.1,
        target_activation=0.05,
        **inherited,
    ):
        super().__init__(n_components, **inherited)
        self.sparsity = sparsity
        self.n_active = n_active
        self.sparsity_weight = sparsity_weight
        self.target_activation = target_activation

    def _default_n_components(self, n_in, inputs):
        return max(n_in if inputs is None else inputs.n_values, 1)

    def _joined(self, encoder, decoder, inputs, generator):
        if self.sparsity == "kl":
            return SparseAutoEncoder(encoder, decoder, nn.Sigmoid(), inputs)
        if self._rectifies:
            return SparseAutoEncoder(encoder, decoder, nn.ReLU(), inputs)
        n_active = self._n_active()
        if self.sparsity == "l1" or n_active == self.n_components_:
            return super()._joined(encoder, decoder, inputs, generator)
        return SparseAutoEncoder(encoder, decoder, TopCodes(n_active), inputs)

    @property
    def _rectifies(self):
        return self.sparsity == "l1" and self.sparsity_weight > 0

    def _principal_axes(self, inputs, rows, sample_weight):
        pca = super()._principal_axes(inputs, rows, sample_weight)
        return pca.both_sides(self.n_components_) if self._rectifies else pca

    def _n_active(self):
        if self.n_active == "auto":
            return default_n_components(self.n_components_)
        if self.n_active > self.n_components_:
            raise ValueError(
                f"n_active must be at most n_components, {self.n_components_}. "
                f"Got {self.n_active} instead."
            )
        return self.n_active

    def _starts_linear(self, module):
        return self.sparsity != "kl" and super()._starts_linear(module)

    def _start_from_pca(self, module, pca):
        super()._start_from_pca(module, pca)
        self._starts_from_pca &= not isinstance(module, SparseAutoEncoder)

    def _objective(self):
        if self.sparsity == "k" or self.sparsity_weight == 0:
            return Reconstruction(self._likelihood)
        if self.sparsity == "l1":
            return AbsoluteCodes(self._likelihood, self.sparsity_weight)
        return RareCodes(self._likelihood, self.sparsity_weight, self.target_activation)
