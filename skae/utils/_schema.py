"""What is known of the columns of a table: the one description that all rooms share."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

KINDS = ("numeric", "boolean", "categorical", "datetime")


@dataclass(frozen=True, eq=False)
class Column:
    """One column of a table, and how it stands in an encoded row.

    Attributes
    ----------
    name : hashable
        Its label in a data frame, its position in an array.
    kind : {"numeric", "boolean", "categorical", "datetime"}
        What its values are.
    width : int
        Columns that it takes of an encoded row: 1, or more for a datetime (a trend and cycles).
    has_missing : bool
        Whether a cell was missing in training.
    frequencies : ndarray of shape (n_classes,)
        Of a categorical or boolean column: share of each class among the cells that are not
        missing. The classes of a categorical column are its known values and, last, the bucket
        of rare ones, where training had any.
    n_known : int
        Known values of a categorical column.
    n_seen : float
        Cells that the frequencies come from.
    dtype : object
        Type of the column in the data frame that `fit` saw; None for an array.
    """

    name: Hashable
    kind: str
    width: int = 1
    has_missing: bool = False
    frequencies: np.ndarray = field(default_factory=lambda: np.empty(0))
    n_known: int = 0
    n_seen: float = 0.0
    dtype: Any = None

    @property
    def n_classes(self) -> int:
        """Classes of a categorical or boolean column."""
        return len(self.frequencies)

    @property
    def parts(self) -> list[int | str]:
        """Names of what a network sees of it, one a logit or number.

        Positions from 0 on; of a categorical column, the codes of its known values and, where there
        is a bucket of rare ones, ``"other"``. They stay when values become known.
        """
        if self.kind != "categorical":
            return list(range(self.width))
        return [*range(self.n_known), "other"][: self.n_classes]

    @property
    def variance(self) -> float:
        """Variance of a standardised number, or in sum over a trend and cycles once around."""
        return (self.width + 1) / 2  # sine and cosine share one

    @property
    def entropy(self) -> float:
        """Entropy of the classes, in nats: the loss of knowing only how frequent they are."""
        p = self.frequencies[self.frequencies > 0]
        return float(-(p * np.log(p)).sum())


@dataclass(frozen=True, eq=False)
class TableSchema:
    """The columns of a table, in order.

    An encoded row is a row of floats: a scaled number, 0 or 1, the code of a category, or the
    parts of a datetime for each column; NaN for a missing cell.

    Attributes
    ----------
    columns : tuple of Column
        The columns.

    Examples
    --------
    >>> from skae.utils import Column, TableSchema
    >>> schema = TableSchema((Column("when", "datetime", width=3), Column("price", "numeric")))
    >>> schema.n_encoded
    4
    >>> schema.encoded_positions("numeric", "datetime")
    array([0, 1, 2, 3])
    >>> schema.encoded_features
    array([0, 0, 0, 1])
    """

    columns: tuple[Column, ...]

    @property
    def n_features(self) -> int:
        """Columns of the table."""
        return len(self.columns)

    @cached_property
    def encoded_features(self) -> np.ndarray:
        """For each column of an encoded row, the column of the table that it belongs to."""
        return np.repeat(np.arange(self.n_features), [column.width for column in self.columns])

    @cached_property
    def first_parts(self) -> np.ndarray:
        """For each column of the table, the first of its columns in an encoded row."""
        return np.searchsorted(self.encoded_features, np.arange(self.n_features))

    @property
    def n_encoded(self) -> int:
        """Columns of an encoded row."""
        return len(self.encoded_features)

    @property
    def is_plain(self) -> bool:
        """Whether all columns are numbers, none of them missing in training."""
        return all(c.kind == "numeric" and not c.has_missing for c in self.columns)

    @property
    def is_numeric(self) -> bool:
        """Whether all columns are numbers."""
        return all(column.kind == "numeric" for column in self.columns)

    def encoded_positions(self, *kinds: str) -> np.ndarray:
        """Columns of an encoded row that belong to columns of some kinds."""
        chosen = np.array([column.kind in kinds for column in self.columns], dtype=bool)
        return np.flatnonzero(chosen[self.encoded_features])

    def of_kind(self, kind: str) -> list[Column]:
        """Return the columns of a kind, in order."""
        return [column for column in self.columns if column.kind == kind]
