"""The table in Parquet files."""

import os
from contextlib import contextmanager, nullcontext
from pathlib import Path

from skae.datasets._chunk_kinds import CHUNK_ROWS, ArrowTables, as_chunk, check_schema
from skae.datasets._chunked import ChunkedTable
from skae.utils import did_you_mean, import_optional

# Row groups that are read at once, as far as they stay below the number of bytes. Measured: of each
# column, the reader of one holds 2.3 MB (a dictionary, a copy of it and a page), or three times a
# small column.
OPEN_ROW_GROUPS = 8
OPEN_BYTES = 160 * 2**20
COLUMN_BYTES = 5 * 2**19
# Else pyarrow loads the whole row group, compressed, before its first row.
STREAM_BYTES = 2**16


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
        self._source = ParquetFiles(_parquet_files(path), columns)

    def __repr__(self):
        several = isinstance(self._path, list | tuple)
        path = f"{len(self._path)} paths" if several else repr(str(self._path))
        n_files = len(self._source.files)
        return f"ParquetTable({path}, {self._size()}, {n_files} file{'s' * (n_files != 1)})"


class ParquetFiles:
    """Parquet files: paths, or pyarrow's ParquetFile, which is open."""

    def __init__(self, files, columns=None):
        import_optional("pyarrow.parquet", extra="parquet")
        self.files = files
        self.paths = tuple(file for file in files if isinstance(file, Path))
        self._metadata, schemas = zip(*map(_footer, files), strict=True)
        self.columns, self._fields = _columns_to_read(schemas[0], columns, files[0])
        first = _selected(schemas[0], self._fields, columns)
        for file, schema in zip(files[1:], schemas[1:], strict=True):
            check_schema(_selected(schema, self._fields, columns), first, file)
        self.n_rows = sum(metadata.num_rows for metadata in self._metadata)

    def pieces(self):
        start = 0
        for number in range(len(self.files)):
            for piece in self._read(number, CHUNK_ROWS):
                yield start, piece
                start += len(piece)
        _release_memory()

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
        chunk = as_chunk(block, rows)
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
        places = self._row_groups()
        sizes = [self._metadata[file].row_group(group).total_byte_size for file, group, _ in places]
        buffers = min(3 * max(sizes, default=0), COLUMN_BYTES * len(self._fields))
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
    columns = dict(zip(ArrowTables.names(schema.empty_table()), fields, strict=True))
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
            suggestion = did_you_mean(name, columns) or "."
            raise ValueError(f"columns: {file} has no column {name!r}{suggestion}")
