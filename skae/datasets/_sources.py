"""Where the rows of a table come from.

A source has `columns` and `n_rows` (None while unknown), `paths` (files that it reads), and

- ``pieces()``: (start, piece) in the order of the table, up to `CHUNK_ROWS` rows each,
- ``shuffled_slices(rng, slice_rows)``: (start, piece) in any order that `rng` decides,
- ``finished_block(rows, block)``: a DataFrame or ndarray, of rows drawn from these slices.

A piece is what the source has (a pyarrow Table stays one), so that nothing is converted in vain.
"""

import os
from functools import partial

import numpy as np

from skae.datasets._chunk_kinds import (
    ACCEPTED,
    CHUNK_ROWS,
    ArrowTables,
    as_chunk,
    checked,
    kind_of,
    take,
    type_and_shape,
)

ONE_SHOT = (
    "chunks can be read only once (got a {kind}), but a table is read several times. Pass a "
    "function that starts anew, such as `lambda: pandas.read_csv(path, chunksize=65536)`, or a "
    "list of chunks."
)


def source_of_chunks(chunks):
    """Return the source that reads what a user passed as chunks."""
    if isinstance(chunks, list | tuple):
        return ChunkList(chunks)
    if kind_of(chunks) is None and not isinstance(chunks, str | os.PathLike):
        if hasattr(chunks, "__iter__") or hasattr(chunks, "__getitem__"):
            if iter(chunks) is chunks:
                raise TypeError(ONE_SHOT.format(kind=type(chunks).__name__))
            return ChunkStream(partial(iter, chunks))
        if callable(chunks):
            return ChunkStream(chunks)
    raise TypeError(
        "chunks must be a list of chunks or a function that returns an iterator of them, got a "
        f"{type(chunks).__name__}. A chunk is {ACCEPTED}: pass [chunk] for a table of one. "
        "ParquetTable(path) reads files."
    )


class ChunkStream:
    """Chunks that are read from the first one on, each time."""

    paths = ()
    columns = None
    n_rows = None

    def __init__(self, read):
        self._read = read

    def pieces(self):
        start = 0
        for chunk in checked(self._read()):
            if self.columns is None:
                self.columns = kind_of(chunk).names(chunk)
            for first in range(0, len(chunk), CHUNK_ROWS):
                yield start + first, take(chunk, slice(first, first + CHUNK_ROWS))
            start += len(chunk)
        self._check_n_rows(start)

    def _check_n_rows(self, n_rows):
        if self.n_rows not in (None, n_rows):
            raise ValueError(
                f"The chunks had {self.n_rows} rows when they were read before, and {n_rows} now. "
                "They must start anew each time: does the function return a new iterator?"
            )
        self.n_rows = n_rows

    def shuffled_slices(self, rng, slice_rows):
        return self.pieces()

    def finished_block(self, rows, block):
        return as_chunk(block, rows)


class ChunkList(ChunkStream):
    """Chunks that are all there, memory maps perhaps."""

    def __init__(self, chunks):
        self._chunks = list(checked(chunks))
        super().__init__(self._chunks.__iter__)
        self.n_rows = sum(map(len, self._chunks))
        if self._chunks:
            self.columns = kind_of(self._chunks[0]).names(self._chunks[0])

    def shuffled_slices(self, rng, slice_rows):
        ends = np.cumsum([len(chunk) for chunk in self._chunks])
        places = [
            (end - len(chunk), chunk, first)
            for end, chunk in zip(ends, self._chunks, strict=True)
            for first in range(0, len(chunk), slice_rows)
        ]
        for place in rng.permutation(len(places)):
            start, chunk, first = places[place]
            yield start + first, take(chunk, slice(first, first + slice_rows))


class DatasetScan(ChunkStream):
    """A pyarrow Dataset, which is only read in its order."""

    def __init__(self, dataset):
        # Read ahead by as little as it takes: consumers have a thread for that.
        settings = {"batch_readahead": 1, "fragment_readahead": 1, "use_threads": False}
        super().__init__(partial(dataset.to_batches, batch_size=CHUNK_ROWS, **settings))
        self.paths = tuple(getattr(dataset, "files", ()))
        self.columns = ArrowTables.names(dataset.schema.empty_table())
        self.n_rows = dataset.count_rows()


class Mapped(ChunkStream):
    """Chunks of another source, each through a function."""

    def __init__(self, source, function):
        super().__init__(self._chunks)
        self._source, self._function = source, function
        self.paths = source.paths

    @property
    def n_rows(self):
        return self._source.n_rows

    def _check_n_rows(self, n_rows):
        """Do nothing: the source does it."""

    def _chunks(self):
        for start, piece in self._source.pieces():
            yield self._mapped(as_chunk(piece, start))

    def _mapped(self, chunk):
        result = self._function(chunk)
        if kind_of(result) in (None, ArrowTables) or len(result) != len(chunk):
            raise ValueError(
                "map: the function must return a DataFrame or a 2-D ndarray with one row for each "
                f"of the {len(chunk)} rows of a chunk, got a {type_and_shape(result)}."
            )
        return result

    def shuffled_slices(self, rng, slice_rows):
        return self._source.shuffled_slices(rng, slice_rows)

    def finished_block(self, rows, block):
        return self._mapped(self._source.finished_block(rows, block))


class Assigned(Mapped):
    """A source with columns that functions compute; the others stay what they are."""

    def __init__(self, source, functions):
        super().__init__(source, None)
        self._functions = functions
        if source.columns is not None:
            self._check_new(source.columns)
            self.columns = [*source.columns, *functions]

    def pieces(self):
        for start, piece in self._source.pieces():
            yield start, self._extended(piece, as_chunk(piece, start))

    def _mapped(self, chunk):
        return self._extended(chunk, chunk)

    def _extended(self, piece, chunk):
        self._check_new(kind_of(chunk).names(chunk))
        columns = {
            name: _one_value_a_row(function(chunk), len(chunk), name)
            for name, function in self._functions.items()
        }
        return kind_of(piece).with_columns(piece, columns)

    def _check_new(self, columns):
        if columns is None:
            raise TypeError("assign needs chunks with named columns; these are ndarrays.")
        for name in self._functions:
            if name in columns:
                raise ValueError(
                    f"assign: the table has a column {name!r} already; choose another name."
                )


def _one_value_a_row(values, n_rows, name):
    """Return new values of a column, without an index, or raise a ValueError."""
    values = getattr(values, "array", values)  # by a Series' index, pandas would align it
    if type(values).__module__.partition(".")[0] not in ("pandas", "polars"):
        values = np.asarray(values)
    if values.shape != (n_rows,):
        raise ValueError(
            f"assign: {name} must return one value for each of the {n_rows} rows of a chunk, got "
            f"values of shape {values.shape}. Assign several columns one by one, such as "
            f"`{name}=lambda chunk: function(chunk)[:, 0]`."
        )
    return values
