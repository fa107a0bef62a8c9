"""Tables that are read chunk by chunk, as often as needed, and never loaded whole."""

import os
import sys
from contextlib import contextmanager, nullcontext
from difflib import get_close_matches
from functools import partial
from itertools import chain
from numbers import Integral
from pathlib import Path

import numpy as np

from skae.utils import import_optional

CHUNK_ROWS = 2**16
ACCEPTED = "a pandas or polars DataFrame, a pyarrow Table or RecordBatch, or a 2-D ndarray"
ONE_SHOT = (
    "chunks can be read only once (got a {kind}), but a table is read several times. Pass a "
    "function that starts anew, such as `lambda: pandas.read_csv(path, chunksize=65536)`, or a "
    "list of chunks."
)

# Rows wait in a pool of this many blocks, or slices, until they are drawn into a block.
POOL_BLOCKS = 8
# A block is drawn in this many parts from the pool: more mix better and copy more slowly.
BLOCK_PARTS = 16
# Below this, opening and converting a slice of a row group takes longer than reading it.
SMALLEST_SLICE = 2**13
# Row groups that are read at once, as far as they stay below the number of bytes. Measured: of each
# column, the reader of one holds 2.3 MB (a dictionary, a copy of it and a page), or three times a
# small column.
OPEN_ROW_GROUPS = 8
OPEN_BYTES = 160 * 2**20
COLUMN_BYTES = 5 * 2**19
# Else pyarrow loads the whole row group, compressed, before its first row.
STREAM_BYTES = 2**16


# ---- what a user sees ----


class ChunkedTable:
    """A table that is read chunk by chunk, as often as needed, and never loaded whole.

    Iterating over it gives its chunks in order: DataFrames or ndarrays of 1 to 65 536 rows (larger
    chunks are cut). Chunks of pyarrow come as pandas DataFrames; those without an index of their
    own are numbered by their rows' positions in the table.

    Parameters
    ----------
    chunks : iterable or callable
        Chunks of one kind, with the same columns: pandas or polars DataFrames, pyarrow Tables or
        RecordBatches (with the same types, too) or 2-D ndarrays. Either a list, or an object that
        starts anew with every iteration, or a function without arguments that returns a new
        iterator. Empty chunks are skipped.

    Attributes
    ----------
    n_rows : int or None
        Number of rows; of chunks that are not in a list, None until they were read once.
    columns : list or None
        Names of the columns, for which the first chunk may have to be read; None of ndarrays.

    Raises
    ------
    TypeError
        If `chunks` can be read only once, is a chunk itself, or, once it is read, has anything else
        than chunks.
    ValueError
        While reading, if a chunk does not have the columns of the first one, or if there are not as
        many rows as there were the time before.

    See Also
    --------
    ParquetTable : The table in Parquet files.

    Examples
    --------
    >>> import pandas as pd
    >>> from skae.datasets import ChunkedTable
    >>> table = ChunkedTable([pd.DataFrame({"x": [1, 2]}), pd.DataFrame({"x": [3]})])
    >>> table
    ChunkedTable(3 rows x 1 columns)
    >>> doubled = table.assign(double=lambda chunk: 2 * chunk["x"])
    >>> [list(chunk["double"]) for chunk in doubled]
    [[2, 4], [6]]
    """

    def __init__(self, chunks):
        self._source = _source_of_chunks(chunks)

    @property
    def n_rows(self):
        """Number of rows, or None while it is unknown."""
        return self._source.n_rows

    @property
    def columns(self):
        """Names of the columns, or None of ndarrays."""
        if self._source.columns is None:
            for _, first in self._source.pieces():
                return _kind(first).names(first)
            raise ValueError(f"{self!r} has no rows, so its columns are unknown.")
        return self._source.columns

    def __iter__(self):
        for start, piece in self._source.pieces():
            yield _as_chunk(piece, start)

    def shuffled(self, rng, block_rows=CHUNK_ROWS):
        """Read all rows once in random order, in blocks.

        Rows wait in a pool of 8 blocks (or 65 536 rows, if that is more), from which blocks are
        drawn at random. What enters the pool depends on the source. Chunks in a list: slices from
        anywhere. Parquet files: slices of up to 8 row groups, chosen at random, that are open at
        once (fewer where these take more memory than about 160 MB). Anything else: the chunks in
        their order, so that rows move by about 8 blocks only. So does the order within a row group
        show: of a table sorted by time or label, write row groups that are small against it.

        Parameters
        ----------
        rng : numpy.random.Generator
            Decides the order. It is drawn from during this call only, so that it may be used while
            another thread reads the blocks.
        block_rows : int, default=65536
            Rows of a block; the last one may have fewer. Within a block, the order is not random.

        Returns
        -------
        generator of (rows, block)
            `rows` is an int64 ndarray of positions in the table, `block` a DataFrame or an ndarray
            of these rows.

        Raises
        ------
        TypeError
            If `rng` is no Generator.
        ValueError
            If `block_rows` is not a positive integer.

        Examples
        --------
        >>> import numpy as np
        >>> from skae.datasets import ChunkedTable
        >>> table = ChunkedTable([np.arange(6).reshape(6, 1)])
        >>> for rows, block in table.shuffled(np.random.default_rng(0), block_rows=4):
        ...     assert (rows == block[:, 0]).all()
        ...     print(len(rows))
        4
        2
        """
        if not isinstance(rng, np.random.Generator):
            raise TypeError(
                f"rng must be a numpy.random.Generator, got {rng!r}. "
                "Pass numpy.random.default_rng(seed)."
            )
        if not isinstance(block_rows, Integral) or block_rows < 1:
            raise ValueError(f"block_rows must be a positive integer, got {block_rows!r}.")
        own_rng = np.random.default_rng(rng.integers(2**63, size=4))
        return self._shuffled(own_rng, int(block_rows))

    def _shuffled(self, rng, block_rows):
        slice_rows = min(max(block_rows // 4, SMALLEST_SLICE), CHUNK_ROWS)
        slices = self._source.shuffled_slices(rng, slice_rows)
        for rows, block in _drawn_blocks(slices, rng, block_rows):
            yield rows, self._source.finished_block(rows, block)

    def assign(self, **new_columns):
        """Add columns that are computed chunk by chunk while reading.

        Parameters
        ----------
        **new_columns : callable
            Names, and functions of a chunk that return one value for each of its rows (an array, a
            Series or a list), such as ``score=detector.score_samples``. Each gets the chunk
            without the other new columns.

        Returns
        -------
        ChunkedTable
            A new table; nothing is computed yet.

        Raises
        ------
        TypeError
            If a value is no function, or, while reading, if the chunks are ndarrays.
        ValueError
            If there is a column of that name, or, while reading, if a function does not return one
            value a row.

        Examples
        --------
        >>> import pandas as pd
        >>> from skae.datasets import ChunkedTable
        >>> table = ChunkedTable([pd.DataFrame({"x": [1, 2]})])
        >>> list(table.assign(y=lambda chunk: chunk["x"] ** 2).assign(z=lambda chunk: -chunk["y"]))
        [   x  y  z
         0  1  1 -1
         1  2  4 -4]
        """
        for name, function in new_columns.items():
            if not callable(function):
                raise TypeError(
                    f"assign: {name} must be a function of a chunk, got a {type(function).__name__}"
                    f". Pass a function such as `{name}=detector.score_samples`."
                )
        return _table_of(_AssignedColumns(self._source, new_columns))

    def to_parquet(self, path):
        """Write the table to a Parquet file, chunk by chunk, whole or not at all.

        The types of the columns are those of the first chunk. pandas' index is written, unless it
        is a RangeIndex; columns of ndarrays are called x0, x1, ...

        Parameters
        ----------
        path : str or Path
            The file; one that is there is replaced at the very end.

        Raises
        ------
        ValueError
            If a chunk does not fit the types (the column is named), if there are no rows, or if the
            table is read from that file.
        OSError
            If the file cannot be written.
        MissingDependencyError
            If pyarrow is not installed.
        """
        parquet = import_optional("pyarrow.parquet", extra="parquet")
        with _whole_file(path, self._source.paths) as unfinished:
            tables = _uniform_tables(self._pieces_to_write(path))
            first = next(tables)
            with parquet.ParquetWriter(unfinished, first.schema) as writer:
                for table in chain([first], tables):
                    writer.write_table(table)

    def to_csv(self, path):
        """Write the table to a CSV file, chunk by chunk, whole or not at all.

        pandas' index is written, unless it is a RangeIndex; columns of ndarrays are called x0, x1,
        ...

        Parameters
        ----------
        path : str or Path
            The file; one that is there is replaced at the very end.

        Raises
        ------
        ValueError
            If there are no rows, or if the table is read from that file.
        OSError
            If the file cannot be written.
        """
        with (
            _whole_file(path, self._source.paths) as unfinished,
            open(unfinished, "w", newline="", encoding="utf-8") as file,
        ):
            for start, piece in self._pieces_to_write(path):
                _kind(piece).write_csv(piece, file, header=start == 0)

    def _pieces_to_write(self, path):
        n_rows = 0
        for start, piece in self._source.pieces():
            yield start, piece
            n_rows = start + len(piece)
        if n_rows == 0:
            raise ValueError(f"{self!r} has no rows: nothing to write to {path}.")

    def __repr__(self):
        return f"{type(self).__name__}({self._size()})"

    def _size(self):
        n_rows, columns = self.n_rows, self._source.columns
        n_columns = "?" if columns is None else len(columns)
        return f"{'?' if n_rows is None else n_rows} rows x {n_columns} columns"


class ParquetTable(ChunkedTable):
    """The table in Parquet files, read chunk by chunk; needs pyarrow (``skae[parquet]``).

    Only the footers of the files are read at first; a chunk is read when it is needed.

    Parameters
    ----------
    path : str, Path or list of these
        A file; or a folder, with all files in it and in its folders whose names end in
        ``.parquet``, in the order of their names (those beginning with ``.`` or ``_`` are left
        out). Columns that stand in the names of folders, as in ``year=2024/``, are not read: use
        a ``pyarrow.dataset.Dataset`` for these.
    columns : list, default=None
        Names of the columns to read, in this order; by default all.

    Attributes
    ----------
    n_rows : int
        Number of rows.
    columns : list
        Names of the columns, without pandas' index.

    Raises
    ------
    FileNotFoundError
        If there is no such file or folder, or no Parquet file in the folder.
    ValueError
        If a file is not a readable Parquet file, if the files do not have the same columns, or if
        `columns` has an unknown name.
    MissingDependencyError
        If pyarrow is not installed.

    See Also
    --------
    ChunkedTable : Any other chunks, and what can be done with them.

    Examples
    --------
    >>> import tempfile
    >>> import pandas as pd
    >>> from skae.datasets import ParquetTable
    >>> path = f"{tempfile.mkdtemp()}/table.parquet"
    >>> pd.DataFrame({"x": [1, 2], "y": [3.0, 4.0]}).to_parquet(path)
    >>> [list(chunk["y"]) for chunk in ParquetTable(path, columns=["y"])]
    [[3.0, 4.0]]
    """

    def __init__(self, path, *, columns=None):
        self._path = path
        self._source = _ParquetFiles(_parquet_files(path), columns)

    def __repr__(self):
        path = f"{len(self._path)} paths" if isinstance(self._path, list) else repr(str(self._path))
        return f"ParquetTable({path}, {self._size()}, {len(self._source.files)} files)"


def as_chunked_table(X):
    """Return a table that is read chunk by chunk, if `X` is one or holds one of pyarrow's.

    Parameters
    ----------
    X : object
        Anything.

    Returns
    -------
    ChunkedTable or None
        `X` itself, if it is one; a ChunkedTable that reads from a ``pyarrow.Table``, a
        ``pyarrow.RecordBatch``, a ``pyarrow.dataset.Dataset`` or a ``pyarrow.parquet.ParquetFile``
        (its `n_rows` is known); None for anything else.

    Examples
    --------
    >>> import numpy as np
    >>> from skae.datasets import as_chunked_table
    >>> as_chunked_table(np.zeros((2, 2))) is None
    True
    """
    if isinstance(X, ChunkedTable):
        return X
    if _kind(X) is _ArrowTables:
        return ChunkedTable([X])
    # A module that is not imported cannot have made X.
    dataset, parquet = (sys.modules.get(f"pyarrow.{name}") for name in ("dataset", "parquet"))
    if dataset is not None and isinstance(X, dataset.Dataset):
        return _table_of(_DatasetScan(X))
    if parquet is not None and isinstance(X, parquet.ParquetFile):
        return _table_of(_ParquetFiles([X]))
    return None


def _table_of(source):
    table = ChunkedTable.__new__(ChunkedTable)
    table._source = source
    return table


# ---- where rows come from ----
#
# A source has `columns` and `n_rows` (None while unknown), `paths` (files that it reads), and
#   pieces()                              (start, piece) in the order of the table, up to CHUNK_ROWS
#   shuffled_slices(rng, slice_rows)      (start, piece) in any order that rng decides
#   finished_block(rows, block)           a DataFrame or ndarray, of rows drawn from these slices
# A piece is what the source has (a pyarrow Table stays one), so that nothing is converted in vain.


def _source_of_chunks(chunks):
    if _kind(chunks) is not None or isinstance(chunks, str | os.PathLike):
        raise TypeError(
            "chunks must be a list of chunks or a function that returns an iterator of them, got a "
            f"{type(chunks).__name__}. Pass [chunk] for a table of one chunk; ParquetTable(path) "
            "reads files."
        )
    if isinstance(chunks, list | tuple):
        return _ChunkList(chunks)
    if hasattr(chunks, "__iter__") or hasattr(chunks, "__getitem__"):
        if iter(chunks) is chunks:
            raise TypeError(ONE_SHOT.format(kind=type(chunks).__name__))
        return _ChunkStream(partial(iter, chunks))
    if callable(chunks):
        return _ChunkStream(chunks)
    raise TypeError(
        f"chunks must be a list of chunks or a function that returns an iterator of them, got a "
        f"{type(chunks).__name__}. A chunk is {ACCEPTED}."
    )


class _ChunkStream:
    """Chunks that are read from the first one on, each time."""

    paths = ()
    columns = None
    n_rows = None

    def __init__(self, read):
        self._read = read

    def pieces(self):
        start = 0
        for chunk in _checked(self._read()):
            if self.columns is None:
                self.columns = _kind(chunk).names(chunk)
            for first in range(0, len(chunk), CHUNK_ROWS):
                yield start + first, _take(chunk, slice(first, first + CHUNK_ROWS))
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
        return _as_chunk(block, rows)


class _ChunkList(_ChunkStream):
    """Chunks that are all there, memory maps perhaps."""

    def __init__(self, chunks):
        self._chunks = list(_checked(chunks))
        super().__init__(self._chunks.__iter__)
        self.n_rows = sum(map(len, self._chunks))
        if self._chunks:
            self.columns = _kind(self._chunks[0]).names(self._chunks[0])

    def shuffled_slices(self, rng, slice_rows):
        ends = np.cumsum([len(chunk) for chunk in self._chunks])
        places = [
            (end - len(chunk), chunk, first)
            for end, chunk in zip(ends, self._chunks, strict=True)
            for first in range(0, len(chunk), slice_rows)
        ]
        for place in rng.permutation(len(places)):
            start, chunk, first = places[place]
            yield start + first, _take(chunk, slice(first, first + slice_rows))


class _DatasetScan(_ChunkStream):
    """A pyarrow Dataset, which is only read in its order."""

    def __init__(self, dataset):
        # Read ahead by as little as it takes: consumers have a thread for that.
        settings = {"batch_readahead": 1, "fragment_readahead": 1, "use_threads": False}
        super().__init__(partial(dataset.to_batches, batch_size=CHUNK_ROWS, **settings))
        self.paths = tuple(getattr(dataset, "files", ()))
        self.columns = _ArrowTables.names(dataset.schema.empty_table())
        self.n_rows = dataset.count_rows()


class _AssignedColumns:
    """A source with columns that are computed when a piece is read."""

    def __init__(self, source, new_columns):
        self._source, self._new_columns = source, new_columns
        self.paths = source.paths
        if source.columns is not None:
            self._check_new(source.columns)

    @property
    def n_rows(self):
        return self._source.n_rows

    @property
    def columns(self):
        known = self._source.columns
        return None if known is None else [*known, *self._new_columns]

    def pieces(self):
        for start, piece in self._source.pieces():
            yield start, self._extended(piece, _as_chunk(piece, start))

    def shuffled_slices(self, rng, slice_rows):
        return self._source.shuffled_slices(rng, slice_rows)

    def finished_block(self, rows, block):
        block = self._source.finished_block(rows, block)
        return self._extended(block, block)

    def _extended(self, piece, chunk):
        self._check_new(_kind(chunk).names(chunk))
        columns = {
            name: _one_value_a_row(function(chunk), len(chunk), name)
            for name, function in self._new_columns.items()
        }
        return _kind(piece).with_columns(piece, columns)

    def _check_new(self, columns):
        if columns is None:
            raise TypeError("assign needs chunks with named columns; these are ndarrays.")
        for name in self._new_columns:
            if name in columns:
                raise ValueError(
                    f"assign: the table has a column {name!r} already; choose another name."
                )


# ---- Parquet ----


class _ParquetFiles:
    """Parquet files: paths, or pyarrow's ParquetFile, which is open."""

    def __init__(self, files, columns=None):
        import_optional("pyarrow.parquet", extra="parquet")
        self.files = files
        self.paths = tuple(file for file in files if isinstance(file, Path))
        self._metadata, schemas = zip(*map(_footer, files), strict=True)
        self.columns, self._fields = _columns_to_read(schemas[0], columns, files[0])
        first = _selected(schemas[0], self._fields, columns)
        for file, schema in zip(files[1:], schemas[1:], strict=True):
            _check_schema(_selected(schema, self._fields, columns), first, file)
        self.n_rows = sum(metadata.num_rows for metadata in self._metadata)

    def pieces(self):
        start = 0
        for number in range(len(self.files)):
            for piece in self._read(number, CHUNK_ROWS):
                yield start, piece
                start += len(piece)

    def shuffled_slices(self, rng, slice_rows):
        waiting = self._row_groups()
        waiting = [waiting[place] for place in rng.permutation(len(waiting))]
        n_open = self._n_open()
        opened = []
        try:
            while waiting or opened:
                while waiting and len(opened) < n_open:
                    opened.append(self._row_group(*waiting.pop(), slice_rows))
                turn = rng.integers(len(opened))
                piece = next(opened[turn], None)
                if piece is None:
                    del opened[turn]
                else:
                    yield piece
        finally:
            for row_group in opened:
                row_group.close()

    def finished_block(self, rows, block):
        chunk = _as_chunk(block, rows)
        _release_memory()
        return chunk

    def _row_groups(self):
        """File, number and first row in the table of each row group."""
        row_groups, start = [], 0
        for number, metadata in enumerate(self._metadata):
            for group in range(metadata.num_row_groups):
                row_groups.append((number, group, start))
                start += metadata.row_group(group).num_rows
        return row_groups

    def _n_open(self):
        largest = max(
            (
                metadata.row_group(group).total_byte_size
                for metadata in self._metadata
                for group in range(metadata.num_row_groups)
            ),
            default=0,
        )
        buffers = min(3 * largest, COLUMN_BYTES * len(self._fields))
        return min(max(OPEN_BYTES // max(buffers, 1), 1), OPEN_ROW_GROUPS)

    def _row_group(self, number, group, start, slice_rows):
        for piece in self._read(number, slice_rows, row_groups=[group]):
            yield start, piece
            start += len(piece)

    def _read(self, number, n_rows, row_groups=None):
        import pyarrow

        file, metadata = self.files[number], self._metadata[number]
        with _named_errors(file), _opened(file, metadata) as reader:
            batches = reader.iter_batches(n_rows, row_groups, self._fields, use_threads=False)
            for batch in batches:
                # pyarrow gives the columns in the order of the file
                yield pyarrow.Table.from_batches([batch]).select(self._fields)
        _release_memory()


def _parquet_files(path):
    """All files at a path, or at each path of a list."""
    if isinstance(path, list | tuple):
        if not path:
            raise ValueError("path must be a file, a folder or a list of these; it is empty.")
        return [file for one in path for file in _parquet_files(one)]
    if not isinstance(path, str | os.PathLike):
        raise TypeError(
            "path must be a file, a folder or a list of these, as str or Path, got a "
            f"{type(path).__name__}. ChunkedTable takes chunks, as_chunked_table a pyarrow object."
        )
    path = Path(path)
    if not path.is_dir():
        if not path.exists():
            raise FileNotFoundError(f"There is no file or folder {path}.")
        return [path]
    files = [file for file in sorted(path.rglob("*")) if _is_part(file.relative_to(path), file)]
    if not files:
        raise FileNotFoundError(f"There is no file with a name ending in .parquet in {path}.")
    return files


def _is_part(name, file):
    hidden = any(part.startswith((".", "_")) for part in name.parts)
    return name.suffix.lower() == ".parquet" and not hidden and file.is_file()


def _opened(file, metadata=None):
    """Open a path for reading row groups as streams; an open file is not closed afterwards."""
    if not isinstance(file, Path):
        return nullcontext(file)
    from pyarrow.parquet import ParquetFile

    return ParquetFile(file, metadata=metadata, buffer_size=STREAM_BYTES, pre_buffer=False)


def _release_memory():
    """Give back what pyarrow holds for later: up to 100 MB, and of the thread that calls only."""
    import pyarrow

    pyarrow.default_memory_pool().release_unused()


def _footer(file):
    with _named_errors(file), _opened(file) as reader:
        return reader.metadata, reader.schema_arrow


@contextmanager
def _named_errors(file):
    try:
        yield
    except (OSError, ValueError) as error:  # ArrowInvalid is a ValueError
        if getattr(error, "errno", None) is not None:
            raise  # the system's, which names the file
        raise ValueError(f"{file} is not a readable Parquet file: {error}") from error


def _columns_to_read(schema, wanted, file):
    """Return names of columns in a DataFrame, and names in the file, pandas' index included."""
    repeated = [name for name in schema.names if schema.names.count(name) > 1]
    if repeated:
        raise ValueError(f"{file}: more than one column is called {repeated[0]!r}.")
    in_index = (schema.pandas_metadata or {}).get("index_columns", [])
    in_index = [name for name in schema.names if name in in_index]
    fields = [name for name in schema.names if name not in in_index]
    columns = dict(zip(_ArrowTables.names(schema.empty_table()), fields, strict=True))
    if wanted is None:
        return list(columns), fields + in_index
    _check_wanted(wanted, columns, file)
    return list(wanted), [columns[name] for name in wanted] + in_index


def _selected(schema, fields, wanted):
    """Return the fields that a user wanted, as far as they are there; all if it was none."""
    import pyarrow

    if wanted is None:
        return schema
    return pyarrow.schema([schema.field(name) for name in fields if name in schema.names])


def _check_wanted(wanted, columns, file):
    if isinstance(wanted, str) or len(wanted) == 0:
        raise ValueError(f"columns must be a list of at least one name, or None; got {wanted!r}.")
    for name in wanted:
        if name not in columns:
            close = get_close_matches(str(name), map(str, columns), n=1)
            suggestion = f"; did you mean {close[0]!r}?" if close else "."
            raise ValueError(f"columns: {file} has no column {name!r}{suggestion}")


# ---- chunks of any kind ----


class _Arrays:
    """2-D ndarrays, memory maps too."""

    library, types = "numpy", ("ndarray",)

    @staticmethod
    def names(chunk):
        return None

    @staticmethod
    def take(chunk, rows):
        return chunk[rows]

    @staticmethod
    def concatenate(chunks):
        return np.concatenate(chunks)

    @staticmethod
    def check_alike(chunk, first, where):
        if chunk.shape[1] != first.shape[1]:
            sizes = f"{chunk.shape[1]} columns, the first one {first.shape[1]}"
            raise ValueError(f"{where} has {sizes}; chunks must have the same columns.")

    @staticmethod
    def as_frame(chunk):
        import pandas

        return pandas.DataFrame(chunk, columns=[f"x{column}" for column in range(chunk.shape[1])])

    @classmethod
    def as_arrow(cls, chunk, first):
        return _PandasFrames.as_arrow(cls.as_frame(chunk), cls.as_frame(first))

    @classmethod
    def write_csv(cls, chunk, file, header):
        _PandasFrames.write_csv(cls.as_frame(chunk), file, header)


class _PandasFrames:
    """DataFrames of pandas."""

    library, types = "pandas", ("DataFrame",)

    @staticmethod
    def names(chunk):
        return list(chunk.columns)

    @staticmethod
    def take(chunk, rows):
        return chunk.iloc[rows]

    @staticmethod
    def concatenate(chunks):
        import pandas

        return pandas.concat(chunks)

    @classmethod
    def check_alike(cls, chunk, first, where):
        _check_names(cls.names(chunk), cls.names(first), where)

    @staticmethod
    def with_columns(chunk, columns):
        return chunk.assign(**columns)

    @classmethod
    def as_arrow(cls, chunk, first):
        import pyarrow

        return pyarrow.Table.from_pandas(chunk, preserve_index=cls._has_index(first), nthreads=1)

    @classmethod
    def write_csv(cls, chunk, file, header):
        chunk.to_csv(file, header=header, index=cls._has_index(chunk))

    @staticmethod
    def _has_index(chunk):
        import pandas

        return not isinstance(chunk.index, pandas.RangeIndex)


class _PolarsFrames:
    """DataFrames of polars."""

    library, types = "polars", ("DataFrame",)
    names, check_alike = _PandasFrames.names, _PandasFrames.check_alike
    take = _Arrays.take

    @staticmethod
    def concatenate(chunks):
        import polars

        return polars.concat(chunks, how="vertical_relaxed")

    @staticmethod
    def with_columns(chunk, columns):
        import polars

        return chunk.with_columns(polars.Series(*column) for column in columns.items())

    @staticmethod
    def as_arrow(chunk, first):
        return chunk.to_arrow()

    @staticmethod
    def write_csv(chunk, file, header):
        file.write(chunk.write_csv(include_header=header))


class _ArrowTables:
    """Tables of pyarrow; a user sees them as DataFrames of pandas."""

    library, types = "pyarrow", ("Table", "RecordBatch")

    @staticmethod
    def names(chunk):
        # what is pandas' index is no column, and pandas' names need not be strings
        return list(chunk.slice(0, 0).to_pandas().columns)

    @staticmethod
    def take(chunk, rows):
        return chunk[rows] if isinstance(rows, slice) else chunk.take(rows)

    @staticmethod
    def concatenate(chunks):
        import pyarrow

        return pyarrow.concat_tables(chunks)

    @staticmethod
    def check_alike(chunk, first, where):
        _check_schema(chunk.schema, first.schema, where)

    @staticmethod
    def with_columns(chunk, columns):
        import pyarrow

        for name, values in columns.items():
            chunk = chunk.append_column(name, pyarrow.array(values, from_pandas=True))
        return chunk

    @staticmethod
    def as_arrow(chunk, first):
        return chunk

    @staticmethod
    def write_csv(chunk, file, header):
        # integers with missing cells would come as floats, and only from chunks that have some
        frame = chunk.to_pandas(use_threads=False, integer_object_nulls=True)
        _PandasFrames.write_csv(frame, file, header)


def _kind(chunk):
    """Return the kind of a chunk; None if it is none."""
    for kind in (_Arrays, _PandasFrames, _PolarsFrames, _ArrowTables):
        module = sys.modules.get(kind.library)  # a library that is not imported cannot have made it
        if module is not None and isinstance(chunk, tuple(getattr(module, t) for t in kind.types)):
            return kind if len(chunk.shape) == 2 else None
    return None


def _checked(chunks):
    """Yield the chunks that have rows, if they are chunks and look like the first one."""
    first = None
    for number, chunk in enumerate(chunks):
        where, kind = f"Chunk {number}", _kind(chunk)
        if kind is None:
            shape = f" of shape {chunk.shape}" if isinstance(chunk, np.ndarray) else ""
            got = f"{type(chunk).__name__}{shape}"
            raise TypeError(f"{where} is a {got}; a chunk must be {ACCEPTED}.")
        if len(chunk) == 0:
            continue
        chunk = _as_table(chunk)
        first = chunk if first is None else first
        if kind is not _kind(first):
            got = f"of {kind.library}, the first one of {_kind(first).library}"
            raise TypeError(f"{where} is {got}; chunks must be of one kind.")
        kind.check_alike(chunk, first, where)
        yield chunk


def _as_table(chunk):
    """Return a RecordBatch as a Table; anything else as it is."""
    if type(chunk).__name__ != "RecordBatch":
        return chunk
    import pyarrow

    return pyarrow.Table.from_batches([chunk])


def _check_names(names, expected, where):
    """Raise a ValueError that says how names of columns differ from others."""
    missing = [name for name in expected if name not in names]
    added = [name for name in names if name not in expected]
    if missing:
        raise ValueError(f"{where} lacks the column {missing[0]!r}, which is there before.")
    if added:
        raise ValueError(f"{where} has the column {added[0]!r}, which is not there before.")
    if names != expected:
        raise ValueError(f"{where} has its columns in another order than what comes before.")


def _check_schema(schema, first, where):
    """Raise a ValueError that says how names or types of pyarrow's columns differ from others."""
    _check_names(schema.names, first.names, where)
    for field, expected in zip(schema, first, strict=True):
        if field.type != expected.type:
            types = f"of type {field.type}, and {expected.type} before"
            raise ValueError(f"{where}: column {field.name!r} is {types}. Cast it to one type.")


def _take(chunk, rows):
    """Take rows by positions, which are copied, or by a slice."""
    return _kind(chunk).take(chunk, rows)


def _as_chunk(piece, rows):
    """Return a pyarrow Table as a DataFrame, numbered by `rows` or from there; others as is."""
    if _kind(piece) is not _ArrowTables:
        return piece
    import pandas

    frame = piece.to_pandas(use_threads=False)
    if isinstance(frame.index, pandas.RangeIndex):
        is_start = np.ndim(rows) == 0
        frame.index = pandas.RangeIndex(rows, rows + len(frame)) if is_start else rows
    return frame


def _one_value_a_row(values, n_rows, name):
    """Return new values of a column, without an index, or raise a ValueError."""
    values = getattr(values, "array", values)  # by a Series' index, pandas would align it
    if not hasattr(values, "shape"):
        values = np.asarray(values)
    if values.shape != (n_rows,):
        raise ValueError(
            f"assign: {name} must return one value for each of the {n_rows} rows of a chunk, got "
            f"values of shape {values.shape}. Assign several columns one by one, such as "
            f"`{name}=lambda chunk: function(chunk)[:, 0]`."
        )
    return values


# ---- mixing ----


def _drawn_blocks(slices, rng, block_rows):
    """Draw blocks at random from a pool of parts, to which slices add as they come."""
    part_rows = -(-block_rows // BLOCK_PARTS)
    pool_rows = POOL_BLOCKS * max(block_rows, SMALLEST_SLICE)
    pool, n_waiting = [], 0
    for start, piece in slices:
        pool += _parts(start, piece, rng, part_rows)
        n_waiting += len(piece)
        while n_waiting >= pool_rows:
            yield _drawn_block(pool, rng, block_rows)
            n_waiting -= block_rows
    while pool:
        yield _drawn_block(pool, rng, block_rows)


def _parts(start, piece, rng, part_rows):
    """Deal the rows of a piece to parts; each is a copy, which does not keep the piece alive."""
    order = rng.permutation(len(piece))
    for first in range(0, len(piece), part_rows):
        rows = np.sort(order[first : first + part_rows])  # neighbours are copied faster
        yield start + rows, _take(piece, rows)


def _drawn_block(pool, rng, n_rows):
    """Remove parts from the pool until there are `n_rows` rows, or none left."""
    drawn_rows, drawn = [], []
    while pool and n_rows > 0:
        place = rng.integers(len(pool))
        pool[place], pool[-1] = pool[-1], pool[place]
        rows, part = pool.pop()
        if len(rows) > n_rows:
            pool.append((rows[n_rows:], _take(part, slice(n_rows, None))))
            rows, part = rows[:n_rows], _take(part, slice(n_rows))
        drawn_rows.append(rows)
        drawn.append(part)
        n_rows -= len(rows)
    return np.concatenate(drawn_rows), _kind(drawn[0]).concatenate(drawn)


# ---- writing ----


@contextmanager
def _whole_file(path, sources):
    """Give a path beside the file; it takes the name of the file at the very end, or is removed."""
    path = Path(path).resolve()  # a link stays a link
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; pass the name of a file.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {path.parent} to write {path.name} to.")
    if path.exists() and any(path.samefile(source) for source in sources):
        raise ValueError(f"The table is read from {path}; write it to another file.")
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield unfinished
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def _uniform_tables(pieces):
    """Yield pyarrow Tables whose columns have the types that the first one has."""
    import pyarrow

    first = schema = None
    for start, piece in pieces:
        first = piece if first is None else first
        try:
            table = _kind(piece).as_arrow(piece, first)
        except pyarrow.ArrowException as error:  # it names the column
            raise ValueError(f"{_row_range(start, piece)}: {error}") from error
        schema = table.schema if schema is None else schema
        _check_names(table.column_names, schema.names, _row_range(start, piece))
        columns = [
            _cast(column, field, _row_range(start, piece))
            for column, field in zip(table.columns, schema, strict=True)
        ]
        yield pyarrow.Table.from_arrays(columns, schema=schema)


def _row_range(start, piece):
    return f"The chunk of rows {start} to {start + len(piece) - 1}"


def _cast(column, field, where):
    """Cast a column where nothing is lost; else raise a ValueError that names it."""
    if column.type == field.type:
        return column
    import pyarrow

    try:
        if _may_hold(field.type, column.type):
            return column.cast(field.type)
        reason = ""
    except pyarrow.ArrowInvalid as error:
        reason = f" ({error})"
    raise ValueError(
        f"{where}: column {field.name!r} is of type {column.type} and does not fit {field.type}, "
        f"its type in the first chunk{reason}. Give the column one type in all chunks."
    )


def _may_hold(type_, other):
    """Whether values may be the same in another type, as far as types tell."""
    from pyarrow import types

    if types.is_floating(type_) and types.is_floating(other):
        return type_.bit_width > other.bit_width
    numbers = all(types.is_integer(t) or types.is_floating(t) for t in (type_, other))
    times = types.is_timestamp(type_) and types.is_timestamp(other) and type_.tz == other.tz
    return types.is_null(other) or numbers or times
