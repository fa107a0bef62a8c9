"""What turns codes into integers, and the auto-encoder that decodes only these."""

import itertools
import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize, one_hot

from skae.nn._autoencoder import AutoEncoderModule
from skae.nn._products import aligned
from skae.nn._table_input import TableInput

# The logistic function of so many times z is nearly the distribution function of a normal z.
NORMAL_SLOPE = 1.702
# k-means only gives a start: training moves the codes on.
START_ITERATIONS = 20


class Quantizer(nn.Module):
    """The interface of what turns codes into integers.

    Attributes
    ----------
    n_tokens : int
        Integers a row.
    codebook_size : int
        Values that each may take, from 0.
    """

    n_tokens: int
    codebook_size: int

    def tokens(self, z: Tensor) -> Tensor:
        """Integers of codes.

        Parameters
        ----------
        z : Tensor of shape (n_samples, n_components)
            Codes, as the encoder gives them.

        Returns
        -------
        Tensor of int64 of shape (n_samples, n_tokens)
            From 0 to ``codebook_size - 1``.
        """
        raise NotImplementedError

    def embed(self, tokens: Tensor) -> Tensor:
        """Codes that integers stand for.

        Parameters
        ----------
        tokens : Tensor of int64 of shape (n_samples, n_tokens)
            As :meth:`tokens` gives them.

        Returns
        -------
        Tensor of shape (n_samples, n_components)
            What the decoder takes.
        """
        raise NotImplementedError

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Replace codes by those that their integers stand for, with a gradient.

        Parameters
        ----------
        z : Tensor of shape (n_samples, n_components)
            Codes, as the encoder gives them.

        Returns
        -------
        embedding : Tensor of shape (n_samples, n_components)
            To the last bit that of :meth:`embed`.
        commitment : Tensor of shape (n_samples,)
            How far each code is from what it is replaced by.
        """
        raise NotImplementedError

    def follow(self, z: Tensor, weight: Tensor | None) -> None:
        """Learn from a batch of training what gradients do not reach.

        Parameters
        ----------
        z : Tensor of shape (n_samples, n_components)
            Codes, as the encoder gives them.
        weight : Tensor of shape (n_samples,) or None
            Weights of the rows.
        """

    def start(self, z: Tensor, weight: Tensor, seed: int) -> None:
        """Learn from the codes of training rows, before training.

        Parameters
        ----------
        z : Tensor of shape (n_samples, n_components)
            Codes of rows.
        weight : Tensor of shape (n_samples,)
            Weights of the rows, none of them zero.
        seed : int
            What draws depend on.
        """


class ScalarLevels(Quantizer):
    r"""Finite scalar quantisation: each coordinate is rounded to one of a few levels.

    A coordinate `z` is bounded by :math:`u = 2 \sigma(1.702 z) - 1`, the interval (-1, 1) is cut
    into `L` cells of equal width, and :math:`\sqrt 3` times the middle of its cell takes the place
    of `z`. Gradients are those of :math:`\sqrt 3 u`. The bound is nearly the distribution function
    of a normal coordinate, so that the levels of a whitened code are used alike, and the result has
    unit variance as well.

    Parameters
    ----------
    n_components : int
        Columns of a code.
    n_levels : int
        Of each coordinate.
    group_size : int
        Coordinates that make one integer, the first of them counting fastest.

    References
    ----------
    Mentzer et al., "Finite Scalar Quantization: VQ-VAE Made Simple", ICLR 2024, section 3.1; there
    the bound is a hyperbolic tangent.
    """

    places: Tensor

    def __init__(self, n_components: int, n_levels: int, group_size: int):
        super().__init__()
        self.n_levels = n_levels
        self.n_tokens = n_components // group_size
        self.codebook_size = n_levels**group_size
        self.register_buffer("places", n_levels ** torch.arange(group_size), persistent=False)

    def _bounded(self, z: Tensor) -> Tensor:
        """Position in (0, 1)."""
        return torch.sigmoid(NORMAL_SLOPE * z)

    def _digits(self, bounded: Tensor) -> Tensor:
        return (bounded * self.n_levels).long().clamp(0, self.n_levels - 1)

    def _middles(self, digits: Tensor) -> Tensor:
        return _spread((digits.to(torch.float32) + 0.5) / self.n_levels)

    def tokens(self, z):
        """Cells of the coordinates, by group; see :meth:`Quantizer.tokens`."""
        digits = self._digits(self._bounded(z)).unflatten(1, (self.n_tokens, -1))
        return (digits * self.places).sum(dim=2)

    def embed(self, tokens):
        """Middles of the cells; see :meth:`Quantizer.embed`."""
        digits = (tokens[:, :, None] // self.places).flatten(1) % self.n_levels
        return self._middles(digits)

    def forward(self, z):
        """Round, with the gradient of the bound; see :meth:`Quantizer.forward`."""
        bounded = self._bounded(z)
        middles = self._middles(self._digits(bounded))
        return straight_through(_spread(bounded), middles), z.new_zeros(len(z))


class Codebooks(Quantizer):
    r"""Vector quantisation: parts of a code are replaced by the nearest of remembered ones.

    A code is cut into groups, each with a codebook of its own (product quantisation). With several
    stages, each further codebook has what the ones before left over (residual quantisation):
    :math:`\hat z = \sum_s e^s_{k_s}`, :math:`k_s = \arg\min_k \|r_s - e^s_k\|`, :math:`r_1 = z` and
    :math:`r_{s+1} = r_s - e^s_{k_s}`.

    Codes start as the centres of k-means. While training they are moving means of what they
    replace, :math:`N_k \leftarrow \gamma N_k + (1 - \gamma) n_k`, :math:`m_k \leftarrow \gamma m_k
    + (1 - \gamma) \sum_i r_i`, :math:`e_k = m_k / N_k`. One whose :math:`N_k` falls below a share
    of the mean takes the place of a row, drawn at random.

    Parameters
    ----------
    n_components : int
        Columns of a code.
    codebook_size : int
        Codes of each codebook.
    n_groups : int
        Parts of a code, of equal width.
    n_stages : int
        Codebooks of each part.
    decay : float
        The factor :math:`\gamma`.
    revive_below : float
        Share of the mean use below which a code is replaced; 0 for never.
    rotate : bool
        Whether the gradient of a part is turned and stretched as the part is (rotation trick), or
        passed on as it is (straight-through).

    References
    ----------
    van den Oord, Vinyals & Kavukcuoglu, "Neural Discrete Representation Learning", NeurIPS 2017,
    equation 3 and appendix A.1; groups: Jégou, Douze & Schmid, "Product Quantization for Nearest
    Neighbor Search", PAMI 2011; stages: Lee et al., "Autoregressive Image Generation using Residual
    Quantization", CVPR 2022; rotation: Fifty et al., "Restructuring Vector Quantization with the
    Rotation Trick", ICLR 2025, section 4.
    """

    codes: Tensor
    counts: Tensor
    sums: Tensor

    def __init__(
        self,
        n_components: int,
        codebook_size: int,
        n_groups: int,
        n_stages: int,
        decay: float,
        revive_below: float,
        rotate: bool,
    ):
        super().__init__()
        self.n_tokens = n_groups * n_stages
        self.codebook_size = codebook_size
        self.n_groups, self.n_stages = n_groups, n_stages
        self.decay, self.revive_below = decay, revive_below
        self.rotate = rotate
        shape = (n_stages, n_groups, codebook_size, n_components // n_groups)
        self.register_buffer("codes", torch.zeros(shape, dtype=torch.float32))
        self.register_buffer("counts", torch.ones(shape[:3], dtype=torch.float32))
        self.register_buffer("sums", torch.zeros(shape, dtype=torch.float32))

    def _parts(self, z: Tensor) -> Tensor:
        """Groups first: (n_groups, n_samples, group_size)."""
        return z.unflatten(1, (self.n_groups, -1)).transpose(0, 1)

    def tokens(self, z):
        """Nearest codes, stage by stage; see :meth:`Quantizer.tokens`."""
        rest, nearest = self._parts(z), []
        for codes in self.codes:
            nearest.append(_nearest(rest, codes))
            rest = rest - _picked(codes, nearest[-1])
        return torch.cat(nearest).t()

    def embed(self, tokens):
        """Sums of the codes of all stages; see :meth:`Quantizer.embed`."""
        nearest = tokens.t().unflatten(0, (self.n_stages, self.n_groups))
        return self._whole(torch.stack([*map(_picked, self.codes, nearest)]).sum(dim=0))

    def forward(self, z):
        """Replace by nearest codes; see :meth:`Quantizer.forward`."""
        parts = self._parts(z)
        embedding, commitment = torch.zeros_like(parts), z.new_zeros(len(z))
        for codes in self.codes:
            rest = parts - embedding
            picked = _picked(codes, _nearest(rest.detach(), codes))
            embedding = embedding + picked
            commitment = commitment + (rest - picked).square().mean(dim=(0, 2))
        carry = rotated if self.rotate else straight_through
        return self._whole(carry(parts, embedding)), commitment

    def _whole(self, parts: Tensor) -> Tensor:
        return parts.transpose(0, 1).flatten(1)

    @torch.no_grad()
    def follow(self, z, weight):
        """Let codes move towards what they replace; see :meth:`Quantizer.follow`."""
        rest = self._parts(z)
        weight = z.new_ones(len(z)) if weight is None else weight
        for stage, codes in enumerate(self.codes.clone()):
            nearest = _nearest(rest, codes)
            self._move(stage, rest, nearest, weight)
            rest = rest - _picked(codes, nearest)

    def _move(self, stage: int, rest: Tensor, nearest: Tensor, weight: Tensor) -> None:
        """Move the codes of a stage towards what they replaced."""
        chosen = one_hot(nearest, self.codebook_size).to(rest)  # (n_groups, n_samples, size)
        chosen = chosen * weight[:, None]
        counts, sums = self.counts[stage], self.sums[stage]
        counts.lerp_(chosen.sum(dim=1), 1 - self.decay)
        sums.lerp_(chosen.mT @ rest, 1 - self.decay)
        if self.revive_below:
            self._revive(counts, sums, rest, weight)
        used = counts[:, :, None] > 0
        self.codes[stage] = torch.where(used, sums / counts[:, :, None], self.codes[stage])

    def _revive(self, counts: Tensor, sums: Tensor, rest: Tensor, weight: Tensor) -> None:
        """Give codes that replace hardly anything the places of rows."""
        mean = counts.mean(dim=1, keepdim=True)
        dead = counts < self.revive_below * mean
        some = weight.clamp(min=torch.finfo(weight.dtype).tiny)  # a batch may have no weight at all
        drawn = torch.multinomial(some, dead.numel(), replacement=True).view_as(dead)
        sums.copy_(torch.where(dead[:, :, None], mean[:, :, None] * _picked(rest, drawn), sums))
        counts.copy_(torch.where(dead, mean, counts))

    @torch.no_grad()
    def start(self, z, weight, seed):
        """Let the codes be the centres of k-means; see :meth:`Quantizer.start`."""
        rest = self._parts(z)
        for stage, codes in enumerate(self.codes):
            centres = [_centres(part, weight, self.codebook_size, seed) for part in rest]
            codes.copy_(torch.stack(centres))
            self.sums[stage] = codes
            rest = rest - _picked(codes, _nearest(rest, codes))
        self.counts.fill_(1.0)


class QuantizedAutoEncoder(AutoEncoderModule):
    """An encoder, a quantiser, a decoder: the code is one of finitely many.

    Parameters
    ----------
    encoder, decoder, inputs
        As for :class:`AutoEncoderModule`.
    quantizer : Quantizer
        Between the two.
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        quantizer: Quantizer,
        inputs: TableInput | None = None,
    ):
        super().__init__(encoder, decoder, inputs)
        self.quantizer = quantizer

    @property
    def has_pullback(self) -> bool:
        """False: gradients come from autograd."""
        return False

    def tokens(self, x: Tensor) -> Tensor:
        """Encode rows as integers.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_prepared)
            Prepared rows.

        Returns
        -------
        Tensor of int64 of shape (n_samples, n_tokens)
            Integers.
        """
        return self.quantizer.tokens(self.encoder(self.seen(x)))

    def searched(self, tokens: Tensor, row_loss: Callable[[Tensor], Tensor]) -> Tensor:
        """Integers that lose less: each is tried at all its values in turn, given the others.

        Parameters
        ----------
        tokens : Tensor of int64 of shape (n_samples, n_tokens)
            Where the search starts.
        row_loss : callable
            Maps the decoder's output to the losses of the rows, (n_samples,).

        Returns
        -------
        Tensor of int64 of shape (n_samples, n_tokens)
            The same integers, but where others lose less.
        """
        losses = row_loss(self.decode_tokens(tokens))
        values = range(self.quantizer.codebook_size)
        for token, value in itertools.product(range(self.quantizer.n_tokens), values):
            candidates = tokens.clone()
            candidates[:, token] = value
            others = row_loss(self.decode_tokens(candidates))
            tokens = torch.where((others < losses)[:, None], candidates, tokens)
            losses = torch.minimum(others, losses)
        return tokens

    def decode_tokens(self, tokens: Tensor) -> Tensor:
        """Decode integers.

        Parameters
        ----------
        tokens : Tensor of int64 of shape (n_samples, n_tokens)
            As :meth:`tokens` gives them.

        Returns
        -------
        Tensor of shape (n_samples, n_outputs)
            As of :meth:`decode`.
        """
        return self.decode(self.quantizer.embed(tokens))

    def encode_seen(self, seen: Tensor) -> Tensor:
        """What the integers stand for; see :meth:`AutoEncoderModule.encode_seen`."""
        return self.quantizer(self.encoder(seen))[0]


def straight_through(z: Tensor, embedding: Tensor) -> Tensor:
    """What replaces a code, with the gradient as if nothing were replaced.

    Parameters
    ----------
    z, embedding : Tensor of shape (..., n_components)
        Code, and what replaces it.

    Returns
    -------
    Tensor of the same shape
        `embedding` to the last bit, with the gradient of `z`.
    """
    return embedding.detach() + (z - z.detach())


def rotated(z: Tensor, embedding: Tensor) -> Tensor:
    r"""What replaces a code, with the gradient of the rotation and stretch that lead there.

    Parameters
    ----------
    z, embedding : Tensor of shape (..., n_components)
        Code `z`, and what replaces it, `q`.

    Returns
    -------
    Tensor of the same shape
        `embedding` to the last bit, with the gradient of :math:`\frac{\|q\|}{\|z\|} R z`, where `R`
        is the rotation of `z` onto the direction of `q`, taken as constant.
    """
    q, length = embedding.detach(), z.detach().norm(dim=-1, keepdim=True)
    source, target = normalize(z.detach(), dim=-1), normalize(q, dim=-1)
    mirror = normalize(source + target, dim=-1)

    def along(direction):
        return (z * direction).sum(dim=-1, keepdim=True)

    turned = z - 2 * mirror * along(mirror) + 2 * target * along(source)
    turned = turned * (q.norm(dim=-1, keepdim=True) / length.clamp(min=1e-8))
    return straight_through(turned, q)


def _spread(position: Tensor) -> Tensor:
    """Uniform positions in (0, 1) as values of mean 0 and variance 1."""
    return math.sqrt(3) * (2 * position - 1)


def _nearest(parts: Tensor, codes: Tensor) -> Tensor:
    """Nearest codes (n_groups, size, width) of parts (n_groups, n, width), as (n_groups, n)."""
    x, weight = aligned(parts, codes)
    # The square of the part itself is the same for all codes.
    return (codes.square().sum(dim=2)[:, None] - 2 * x @ weight.mT).argmin(dim=2)


def _picked(codes: Tensor, nearest: Tensor) -> Tensor:
    """Rows of codes (n_groups, size, width) that integers (n_groups, n) name."""
    return codes.gather(1, nearest[:, :, None].expand(-1, -1, codes.shape[2]))


def _centres(part: Tensor, weight: Tensor, size: int, seed: int) -> Tensor:
    """Centres of k-means; of fewer distinct rows than that, the rows, repeated."""
    rows = np.unique(part.cpu().numpy(), axis=0)
    if len(rows) > size:
        from sklearn.cluster import KMeans  # slow to import

        kmeans = KMeans(size, n_init=1, max_iter=START_ITERATIONS, random_state=seed)
        rows = kmeans.fit(part.cpu().numpy(), sample_weight=weight.cpu().numpy()).cluster_centers_
    return torch.from_numpy(np.resize(rows, (size, part.shape[1])))
