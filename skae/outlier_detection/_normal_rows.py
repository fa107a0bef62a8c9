"""How far a row is from normal rows."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from skae.nn import aligned

# Above, errors are only divided by their deviations: a covariance takes too many rows.
WIDEST_COVARIANCE = 600
# Share of a covariance that is a multiple of the identity: few rows do not tell all of it.
SHRINKAGE = 0.1
# Variance of errors that are nothing but rounding, in scaled units.
ROUNDING = 1e-10
# Probability of all draws being farther than the last rank that is looked at.
NEGLIGIBLE = 1e-7
# The covariance is that of the rows with the smallest errors, found in so many rounds.
N_ROUNDS, SHARE_WITH_SMALL_ERRORS = 3, 0.7
# More reference rows for each draw change no score.
MOST_ROWS_A_DRAW = 64
# A reference row this near is the row itself, relative to the length of both.
SAME_ROW = 1e-6
# Bound of a coordinate: its square, times the columns, is still a float32.
FARTHEST = 1e16


class NormalRows(nn.Module):
    r"""The expected distance of a row to the nearest of a few random normal rows.

    A row is the point :math:`[x, w\,C^{-1/2} e]`: its values, and the errors `e` of its
    reconstruction, decorrelated by the covariance `C` of the rows with the smallest errors. Of
    :math:`\psi` draws from the reference rows, whose distances are :math:`d_1 \le d_2 \le …` and
    whose shares of the weight add up to :math:`W_1 < W_2 < …`, the nearest is expected at

    .. math:: \sum_k \left[(1 - W_{k-1})^\psi - (1 - W_k)^\psi\right] d_k .

    With few draws, anomalies among the reference rows do not vouch for others like them. A draw of
    the row itself does not count. Of a row with missing cells only the other coordinates are
    compared, and the distance grows by the root of the share that is there.

    Parameters
    ----------
    points : Tensor of shape (n_samples, n_values + n_features)
        Values and errors of normal rows, in random order.
    present : Tensor of shape (n_samples, n_values + n_features) or None
        1 where the cell of a coordinate is there, 0 where it is missing; None where none is.
    weight : ndarray of shape (n_samples,)
        Positive weights of the rows.
    n_values : int
        How many of the columns are values.
    error_weight : float
        `w`.
    n_draws : float
        :math:`\psi`; with infinity, the distance is that to the nearest of all reference rows.
    max_reference_rows : int
        Most reference rows, the first ones; a few draws take fewer.
    reference_share : float
        Share of these that is kept, the rows nearest to the others; the rest may be anomalies.

    References
    ----------
    Pang, Ting & Albrecht, "LeSiNN: Detecting Anomalies by Identifying Least Similar Nearest
    Neighbours", ICDM Workshops 2015, equation 1, of which this is the mean over all subsamples;
    Kessy, Lewin & Strimmer, "Optimal Whitening and Decorrelation", The American Statistician 2018
    (the symmetric root keeps each error beside its own column).
    """

    centre: Tensor
    whitening: Tensor
    reference: Tensor
    share: Tensor
    by_rank: Tensor

    def __init__(
        self,
        points: Tensor,
        present: Tensor | None,
        weight: np.ndarray,
        n_values: int,
        error_weight: float,
        n_draws: float,
        max_reference_rows: int,
        reference_share: float,
    ):
        super().__init__()
        self.n_values = n_values
        self.n_draws = n_draws
        self.equal_shares = np.ptp(weight) == 0
        weight = np.asarray(weight, dtype=np.float64)
        points = _bounded(points)
        errors = points[:, n_values:].double().numpy()
        centre, root = _centre_and_root(errors, weight)
        self._keep("centre", torch.as_tensor(centre, dtype=torch.float32))
        self._keep("whitening", torch.as_tensor(error_weight * root, dtype=torch.float32))
        first = slice(int(min(max_reference_rows, MOST_ROWS_A_DRAW * n_draws)))
        located, weight = self._located(points[first]), torch.from_numpy(weight[first])
        self._set_reference(located, weight)
        distances = self(points[first], None if present is None else present[first])
        kept = distances <= _quantile(distances.numpy(), weight.numpy(), reference_share)
        self._set_reference(located[kept], weight[kept])

    def _keep(self, name, values):
        self.register_buffer(name, values, persistent=False)

    def _set_reference(self, located, weight):
        self._keep("reference", located)
        self._keep("share", weight / weight.sum())
        by_rank = self._probabilities(torch.full_like(weight, 1 / len(weight)))
        n_ranks = int((by_rank.flip(0).cumsum(0) > NEGLIGIBLE).sum())
        self._keep("by_rank", by_rank[:n_ranks].float())

    def _probabilities(self, share):
        """That the nearest draw is each of the rows, whose shares come in order of distance."""
        farther = (1 - share.cumsum(dim=-1)).clamp(min=0).pow(self.n_draws)
        return -farther.diff(dim=-1, prepend=torch.ones_like(farther[..., :1]))

    def forward(self, points: Tensor, present: Tensor | None = None) -> Tensor:
        """Return the distance of each row.

        Parameters
        ----------
        points : Tensor of shape (n_samples, n_values + n_features)
            Values and errors.
        present : Tensor of shape (n_samples, n_values + n_features), default=None
            1 where a coordinate counts; None for all.

        Returns
        -------
        Tensor of shape (n_samples,)
            Not negative; 0 where nothing counts.
        """
        return self._expected_distance(self._distances(self._located(points), present), present)

    def _expected_distance(self, distances, present):
        if self.equal_shares:  # the order alone matters then: no need of the rows it belongs to
            nearest = _smallest(distances, len(self.by_rank))
            expected = (_finite(nearest) * self.by_rank).sum(dim=1)
        else:
            expected = (_finite(distances) * self._nearest(distances)).sum(dim=1)
        return expected if present is None else expected * _growth(present)

    def shares(self, points: Tensor, present: Tensor | None = None) -> Tensor:
        r"""Split the distance of each row exactly over the coordinates.

        Coordinate `j` has :math:`\sum_r p_r (x_j - r_j)^2 / \|x - r\|`, where :math:`p_r` is the
        probability that reference row `r` is the nearest draw.

        Parameters
        ----------
        points : Tensor of shape (n_samples, n_values + n_features)
            Values and errors.
        present : Tensor of shape (n_samples, n_values + n_features), default=None
            1 where a coordinate counts; None for all.

        Returns
        -------
        Tensor of float64 of shape (n_samples, n_values + n_features)
            Not negative; each row sums to its distance.
        """
        located = self._located(points)
        distances = self._distances(located, present)
        weights = self._nearest(distances).double()
        weights *= distances.double().reciprocal().nan_to_num(posinf=0.0)
        # sum_r w_r (x - r)^2 as three products, in double precision: they cancel
        located, reference = located.double(), self.reference.double()
        shares = located.square() * weights.sum(dim=1, keepdim=True)
        shares += weights @ reference.square() - 2 * located * (weights @ reference)
        shares.clamp_(min=0)
        if present is not None:
            shares *= present
        # the distance in single precision, to the last digit
        total = self._expected_distance(distances, present).double() / shares.sum(dim=1)
        return shares * total.nan_to_num(nan=0.0, posinf=0.0)[:, None]

    def expected(self, points: Tensor, present: Tensor | None = None) -> Tensor:
        """Return the values that are expected of the nearest draw.

        Parameters
        ----------
        points : Tensor of shape (n_samples, n_values + n_features)
            Values and errors.
        present : Tensor of shape (n_samples, n_values + n_features), default=None
            1 where a coordinate counts; None for all.

        Returns
        -------
        Tensor of shape (n_samples, n_values)
            Means of the reference rows, by their probability to be the nearest draw.
        """
        nearest = self._nearest(self._distances(self._located(points), present))
        return nearest @ self.reference[:, : self.n_values] / nearest.sum(dim=1, keepdim=True)

    def _nearest(self, distances):
        """Probability of each reference row to be the nearest draw, (n_samples, n_reference)."""
        order = distances.argsort(dim=1, stable=True)
        return torch.zeros_like(distances).scatter_(
            1, order, self._probabilities(self.share[order]).to(distances)
        )

    def _located(self, points):
        errors = points[:, self.n_values :] - self.centre
        if self.whitening.dim() == 1:
            errors = errors * self.whitening
        else:  # symmetric
            errors = F.linear(*aligned(errors, self.whitening))
        return _bounded(torch.cat([points[:, : self.n_values], errors], dim=1))

    def _distances(self, located, present):
        """Distances to the reference rows, (n_samples, n_reference); infinite to itself."""
        squares = self.reference.square()
        distances = self._distances_between(located, squares.sum(dim=1))
        if present is None:
            return distances
        # a row without missing cells has the same bits as in a table without them
        some = self._distances_between(located * present, present @ squares.T)
        return torch.where(present.all(dim=1, keepdim=True), distances, some)

    def _distances_between(self, located, lengths):
        """The same, given the squared lengths of the reference rows."""
        length = located.square().sum(dim=1, keepdim=True)
        squares = torch.addmm(lengths, located, self.reference.T, alpha=-2).add_(length)
        limit = SAME_ROW * (length[:, 0] + lengths.amax(dim=-1))
        near = (squares.amin(dim=1) <= limit).nonzero()[:, 0]  # few, as a rule
        same = squares[near] <= SAME_ROW * (length[near] + lengths.expand_as(squares)[near])
        squares[near] = squares[near].masked_fill(same, torch.inf)
        return squares.sqrt_()


def _bounded(points):
    """Coordinates that are numbers, whatever a diverging network makes of them."""
    return points.nan_to_num(nan=FARTHEST).clamp(-FARTHEST, FARTHEST)


def _smallest(values, n_columns):
    """Smallest values of each row, in ascending order.

    On a CPU torch, which keeps track of their places, takes several times as long.
    """
    if values.is_cuda:
        return values.topk(n_columns, dim=1, largest=False).values
    values = values.numpy()
    if n_columns < values.shape[1]:
        values = np.partition(values, n_columns, axis=1)[:, :n_columns]
    return torch.from_numpy(np.sort(values, axis=1))


def _finite(distances):
    """Distances, 0 to the row itself."""
    return distances.nan_to_num(posinf=0.0)


def _centre_and_root(errors, weight):
    """Mean, and symmetric inverse root of the covariance, of the rows with the smallest errors."""
    kept = slice(None)
    for _ in range(N_ROUNDS):
        centre, root = _moments(errors[kept], weight[kept])
        whitened = (errors - centre) * root if root.ndim == 1 else (errors - centre) @ root
        size = np.square(whitened).sum(axis=1)
        kept = size <= _quantile(size, weight, SHARE_WITH_SMALL_ERRORS)
    return _moments(errors[kept], weight[kept])


def _moments(errors, weight):
    centre = np.average(errors, axis=0, weights=weight)
    deviations = (errors - centre) * np.sqrt(weight / weight.sum())[:, None]
    variances = np.square(deviations).sum(axis=0)
    varies = variances > 0
    if errors.shape[1] > WIDEST_COVARIANCE or not varies.any():
        return centre, 1 / np.sqrt(np.where(varies, _shrunk(variances), 1.0))
    variances, axes = np.linalg.eigh(deviations.T[varies] @ deviations[:, varies])
    root = np.eye(errors.shape[1])  # errors that do not vary stay what they are
    root[np.ix_(varies, varies)] = (axes / np.sqrt(_shrunk(variances))) @ axes.T
    return centre, root


def _shrunk(variances):
    shrunk = (1 - SHRINKAGE) * np.maximum(variances, 0) + SHRINKAGE * variances.mean()
    return shrunk + ROUNDING


def _quantile(values, weight, share):
    return float(np.quantile(values, share, weights=weight, method="inverted_cdf"))


def _growth(present):
    """What the distance over some coordinates is multiplied by, to be one over all of them."""
    return (present.shape[1] / present.sum(dim=1).clamp(min=1)).sqrt()
