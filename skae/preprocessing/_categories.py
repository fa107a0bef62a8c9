"""Values of a categorical column as integer codes."""

import numpy as np
import pandas as pd

# Distinct values that are counted; beyond, the rarer half is forgotten, so that a stream of names
# that never repeat takes no more memory than this.
MOST_COUNTED_VALUES = 500_000


class Categories:
    """The known values of a column, the most frequent first, and a bucket for all others.

    Parameters
    ----------
    missing_marks : collection of str
        Texts that stand for a missing cell, spaces around them aside.

    Attributes
    ----------
    known : Index of shape (n_known,)
        Known values; the code of a value is its position. More rows may add values at the end; no
        code changes its meaning.
    class_weight : ndarray of shape (n_classes,)
        Total weight of the cells of each class: the known values and, last, the bucket, where a
        cell is in it. Its code is ``n_known``.
    """

    parts = ("",)

    def __init__(self, missing_marks):
        self.missing_marks = missing_marks
        self.known = pd.Index([], dtype=object)
        self._values = pd.Index([], dtype=object)
        self._n_rows = self._weight = np.empty(0)

    def add(self, column, sample_weight):
        """Count the cells of a Series in; return which of them are not missing."""
        codes, values = self._factorize(column)
        present = codes >= 0
        codes, sample_weight = codes[present], sample_weight[present]
        new = self._values.get_indexer(values) < 0
        self._values = self._values.append(values[new])
        grown = len(self._values)
        places = self._values.get_indexer(values)[codes]
        self._n_rows = _padded(self._n_rows, grown) + np.bincount(places, minlength=grown)
        self._weight = _padded(self._weight, grown)
        self._weight = self._weight + np.bincount(places, sample_weight, minlength=grown)
        if grown > MOST_COUNTED_VALUES:
            keep = np.argsort(-self._n_rows, kind="stable")[: MOST_COUNTED_VALUES // 2]
            keep = np.union1d(keep, self._values.get_indexer(self.known))
            self._values = self._values[keep]
            self._n_rows, self._weight = self._n_rows[keep], self._weight[keep]
        return present

    def finish(self, max_categories, min_frequency):
        """Decide which values are known: those that were stay, frequent ones join them."""
        order = np.argsort(-self._n_rows, kind="stable")
        order = order[self._n_rows[order] >= min_frequency]
        candidates = self._values[order]
        candidates = candidates[self.known.get_indexer(candidates) < 0]
        room = max(max_categories - len(self.known), 0)
        self.known = self.known.append(candidates[:room])
        places = self._values.get_indexer(self.known)
        others = np.delete(self._weight, places)
        self.class_weight = np.append(self._weight[places], others.sum() if len(others) else [])

    def encode(self, column):
        """Codes of the cells of a Series, as floats; NaN for a missing cell."""
        codes, values = self._factorize(column)
        lookup = self.known.get_indexer(values).astype(float)
        lookup[lookup < 0] = len(self.known)
        return np.append(lookup, np.nan)[codes]  # code -1, missing, takes the last

    def decode(self, codes):
        """Values of codes; NaN where a cell is missing, or in the bucket."""
        values = np.append(self.known.to_numpy(dtype=object), np.nan)
        missing = np.isnan(codes)
        places = np.where(missing, len(self.known), codes).astype(int)
        return values[np.clip(places, 0, len(self.known))]

    def _factorize(self, column):
        """Position of each cell's value among the distinct ones; -1 for a missing cell."""
        codes, values = pd.factorize(column)
        values = pd.Index(values, dtype=object)
        if self.missing_marks:
            marks = [isinstance(v, str) and v.strip() in self.missing_marks for v in values]
            if any(marks):
                places = np.cumsum(~np.array(marks)) - 1
                places[marks] = -1
                codes = np.append(places, -1)[codes]
                values = values[~np.array(marks)]
        return codes, values


class Booleans:
    """False and True as 0 and 1."""

    parts = ("",)

    def __init__(self):
        self.class_weight = np.zeros(2)

    def add(self, column, sample_weight):
        """Count the cells of a Series in; return which of them are not missing."""
        values = self.encode(column)
        present = ~np.isnan(values)
        self.class_weight += np.bincount(
            values[present].astype(int), sample_weight[present], minlength=2
        )
        return present

    def encode(self, column):
        """Cells as floats; NaN where missing."""
        return column.astype("boolean").to_numpy(dtype=float, na_value=np.nan)

    def decode(self, values):
        """Booleans of probabilities; NaN where missing."""
        return np.where(np.isnan(values), np.nan, (values > 0.5).astype(object))


def _padded(values, size):
    return np.pad(values, (0, size - len(values)))
