"""The plain auto-encoder."""

from numbers import Real

from sklearn.utils._param_validation import Interval

from skae.base import ATTRIBUTES, DEFAULTS, EncoderDecoder, documented
from skae.objectives import NeighborhoodReconstruction
from skae.utils import parameters_of

# Neighbours that a row has in a batch of the size that "auto" takes for maps.
PERPLEXITY, ROWS_A_MAP = 5, 512

NEIGHBORHOOD = """neighborhood_weight : float, default=0.0
        Weight of keeping the neighbours of rows, :math:`\\lambda`, in units of the loss of a cell
        for each nat. ``batch_size="auto"`` is then 512 rows, among which neighbours are sought."""


class AutoEncoder(EncoderDecoder):
    __doc__ = f"""Auto-encoder: a non-linear PCA that is never worse than PCA where it is judged.

    Encoder and decoder are multi-layer perceptrons with a linear path beside them. They start as
    the PCA of the (scaled) table and are trained to reconstruct it. The code of a row is a
    dimension reduction; the error of its reconstruction is an anomaly score.

    With `neighborhood_weight` codes also keep the neighbours of rows, as t-SNE does (van der
    Maaten): a map in two columns that has a place for new rows, and rows for new places,

    .. math:: -\\frac 1 d \\log p(x_i \\mid z_i)
        + \\lambda \\sum_j p_{{j|i}} \\log \\frac{{p_{{j|i}}}}{{q_{{j|i}}}}

    over the rows of a batch; see :class:`skae.objectives.NeighborhoodReconstruction`.

    Parameters
    ----------
    {NEIGHBORHOOD}
    {documented(DEFAULTS)}

    Attributes
    ----------
    {ATTRIBUTES}

    See Also
    --------
    DenoisingAE : Learns to undo noise; usually the better detector.
    sklearn.decomposition.PCA : The linear auto-encoder of least squares.
    sklearn.ensemble.IsolationForest : An outlier detector with the same methods.

    References
    ----------
    Hinton & Salakhutdinov, "Reducing the Dimensionality of Data with Neural Networks", Science
    2006.
    van der Maaten, "Learning a Parametric Embedding by Preserving Local Structure", AISTATS 2009.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import AutoEncoder
    >>> X = load_digits().data
    >>> ae = AutoEncoder(8, max_epochs=30, tol=0.05, random_state=0).fit(X)
    >>> ae.transform(X).shape
    (1797, 8)
    >>> ae.reconstruct(X).shape
    (1797, 64)
    """

    _parameter_constraints: dict = {
        **EncoderDecoder._parameter_constraints,
        "neighborhood_weight": [Interval(Real, 0, None, closed="left")],
    }

    @parameters_of(EncoderDecoder)
    def __init__(self, n_components="auto", *, neighborhood_weight=0.0, **inherited):
        super().__init__(n_components, **inherited)
        self.neighborhood_weight = neighborhood_weight

    def _objective(self):
        if self.neighborhood_weight == 0:
            return super()._objective()
        return NeighborhoodReconstruction(self._likelihood, self.neighborhood_weight, PERPLEXITY)

    def _rows_per_step(self, n_rows):
        if self.batch_size == "auto" and self.neighborhood_weight > 0:
            return ROWS_A_MAP
        return super()._rows_per_step(n_rows)
