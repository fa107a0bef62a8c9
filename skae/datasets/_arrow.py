"""What pyarrow has, as a table that is read chunk by chunk."""

import sys

from skae.datasets._chunk_kinds import ArrowTables, kind_of
from skae.datasets._chunked import ChunkedTable, table_of
from skae.datasets._parquet import ParquetFiles
from skae.datasets._sources import DatasetScan


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
    if kind_of(X) is ArrowTables:
        return ChunkedTable([X])
    # A module that is not imported cannot have made X.
    dataset, parquet = (sys.modules.get(f"pyarrow.{name}") for name in ("dataset", "parquet"))
    if dataset is not None and isinstance(X, dataset.Dataset):
        return table_of(DatasetScan(X))
    if parquet is not None and isinstance(X, parquet.ParquetFile):
        return table_of(ParquetFiles([X]))
    return None


def check_in_memory(X, who, instead):
    """Refuse a table in chunks where all rows are needed at once.

    Parameters
    ----------
    X : object
        Anything.
    who : str
        What would load it.
    instead : str
        A sentence that says what to do.

    Raises
    ------
    TypeError
        If `X` is read chunk by chunk.
    """
    if as_chunked_table(X) is not None:
        raise TypeError(f"X is a {type(X).__name__}, which {who} would load whole. {instead}")
