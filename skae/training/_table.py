"""The table of a fit: encoded rows, their weights, and which of them are held out."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from skae.datasets import ChunkedTable
from skae.training._batches import (
    BLOCK_ROWS,
    RowSource,
    Transform,
    as_tensor,
    scaled_rows,
    training_rows,
)
from skae.utils import prefetched, progress

# Rows of a stream from which the network starts: evenly spaced, and enough for a covariance.
START_ROWS = 100_000


class EncodedRows(NamedTuple):
    """Rows that are encoded when they are read.

    Attributes
    ----------
    X : ndarray of shape (n_samples, n_columns)
        Rows, in memory or in a memory map.
    encode : callable
        Maps a block of `X` to float32 (n_block, n_encoded), NaN where a cell is missing.
    has_missing : bool
        Whether a cell is.
    """

    X: np.ndarray
    encode: Transform
    has_missing: bool


class FitTable:
    """Rows to fit on, whatever they are kept in.

    Parameters
    ----------
    weight : ndarray of shape (n_samples,) or None
        Weights of the rows.
    held_out : ndarray of bool of shape (n_samples,)
        Rows that take no part in training.
    """

    def __init__(self, weight: np.ndarray | None, held_out: np.ndarray):
        self.weight = weight
        self.held_out = held_out

    def __len__(self) -> int:
        return len(self.held_out)

    @property
    def training(self) -> np.ndarray:
        """Mask of the rows to train on."""
        return ~self.held_out if self.weight is None else ~self.held_out & (self.weight > 0)

    @property
    def counting(self) -> np.ndarray:
        """Mask of the rows whose weight is not zero."""
        return np.ones(len(self), dtype=bool) if self.weight is None else self.weight > 0

    def weight_of(self, rows: np.ndarray) -> np.ndarray | None:
        """Weights of some rows, or None where all count the same."""
        return None if self.weight is None else self.weight[rows]

    @property
    def relative_weight(self) -> np.ndarray | None:
        """Weights, 1 on average over the rows to train on."""
        return None if self.weight is None else self.weight / self.weight[self.training].mean()


class ArrayTable(FitTable):
    """An array, a memory map or an encoded data frame to fit on.

    Parameters
    ----------
    rows : EncodedRows
        All rows.
    weight, held_out
        As for :class:`FitTable`.
    """

    def __init__(self, rows: EncodedRows, weight: np.ndarray | None, held_out: np.ndarray):
        super().__init__(weight, held_out)
        self.rows = rows
        self.has_missing = rows.has_missing

    @cached_property
    def held_out_rows(self) -> EncodedRows:
        """The held-out rows, encoded."""
        chosen = np.flatnonzero(self.held_out)
        values = scaled_rows(self.rows.X, self.rows.encode, chosen).numpy()
        return EncodedRows(values, as_float32, self.has_missing)

    def start_rows(self, with_held_out: bool) -> tuple[EncodedRows, np.ndarray | None]:
        """Rows that the network starts from, and their weights.

        Parameters
        ----------
        with_held_out : bool
            Whether held-out rows take part.

        Returns
        -------
        rows : EncodedRows
            All rows.
        weight : ndarray of shape (n_samples,) or None
            Zero for those that take no part.
        """
        if with_held_out or not self.held_out.any():
            return self.rows, self.weight
        weight = 1.0 if self.weight is None else self.weight
        return self.rows, np.where(self.held_out, 0.0, weight)

    def training_rows(self, device: torch.device) -> RowSource:
        """Return the rows to train on."""
        X, encode, _ = self.rows
        return training_rows(X, encode, self.training, self.relative_weight, device)

    def blocks(self) -> Iterator[tuple[np.ndarray, EncodedRows]]:
        """Yield (positions, rows) of all rows whose weight is not zero."""
        chosen = np.flatnonzero(self.counting)
        for start in range(0, len(chosen), BLOCK_ROWS):
            rows = chosen[start : start + BLOCK_ROWS]
            yield rows, self.rows._replace(X=self.rows.X[rows])


class StreamTable(FitTable):
    """A table in chunks to fit on; it is read anew for every epoch.

    Parameters
    ----------
    table : ChunkedTable
        The chunks.
    encode : callable
        Maps a chunk to float32 rows.
    weight, held_out
        As for :class:`FitTable`.
    show_progress : bool
        Whether to show how far reading is.
    """

    has_missing = True  # nobody has looked

    def __init__(
        self,
        table: ChunkedTable,
        encode: Transform,
        weight: np.ndarray | None,
        held_out: np.ndarray,
        show_progress: bool,
    ):
        super().__init__(weight, held_out)
        self.table, self.encode = table, encode
        self.show_progress = show_progress
        self._in_start = np.zeros(len(self), dtype=bool)
        eligible = np.flatnonzero(self.training)
        self._in_start[eligible[:: -(-len(eligible) // START_ROWS)]] = True

    @cached_property
    def _kept(self) -> np.ndarray:
        """Held-out rows and those of the start, encoded, in one pass."""
        wanted = self.held_out | self._in_start
        return np.concatenate([values[wanted[rows]] for rows, values in self._read("reading")])

    def _rows(self, chosen: np.ndarray) -> EncodedRows:
        values = self._kept[chosen[self.held_out | self._in_start]]
        return EncodedRows(values, as_float32, True)

    @property
    def held_out_rows(self) -> EncodedRows:
        """The held-out rows, encoded."""
        return self._rows(self.held_out)

    def start_rows(self, with_held_out: bool) -> tuple[EncodedRows, np.ndarray | None]:
        """Evenly spaced rows that the network starts from; see :class:`ArrayTable`."""
        chosen = self._in_start | self.held_out if with_held_out else self._in_start
        return self._rows(chosen), self.weight_of(chosen)

    def training_rows(self, device: torch.device) -> RowSource:
        """Return the rows to train on."""
        return ShuffledChunks(self, device)

    def blocks(self) -> Iterator[tuple[np.ndarray, EncodedRows]]:
        """Yield (positions, rows) of all rows whose weight is not zero."""
        counting = self.counting
        for rows, values in self._read("scoring"):
            keep = counting[rows]
            yield rows[keep], EncodedRows(values[keep], as_float32, True)

    def _read(self, what: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        def encoded() -> Iterator[tuple[np.ndarray, np.ndarray]]:
            start = 0
            for chunk in self.table:
                values = self.encode(chunk)
                yield np.arange(start, start + len(values)), values
                start += len(values)

        yield from self.with_progress(prefetched(encoded()), what)

    def with_progress(self, blocks: Any, what: str) -> Any:
        """Show how many rows of an iterable of (positions, values) went by, where asked to."""
        return progress(
            blocks, len(self), what, self.show_progress, count=lambda pair: len(pair[0])
        )


class ShuffledChunks:
    """Rows of a table in chunks, in random order.

    Parameters
    ----------
    source : StreamTable
        The table.
    device : torch.device
        Where blocks go.
    """

    def __init__(self, source: StreamTable, device: torch.device):
        self.source, self.device = source, device
        self.rows, self.weight = source.training, source.relative_weight
        self._n_rows = int(self.rows.sum())

    def __len__(self) -> int:
        return self._n_rows

    def shuffled(
        self, generator: torch.Generator, multiple_of: int = 1
    ) -> Iterator[tuple[Tensor, Tensor | None]]:
        """Yield shuffled blocks; see :class:`RowSource`."""
        seed = torch.randint(2**62, (), generator=generator, device=generator.device)
        rng = np.random.default_rng(int(seed))
        n_rows = max(1, BLOCK_ROWS // multiple_of) * multiple_of
        # Drawing stays in this thread: only reading and encoding are done ahead.
        for rows, values in self.source.with_progress(
            prefetched(self._encoded(rng, n_rows)), "training"
        ):
            if len(rows) == 0:
                continue
            mix = torch.randperm(len(rows), generator=generator, device=generator.device)
            values = torch.from_numpy(values).to(self.device)[mix]
            weight = None
            if self.weight is not None:
                weight = as_tensor(self.weight[rows], self.device)[mix]
            yield values, weight

    def _encoded(
        self, rng: np.random.Generator, n_rows: int
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for rows, block in self.source.table.shuffled(rng, n_rows):
            keep = self.rows[rows]
            yield rows[keep], self.source.encode(block)[keep]


def fit_encoder(
    encoder: Any,
    table: ChunkedTable,
    weight: np.ndarray | None,
    show_progress: bool,
    further: bool = False,
) -> None:
    """Let an encoder learn from a table in chunks.

    Parameters
    ----------
    encoder : TableEncoder
        Learns from each chunk in turn.
    table : ChunkedTable
        The chunks.
    weight : ndarray of shape (n_samples,) or None
        Weights of the rows.
    show_progress : bool
        Whether to show how far it is.
    further : bool, default=False
        Whether the encoder keeps what it learned before.
    """
    n_rows = 0
    for chunk in progress(prefetched(table), table.n_rows, "statistics", show_progress):
        if n_rows == 0 and not further:
            encoder.start(chunk)
        stop = n_rows + len(chunk)
        encoder.add(encoder.check(chunk), None if weight is None else weight[n_rows:stop])
        n_rows = stop
    encoder.finish()


def as_float32(values: np.ndarray) -> np.ndarray:
    """Rows that are encoded already, as float32."""
    return np.ascontiguousarray(values, dtype=np.float32)
