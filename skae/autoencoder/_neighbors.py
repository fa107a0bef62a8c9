"""Codes that keep the neighbours of rows."""

from numbers import Real

from sklearn.utils._param_validation import Interval

from skae.base import EncoderDecoder
from skae.objectives import NeighborhoodReconstruction
from skae.utils import parameters_of

# Neighbours that a row has in a batch of the size that "auto" takes for maps.
PERPLEXITY, ROWS_A_MAP = 5, 512

NEIGHBORHOOD = """neighborhood_weight : float, default=0.0
        Weight of keeping the neighbours of rows, :math:`\\lambda`, in units of the loss of a cell
        for each nat. ``batch_size="auto"`` is then 512 rows, among which neighbours are sought."""


class NeighborKeeper(EncoderDecoder):
    """An auto-encoder that has a weight for keeping neighbours."""

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
