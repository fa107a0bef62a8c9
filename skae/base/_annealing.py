"""A fit whose length follows from the number of rows."""

import math

from skae.training import OneCycle, has_schedule


class AnnealedMixin:
    """Epochs that "auto" takes from the rows, and a learning rate that falls to zero in them.

    Few rows need many epochs, many rows few: enough for so many steps, within bounds.
    """

    _n_steps: int
    _fewest_epochs: int
    _most_epochs: int

    def _n_epochs(self, n_rows):
        if self.max_epochs != "auto":
            return self.max_epochs
        n_epochs = math.ceil(self._n_steps / self._steps_an_epoch(n_rows))
        return min(self._most_epochs, max(self._fewest_epochs, n_epochs))

    def _schedule(self, n_epochs):
        return [] if has_schedule(self.callbacks) else [OneCycle(n_epochs)]
