"""A fit whose length follows from the number of rows."""

from numbers import Integral

from sklearn.utils._param_validation import Interval, StrOptions

from skae.training import annealing

# Constraints of a parameter that may be "auto".
AUTO_EPOCHS = {"max_epochs": [Interval(Integral, 0, None, closed="left"), StrOptions({"auto"})]}


class AutoEpochsMixin:
    """Epochs that "auto" takes from the rows: few rows need many, many rows few.

    They are enough for so many steps, within bounds.
    """

    _n_steps: int
    _fewest_epochs = 1
    _most_epochs: int

    def _n_epochs(self, n_rows):
        if self.max_epochs != "auto":
            return self.max_epochs
        n_epochs = round(self._n_steps / self._steps_an_epoch(n_rows))
        return min(self._most_epochs, max(self._fewest_epochs, n_epochs))


class AnnealedMixin(AutoEpochsMixin):
    """The same, and a learning rate that rises and falls to zero in these epochs."""

    def _schedule(self, n_epochs):
        return annealing(self.callbacks, n_epochs)
