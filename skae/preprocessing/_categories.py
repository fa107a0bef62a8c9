"""Values of a categorical column as integer codes."""

import numpy as np
import pandas as pd

from skae.preprocessing._columns import as_floats

# Distinct values that are counted; beyond, the rarer half is forgotten, so that a stream of names
# that never repeat takes no more memory than this.
MOST_COUNTED_VALUES = 500_000


class Categories:
    """The known values of a column, the most frequent first, and a bucket for all others.

    Parameters
    ----------
    missing_marks : collection of str
        Texts that stand for a missing cell, spaces around them aside.
    max_categories : int
        How many values become known.
    min_frequency : int
        Rows that a value must stand in to become known.

    Attributes
    ----------
    known : Index of shape (n_known,)
        Known values; the code of a value is its position. More rows may add values at the end; no
        code changes its meaning.
    class_weight : ndarray of shape (n_classes,)
        Total weight of the cells of each class: the known values and, last, the bucket, where a
        cell is in it. Its code is ``len(known)``.
    """

    parts = ("",)

    def __init__(self, missing_marks, max_categories, min_frequency):
        self.missing_marks = {mark.strip() for mark in missing_marks}
        self.max_categories, self.min_frequency = max_categories, min_frequency
        self.known = pd.Index([], dtype=object)
        self._values = pd.Index([], dtype=object)
        self._n_rows = self._weight = np.empty(0)
        self._forgotten = 0.0  # weight of the cells whose values are no longer counted

    def add(self, column, sample_weight):
        """Count the cells of a Series in; return which of them are not missing."""
        codes, values = self._factorize(column)
        present = codes >= 0
        codes, sample_weight = codes[present], sample_weight[present]
        places = self._values.get_indexer(values)
        new = places < 0
        places[new] = np.arange(new.sum()) + len(self._values)
        self._values = _joined(self._values, values[new])
        places, size = places[codes], len(self._values)
        self._n_rows = _padded(self._n_rows, size) + np.bincount(places, minlength=size)
        weight = np.bincount(places, sample_weight, minlength=size)
        self._weight = _padded(self._weight, size) + weight
        if size > MOST_COUNTED_VALUES:
            self._forget()
        return present

    def _forget(self):
        """Keep the half of the values that is more frequent, and those that are known."""
        keep = np.argsort(-self._weight, kind="stable")[: MOST_COUNTED_VALUES // 2]
        keep = np.union1d(keep, self._values.get_indexer(self.known))
        self._forgotten += self._weight.sum() - self._weight[keep].sum()
        self._values = self._values[keep]
        self._n_rows, self._weight = self._n_rows[keep], self._weight[keep]

    def finish(self):
        """Decide which values are known: those that were stay, frequent ones join them."""
        order = np.argsort(-self._weight, kind="stable")
        candidates = self._values[order[self._n_rows[order] >= self.min_frequency]]
        candidates = candidates[self.known.get_indexer(candidates) < 0]
        room = max(self.max_categories - len(self.known), 0)
        self.known = _joined(self.known, candidates[:room])
        places = self._values.get_indexer(self.known)
        others = np.delete(self._weight, places)
        in_bucket = [others.sum() + self._forgotten] if len(others) or self._forgotten else []
        self.class_weight = np.append(self._weight[places], in_bucket)

    def learned(self):
        """What a `Column` says of it."""
        frequencies = self.class_weight / self.class_weight.sum()
        return {"frequencies": frequencies, "n_known": len(self.known)}

    def encode(self, column):
        """Codes of the cells of a Series, (n_samples, 1) floats; NaN for a missing cell."""
        codes, values = self._factorize(column)
        lookup = self.known.get_indexer(values).astype(float)
        lookup[lookup < 0] = len(self.known)
        return np.append(lookup, np.nan)[codes, None]  # code -1, missing, takes the last

    def decode(self, encoded):
        """Values of codes, (n_samples,); NaN where a cell is missing, or in the bucket."""
        codes, n_known = encoded[:, 0], len(self.known)
        values = np.append(self.known.to_numpy(dtype=object), np.nan)
        places = np.where(np.isnan(codes), n_known, codes).astype(int)
        return values[np.clip(places, 0, n_known)]

    def _factorize(self, column):
        """Position of each cell's value among the distinct ones; -1 for a missing cell."""
        codes, values = pd.factorize(column)
        values = pd.Index(values, dtype=object)
        is_mark = np.array([isinstance(v, str) and v.strip() in self.missing_marks for v in values])
        if is_mark.any():
            places = np.where(is_mark, -1, np.cumsum(~is_mark) - 1)
            codes, values = np.append(places, -1)[codes], values[~is_mark]
        return codes, values


class Booleans:
    """False and True as 0 and 1."""

    parts = ("",)

    def __init__(self):
        self.class_weight = np.zeros(2)

    def add(self, column, sample_weight):
        """Count the cells of a Series in; return which of them are not missing."""
        values = self.encode(column)[:, 0]
        present = ~np.isnan(values)
        self.class_weight += np.bincount(
            values[present].astype(int), sample_weight[present], minlength=2
        )
        return present

    def finish(self):
        """Nothing is to decide."""

    def learned(self):
        """What a `Column` says of it."""
        return {"frequencies": self.class_weight / self.class_weight.sum(), "n_known": 2}

    def encode(self, column):
        """Cells of a Series, (n_samples, 1) floats; NaN where missing."""
        return as_floats(column)[:, None]

    def decode(self, encoded):
        """Booleans of probabilities, (n_samples,); NaN where missing."""
        values = encoded[:, 0]
        return np.where(np.isnan(values), np.nan, (values > 0.5).astype(object))


def _padded(values, size):
    return np.pad(values, (0, size - len(values)))


def _joined(index, more):
    """Two object indexes as one; pandas' `append` would guess another type."""
    if not len(more):
        return index
    return pd.Index(np.concatenate([index.to_numpy(), more.to_numpy()]), dtype=object)
