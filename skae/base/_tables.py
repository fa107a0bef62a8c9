"""What the user passed as `X`, checked."""

import numpy as np
from sklearn.utils.validation import validate_data

from skae.datasets import as_chunked_table
from skae.preprocessing import check_no_infinity, check_not_empty
from skae.training import EncodedRows, as_float32, fit_encoder
from skae.utils import FLOAT_TYPES, as_pandas, frame_library


class TableInMemory:
    """An array of floats or a data frame.

    Attributes
    ----------
    original : object
        What the user passed.
    values : ndarray or DataFrame
        The table.
    """

    in_chunks = False

    def __init__(self, original, values, has_missing):
        self.original, self.values, self._has_missing = original, values, has_missing

    def __len__(self):
        return len(self.values)

    @property
    def float_type(self):
        """Type of codes and reconstructions: float32 for a table of nothing else."""
        if isinstance(self.values, np.ndarray):
            return self.values.dtype
        types = {str(dtype).lower() for dtype in self.values.dtypes}
        return np.dtype(np.float32 if types == {"float32"} else np.float64)

    def fit(self, encoder, sample_weight, show_progress, further=False):
        """Let an encoder learn from the table; `further`: from more rows of the same table."""
        if not further:  # what the user passed says in which library results are wanted
            encoder.start(self.original if frame_library(self.original) else self.values)
        encoder.add(self.values, sample_weight).finish()

    def encoded(self, encoder):
        """Rows of floats: arrays are encoded when they are read, frames at once."""
        if isinstance(self.values, np.ndarray):
            return EncodedRows(self.values, encoder.encode, self._has_missing)
        encoded = encoder.encode(self.values)
        return EncodedRows(encoded, as_float32, bool(np.isnan(encoded.sum())))


class TableInChunks:
    """A table that is never loaded whole."""

    in_chunks = True

    def __init__(self, original, values):
        self.original, self.values = original, values

    def __len__(self):
        if self.values.n_rows is None:
            return sum(map(len, self.values))
        return self.values.n_rows

    def fit(self, encoder, sample_weight, show_progress, further=False):
        """Let an encoder learn from the table; `further`: from more rows of the same table."""
        fit_encoder(encoder, self.values, sample_weight, show_progress, further)


def check_table(estimator, X, reset):
    """Check what the user passed, as far as it can be without reading a table in chunks.

    Parameters
    ----------
    estimator : estimator
        Whose `n_features_in_` and `feature_names_in_` are set (`reset`) or compared.
    X : object
        The table.
    reset : bool
        Whether this is the first table that the estimator sees.

    Returns
    -------
    TableInMemory or TableInChunks
        The table.
    """
    chunks = as_chunked_table(X)
    if chunks is not None:
        first = next(iter(chunks), None)
        if first is None:
            raise ValueError(f"X has 0 samples: {chunks!r} has no rows. At least 1 is required.")
        validate_data(estimator, first, reset=reset, skip_check_array=True)
        return TableInChunks(X, chunks)
    if frame_library(X):
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        check_not_empty(X)
        return TableInMemory(X, as_pandas(X), None)
    values = _check_numbers(estimator, X, reset)
    return TableInMemory(X, values, check_no_infinity(values, range(values.shape[1])))


def _check_numbers(estimator, X, reset):
    """An array of floats."""
    try:
        return validate_data(estimator, X, reset=reset, dtype=FLOAT_TYPES, ensure_all_finite=False)
    except ValueError as error:
        if "could not convert string" not in str(error):
            raise
        raise ValueError(f"X has text: {error}. Pass a table with text as a data frame.") from None
