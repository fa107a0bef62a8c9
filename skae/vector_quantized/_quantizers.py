"""What turns codes into integers: parameters, to be made into modules."""

from numbers import Integral, Real

from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, StrOptions

from skae.nn import Codebooks, ScalarLevels

POSITIVE = [Interval(Integral, 1, None, closed="left")]


class FiniteScalarQuantizer(BaseEstimator):
    r"""Each coordinate of a code is rounded to one of a few levels.

    A coordinate `z` is bounded by :math:`u = 2 \sigma(1.702 z) - 1`, and the middle of one of
    `n_levels` equal cells of (-1, 1) takes its place. There is no codebook that could be unused:
    the bound is nearly the distribution function of a normal coordinate, whose levels are used
    alike.

    Parameters
    ----------
    n_levels : int, default=8
        Of each coordinate; 8 are 3 bits.
    group_size : int, default=1
        Coordinates that make one integer of the code, from 0 to ``n_levels ** group_size - 1``;
        :class:`VQVAE` takes 16384 values of all integers together.

    References
    ----------
    Mentzer, Minnen, Agustsson & Tschannen, "Finite Scalar Quantization: VQ-VAE Made Simple", ICLR
    2024, section 3.1; there the bound is a hyperbolic tangent.

    Examples
    --------
    >>> from skae.vector_quantized import VQVAE, FiniteScalarQuantizer
    >>> VQVAE(8, quantizer=FiniteScalarQuantizer(n_levels=4)).quantizer
    FiniteScalarQuantizer(n_levels=4)
    """

    _parameter_constraints: dict = {
        "n_levels": [Interval(Integral, 2, None, closed="left")],
        "group_size": POSITIVE,
    }
    commitment_weight = 0.0  # codes are bounded, and need not follow anything
    _whitened = True  # levels are for coordinates of variance 1

    def __init__(self, n_levels=8, group_size=1):
        self.n_levels = n_levels
        self.group_size = group_size

    _width = property(lambda self: self.group_size, doc="What n_components is a multiple of.")

    def _build(self, n_components):
        return ScalarLevels(n_components, self.n_levels, self.group_size)


class VectorQuantizer(BaseEstimator):
    r"""A code, or each of several parts of it, is replaced by the nearest of remembered ones.

    Codebooks start as the centres of k-means, and follow the means of the codes that they replace.
    One that replaces hardly any takes the place of the code of a row.

    Parameters
    ----------
    codebook_size : int, default=256
        Codes that each part may become; 256 are 8 bits.
    n_groups : int, default=1
        Parts of a code, of equal width, each with a codebook and an integer of its own.
    commitment_weight : float, default=0.25
        :math:`\beta`, the price of the squared distance of codes from what replaces them.
    decay : float, default=0.99
        Share of the past in the moving means, :math:`\gamma`.
    revive_below : float, default=0.1
        Codes are dead, and take the place of a row, where they replace less than this share of the
        mean; 0 leaves them.
    gradient : {"rotation", "straight_through"}, default="rotation"
        How gradients pass the replacement: turned and stretched as the code is, or as they are.

    See Also
    --------
    ResidualQuantizer : Further codebooks for what is left over.

    References
    ----------
    van den Oord, Vinyals & Kavukcuoglu, "Neural Discrete Representation Learning", NeurIPS 2017,
    equations 1 to 3 and appendix A.1; groups: Jegou, Douze & Schmid, "Product Quantization for
    Nearest Neighbor Search", PAMI 2011; rotation: Fifty et al., "Restructuring Vector Quantization
    with the Rotation Trick", ICLR 2025.

    Examples
    --------
    >>> from skae.vector_quantized import VQVAE, VectorQuantizer
    >>> VQVAE(8, quantizer=VectorQuantizer(n_groups=2)).quantizer
    VectorQuantizer(n_groups=2)
    """

    _parameter_constraints: dict = {
        "codebook_size": [Interval(Integral, 2, None, closed="left")],
        "n_groups": POSITIVE,
        "commitment_weight": [Interval(Real, 0, None, closed="left")],
        "decay": [Interval(Real, 0, 1, closed="left")],
        "revive_below": [Interval(Real, 0, 1, closed="left")],
        "gradient": [StrOptions({"rotation", "straight_through"})],
    }
    _whitened = False  # the nearest code shall be the one nearest in the table

    def __init__(
        self,
        codebook_size=256,
        n_groups=1,
        commitment_weight=0.25,
        decay=0.99,
        revive_below=0.1,
        gradient="rotation",
    ):
        self.codebook_size = codebook_size
        self.n_groups = n_groups
        self.commitment_weight = commitment_weight
        self.decay = decay
        self.revive_below = revive_below
        self.gradient = gradient

    _width = property(lambda self: self.n_groups, doc="What n_components is a multiple of.")

    def _build(self, n_components, n_stages=1):
        return Codebooks(
            n_components,
            self.codebook_size,
            self.n_groups,
            n_stages,
            self.decay,
            self.revive_below,
            self.gradient == "rotation",
        )


class ResidualQuantizer(VectorQuantizer):
    r"""Several codebooks, each for what the ones before left over.

    .. math:: \hat z = \sum_s e^s_{k_s}, \qquad k_s = \arg\min_k \|r_s - e^s_k\|, \qquad
        r_1 = z, \quad r_{s + 1} = r_s - e^s_{k_s}

    With one stage it is :class:`VectorQuantizer`.

    Parameters
    ----------
    codebook_size : int, default=256
        Codes of each codebook.
    n_stages : int, default=3
        Codebooks, and integers, of each part of a code.
    n_groups, commitment_weight, decay, revive_below, gradient
        As for :class:`VectorQuantizer`.

    References
    ----------
    Lee et al., "Autoregressive Image Generation using Residual Quantization", CVPR 2022, equations
    3 to 5.

    Examples
    --------
    >>> from skae.vector_quantized import VQVAE, ResidualQuantizer
    >>> VQVAE(8, quantizer=ResidualQuantizer(n_stages=2)).quantizer
    ResidualQuantizer(n_stages=2)
    """

    _parameter_constraints: dict = {
        **VectorQuantizer._parameter_constraints,
        "n_stages": POSITIVE,
    }

    def __init__(
        self,
        codebook_size=256,
        n_stages=3,
        n_groups=1,
        commitment_weight=0.25,
        decay=0.99,
        revive_below=0.1,
        gradient="rotation",
    ):
        super().__init__(codebook_size, n_groups, commitment_weight, decay, revive_below, gradient)
        self.n_stages = n_stages

    def _build(self, n_components):
        return super()._build(n_components, self.n_stages)


QUANTIZERS = (FiniteScalarQuantizer, VectorQuantizer)
