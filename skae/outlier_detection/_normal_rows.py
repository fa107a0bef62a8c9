"""How far a row is from normal rows."""

from functools import reduce

import numpy as np
import torch
from sklearn.covariance import ledoit_wolf
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from skae.nn import aligned

# Above, errors are only divided by their deviations: a covariance takes too many rows.
WIDEST_COVARIANCE = 600
# Smallest eigenvalue of a covariance, relative to the largest.
SMALLEST_EIGENVALUE = 1e-6
# The covariance is that of the rows with the smallest errors, found in so many rounds.
N_ROUNDS, SHARE_WITH_SMALL_ERRORS = 3, 0.7
# Rows farther than the others are no reference: they may be anomalies.
SHARE_OF_REFERENCE = 0.9
# A reference row this near is the row itself, relative to the length of both.
SAME_ROW = 1e-6
# Bound of a coordinate: its square, times the columns, is still a float32.
FARTHEST = 1e16
BLOCK_ROWS = 2**10


class NormalRows(nn.Module):
    r"""The mean distance of a row to its nearest neighbours in small groups of normal rows.

    A row is the point :math:`[x, w\,C^{-1/2} e]`: its values, and the errors `e` of its
    reconstruction, decorrelated by the covariance `C` of the rows with the smallest errors. With
    `G` groups :math:`S_1 … S_G` of :math:`\psi` reference points, the distance is
    :math:`\frac 1 G \sum_g \min_{r \in S_g} \|p - r\|`. Groups are so small that a few anomalies
    among the reference rows do not vouch for others like them. A reference row is not compared
    with itself. Of a row with missing cells only the other coordinates are compared, and the
    distance grows by the root of the share that is there.

    Parameters
    ----------
    points : Tensor of shape (n_samples, n_values + n_features)
        Values and errors of normal rows, in random order.
    present : Tensor of shape (n_samples, n_values + n_features) or None
        1 where the cell of a coordinate is there, 0 where it is missing; None where none is.
    n_values : int
        How many of the columns are values.
    error_weight : float
        `w`.
    group_size : int
        :math:`\psi`.
    max_reference_rows : int
        Most reference rows.

    References
    ----------
    Pang, Ting & Albrecht, "LeSiNN: Detecting Anomalies by Identifying Least Similar Nearest
    Neighbours", ICDM Workshops 2015, equation 1; Kessy, Lewin & Strimmer, "Optimal Whitening and
    Decorrelation", The American Statistician 2018 (the symmetric root keeps each error beside its
    own column).
    """

    centre: Tensor
    whitening: Tensor
    reference: Tensor

    def __init__(
        self,
        points: Tensor,
        present: Tensor | None,
        n_values: int,
        error_weight: float,
        group_size: int,
        max_reference_rows: int,
    ):
        super().__init__()
        self.n_values = n_values
        self.group_size = min(group_size, len(points))
        centre, root = _centre_and_root(points[:, n_values:].double().numpy())
        self._keep("centre", _tensor(centre))
        self._keep("whitening", _tensor(error_weight * root))
        located = self._located(points)
        self._keep("reference", self._groups(located, max_reference_rows))
        blocks = torch.arange(len(points)).split(BLOCK_ROWS)
        parts = [(points[b], None if present is None else present[b]) for b in blocks]
        distances = torch.cat([self(*part) for part in parts])
        n_kept = max(self.group_size, round(SHARE_OF_REFERENCE * len(points)))
        kept = distances.argsort(stable=True)[:n_kept].sort().values
        self._keep("reference", self._groups(located[kept], max_reference_rows))

    @property
    def n_groups(self) -> int:
        """Groups of reference rows."""
        return len(self.reference) // self.group_size

    def _keep(self, name, values):
        self.register_buffer(name, values, persistent=False)

    def _groups(self, located, max_reference_rows):
        n_rows = max(self.group_size, min(len(located), max_reference_rows))
        return located[: n_rows // self.group_size * self.group_size]

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
        squares = self._nearest(self._squares(self._located(points), present))
        distances = _root(squares).mean(dim=1)
        return distances if present is None else distances * _growth(present)

    def shares(self, points: Tensor, present: Tensor | None = None) -> Tensor:
        r"""Split the distance of each row exactly over the coordinates.

        Coordinate `j` has :math:`\frac 1 G \sum_g (p_j - r^g_j)^2 / \|p - r^g\|`, with the nearest
        points :math:`r^g`.

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
        squares = self._squares(located, present)
        squares, within = squares.view(len(located), -1, self.n_groups).min(dim=1)
        weight = _root(squares).double().reciprocal().nan_to_num(posinf=0.0) / self.n_groups
        places = within * self.n_groups + torch.arange(self.n_groups, device=within.device)
        weights = located.new_zeros(len(located), len(self.reference), dtype=torch.float64)
        weights.scatter_(1, places, weight)
        # sum_g w_g (p - r_g)^2 as three products, in double precision: they cancel
        located, reference = located.double(), self.reference.double()
        shares = located.square() * weights.sum(dim=1, keepdim=True)
        shares += weights @ reference.square() - 2 * located * (weights @ reference)
        shares.clamp_(min=0)
        return shares if present is None else shares * present * _growth(present)[:, None]

    def _located(self, points):
        errors = points[:, self.n_values :] - self.centre
        if self.whitening.dim() == 1:
            errors = errors * self.whitening
        else:  # symmetric
            errors = F.linear(*aligned(errors, self.whitening))
        located = torch.cat([points[:, : self.n_values], errors], dim=1)
        return located.clamp(-FARTHEST, FARTHEST)

    def _squares(self, located, present):
        """Squared distances to the reference rows, (n_samples, n_reference); infinite to itself."""
        lengths = self.reference.square()
        if present is None:
            lengths = lengths.sum(dim=1)
        else:
            located, lengths = located * present, present @ lengths.T
        length = located.square().sum(dim=1, keepdim=True)
        squares = torch.addmm(lengths, located, self.reference.T, alpha=-2).add_(length)
        limit = SAME_ROW * (length[:, 0] + lengths.amax(dim=-1))
        near = (self._nearest(squares).amin(dim=1) <= limit).nonzero()[:, 0]  # few, as a rule
        same = squares[near] <= SAME_ROW * (
            length[near] + (lengths if present is None else lengths[near])
        )
        squares[near] = squares[near].masked_fill(same, torch.inf)
        return squares

    def _nearest(self, squares):
        """Smallest of each group, (n_samples, n_groups): row `i` is in group `i % n_groups`."""
        # much faster than `amin` over groups
        return reduce(torch.minimum, squares.split(self.n_groups, dim=1))


def _centre_and_root(errors):
    """Mean, and symmetric inverse root of the covariance, of the rows with the smallest errors."""
    kept = errors
    for _ in range(N_ROUNDS):
        centre, root = kept.mean(axis=0), _inverse_root(kept)
        whitened = (errors - centre) * root if root.ndim == 1 else (errors - centre) @ root
        size = np.square(whitened).sum(axis=1)
        kept = errors[size <= np.quantile(size, SHARE_WITH_SMALL_ERRORS)]
    return kept.mean(axis=0), _inverse_root(kept)


def _inverse_root(errors):
    if errors.shape[1] > WIDEST_COVARIANCE or len(errors) == 1:
        variances = errors.var(axis=0)
        return 1 / np.sqrt(np.maximum(variances, _floor(variances)))
    covariance, _ = ledoit_wolf(errors)
    variances, axes = np.linalg.eigh(covariance)
    return (axes / np.sqrt(np.maximum(variances, _floor(variances)))) @ axes.T


def _root(squares):
    """Distances; 0 where there is nothing but the row itself."""
    return squares.sqrt().nan_to_num(posinf=0.0)


def _growth(present):
    """What the distance over some coordinates is multiplied by, to be one over all of them."""
    return (present.shape[1] / present.sum(dim=1).clamp(min=1)).sqrt()


def _floor(variances):
    """Smallest variance to divide by; errors that are all zero stay what they are."""
    largest = variances.max()
    return SMALLEST_EIGENVALUE * largest if largest > 0 else 1.0


def _tensor(values):
    return torch.as_tensor(values, dtype=torch.float32)
