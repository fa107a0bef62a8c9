"""Columns of numbers with the distribution that they have in training."""

import numpy as np

N_LEVELS = 1001


class QuantileMatching:
    r"""Numbers of generated columns become the real ones of equal rank, column by column.

    :math:`x \mapsto F_{real}^{-1}(F_{generated}(x))`, by quantiles. Of a column in which values
    repeat, only values that there are come out: integers and heaps at one value stay what they are.

    Parameters
    ----------
    real : ndarray of shape (n_real, n_columns)
        Numbers of training, NaN where missing.
    generated : ndarray of shape (n_generated, n_columns)
        Numbers in any units, that increase with those of `real`.
    """

    def __init__(self, real, generated):
        self.levels = np.linspace(0, 1, N_LEVELS)
        self.repeats = np.array([_repeats(column) for column in real.T], dtype=bool)
        self.real = np.column_stack(
            [
                np.nanquantile(column, self.levels, method="inverted_cdf" if repeats else "linear")
                for column, repeats in zip(real.T, self.repeats, strict=True)
            ]
        )
        self.generated = np.quantile(generated, self.levels, axis=0)

    def inverse_transform(self, generated):
        """Real numbers, (n_samples, n_columns), of generated ones."""
        matched = np.empty(generated.shape)
        for i, column in enumerate(generated.T):
            level = np.interp(column, self.generated[:, i], self.levels)
            if self.repeats[i]:
                level = self.levels[np.rint(level * (N_LEVELS - 1)).astype(int)]
            matched[:, i] = np.interp(level, self.levels, self.real[:, i])
        return matched


def _repeats(column):
    present = column[~np.isnan(column)]
    return len(np.unique(present)) < len(present)
