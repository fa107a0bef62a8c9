"""Tables into files, chunk by chunk, whole or not at all."""

import os
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

from skae.datasets._chunk_kinds import CHUNK_ROWS, ArrowTables, check_names, kind_of
from skae.utils import import_optional, progress


def write_parquet(source, path, verbose):
    """Write the pieces of a source to a Parquet file."""
    parquet = import_optional("pyarrow.parquet", extra="parquet")
    with _whole_file(path, source.paths) as unfinished:
        tables = _gathered(_uniform_tables(_pieces(source, path, verbose)))
        first = next(tables)
        with parquet.ParquetWriter(unfinished, first.schema) as writer:
            for table in chain([first], tables):
                writer.write_table(table)


def write_csv(source, path, verbose):
    """Write the pieces of a source to a CSV file."""
    with (
        _whole_file(path, source.paths) as unfinished,
        open(unfinished, "w", newline="", encoding="utf-8") as file,
    ):
        first = None
        for _, piece in _pieces(source, path, verbose):
            first = piece if first is None else first
            kind_of(piece).write_csv(piece, file, first)


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


def _pieces(source, path, verbose):
    """Yield (start, piece), at least one; show how far it is, where asked to."""
    what, is_empty = f"writing {Path(path).name}", True
    for pair in progress(source.pieces(), source.n_rows, what, verbose, count=_n_rows):
        is_empty = False
        yield pair
    if is_empty:
        raise ValueError(f"The table has no rows: nothing to write to {path}.")


def _n_rows(pair):
    return len(pair[1])


def _uniform_tables(pieces):
    """Yield pyarrow Tables whose columns have the types that the first one has."""
    import pyarrow

    first = schema = None
    for start, piece in pieces:
        first = piece if first is None else first
        try:
            table = kind_of(piece).as_arrow(piece, first)
        except pyarrow.ArrowException as error:  # it names the column
            raise ValueError(f"{_row_range(start, piece)}: {error}") from error
        schema = table.schema if schema is None else schema
        check_names(table.column_names, schema.names, _row_range(start, piece))
        columns = [
            _cast(column, field, _row_range(start, piece))
            for column, field in zip(table.columns, schema, strict=True)
        ]
        yield pyarrow.Table.from_arrays(columns, schema=schema)


def _gathered(tables):
    """Join tables to row groups of up to CHUNK_ROWS: small ones are slow to read."""
    waiting, n_waiting = [], 0
    for table in tables:
        if waiting and n_waiting + len(table) > CHUNK_ROWS:
            yield ArrowTables.concatenate(waiting)
            waiting, n_waiting = [], 0
        waiting.append(table)
        n_waiting += len(table)
    if waiting:
        yield ArrowTables.concatenate(waiting)


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
