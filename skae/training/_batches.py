"""Rows of a table as shuffled blocks, from memory or from a file."""

from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from skae.objectives import Batch

# Rows that are shuffled, corrupted and moved together: enough to make the cost of a call vanish,
# few enough to stay small beside any table.
BLOCK_ROWS = 2**16
# A table that takes more than this as float32 is read anew in every epoch instead of being copied.
# The rule looks at the size only, never at the kind of array: joblib turns arrays into memory maps.
IN_MEMORY_BYTES = 2**28
# Consecutive rows that are read together from a large table.
CHUNK_ROWS = 2**10

Transform = Callable[[np.ndarray], np.ndarray]


class RowSource(Protocol):
    """Scaled rows in random order."""

    def __len__(self) -> int:
        """Return the number of rows."""

    def shuffled(
        self, generator: torch.Generator, multiple_of: int = 1
    ) -> Iterator[tuple[Tensor, Tensor | None]]:
        """Yield all rows once, in blocks of about `BLOCK_ROWS` (values, weights or None).

        Blocks from memory are multiples of `multiple_of` rows, but for the last; those from a file
        have at least about so many.
        """


class InMemoryRows:
    """Rows that are one tensor, on the training device.

    Parameters
    ----------
    values : Tensor of shape (n_samples, n_features)
        Scaled rows.
    weight : Tensor of shape (n_samples,), default=None
        Their weights.
    """

    def __init__(self, values: Tensor, weight: Tensor | None = None):
        self.values = values
        self.weight = weight

    def __len__(self):
        return len(self.values)

    def shuffled(self, generator, multiple_of=1):
        """Yield shuffled blocks; see :class:`RowSource`."""
        order = torch.randperm(len(self), generator=generator, device=self.values.device)
        for rows in order.split(_part_sizes(len(order), _block_rows(multiple_of))):
            yield self.values[rows], None if self.weight is None else self.weight[rows]


class UnpairedRows:
    """Rows of two domains, side by side without relation.

    Parameters
    ----------
    first, second : Tensor of shape (n_first, n_features), (n_second, n_features)
        Scaled rows, on the training device. An epoch sees each row of the larger domain once;
        those of the other repeat, in a new order each time.
    first_weight, second_weight : Tensor of shape (n_first,), (n_second,), default=None
        Their weights, of both or of none.
    """

    def __init__(
        self,
        first: Tensor,
        second: Tensor,
        first_weight: Tensor | None = None,
        second_weight: Tensor | None = None,
    ):
        self.first, self.second = first, second
        self.first_weight, self.second_weight = first_weight, second_weight

    def __len__(self):
        return max(len(self.first), len(self.second))

    def shuffled(self, generator, multiple_of=1):
        """Yield blocks (n_rows, 2, n_features), weights (n_rows, 2); see :class:`RowSource`."""
        orders = [self._order(rows, generator) for rows in (self.first, self.second)]
        sizes = _part_sizes(len(self), _block_rows(multiple_of))
        for places in torch.stack(orders, 1).split(sizes):
            values = _paired(self.first, self.second, places)
            if self.first_weight is None or self.second_weight is None:
                yield values, None
            else:
                yield values, _paired(self.first_weight, self.second_weight, places)

    def _order(self, rows, generator):
        rounds = range(-(-len(self) // len(rows)))
        device = rows.device
        orders = [torch.randperm(len(rows), generator=generator, device=device) for _ in rounds]
        return torch.cat(orders)[: len(self)]


def _paired(first: Tensor, second: Tensor, places: Tensor) -> Tensor:
    return torch.stack([first[places[:, 0]], second[places[:, 1]]], 1)


class StreamedRows:
    """Rows of a table too large to copy, read in chunks at random places.

    Each block mixes chunks from all over the table and shuffles their rows.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        The table, usually a memory map.
    transform : callable
        Scales a block of rows to float32.
    rows : ndarray of bool of shape (n_samples,)
        Which rows take part.
    weight : ndarray of shape (n_samples,) or None
        Weights of all rows.
    device : torch.device
        Where blocks go.
    """

    def __init__(
        self,
        X: np.ndarray,
        transform: Transform,
        rows: np.ndarray,
        weight: np.ndarray | None,
        device: torch.device,
    ):
        self.X, self.transform, self.rows = X, transform, rows
        self.weight, self.device = weight, device
        self._n_rows = int(rows.sum())

    def __len__(self):
        return self._n_rows

    def shuffled(self, generator, multiple_of=1):
        """Yield shuffled blocks; see :class:`RowSource`."""
        starts = torch.arange(0, len(self.X), CHUNK_ROWS)
        order = torch.randperm(len(starts), generator=generator, device=generator.device).cpu()
        n_chunks = -(-_block_rows(multiple_of) // CHUNK_ROWS)
        sizes = _part_sizes(len(starts), n_chunks)
        for places in starts[order].split(sizes):
            rows = np.concatenate([self._chunk_rows(start) for start in places.tolist()])
            if len(rows) == 0:
                continue
            values = torch.from_numpy(self.transform(self.X[rows])).to(self.device)
            mix = torch.randperm(len(rows), generator=generator, device=self.device)
            weight = None
            if self.weight is not None:
                weight = as_tensor(self.weight[rows], self.device)[mix]
            yield values[mix], weight

    def _chunk_rows(self, start):
        return start + np.flatnonzero(self.rows[start : start + CHUNK_ROWS])


def training_rows(
    X: np.ndarray,
    transform: Transform,
    rows: np.ndarray,
    weight: np.ndarray | None,
    device: torch.device,
) -> RowSource:
    """Choose how to hold the rows of a table: a tensor, or a stream where that is too large.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Original rows.
    transform : callable
        Scales a block of rows to float32.
    rows : ndarray of bool of shape (n_samples,)
        Which rows take part.
    weight : ndarray of shape (n_samples,) or None
        Weights of all rows.
    device : torch.device
        Where to train.

    Returns
    -------
    InMemoryRows or StreamedRows
        The rows.
    """
    if X.shape[0] * X.shape[1] * 4 > _room(device):
        return StreamedRows(X, transform, rows, weight, device)
    values = scaled_rows(X, transform, np.flatnonzero(rows))
    held = None if weight is None else as_tensor(weight[rows], device)
    return InMemoryRows(values.to(device), held)


def scaled_rows(X: np.ndarray, transform: Transform, rows: np.ndarray) -> Tensor:
    """Scale some rows block by block into one tensor.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Original rows.
    transform : callable
        Scales a block of rows to float32.
    rows : ndarray of int of shape (n_rows,)
        Which ones.

    Returns
    -------
    Tensor of float32 of shape (n_rows, n_features)
        Scaled values.
    """
    values = np.empty((len(rows), X.shape[1]), dtype=np.float32)
    for start in range(0, len(rows), BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        values[block] = transform(X[rows[block]])
    return torch.from_numpy(values)


def split_batch(block: Batch, size: int) -> Iterator[Batch]:
    """Cut a block into batches of `size` rows.

    A short rest joins the batch before it: the last batch has at least half and at most one and a
    half times `size` rows. A batch of a single row would be noise, and an error in batch
    normalisation.

    Parameters
    ----------
    block : Batch
        Many rows.
    size : int
        Rows a batch.

    Yields
    ------
    Batch
        Views of the block.
    """
    sizes = _part_sizes(len(block.targets), size)
    same = block.inputs is block.targets
    targets = block.targets.split(sizes)
    inputs = targets if same else block.inputs.split(sizes)
    weights = [None] * len(sizes) if block.weight is None else block.weight.split(sizes)
    yield from map(Batch, inputs, targets, weights)


def _part_sizes(n: int, size: int) -> list[int]:
    """Cut `n` into parts of `size`, the last of half to one and a half of it."""
    n_parts = max(1, (n + (size - 1) // 2) // size)
    return [size] * (n_parts - 1) + [n - size * (n_parts - 1)]


def _block_rows(multiple_of: int) -> int:
    return max(1, BLOCK_ROWS // multiple_of) * multiple_of


def _room(device: torch.device) -> int:
    """Bytes that a table may take on the device."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0] // 2
    return IN_MEMORY_BYTES


def as_tensor(weight: np.ndarray, device: torch.device) -> Tensor:
    return torch.as_tensor(np.asarray(weight, dtype=np.float32), device=device)
