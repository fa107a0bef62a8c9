"""Codes that keep the neighbours of rows."""

import math

import torch
from torch import Tensor
from torch.nn.functional import softmax

from skae.distributions import Likelihood
from skae.nn import AutoEncoderModule
from skae.objectives._base import Batch
from skae.objectives._divergences import squared_distances
from skae.objectives._priced import PricedReconstruction

# Rows beyond so many times the perplexity have affinities that make no difference.
NEIGHBORS_PER_PERPLEXITY = 3
# Halvings of the interval of log precisions: the perplexity is exact to float32.
N_HALVINGS = 24
LOG_PRECISION_RANGE = (-20.0, 20.0)  # distances being relative to those of neighbours
# Codes start with deviation 1, and maps of t-SNE are some ten times as wide.
UNIT = 0.1


class NeighborhoodReconstruction(PricedReconstruction):
    r"""Reconstruction error, and how far neighbours of codes are from being those of rows.

    .. math:: -\frac 1 d \log p(x_i \mid z_i) + \lambda \sum_j p_{j|i} \log \frac{p_{j|i}}{q_{j|i}}
        , \qquad q_{j|i} = \frac{(1 + \|z_i - z_j\|^2 / u^2)^{-1}}
        {\sum_{l \ne i} (1 + \|z_i - z_l\|^2 / u^2)^{-1}}

    over the rows `j` of the batch, :math:`u = 0.1`; :math:`p_{j|i}` is :func:`row_affinities` of
    the clean rows, so that codes of noisy rows learn the places of the clean ones.

    Parameters
    ----------
    likelihood : Likelihood
        The loss of a cell.
    weight : float
        :math:`\lambda`.
    perplexity : float
        Effective number of neighbours within a batch.

    References
    ----------
    van der Maaten, "Learning a Parametric Embedding by Preserving Local Structure", AISTATS 2009,
    section 3; affinities of codes that sum to 1 for each row: Damrich et al., "From t-SNE to UMAP
    with Contrastive Learning", ICLR 2023.
    """

    def __init__(self, likelihood: Likelihood, weight: float, perplexity: float):
        super().__init__(likelihood, weight)
        self.perplexity = perplexity

    def price(self, module: AutoEncoderModule, seen: Tensor, code: Tensor, batch: Batch) -> Tensor:
        """The strain of each row; see :meth:`PricedReconstruction.price`."""
        affinities = row_affinities(_values(module, batch.targets), self.perplexity, batch.weight)
        return strain(code, *affinities, batch.weight)


@torch.no_grad()
def row_affinities(
    values: Tensor, perplexity: float, weight: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    r"""Probabilities that a row has others as its neighbour.

    .. math:: p_{j|i} = \frac{w_j \exp(-\beta_i \|x_i - x_j\|^2)}
        {\sum_{l \ne i} w_l \exp(-\beta_i \|x_i - x_l\|^2)}

    The precision :math:`\beta_i` is where :math:`\exp` of the entropy is the perplexity.

    Parameters
    ----------
    values : Tensor of shape (n_samples, n_values)
        Rows.
    perplexity : float
        Effective number of neighbours; at most half of those that there are.
    weight : Tensor of shape (n_samples,), default=None
        :math:`w`.

    Returns
    -------
    affinities : Tensor of shape (n_samples, n_neighbors)
        They sum to 1 for each row.
    neighbors : Tensor of int of shape (n_samples, n_neighbors)
        The rows `j`: the nearest three times the perplexity.

    References
    ----------
    van der Maaten & Hinton, "Visualizing Data using t-SNE", JMLR 2008, equations 1 and 2.
    """
    n_others = len(values) - 1
    perplexity = max(min(perplexity, n_others / 2), 1.0)
    n_neighbors = min(math.ceil(NEIGHBORS_PER_PERPLEXITY * perplexity), n_others)
    squares = squared_distances(values, values)
    if weight is not None:  # rows that do not count come last
        squares = squares + (weight == 0) * squares.amax()
    near, neighbors = squares.fill_diagonal_(math.inf).topk(n_neighbors, dim=1, largest=False)
    weighting = torch.zeros_like(near) if weight is None else _log(weight)[neighbors]
    return _calibrated(near, weighting, math.log(perplexity)), neighbors


def _calibrated(squares: Tensor, weighting: Tensor, entropy: float) -> Tensor:
    """Affinities of the given entropy, by halving intervals of log precisions."""
    squares = squares - squares.amin(dim=1, keepdim=True) if squares.numel() else squares
    squares = squares / squares.mean(dim=1, keepdim=True).clamp(min=torch.finfo(squares.dtype).tiny)
    low, high = (squares.new_full((len(squares), 1), bound) for bound in LOG_PRECISION_RANGE)
    for _ in range(N_HALVINGS):
        middle = (low + high) / 2
        too_wide = _entropy(softmax(weighting - middle.exp() * squares, dim=1)) > entropy
        low, high = torch.where(too_wide, middle, low), torch.where(too_wide, high, middle)
    return softmax(weighting - low.exp() * squares, dim=1)


def strain(
    code: Tensor, affinities: Tensor, neighbors: Tensor, weight: Tensor | None = None
) -> Tensor:
    r"""Divergence of the affinities of codes from those of rows.

    Parameters
    ----------
    code : Tensor of shape (n_samples, n_components)
        Codes of the rows of a batch.
    affinities, neighbors : Tensor of shape (n_samples, n_neighbors)
        As :func:`row_affinities` returns them.
    weight : Tensor of shape (n_samples,), default=None
        Weights of the rows.

    Returns
    -------
    Tensor of shape (n_samples,)
        :math:`\sum_j p_{j|i} \log (p_{j|i} / q_{j|i})`, in nats.
    """
    scaled = code / UNIT
    closeness = (1 + squared_distances(scaled, scaled)).reciprocal()
    if weight is not None:
        closeness = closeness * weight
    itself = torch.eye(len(code), dtype=torch.bool, device=code.device)
    total = closeness.masked_fill(itself, 0).sum(dim=1, keepdim=True)
    # logarithms of a few numbers a row, which take longer than all else
    surprise = _log(total) - _log(closeness.gather(1, neighbors))
    cross_entropy = (affinities * surprise).sum(dim=1, keepdim=True)
    return (cross_entropy - _entropy(affinities)).squeeze(1)


def _values(module: AutoEncoderModule, rows: Tensor) -> Tensor:
    """Numbers and one-hot columns of encoded rows, as the start from PCA sees them."""
    return rows if module.inputs is None else module.inputs.filled(rows)


def _entropy(shares: Tensor) -> Tensor:
    return -torch.special.xlogy(shares, shares).sum(dim=1, keepdim=True)


def _log(weight: Tensor) -> Tensor:
    return weight.clamp(min=torch.finfo(weight.dtype).tiny).log()
