"""Tables on disk: read and checked, written whole or not at all."""

import csv
import os
import re
from contextlib import contextmanager

import numpy as np
import pandas as pd
from pandas.api import types
from sklearn.utils.fixes import parse_version

from skae.cli._report import CommandError, counted
from skae.datasets import ChunkedTable, ParquetTable
from skae.exceptions import MissingDependencyError
from skae.utils import import_optional, progress

SUFFIXES = (".csv", ".parquet")
NA_TEXTS = ["", "?", "NA", "N/A", "NaN", "nan", "NULL", "null", "None", "none"]
# A Parquet table with more is streamed.
IN_MEMORY_CELLS = 10_000_000
# pandas leaves numbers that no type of NumPy's holds as text.
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
# ISO 8601, which is read in one way only.
DATE = r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?)?"
ZONE = r"(Z|[+-]\d\d:?\d\d)"

# From pandas 3.1 on, floats are read exactly by default, and to ask for it is deprecated.
IS_EXACT = parse_version(pd.__version__) >= parse_version("3.1")
EXACT = {} if IS_EXACT else {"float_precision": "round_trip"}


class Table:
    """A table on disk.

    Parameters
    ----------
    path : Path
        Its name.
    chunks : ChunkedTable
        All columns, as they were read.
    head : DataFrame
        Its first rows; all of them, unless it is streamed.
    is_streamed : bool, default=False
        Whether it is too large to be held in memory.
    dates : dict, default={}
        Columns of text that hold dates, and whether these have a time zone.
    """

    def __init__(self, path, chunks, head, is_streamed=False, dates=()):
        self.path, self.chunks, self.head = path, chunks, head
        self.is_streamed, self.dates = is_streamed, dict(dates)

    @property
    def columns(self):
        """Names of the columns."""
        return list(self.head.columns)

    @property
    def n_rows(self):
        """Number of rows."""
        return self.chunks.n_rows

    def features(self, chunk, names):
        """Return some columns of a chunk as an estimator takes them: dates are dates."""
        frame = chunk[names].copy()
        for name in self.dates.keys() & set(names):
            frame[name] = pd.to_datetime(chunk[name], format="ISO8601", utc=self.dates[name])
        return frame

    def rows(self, names):
        """Return all rows for an estimator: a DataFrame, or a ChunkedTable that is streamed."""
        if self.is_streamed:
            return _parquet(self.path, names)
        return self.features(self.head, names)

    def column(self, name):
        """Return one column of all rows, as it was read."""
        if not self.is_streamed:
            return self.head[name]
        with naming(self.path):
            return pd.concat([chunk[name] for chunk in _parquet(self.path, [name])])


# ---- reading ----


def read_table(path, text_columns=()):
    """Read a table, or raise a CommandError that says in one line what is wrong with it.

    Parameters
    ----------
    path : Path
        A .csv or .parquet file, or a folder of .parquet files.
    text_columns : iterable of str, default=()
        Columns of a CSV file to keep letter by letter.

    Returns
    -------
    Table
        At least one row; every column name is there once.
    """
    is_parquet = _is_parquet(path) or path.is_dir()
    try:
        if path.stat().st_size == 0 and not path.is_dir():
            raise CommandError(f"{path}: the file is empty")
        if not is_parquet:
            _check_suffix(path, path)
        return _read_parquet(path) if is_parquet else _read_csv(path, text_columns)
    except OSError as error:
        raise CommandError(_words(error, path)) from error


def _read_csv(path, text_columns):
    try:
        header, as_text = _checked_header(path), {*text_columns, ""}
        values = [name for name in header if name not in as_text]
        frame = pd.read_csv(
            path,
            header=0,
            names=header,
            index_col=False,  # a row one cell too long would otherwise turn into an index
            dtype={name: str for name in header if name in as_text},
            dtype_backend="numpy_nullable",  # integers beside a missing cell stay integers
            keep_default_na=False,  # "NA" in a column to keep is text
            na_values=dict.fromkeys(values, NA_TEXTS),
            encoding="utf-8-sig",
            skipinitialspace=True,
            low_memory=False,
            **EXACT,
        )
    except UnicodeDecodeError as error:
        raise CommandError(f"{path}: not a text file in UTF-8") from error
    except (csv.Error, pd.errors.ParserError) as error:
        raise CommandError(f"{path}: not readable as CSV: {error}") from error
    _check_has_rows(path, len(frame))
    frame = pd.DataFrame(
        {name: frame[name] if name in as_text else _plain(frame[name]) for name in header}
    )
    zones = {name: _zone(frame[name]) for name in values}
    dates = {name: has_zone for name, has_zone in zones.items() if has_zone is not None}
    return Table(path, ChunkedTable([frame]), frame, dates=dates)


def _checked_header(path):
    """Return the column names, once every row is known to have as many cells.

    pandas pads a short row with NaN, and makes an index of the first column if rows are long.
    """
    with open(path, newline="", encoding="utf-8-sig") as lines:
        reader = csv.reader(lines, strict=True, skipinitialspace=True)
        rows = (row for row in reader if row)
        header = next(rows, [])
        _check_names(path, header)
        if len(header) == 1 and {";", "\t"} & set(header[0]):
            raise CommandError(f"{path}: the header is one cell, {header[0]!r}: no commas in it")
        for row in rows:
            if len(row) != len(header):
                raise CommandError(
                    f"{path}: line {reader.line_num} has {counted(len(row), 'cell')}, "
                    f"the header has {len(header)}"
                )
    return header


def _check_names(path, names):
    if not names:
        raise CommandError(f"{path}: the file is empty")
    repeated = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if repeated:
        raise CommandError(f"{path}: more than one column is called {repeated[0]!r}")


def _check_has_rows(path, n_rows):
    if n_rows == 0:
        raise CommandError(f"{path}: no rows, only a header")


def _plain(column):
    """Return a column of pandas' nullable types as one of NumPy, where that holds it."""
    if column.isna().all():
        return column.astype(object)  # of any type
    if types.is_string_dtype(column.dtype):
        if not all(map(NUMBER.fullmatch, column.dropna().unique())):
            return column
        column = column.map(float, na_action="ignore").astype("Float64")
    if types.is_float_dtype(column.dtype):
        return pd.Series(column.to_numpy(np.float64, na_value=np.nan))
    return column if column.hasnans else column.astype(column.dtype.numpy_dtype)


def _zone(column):
    """Whether the dates in a column of text have a time zone; None where something is no date."""
    if not isinstance(column.dtype, pd.StringDtype):
        return None
    texts = column.dropna().unique()
    for zone in ("", ZONE):
        if all(map(re.compile(DATE + zone).fullmatch, texts)):
            dates = pd.to_datetime(texts, format="ISO8601", utc=bool(zone), errors="coerce")
            return None if dates.isna().any() else bool(zone)
    return None


def _read_parquet(path):
    _require_pyarrow(path)
    try:
        chunks = _parquet(path)
        _check_names(path, chunks.columns)
        _check_has_rows(path, chunks.n_rows)
        is_streamed = chunks.n_rows * len(chunks.columns) > IN_MEMORY_CELLS
        head = next(iter(chunks)) if is_streamed else pd.concat(chunks)
    except ValueError as error:  # which names the file
        raise CommandError(str(error)) from error
    return Table(path, chunks, head, is_streamed)


def _parquet(path, names=None):
    """Return a table in Parquet files, or some of its columns; their names are text."""
    table = ParquetTable(path)
    columns = {str(name): name for name in table.columns}
    if names is not None:
        table = ParquetTable(path, columns=[columns[name] for name in names])
    if all(isinstance(name, str) for name in table.columns):
        return table
    return table.map(lambda chunk: chunk.rename(columns=str))


def _is_parquet(path):
    return path.suffix.lower() == ".parquet"


def _check_suffix(path, where):
    if path.suffix.lower() not in SUFFIXES:
        raise CommandError(f"{where}: the name must end in {' or '.join(SUFFIXES)}")


def _require_pyarrow(where):
    try:
        import_optional("pyarrow", extra="parquet")
    except MissingDependencyError as error:
        raise CommandError(f"{where}: {error}") from error


def _words(error, where):
    """What to say of an OSError; those of skae name the file themselves."""
    return f"{where}: {error.strerror.lower()}" if error.strerror else str(error)


@contextmanager
def naming(path):
    """Add the name of a table to what an estimator says against its values."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise CommandError(f"{path}: {error}") from error


# ---- writing ----


def check_out(path, inputs):
    """Raise a CommandError now if a table could not be written to `path` later.

    Parameters
    ----------
    path : Path
        The file.
    inputs : list of Path
        Files and folders that are read.
    """
    where = f"--out {path}"
    _check_suffix(path, where)
    if path.is_dir():
        raise CommandError(f"{where}: is a directory")
    if not path.parent.is_dir():
        raise CommandError(f"{where}: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise CommandError(f"{where}: no permission to write to {path.parent}")
    if any(path.resolve().is_relative_to(source.resolve()) for source in inputs):
        raise CommandError(f"{where}: would overwrite, or become part of, a table that is read")
    if _is_parquet(path):
        _require_pyarrow(where)


def go_through(chunks, out, show):
    """Read a table chunk by chunk, to the end, and write it if it is to be written.

    Parameters
    ----------
    chunks : ChunkedTable
        The table.
    out : Path or None
        A .csv or .parquet file, which is written whole or not at all.
    show : bool
        Whether to show on stderr how far it is.
    """
    try:
        if out is None:
            for _ in progress(chunks, chunks.n_rows, "scoring", show):
                pass
        elif _is_parquet(out):
            chunks.to_parquet(out, verbose=show)
        else:
            chunks.to_csv(out, verbose=show)
    except OSError as error:  # a full disk
        raise CommandError(_words(error, f"--out {out}")) from error
    except ValueError as error:  # a cell that does not fit the format, a damaged file
        raise CommandError(str(error)) from error
