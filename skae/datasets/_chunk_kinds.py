"""Chunks of any kind, and what a table needs to do with them."""

import sys

import numpy as np

CHUNK_ROWS = 2**16
ACCEPTED = "a pandas or polars DataFrame, a pyarrow Table or RecordBatch, or a 2-D ndarray"


class Arrays:
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
        return PandasFrames.as_arrow(cls.as_frame(chunk), cls.as_frame(first))

    @classmethod
    def write_csv(cls, chunk, file, first):
        cls.as_frame(chunk).to_csv(file, header=chunk is first, index=False)


class PandasFrames:
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
        check_names(cls.names(chunk), cls.names(first), where)

    @staticmethod
    def with_columns(chunk, columns):
        return chunk.assign(**columns)

    @classmethod
    def as_arrow(cls, chunk, first):
        import pyarrow

        return pyarrow.Table.from_pandas(chunk, preserve_index=cls.has_index(first), nthreads=1)

    @classmethod
    def write_csv(cls, chunk, file, first):
        chunk.to_csv(file, header=chunk is first, index=cls.has_index(first))

    @staticmethod
    def has_index(chunk):
        import pandas

        return not isinstance(chunk.index, pandas.RangeIndex)


class PolarsFrames:
    """DataFrames of polars."""

    library, types = "polars", ("DataFrame",)
    names, check_alike = PandasFrames.names, PandasFrames.check_alike
    take = Arrays.take

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
    def write_csv(chunk, file, first):
        file.write(chunk.write_csv(include_header=chunk is first))


class ArrowTables:
    """Tables of pyarrow; a user sees them as DataFrames of pandas."""

    library, types = "pyarrow", ("Table", "RecordBatch")

    @classmethod
    def names(cls, chunk):
        # what is pandas' index is no column, and pandas' names need not be strings
        return list(cls.as_frame(chunk.slice(0, 0)).columns)

    @staticmethod
    def take(chunk, rows):
        return chunk[rows] if isinstance(rows, slice) else chunk.take(rows)

    @staticmethod
    def concatenate(chunks):
        import pyarrow

        return pyarrow.concat_tables(chunks)

    @staticmethod
    def check_alike(chunk, first, where):
        check_schema(chunk.schema, first.schema, where)

    @staticmethod
    def with_columns(chunk, columns):
        import pyarrow

        for name, values in columns.items():
            chunk = chunk.append_column(name, pyarrow.array(values, from_pandas=True))
        return chunk

    @staticmethod
    def as_frame(chunk):
        # as floats, integers beside a missing cell would lose their last digits
        holed = any(column.null_count and _nullable(column.type) for column in chunk.columns)
        return chunk.to_pandas(use_threads=False, types_mapper=_nullable if holed else None)

    @staticmethod
    def as_arrow(chunk, first):
        return chunk

    @classmethod
    def write_csv(cls, chunk, file, first):
        frame = cls.as_frame(chunk)
        frame.to_csv(file, header=chunk is first, index=PandasFrames.has_index(frame))


def _nullable(type_):
    """Return pandas' type for one of pyarrow's that NumPy has, but not for missing cells."""
    import pandas
    from pyarrow import types

    if types.is_boolean(type_):
        return pandas.BooleanDtype()
    if not types.is_integer(type_):
        return None
    sign = "U" if types.is_unsigned_integer(type_) else ""
    return pandas.api.types.pandas_dtype(f"{sign}Int{type_.bit_width}")


def kind_of(chunk):
    """Return the kind of a chunk; None if it is none."""
    for kind in (Arrays, PandasFrames, PolarsFrames, ArrowTables):
        module = sys.modules.get(kind.library)  # a library that is not imported cannot have made it
        if module is not None and isinstance(chunk, tuple(getattr(module, t) for t in kind.types)):
            return kind if len(chunk.shape) == 2 else None
    return None


def checked(chunks):
    """Yield the chunks that have rows, if they are chunks and look like the first one."""
    first = None
    for number, chunk in enumerate(chunks):
        where, kind = f"Chunk {number}", kind_of(chunk)
        if kind is None:
            raise TypeError(f"{where} is a {type_and_shape(chunk)}; a chunk must be {ACCEPTED}.")
        if len(chunk) == 0:
            continue
        chunk = _as_table(chunk)
        first = chunk if first is None else first
        if kind is not kind_of(first):
            got = f"of {kind.library}, the first one of {kind_of(first).library}"
            raise TypeError(f"{where} is {got}; chunks must be of one kind.")
        kind.check_alike(chunk, first, where)
        yield chunk


def type_and_shape(thing):
    """What an error calls something that is no chunk as it should be."""
    shape = getattr(thing, "shape", None)
    return type(thing).__name__ + ("" if shape is None else f" of shape {shape}")


def _as_table(chunk):
    """Return a RecordBatch as a Table; anything else as it is."""
    if type(chunk).__name__ != "RecordBatch":
        return chunk
    import pyarrow

    return pyarrow.Table.from_batches([chunk])


def check_names(names, expected, where):
    """Raise a ValueError that says how names of columns differ from others."""
    if names == expected:
        return
    missing = [name for name in expected if name not in names]
    added = [name for name in names if name not in expected]
    if missing:
        raise ValueError(f"{where} lacks the column {missing[0]!r}, which is there before.")
    if added:
        raise ValueError(f"{where} has the column {added[0]!r}, which is not there before.")
    raise ValueError(f"{where} has its columns in another order than what comes before.")


def check_schema(schema, first, where):
    """Raise a ValueError that says how names or types of pyarrow's columns differ from others."""
    check_names(schema.names, first.names, where)
    for field, expected in zip(schema, first, strict=True):
        if field.type != expected.type:
            types = f"of type {field.type}, and {expected.type} before"
            raise ValueError(f"{where}: column {field.name!r} is {types}. Cast it to one type.")


def take(chunk, rows):
    """Take rows by positions, which are copied, or by a slice."""
    return kind_of(chunk).take(chunk, rows)


def as_chunk(piece, rows):
    """Return a pyarrow Table as a DataFrame, numbered by `rows` or from there; others as is."""
    if kind_of(piece) is not ArrowTables:
        return piece
    import pandas

    frame = ArrowTables.as_frame(piece)
    if isinstance(frame.index, pandas.RangeIndex):
        is_start = np.ndim(rows) == 0
        frame.index = pandas.RangeIndex(rows, rows + len(frame)) if is_start else rows
    return frame
