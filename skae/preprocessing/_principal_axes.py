"""Principal axes of a table: where an auto-encoder starts."""

import math
from typing import NamedTuple

import numpy as np
from sklearn.utils import gen_batches
from sklearn.utils.extmath import randomized_svd

# Directions whose variance is below this share of the largest are left at their own scale:
# dividing rounding noise by its own deviation would blow it up to a full component.
SMALLEST_WHITENED_SHARE = 1e-6
# Up to here the whole covariance matrix is decomposed (exact, d x d); above, a sketch of the rows.
LARGEST_COVARIANCE = 2000
SKETCH_ROWS = 20_000
BLOCK_ROWS = 2**14
SMALLEST_MASS = 1e-300  # of columns without a value: their mean and covariance are 0
ALL_PRESENT = np.True_


class PrincipalAxes(NamedTuple):
    """The linear auto-encoder of least squares.

    Attributes
    ----------
    mean : ndarray of shape (n_features,)
        Mean of the rows.
    axes : ndarray of shape (n_components, n_features)
        Orthonormal directions, largest variance first. The entry of largest absolute value is
        positive, so that signs do not depend on the machine.
    variance : ndarray of shape (n_components,)
        Variance along each axis.
    scale : ndarray of shape (n_components,)
        What to divide a projection by to whiten it: its deviation, or 1 along directions of
        (almost) no variance.
    column_variance : ndarray of shape (n_features,)
        Variance of each column.
    """

    mean: np.ndarray
    axes: np.ndarray
    variance: np.ndarray
    scale: np.ndarray
    column_variance: np.ndarray

    @property
    def residual(self):
        """Root of the mean variance that the axes leave of a column; constant ones do not count."""
        left = self.column_variance.sum() - self.variance.sum()
        n_columns = np.count_nonzero(_varies(self.column_variance))
        return math.sqrt(max(left, 0.0) / max(n_columns, 1))

    def both_sides(self, n_components):
        """Return each axis and its opposite; those along which nothing varies are left out.

        Parameters
        ----------
        n_components : int
            How many of them at most.

        Returns
        -------
        PrincipalAxes
            First the axes, then their opposites.
        """
        n_axes = min(-(-n_components // 2), int(_varies(self.variance).sum()))
        chosen = np.tile(np.arange(n_axes), 2)[:n_components]
        signs = np.where(np.arange(len(chosen)) < n_axes, 1.0, -1.0)
        return self._replace(
            axes=signs[:, None] * self.axes[chosen],
            variance=self.variance[chosen],
            scale=self.scale[chosen],
        )

    def spread(self, columns):
        """Return the same axes in a wider table, of whose other columns nothing is said.

        Parameters
        ----------
        columns : ndarray of bool of shape (n_wider,)
            The columns that the axes are of.

        Returns
        -------
        PrincipalAxes
            Zeros for the other columns; their variance is NaN.
        """
        axes = np.zeros((len(self.axes), len(columns)))
        mean, column_variance = np.zeros(len(columns)), np.full(len(columns), np.nan)
        axes[:, columns], mean[columns] = self.axes, self.mean
        column_variance[columns] = self.column_variance
        return self._replace(mean=mean, axes=axes, column_variance=column_variance)


def principal_axes(X, transform, n_components, sample_weight=None):
    """Find the principal axes of ``transform(X)``, reading `X` block by block.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_columns)
        The table; may be a memory map.
    transform : callable
        Maps a block of rows to the values to decompose, (n_block, n_features), such as
        ``TableScaler.transform``. Missing values, NaN, are left out: an entry of the covariance is
        that of the rows that have both values; in a sketch they stand for the mean.
    n_components : int
        How many axes; at most ``n_features`` are found.
    sample_weight : ndarray of shape (n_samples,), default=None
        Weight 2 counts as the same row twice.

    Returns
    -------
    PrincipalAxes
        ``min(n_components, n_features)`` axes; in a table of more than `LARGEST_COVARIANCE` columns
        not more than there are rows.
    """
    mean = column_means(X, transform, sample_weight)
    n_components = min(n_components, len(mean))
    if n_components == 0:
        return PrincipalAxes(mean, np.empty((0, 0)), np.empty(0), np.empty(0), np.empty(0))
    if len(mean) <= LARGEST_COVARIANCE:
        covariance = pairwise_covariance(X, transform, mean, sample_weight)
        columns = np.maximum(np.diag(covariance), 0.0)
        variance, axes = np.linalg.eigh(covariance)  # ascending, axes as columns
        variance, axes = variance[::-1][:n_components], axes.T[::-1][:n_components]
    else:
        variance, axes, columns = _sketched_axes(X, transform, mean, n_components, sample_weight)
    variance = np.maximum(variance, 0.0)
    largest = axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)]
    axes = axes * np.where(largest < 0, -1.0, 1.0)[:, None]
    scale = np.sqrt(np.where(_varies(variance), variance, 1.0))
    return PrincipalAxes(mean, axes, variance, scale, columns)


def _varies(variance):
    """Which axes are whitened, which columns are not constant."""
    return variance > SMALLEST_WHITENED_SHARE * variance.max(initial=0.0)


def _blocks(X, transform, sample_weight):
    """Transformed rows in double precision, with their weights as a column."""
    for rows in gen_batches(len(X), BLOCK_ROWS):
        block = np.asarray(transform(X[rows]), dtype=np.float64)
        weight = np.ones(len(block)) if sample_weight is None else sample_weight[rows]
        yield block, weight[:, None]


def column_means(X, transform, sample_weight):
    """Mean of the values of each column that are there."""
    total = mass = 0.0
    for block, weight in _blocks(X, transform, sample_weight):
        present = _present(block)
        total = total + (_filled(block, present) * weight).sum(axis=0)
        mass = mass + (present * weight).sum(axis=0)
    return total / np.maximum(mass, SMALLEST_MASS)


def pairwise_covariance(X, transform, mean, sample_weight):
    """Covariance; each entry is that of the rows that have both values."""
    total = drift = mass = 0.0
    for block, weight in _blocks(X, transform, sample_weight):
        present = _present(block)
        centred = _filled(block - mean, present)
        there = np.ones_like(weight) * present  # one column where nothing is missing
        weighted = (centred * weight).T
        total = total + weighted @ centred
        drift = drift + weighted @ there
        mass = mass + (there * weight).T @ there
    mass = np.maximum(mass, SMALLEST_MASS)
    own_means = drift / mass  # of the first of two columns, over the rows that have both
    return total / mass - own_means * own_means.T


def _present(block):
    """Which values are not missing; one True for all where none is."""
    return ALL_PRESENT if np.isfinite(block.sum()) else ~np.isnan(block)


def _filled(block, present):
    """Zeros for missing values."""
    return block if present is ALL_PRESENT else np.where(present, block, 0.0)


def _sketched_axes(X, transform, mean, n_components, sample_weight):
    """Randomised SVD of evenly spaced rows, for tables too wide for a covariance matrix."""
    rows = np.arange(len(X)) if sample_weight is None else np.flatnonzero(sample_weight)
    rows = rows[:: -(-len(rows) // SKETCH_ROWS)]
    weight = None if sample_weight is None else sample_weight[rows]
    centred = np.concatenate(
        [
            np.nan_to_num(block - mean) * np.sqrt(w)
            for block, w in _blocks(X[rows], transform, weight)
        ]
    )
    mass = len(centred) if weight is None else weight.sum()
    n_found = min(n_components, *centred.shape)
    _, singular, axes = randomized_svd(centred, n_found, random_state=0)
    return singular**2 / mass, axes, np.square(centred).sum(axis=0) / mass
