"""Scaling of columns, with the inverse, weights and one rule for constant columns."""

import numpy as np
from sklearn.preprocessing import MinMaxScaler, QuantileTransformer, StandardScaler
from sklearn.utils import gen_batches

SCALER_NAMES = frozenset({"standard", "minmax", "quantile"})

# A column that never varied while fitting says nothing about the size of a change: a change of one
# unit or of a million is the same surprise, and counts at most like 3 standard deviations.
CONSTANT_COLUMN_LIMIT = 3.0
# Keeps squares of scaled values finite in float32, so that an absurd cell gets an absurdly low
# score and not a NaN.
SCALED_VALUE_LIMIT = 1e15
BLOCK_ROWS = 2**16
N_QUANTILES = 1000
QUANTILE_ROWS = 200_000


class TableScaler:
    """Columns to comparable float32 values and back to original units.

    The statistics are scikit-learn's. Added to them: weights, constant columns (whose change is
    measured in original units and bounded), finite output for any finite input, and tables that are
    read block by block.

    Parameters
    ----------
    method : {"standard", "minmax", "quantile"} or None
        Zero mean and unit variance; the range 0 to 1; a normal distribution by quantiles; or
        nothing but the conversion to float32.

    Attributes
    ----------
    constant_ : ndarray of bool of shape (n_features,)
        Columns that had one value only, but for rounding noise.
    offset_, scale_ : ndarray of shape (n_features,)
        ``scaled = (x - offset_) / scale_`` where the method is affine; original units.

    Examples
    --------
    >>> import numpy as np
    >>> from skae.preprocessing import TableScaler
    >>> scaler = TableScaler("standard").fit(np.array([[0.0, 7.0], [2.0, 7.0]]))
    >>> scaler.transform(np.array([[4.0, 1e6]]))
    array([[3., 3.]], dtype=float32)
    """

    def __init__(self, method):
        self.method = method

    @property
    def can_move(self):
        """Whether more data may change the statistics: affine maps can be compensated."""
        return self.method in ("standard", "minmax")

    def fit(self, X, sample_weight=None):
        """Learn the statistics of the columns.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Finite numbers; a memory map is never loaded whole.
        sample_weight : ndarray of shape (n_samples,), default=None
            Weight 2 counts as the same row twice.

        Returns
        -------
        TableScaler
            Itself.
        """
        if self.can_move:
            self._scaler = StandardScaler() if self.method == "standard" else MinMaxScaler()
            return self.partial_fit(X, sample_weight)
        self.constant_ = np.zeros(X.shape[1], dtype=bool)
        if self.method == "quantile":
            grid = _quantile_grid(X, sample_weight)
            self._scaler = QuantileTransformer(
                n_quantiles=N_QUANTILES, output_distribution="normal"
            ).fit(grid)
            self.constant_ = grid[0] == grid[-1]
        self.offset_ = np.where(self.constant_, X[0], 0.0)
        self.scale_ = np.ones(X.shape[1])
        return self._set_limit()

    def partial_fit(self, X, sample_weight=None):
        """Update the statistics with more rows, where :attr:`can_move`.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            More rows.
        sample_weight : ndarray of shape (n_samples,), default=None
            Their weights.

        Returns
        -------
        TableScaler
            Itself.
        """
        for rows in gen_batches(len(X), BLOCK_ROWS):
            block, weight = X[rows], None
            if sample_weight is not None:
                block, weight = _weighted_rows(block, sample_weight[rows])
            if len(block) == 0:
                continue
            if self.method == "standard":
                self._scaler.partial_fit(block, sample_weight=weight)
            else:
                self._scaler.partial_fit(block)
        return self._read_affine()

    def _read_affine(self):
        scaler = self._scaler
        if self.method == "standard":
            # scikit-learn gives constant columns, rounding noise included, a scale of 1.
            self.constant_ = scaler.scale_ != np.sqrt(scaler.var_)
            self.offset_, self.scale_ = scaler.mean_, scaler.scale_
        else:
            self.constant_ = scaler.data_range_ == 0
            self.offset_, self.scale_ = scaler.data_min_, 1 / scaler.scale_
        return self._set_limit()

    def _set_limit(self):
        self._limit = np.where(self.constant_, CONSTANT_COLUMN_LIMIT, SCALED_VALUE_LIMIT)
        return self

    def transform(self, X):
        """Scale rows.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Original units.

        Returns
        -------
        ndarray of float32 of shape (n_samples, n_features)
            Scaled values, always finite.
        """
        # In double precision: a column of large values and small variation loses its digits else.
        scaled = np.subtract(X, self.offset_, dtype=np.float64)
        scaled /= self.scale_
        if self.method == "quantile":
            scaled = np.where(self.constant_, scaled, self._scaler.transform(X))
        np.clip(scaled, -self._limit, self._limit, out=scaled)
        return scaled.astype(np.float32)

    def inverse_transform(self, scaled):
        """Return scaled values in original units.

        Parameters
        ----------
        scaled : ndarray of shape (n_samples, n_features)
            Scaled values.

        Returns
        -------
        ndarray of float64 of shape (n_samples, n_features)
            Original units.
        """
        X = scaled * self.scale_ + self.offset_
        if self.method == "quantile":
            X = np.where(self.constant_, X, self._scaler.inverse_transform(scaled.astype(float)))
        return X


def _weighted_rows(X, sample_weight):
    """Rows that count: a row of weight 0 is no row, neither for extremes nor for quantiles."""
    counts = sample_weight > 0
    return (X, sample_weight) if counts.all() else (X[counts], sample_weight[counts])


def _quantile_grid(X, sample_weight):
    """Quantiles of each column at `N_QUANTILES` even levels, shape (N_QUANTILES, n_features).

    The distribution function runs linearly through the middle of each value's step, so that a row
    of weight 2 and the same row twice give the same grid, to the bit.
    """
    step = -(-len(X) // QUANTILE_ROWS)
    X = X[::step]
    weight = np.ones(len(X)) if sample_weight is None else sample_weight[::step]
    X, weight = _weighted_rows(X, weight)
    levels = np.linspace(0, 1, N_QUANTILES)
    grid = np.empty((N_QUANTILES, X.shape[1]))
    for column in range(X.shape[1]):
        values, inverse = np.unique(X[:, column], return_inverse=True)
        mass = np.bincount(inverse, weights=weight)
        middle = (np.cumsum(mass) - mass / 2) / mass.sum()
        grid[:, column] = np.interp(levels, middle, values)
    return grid
