"""The table that is read chunk by chunk, and what can be done with it."""

from numbers import Integral

import numpy as np

from skae.datasets._chunk_kinds import CHUNK_ROWS, as_chunk, kind_of
from skae.datasets._mixing import shuffled_blocks
from skae.datasets._sources import Assigned, Mapped, source_of_chunks
from skae.datasets._writing import write_csv, write_parquet


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
        self._source = source_of_chunks(chunks)

    @property
    def n_rows(self):
        """Number of rows, or None while it is unknown."""
        return self._source.n_rows

    @property
    def columns(self):
        """Names of the columns, or None of ndarrays."""
        if self._source.columns is None:
            for _, first in self._source.pieces():
                return kind_of(first).names(first)
            raise ValueError(f"{self!r} has no rows, so its columns are unknown.")
        return self._source.columns

    def __iter__(self):
        for start, piece in self._source.pieces():
            yield as_chunk(piece, start)

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
        return shuffled_blocks(self._source, own_rng, int(block_rows))

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
        return table_of(Assigned(self._source, new_columns))

    def map(self, function):
        """Put every chunk through a function while reading.

        Parameters
        ----------
        function : callable
            Gets a chunk, a DataFrame or an ndarray, and returns a DataFrame or a 2-D ndarray with
            as many rows, such as ``estimator.reconstruct``. What it makes of a row must not depend
            on the other rows of the chunk: when the table is shuffled, these are others.

        Returns
        -------
        ChunkedTable
            A new table; nothing is computed yet.

        Raises
        ------
        TypeError
            If `function` is no function.
        ValueError
            While reading, if the function returns anything else, or other columns than before.

        See Also
        --------
        assign : Adds columns; the others keep their types, of pyarrow too.

        Examples
        --------
        >>> import numpy as np
        >>> from skae.datasets import ChunkedTable
        >>> table = ChunkedTable([np.array([[1.0], [4.0]]), np.array([[9.0]])])
        >>> list(table.map(np.sqrt))
        [array([[1.],
               [2.]]), array([[3.]])]
        """
        if not callable(function):
            raise TypeError(
                f"map: function must be a function of a chunk, got a {type(function).__name__}. "
                "Pass a function such as `estimator.reconstruct`."
            )
        return table_of(Mapped(self._source, function))

    def to_parquet(self, path, *, verbose=False):
        """Write the table to a Parquet file, chunk by chunk, whole or not at all.

        The types of the columns are those of the first chunk. pandas' index is written,
        unless that of the first chunk is a RangeIndex; columns of ndarrays are called x0, x1, ...

        Parameters
        ----------
        path : str or Path
            The file; one that is there is replaced at the very end.
        verbose : bool, default=False
            Whether to show on stderr how far it is.

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
        write_parquet(self._source, path, verbose)

    def to_csv(self, path, *, verbose=False):
        """Write the table to a CSV file, chunk by chunk, whole or not at all.

        pandas' index is written, unless that of the first chunk is a RangeIndex; columns of
        ndarrays are called x0, x1, ...

        Parameters
        ----------
        path : str or Path
            The file; one that is there is replaced at the very end.
        verbose : bool, default=False
            Whether to show on stderr how far it is.

        Raises
        ------
        ValueError
            If there are no rows, or if the table is read from that file.
        OSError
            If the file cannot be written.
        """
        write_csv(self._source, path, verbose)

    def __repr__(self):
        return f"{type(self).__name__}({self._size()})"

    def _size(self):
        n_rows, columns = self.n_rows, self._source.columns
        n_columns = "?" if columns is None else len(columns)
        return f"{'?' if n_rows is None else n_rows} rows x {n_columns} columns"


def table_of(source):
    """Return the table that reads from a source."""
    table = ChunkedTable.__new__(ChunkedTable)
    table._source = source
    return table
