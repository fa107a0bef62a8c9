"""An affine map that carries the rows of one table over to those of another, without pairs."""

from typing import NamedTuple

import numpy as np
from scipy.spatial.distance import cdist

# Rows of each table that are compared: couplings are n x n, and their products take n^3 steps.
MOST_ROWS = 500
# Of the distances of a row to all others of its table: what they say wherever the table lies.
N_QUANTILES = 40
# Entropy of a coupling, relative to the mean cost: that of the profiles, then sinking.
PROFILE_ENTROPY = 0.3
GROMOV_ENTROPIES = np.geomspace(0.05, 0.002, 40)
ROTATION_ENTROPY = 0.05
SINKHORN_STEPS = 40
# Rounds of coupling and rotation, and the change of an entry that ends them.
MOST_ROUNDS = 20
SETTLED = 1e-3
# A rotation must be this much cheaper than none, and the next one than the first: those of samples
# from one distribution are down to 0.9 by chance; digits and their mirror images are at 0.65.
WORTH_TURNING = 0.8
# Variance that is added to every direction before covariances are matched, relative to the mean.
RIDGE = 0.1
# Directions in which nothing is known stay as they are.
UNKNOWN = 1e-6
SMALLEST = 1e-300


class AffineTransport(NamedTuple):
    """A map of rows, ``(x - mean) @ matrix + target_mean``, and its inverse.

    Attributes
    ----------
    matrix : ndarray of shape (n_features, n_features)
        A rotation (or reflection), then a symmetric positive definite matrix.
    mean, target_mean : ndarray of shape (n_features,)
        Centres of the two tables.
    """

    matrix: np.ndarray
    mean: np.ndarray
    target_mean: np.ndarray

    @property
    def inverse(self):
        """The map back."""
        return AffineTransport(np.linalg.inv(self.matrix), self.target_mean, self.mean)

    @property
    def bias(self):
        """What the map makes of a row of zeros."""
        return self.target_mean - self.mean @ self.matrix


def affine_transport(X, Y):
    """Find an affine map that makes rows like `X` look like rows of `Y`.

    Beside none, two rotations are tried, from two couplings of rows: of those that lie next to each
    other when both tables are centred, and of those whose distances to the rest of their own table
    are alike (Gromov-Wasserstein), however the tables lie. Each takes turns with the best coupling
    under it; one that is clearly cheaper stays, then covariances are matched. Nothing is drawn.

    Parameters
    ----------
    X, Y : ndarray of shape (n_samples_x, n_features), (n_samples_y, n_features)
        Rows, in comparable units; at most `MOST_ROWS` of each, evenly spaced, are coupled.

    Returns
    -------
    AffineTransport
        The map from `X` to `Y`.

    References
    ----------
    Memoli, "Gromov-Wasserstein Distances and the Metric Approach to Object Matching", Foundations
    of Computational Mathematics 11, 2011 (profiles of distances: section 6); Peyre, Cuturi &
    Solomon, "Gromov-Wasserstein Averaging of Kernel and Distance Matrices", ICML 2016,
    proposition 2 and equation 9; Grave, Joulin & Berthet, "Unsupervised Alignment of Embeddings
    with Wasserstein Procrustes", AISTATS 2019; the map between normal distributions: Peyre &
    Cuturi, "Computational Optimal Transport", 2019, equation 2.40.

    Examples
    --------
    >>> import numpy as np
    >>> from skae.preprocessing import affine_transport
    >>> X = np.random.default_rng(0).exponential(size=(200, 2))
    >>> move = affine_transport(X, 5 - X[::-1])
    >>> move.matrix.round(2) + 0.0
    array([[-1.,  0.],
           [ 0., -1.]])
    """
    mean, target_mean = X.mean(axis=0), Y.mean(axis=0)
    A, B = X - mean, Y - target_mean
    rotation = _rotation_in_span(_spread(A), _spread(B))
    stretch = _normal_transport(rotation.T @ _covariance(A) @ rotation, _covariance(B))
    return AffineTransport(rotation @ stretch, mean, target_mean)


def _spread(rows):
    """At most `MOST_ROWS`, evenly spaced: the table may be sorted."""
    return rows[np.linspace(0, len(rows) - 1, min(len(rows), MOST_ROWS)).astype(int)]


def _rotation_in_span(A, B):
    """Orthogonal matrix of all features; a wide table has fewer rows than these."""
    axes = np.linalg.svd(np.concatenate([A, B]), full_matrices=False)[2]
    inner = _rotation(A @ axes.T, B @ axes.T)
    return np.eye(A.shape[1]) + axes.T @ (inner - np.eye(len(axes))) @ axes


def _rotation(A, B):
    """Orthogonal matrix that carries `A` over to `B`: none, or the better of two starts."""
    best = np.eye(A.shape[1])
    cost = _transport_cost(A, B)
    for start in (best, _procrustes(A, B, _gromov_coupling(A, B))):
        rotation = _settled(A, B, start)
        its_cost = _transport_cost(A @ rotation, B)
        if its_cost < WORTH_TURNING * cost:
            best, cost = rotation, its_cost
    return best


def _settled(A, B, rotation):
    """Couple and rotate in turn."""
    for _ in range(MOST_ROUNDS):
        before = rotation
        rotation = _procrustes(A, B, _coupling(_squared(A @ before, B), ROTATION_ENTROPY))
        if np.abs(rotation - before).max() < SETTLED:
            break
    return rotation


def _transport_cost(A, B):
    cost = _squared(A, B)
    return (cost * _coupling(cost, ROTATION_ENTROPY)).sum()


def _procrustes(A, B, coupling):
    """Orthogonal matrix that brings the rows of `A` closest to those that they are coupled with."""
    cross = A.T @ coupling @ B
    known = cross + UNKNOWN * (np.linalg.norm(cross) or 1.0) * np.eye(len(cross))
    left, _, right = np.linalg.svd(known)
    return left @ right


def _gromov_coupling(A, B):
    """Couple rows whose distances within their own table are alike."""
    first, second = _relative_distances(A), _relative_distances(B)
    levels = np.linspace(0, 1, N_QUANTILES)
    profiles = [np.quantile(table, levels, axis=1).T for table in (first, second)]
    coupling = _coupling(_squared(*profiles), PROFILE_ENTROPY)
    ends = np.square(first).mean(axis=1)[:, None] + np.square(second).mean(axis=1)
    for entropy in GROMOV_ENTROPIES:
        cost = ends - 2 * first @ coupling @ second
        coupling = _coupling(cost - cost.min(), entropy)
    return coupling


def _relative_distances(rows):
    distances = cdist(rows, rows)
    return distances / (distances.mean() or 1.0)


def _squared(A, B):
    return cdist(A, B, "sqeuclidean")


def _coupling(cost, entropy):
    """Joint distribution of low cost whose marginals are uniform (Sinkhorn's iterations)."""
    reduced = cost - cost.min(axis=1, keepdims=True)
    reduced -= reduced.min(axis=0)
    kernel = np.exp(-reduced / (entropy * (cost.mean() or 1.0))) + SMALLEST
    n, m = kernel.shape
    columns = np.full(m, 1 / m)
    for _ in range(SINKHORN_STEPS):
        rows = 1 / (n * (kernel @ columns))
        columns = 1 / (m * (rows @ kernel))
    return rows[:, None] * kernel * columns


def _covariance(centred):
    return centred.T @ centred / len(centred)


def _normal_transport(covariance, target):
    """Optimal transport from one normal distribution to another, ridge on both."""
    variance = np.trace(covariance + target) / (2 * len(target))
    ridge = RIDGE * (variance or 1.0) * np.eye(len(target))
    root = _power(covariance + ridge, 0.5)
    inverse = _power(covariance + ridge, -0.5)
    return inverse @ _power(root @ (target + ridge) @ root, 0.5) @ inverse


def _power(matrix, exponent):
    values, axes = np.linalg.eigh(matrix)
    return (axes * values**exponent) @ axes.T
