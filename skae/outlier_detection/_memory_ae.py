"""The memory-augmented auto-encoder."""

from numbers import Integral, Real

from sklearn.utils._param_validation import Interval

from skae.base import ATTRIBUTES, DEFAULTS, EncoderDecoder, documented
from skae.nn import Memory, MemoryAutoEncoder
from skae.objectives import MemoryReconstruction
from skae.utils import parameters_of


class MemoryAE(EncoderDecoder):
    __doc__ = f"""MemAE: an auto-encoder that can only rebuild rows from codes that it remembers.

    The encoder's output is only a question to a memory of `memory_size` codes: the decoder gets a
    mixture of the few that point in its direction. Memory, encoder and decoder learn together to
    rebuild the training rows, so that the memory comes to hold what is typical of them. An anomaly
    is rebuilt from typical codes as well, and its error of reconstruction, the score, is large.

    For a row `x`, `z` the output of the encoder, :math:`m_1 … m_N` the memory and `s` the softmax
    of the cosines of `z` and the items, the loss is

    .. math::

        \\frac 1 d \\sum_j -\\log p(x_j \\mid \\hat z) - \\alpha \\sum_i \\hat w_i \\log \\hat w_i,
        \\qquad \\hat z = \\sum_i \\hat w_i m_i, \\quad
        \\hat w_i = \\frac{{s_i [s_i > \\lambda]}}{{\\sum_k s_k [s_k > \\lambda]}}

    (equations 3 to 11 of the paper). `transform` gives :math:`\\hat z`, from which the decoder
    rebuilds the row.

    Parameters
    ----------
    memory_size : int, default=100
        Codes that are remembered, `N`.
    shrink_threshold : float, default=1.0
        The threshold :math:`\\lambda`, in units of ``1 / memory_size``, the mean weight; the paper
        takes 1 to 3. Of weights that are all below it none is left, and every such row has the
        code 0. 0 keeps all weights.
    entropy_weight : float, default=0.0002
        The factor :math:`\\alpha` of the entropy of the weights, which makes them few. The paper's
        value; its reconstruction error is a sum over the columns, here it is their mean.
    {documented(DEFAULTS)}

    Attributes
    ----------
    {ATTRIBUTES}

    See Also
    --------
    AutoEncoder : Without a memory.

    References
    ----------
    Gong et al., "Memorizing Normality to Detect Anomaly: Memory-augmented Deep Autoencoder for
    Unsupervised Anomaly Detection", ICCV 2019.

    Notes
    -----
    The memory starts with normal draws, which is how the codes of PCA are distributed (whitened).
    With ``init="pca"`` encoder and decoder start as the principal axes; mixtures of directions are
    no PCA, so that the start has no precedence over later epochs. Only the direction of the
    encoder's output counts: a code of one column can only tell two kinds of rows apart.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from skae import MemoryAE
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> detector = MemoryAE(max_epochs=30, contamination=0.05, random_state=0).fit(X[y == 1])
    >>> int((detector.predict(X[y == 1]) == -1).sum()), int((y == 1).sum())
    (17, 357)
    """

    _parameter_constraints: dict = {
        **EncoderDecoder._parameter_constraints,
        "memory_size": [Interval(Integral, 1, None, closed="left")],
        "shrink_threshold": [Interval(Real, 0, None, closed="left")],
        "entropy_weight": [Interval(Real, 0, None, closed="left")],
    }

    _kept_names = EncoderDecoder._kept_names | {"memory_size", "shrink_threshold"}

    @parameters_of(EncoderDecoder)
    def __init__(
        self,
        n_components="auto",
        *,
        memory_size=100,
        shrink_threshold=1.0,
        entropy_weight=0.0002,
        **inherited,
    ):
        super().__init__(n_components, **inherited)
        self.memory_size = memory_size
        self.shrink_threshold = shrink_threshold
        self.entropy_weight = entropy_weight

    def _joined(self, encoder, decoder, inputs, generator):
        threshold = self.shrink_threshold / self.memory_size
        memory = Memory(self.memory_size, self.n_components_, threshold, generator)
        return MemoryAutoEncoder(encoder, decoder, memory, inputs)

    def _set_start(self, module, rows, sample_weight):
        super()._set_start(module, rows, sample_weight)
        self._starts_from_pca = False  # the memory is drawn: nothing to fall back on

    def _objective(self):
        return MemoryReconstruction(self._likelihood, self.entropy_weight)
