"""Scaling of columns, with the inverse, weights and one rule for constant columns."""

import warnings

import numpy as np
import torch
from sklearn.preprocessing import StandardScaler
from sklearn.utils import gen_batches

SCALER_NAMES = frozenset({"standard", "minmax", "quantile"})

# A column that never varied while fitting says nothing about the size of a change: a change of one
# unit or of a million is the same surprise, and counts at most like 3 standard deviations.
CONSTANT_COLUMN_LIMIT = 3.0
# Relative to the column's value.
ROUNDING_NOISE = 1e-14
# Keeps squares of scaled values finite in float32, so that an absurd cell gets an absurdly low
# score and not a NaN.
SCALED_VALUE_LIMIT = 1e15
# An unscaled column whose range has fewer than a thousand steps of float32 is worth a warning.
COARSEST_STEP = 1e-3
BLOCK_ROWS = 2**16
N_QUANTILES = 1000
QUANTILE_ROWS = 200_000


class TableScaler:
    """Columns to comparable floats and back to original units; NaN stays NaN.

    The statistics are scikit-learn's. Added to them: weights, constant columns (whose change is
    measured in original units and bounded), finite output for any finite input, and tables that are
    read block by block.

    Parameters
    ----------
    method : {"standard", "minmax", "quantile"} or None
        Zero mean and unit variance; the range 0 to 1; a normal distribution by quantiles; or
        nothing, but that constant columns become 0.
    names : sequence, default=None
        What errors call the columns; their positions by default.

    Attributes
    ----------
    constant_ : ndarray of bool of shape (n_features,)
        Columns that had one value only, but for rounding noise.
    offset_, scale_ : ndarray of shape (n_features,)
        ``scaled = (x - offset_) / scale_`` where the method is affine; original units.
    low_, high_ : ndarray of shape (n_features,)
        Extremes of each column, in original units.

    Examples
    --------
    >>> import numpy as np
    >>> from skae.preprocessing import TableScaler
    >>> scaler = TableScaler("standard").fit(np.array([[0.0, 7.0], [2.0, 7.0]]))
    >>> scaler.transform(np.array([[4.0, 1e6]]))
    array([[3., 3.]], dtype=float32)
    """

    def __init__(self, method, names=None):
        self.method = method
        self.names = names

    @property
    def can_move(self):
        """Whether more data may change the statistics: affine maps can be compensated."""
        return self.method in ("standard", "minmax")

    def fit(self, X, sample_weight=None):
        """Learn the statistics of the columns.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Finite numbers or NaN; a memory map is never loaded whole.
        sample_weight : ndarray of shape (n_samples,), default=None
            Weight 2 counts as the same row twice.

        Returns
        -------
        TableScaler
            Itself.

        Raises
        ------
        ValueError
            If a column is too large to be scaled, or to be taken as it is.
        """
        vars(self).pop("_statistics", None)
        return self.add(X, sample_weight).finish()

    def add(self, X, sample_weight=None):
        """Count rows in; the statistics follow with :meth:`finish`.

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
        if not hasattr(self, "_statistics"):
            self._statistics, self._extremes = _STATISTICS[self.method](), _Extremes()
        for rows in gen_batches(len(X), BLOCK_ROWS):
            weight = None if sample_weight is None else sample_weight[rows]
            block, weight = _weighted_rows(X[rows], weight)
            if len(block):
                self._statistics.partial_fit(block, sample_weight=weight)
                self._extremes.partial_fit(block)
        return self

    def finish(self):
        """Take over the statistics of all rows that were added.

        Returns
        -------
        TableScaler
            Itself.
        """
        statistics = self._statistics
        self._check_present(
            ~np.isnan(self.low_), "at all: every cell of it is missing. Leave it out."
        )
        if self.method == "standard":
            # scikit-learn gives constant columns, rounding noise included, a scale of 1; and those
            # whose variance overflows.
            self.constant_ = statistics.scale_ != np.sqrt(statistics.var_)
            self.offset_ = statistics.mean_
            self.scale_ = np.where(np.isinf(statistics.var_), np.inf, statistics.scale_)
        else:
            low, high = np.float64(self.low_), np.float64(self.high_)
            self.constant_ = _is_constant(low, high)
            self.offset_ = np.where(self.constant_, low, 0.0)
            self.scale_ = np.ones(len(low))
            if self.method == "minmax":
                self.offset_ = low
                self.scale_ = np.where(self.constant_, 1.0, high - low)
            elif self.method == "quantile":
                self._take_quantiles(*statistics.rows())
            else:
                self._check_unscaled(low, high)
        self._check_finite()
        return self

    @property
    def low_(self):
        """Lowest value of each column."""
        return self._extremes.low_

    @property
    def high_(self):
        """Highest value of each column."""
        return self._extremes.high_

    def _name(self, column, word="column"):
        return f"{word} {column if self.names is None else repr(self.names[column])}"

    def _take_quantiles(self, X, weight):
        where = f"in {len(X)} rows that were sampled. Use scaler='standard', or leave it out."
        self._check_present(~np.isnan(X).all(axis=0), where)
        self._quantiles = _Quantiles(X, weight)
        del self._statistics  # it holds rows of the table

    def _check_present(self, present, where):
        if not present.all():
            name = self._name(int(np.argmin(present)), "Column")
            raise ValueError(f"{name} has no value {where}")

    def _check_finite(self):
        usable = np.isfinite(self.offset_) & np.isfinite(self.scale_)
        if not usable.all():
            raise ValueError(
                f"The values of {self._name(np.flatnonzero(~usable)[0])} are too large: their "
                f"{self.method} statistics overflow. Divide the column, or take its logarithm."
            )

    def _check_unscaled(self, low, high):
        """Refuse what float32 cannot take as it is."""
        largest = np.maximum(np.abs(low), np.abs(high))
        column = int(largest.argmax())
        if largest[column] > SCALED_VALUE_LIMIT:
            raise ValueError(
                f"{self._name(column, 'Column')} has values up to {largest[column]:g}. With "
                f"scaler=None they must not exceed {SCALED_VALUE_LIMIT:g}: use scaler='standard', "
                "or scale the data before."
            )
        coarse = np.finfo(np.float32).eps * largest > COARSEST_STEP * (high - low)
        coarse &= ~self.constant_
        if coarse.any():
            column = int(coarse.argmax())
            warnings.warn(
                f"{self._name(column, 'Column')} has values up to {largest[column]:g} that "
                "differ by too little for float32: digits are lost. Use scaler='standard', or "
                "centre the data.",
                UserWarning,
                stacklevel=2,
            )

    def transform(self, X, dtype=np.float32):
        """Scale rows.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Original units.
        dtype : {np.float32, np.float64}, default=np.float32
            Of the result.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            Scaled values, always finite but for NaN, which stays.
        """
        # In double precision: a column of large values and small variation loses its digits else.
        centred = np.subtract(X, self.offset_, dtype=np.float64)
        scaled = np.empty(X.shape, dtype=dtype)
        with np.errstate(over="ignore"):  # infinite for the moment
            np.divide(centred, self.scale_, out=scaled, casting="same_kind")
        if self.method == "quantile":
            scaled = np.where(self.constant_, scaled, self._quantiles.to_normal(X)).astype(dtype)
        np.clip(scaled, -SCALED_VALUE_LIMIT, SCALED_VALUE_LIMIT, out=scaled)
        if self.constant_.any():
            scaled[:, self.constant_] = self._constant_columns(scaled[:, self.constant_])
        return scaled

    def _constant_columns(self, change):
        """Bound the change of columns that should not change at all; rounding noise is none."""
        noise = ROUNDING_NOISE * np.abs(self.offset_[self.constant_])
        bounded = change.clip(-CONSTANT_COLUMN_LIMIT, CONSTANT_COLUMN_LIMIT)
        return np.where(np.abs(change) <= noise, 0.0, bounded)

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
            X = np.where(self.constant_, X, self._quantiles.from_normal(scaled))
        return X


def _is_constant(low, high):
    """Whether columns vary by no more than rounding noise."""
    return high - low <= ROUNDING_NOISE * np.maximum(np.abs(low), np.abs(high))


class _Extremes:
    """Lowest and highest value of each column."""

    def partial_fit(self, X, sample_weight=None):
        """Follow more rows; a weight that is not zero makes no difference."""
        low, high = X.min(axis=0), X.max(axis=0)
        if np.isnan(low).any():  # rarely: to look past NaN takes longer
            low, high = np.fmin.reduce(X, axis=0), np.fmax.reduce(X, axis=0)
        self.low_ = np.fmin(low, getattr(self, "low_", low))
        self.high_ = np.fmax(high, getattr(self, "high_", high))


class _RowSample:
    """Evenly spaced rows, at most twice `QUANTILE_ROWS`, of a table of unknown length."""

    def __init__(self):
        self.step, self.n_seen = 1, 0
        self.blocks, self.weights = [], []

    def partial_fit(self, X, sample_weight=None):
        """Take every `step`-th row; when there are too many, drop every second one."""
        chosen = slice(-self.n_seen % self.step, None, self.step)
        weight = np.ones(len(X)) if sample_weight is None else sample_weight
        self.blocks.append(np.array(X[chosen]))
        self.weights.append(weight[chosen])
        self.n_seen += len(X)
        while sum(map(len, self.weights)) > 2 * QUANTILE_ROWS:
            X, weight = self.rows()
            self.blocks, self.weights = [X[::2]], [weight[::2]]
            self.step *= 2

    def rows(self):
        """The rows and their weights."""
        return np.concatenate(self.blocks), np.concatenate(self.weights)


class _Nothing:
    """No statistics."""

    def partial_fit(self, X, sample_weight=None):
        """Forget the rows."""


class _Moments(StandardScaler):
    """scikit-learn's mean and variance, which a block without values of a column leaves alone."""

    _learned = ("mean_", "var_", "scale_")

    def partial_fit(self, X, y=None, sample_weight=None):
        """Follow more rows."""
        before = [getattr(self, name, np.zeros(X.shape[1])) for name in self._learned]
        empty = np.isnan(X).all(axis=0)
        with np.errstate(invalid="ignore"):  # NaN where it is empty
            super().partial_fit(X, sample_weight=sample_weight)
        for name, old in zip(self._learned, before, strict=True):
            setattr(self, name, np.where(empty, old, getattr(self, name)))
        return self


_STATISTICS = {
    "standard": _Moments,
    "minmax": _Nothing,  # the extremes are known anyway
    "quantile": _RowSample,
    None: _Nothing,
}


def _weighted_rows(X, sample_weight):
    """Rows that count: a row of weight 0 is no row, neither for extremes nor for quantiles."""
    if sample_weight is None:
        return X, None
    counts = sample_weight > 0
    return (X, sample_weight) if counts.all() else (X[counts], sample_weight[counts])


class _Quantiles:
    """Distribution function of each column, to and from normal scores.

    It runs linearly through the middle of each value's step, so that a row of weight 2 and the same
    row twice give the same function. scikit-learn's QuantileTransformer knows no weights, and sends
    the two extreme values to -5.2 and 5.2 whatever the number of rows.

    Attributes
    ----------
    values : ndarray of shape (N_QUANTILES, n_features)
        Where the function takes even steps from the lowest to the highest level.
    levels : ndarray of shape (N_QUANTILES, n_features)
        What it is there.
    """

    def __init__(self, X, weight):
        self.values = np.empty((N_QUANTILES, X.shape[1]))
        self.levels = np.empty_like(self.values)
        for column, values in enumerate(X.T):
            present = ~np.isnan(values)
            values, inverse = np.unique(values[present], return_inverse=True)
            mass = np.bincount(inverse, weights=weight[present])
            middle = (np.cumsum(mass) - mass / 2) / mass.sum()
            self.levels[:, column] = np.linspace(middle[0], middle[-1], N_QUANTILES)
            self.values[:, column] = np.interp(self.levels[:, column], middle, values)

    def to_normal(self, X):
        """Normal scores of values; those beyond the ends get the score of the end."""
        levels = _interpolate(X, self.values, self.levels)
        return torch.special.ndtri(torch.from_numpy(levels)).numpy()

    def from_normal(self, scores):
        """Values of normal scores."""
        scores = torch.from_numpy(np.asarray(scores, dtype=np.float64))
        return _interpolate(torch.special.ndtr(scores).numpy(), self.levels, self.values)


def _interpolate(X, xs, ys):
    """Piecewise linear functions, one a column."""
    columns = [np.interp(*column) for column in zip(X.T, xs.T, ys.T, strict=True)]
    return np.stack(columns, axis=1)
