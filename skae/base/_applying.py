"""What a fitted auto-encoder does with rows."""

import copy
from contextlib import closing, nullcontext
from functools import partial, wraps

import numpy as np
import torch
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    OutlierMixin,
    TransformerMixin,
)
from sklearn.utils import check_array
from sklearn.utils._param_validation import validate_parameter_constraints
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from skae.base._explaining import explanation
from skae.base._net_holder import NetHolder
from skae.base._tables import check_table
from skae.datasets import as_chunked_table, check_in_memory
from skae.distributions import MixedColumns
from skae.metrics import conformal_p_values, contamination_threshold, false_alarm_threshold
from skae.nn import AlignedProducts, TableInput
from skae.training import EncodedRows, as_float32, map_rows
from skae.utils import (
    FLOAT_TYPES,
    check_count,
    fill_cells,
    frame_library,
    frame_like,
    prefetched,
)


def _a_value_a_row(method):
    """Let a method take a table in chunks: its results, chunk by chunk, are one array."""

    @wraps(method)
    def by_chunks(self, X):
        chunks = as_chunked_table(X)
        if chunks is None:
            return method(self, X)
        check_is_fitted(self)
        with closing(prefetched(chunks)) as read_ahead:
            return np.concatenate([method(self, chunk) for chunk in read_ahead])

    return by_chunks


def _a_table(method):
    """Let a method take a table in chunks: its result is one, computed while it is read."""

    @wraps(method)
    def by_chunks(self, X):
        chunks = as_chunked_table(X)
        if chunks is None:
            return method(self, X)
        check_is_fitted(self)
        return chunks.map(lambda chunk: method(self, chunk))

    return by_chunks


class FittedAutoEncoder(
    NetHolder,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    OutlierMixin,
    BaseEstimator,
):
    """The half of the contract that comes after `fit`.

    Every method takes what `fit` takes: a data frame, an array, or a table in chunks, which is
    read chunk by chunk.
    """

    # ---- transformer ----

    @_a_value_a_row
    def transform(self, X):
        """Encode rows.

        Parameters
        ----------
        X : {DataFrame, array-like, ChunkedTable} of shape (n_samples, n_features)
            Rows in original units.

        Returns
        -------
        ndarray of shape (n_samples, n_components), or a DataFrame after `set_output`
            Codes, of the float type of `X`.
        """
        return self._transformed(self._check_table(X))

    def _transformed(self, table):
        return self._codes(table.encoded(self._encoder)).astype(table.float_type)

    def _codes(self, rows):
        module, likelihood = self._network(rows)
        return self._map(rows, lambda x: self._encoded(module, likelihood, x), self._code_width)

    def inverse_transform(self, X):
        """Decode codes.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_components)
            Codes.

        Returns
        -------
        ndarray or DataFrame of shape (n_samples, n_features)
            Rows in the units that `fit` saw. Of a table of numbers, a DataFrame where `X` is one;
            of any other, a DataFrame with the columns and types that `fit` saw.
        """
        check_is_fitted(self)
        codes = self._check_codes(X)
        decoded = partial(self._decoded, self.module_, self._likelihood)
        return self._table(self._of_codes(codes, decoded), X, codes.dtype)

    def _of_codes(self, codes, function):
        """Encoded rows that a function of tensors makes of codes."""
        rows = EncodedRows(codes, as_float32, False)
        return self._map(rows, function, self._encoder.schema_.n_encoded)

    def _check_codes(self, X):
        """Codes as the decoder takes them, (n_samples, n_columns), of a float type."""
        codes = check_array(X, dtype=FLOAT_TYPES, input_name="X")
        if codes.shape[1] != self._code_width:
            raise ValueError(
                f"X has {codes.shape[1]} columns, but inverse_transform takes codes of "
                f"{self._code_width} columns, as transform returns them "
                f"(n_components_={self.n_components_})."
            )
        return codes

    @_a_table
    def reconstruct(self, X):
        """Encode and decode rows: what the auto-encoder makes of them.

        Parameters
        ----------
        X : {DataFrame, array-like, ChunkedTable} of shape (n_samples, n_features)
            Rows in original units.

        Returns
        -------
        ndarray or DataFrame of shape (n_samples, n_features)
            Rows in original units, none of them missing; a DataFrame where `X` is one, with the
            types that `fit` saw. Of a table in chunks, another one, computed while it is read.
        """
        table = self._check_table(X)
        rows = table.encoded(self._encoder)
        return self._table(self._reconstructed(rows), X, table.float_type)

    @_a_table
    def impute(self, X):
        """Fill missing cells from the rest of their rows.

        Parameters
        ----------
        X : {DataFrame, array-like, ChunkedTable} of shape (n_samples, n_features)
            Rows in original units.

        Returns
        -------
        ndarray, DataFrame or ChunkedTable of shape (n_samples, n_features)
            A copy of `X`, of the same types: numbers of integer columns are rounded, and all are
            within the range that `fit` saw. Cells that are not missing are the same to the last
            bit. Of a table in chunks, another one, filled while it is read.

        See Also
        --------
        MaskedAE : Trained to fill cells, and so the best at it.
        """
        table = self._check_table(X)
        rows = table.encoded(self._encoder)
        encoded = rows.encode(rows.X)
        missing = np.isnan(encoded)[:, self._encoder.schema_.first_parts]
        if not missing.any():
            return copy.copy(X) if frame_library(X) else np.array(table.values)
        rows = EncodedRows(encoded, as_float32, has_missing=True)
        filled = self._table(self._imputed(rows), X, table.float_type)
        return fill_cells(X if frame_library(X) else table.values, filled, missing)

    def _imputed(self, rows):
        """Encoded rows with a value in every cell, within the range of training."""
        # Once: feeding imputed cells back makes them worse (docs/design.md, section 9).
        return np.clip(self._reconstructed(rows), *self._encoder.encoded_range_)

    def _reconstructed(self, rows):
        module, likelihood = self._network(rows)
        return self._map(
            rows,
            lambda x: self._mean(module, likelihood, x),
            self._encoder.schema_.n_encoded,
        )

    def _table(self, encoded, like, dtype):
        """Encoded rows as a table: the one way back, for whatever makes rows.

        Parameters
        ----------
        encoded : ndarray of shape (n_samples, n_encoded)
            Encoded rows.
        like : object
            What the user passed; a DataFrame gives a DataFrame, with the same index. None, where
            rows come from nowhere (samples): what `fit` saw.
        dtype : dtype
            Of an array.

        Returns
        -------
        ndarray or DataFrame of shape (n_samples, n_features)
            Rows in original units.
        """
        encoder, frame = self._encoder, like is None or frame_library(like)
        if encoder.frame_library_ and (frame or not encoder.schema_.is_numeric):
            return encoder.decoded_frame(encoded, like)
        values = encoder.decoded_array(encoded).astype(dtype, copy=False)
        return frame_like(like, values, encoder.column_labels)

    # ---- outlier detector ----

    @_a_value_a_row
    def score_samples(self, X):
        """Score rows by how well they are reconstructed; higher is more normal.

        Parameters
        ----------
        X : {DataFrame, array-like, ChunkedTable} of shape (n_samples, n_features)
            Rows in original units.

        Returns
        -------
        ndarray of float64 of shape (n_samples,)
            Minus the mean over the features of the loss, in scaled units; over those that are not
            missing. A row without any value has score 0: nothing in it is strange. Detectors whose
            score is another say so in their description.
        """
        return self._score(self._check_table(X).encoded(self._encoder))

    def _score(self, rows):
        module, likelihood = self._network(rows)
        losses = self._map(
            rows, lambda x: self._row_loss(module, likelihood, x)[:, None], 1, np.float64
        )
        return -losses[:, 0]

    def _row_loss(self, module, likelihood, x):
        return likelihood.row_loss(module(module.prepare(x)), x)

    def _mean(self, module, likelihood, x):
        return self._decoded(module, likelihood, self._encoded(module, likelihood, x))

    def _encoded(self, module, likelihood, x):
        """Codes of encoded rows, as the decoder takes them."""
        return module.encode(module.prepare(x))

    def _decoded(self, module, likelihood, code):
        return likelihood.mean(module.decode(code))

    def _expected_values(self, module, likelihood, x):
        """What a cell would be if nothing were strange about it."""
        return self._mean(module, likelihood, x)

    def _features_seen(self, inputs):
        """Columns of the table that what the encoder sees stems from."""
        return range(self.n_features_in_) if inputs is None else [i for i, _ in inputs.labels]

    def _by_feature(self, shares, features):
        """Sums of shares whose columns stem from these columns of the table."""
        features = torch.tensor([*features], device=shares.device)
        return shares.new_zeros(len(shares), self.n_features_in_).index_add_(1, features, shares)

    def _shares(self, module, likelihood, x):
        return likelihood.shares(module(module.prepare(x)), x)

    @_a_value_a_row
    def feature_contributions(self, X):
        """Say how much each feature contributes to the score of each row.

        Parameters
        ----------
        X : {DataFrame, array-like, ChunkedTable} of shape (n_samples, n_features)
            Rows in original units.

        Returns
        -------
        ndarray of float64 of shape (n_samples, n_features)
            In the units of the score. Each row sums to its :meth:`score_samples`, less
            `score_baseline_` and the `feature_baselines_` of the cells that are not missing, of
            estimators that have them; the most negative entry is the feature that makes the row an
            outlier. A missing cell contributes 0. The columns are those of the table, whatever
            their kind (`feature_names_in_`).
        """
        rows = self._check_table(X).encoded(self._encoder)
        module, likelihood = self._network(rows)
        return -self._map(
            rows,
            lambda x: self._shares(module, likelihood, x),
            self.n_features_in_,
            np.float64,
        )

    def explain(self, X, n_features=None):
        """Tell what is strange about rows, cell by cell: a table to read.

        Parameters
        ----------
        X : {DataFrame, array-like} of shape (n_samples, n_features)
            Rows in original units; a few, such as those that `predict` flags.
        n_features : int, default=None
            How many cells of each row, those with the largest shares; None for all.

        Returns
        -------
        DataFrame
            The cells of each row, the strangest first, with the columns `column`, `value`,
            `expected` (what the network makes of the row) and `share`: minus the contribution,
            over the sizes of all contributions of the row. They sum to 1 where no cell makes the
            row more normal; one that does has a negative share. The index is that of `X`, so that
            ``loc`` gives one row.

        See Also
        --------
        feature_contributions : The shares as an array, in units of the score.
        """
        check_is_fitted(self)
        check_in_memory(X, "explain", "Pass the rows to explain, as a data frame or an array.")
        if n_features is not None:
            check_count(n_features, "n_features")
        table = self._check_table(X)
        rows = table.encoded(self._encoder)
        module, likelihood = self._network(rows)
        expected = self._map(
            rows,
            lambda x: self._expected_values(module, likelihood, x),
            self._encoder.schema_.n_encoded,
        )
        return explanation(
            table.values,
            self._table(expected, X, table.float_type),
            self.feature_contributions(X),
            self._encoder.column_labels,
            n_features,
        )

    def decision_function(self, X):
        """Score rows relative to the threshold.

        Parameters
        ----------
        X : {DataFrame, array-like, ChunkedTable} of shape (n_samples, n_features)
            Rows in original units.

        Returns
        -------
        ndarray of float64 of shape (n_samples,)
            ``score_samples(X) - offset_``; negative is an outlier.
        """
        return self.score_samples(X) - self.offset_

    def predict(self, X):
        """Tell outliers from normal rows.

        Parameters
        ----------
        X : {DataFrame, array-like, ChunkedTable} of shape (n_samples, n_features)
            Rows in original units.

        Returns
        -------
        ndarray of int of shape (n_samples,)
            -1 for outliers, +1 for normal rows.
        """
        # Not `< 0` for outliers: what has no number as its score is not normal either.
        return np.where(self.decision_function(X) >= 0, 1, -1)

    def p_values(self, X):
        r"""Say how rare scores as low as those of the rows are among normal rows.

        Parameters
        ----------
        X : {DataFrame, array-like, ChunkedTable} of shape (n_samples, n_features)
            Rows in original units.

        Returns
        -------
        ndarray of float64 of shape (n_samples,)
            :math:`(1 + |\{i : c_i \le s\}|) / (m + 1)` for a row of score `s` and the scores
            :math:`c_1 … c_m` of the held-out rows, at most 10 000 of them: a fresh normal row has
            a p-value of at most 0.05, say, with a probability of at most 0.05. Where no row was
            held out, or `contamination` is a share, they are scores of training rows, and p-values
            of fresh rows a little too small. After `partial_fit` they are the last 2 000.

        See Also
        --------
        skae.metrics.conformal_p_values : The formula, and its source.
        """
        return conformal_p_values(self.score_samples(X), *self._calibration.T)

    def set_threshold(self, *, false_alarm_rate=None, contamination=None):
        """Set another threshold than that of `fit`, which stays trained as it is.

        Parameters
        ----------
        false_alarm_rate : float in (0, 1), default=None
            Share of fresh normal rows to flag: as in `fit` under ``contamination="auto"``.
        contamination : float in (0, 0.5], default=None
            Share of the rows behind :meth:`p_values` to flag. Give one of the two.

        Returns
        -------
        self : object
            The estimator, with another `offset_`; its parameters are the same, so that a next
            `fit` sets the threshold that they ask for.

        Warns
        -----
        CalibrationWarning
            If the remembered scores are too few for `false_alarm_rate`.
        """
        check_is_fitted(self)
        given = {"false_alarm_rate": false_alarm_rate, "contamination": contamination}
        given = {name: value for name, value in given.items() if value is not None}
        if len(given) != 1:
            raise ValueError(
                "set_threshold takes one of false_alarm_rate and contamination, but got "
                f"{' and '.join(given) or 'neither'}."
            )
        limits = {name: self._parameter_constraints[name] for name in given}
        validate_parameter_constraints(limits, given, "set_threshold")
        self.offset_ = self._threshold(self._calibration, **{"contamination": "auto", **given})
        return self

    def _threshold(self, scored, contamination, false_alarm_rate=None):
        """Threshold by scores and weights, (n_samples, 2)."""
        scores, weight = scored.T
        if contamination != "auto":
            return contamination_threshold(scores, contamination, weight)
        rate = self.false_alarm_rate if false_alarm_rate is None else false_alarm_rate
        return false_alarm_threshold(scores, rate, weight)

    def score(self, X, y=None, sample_weight=None):
        """Mean of :meth:`score_samples`, so that a grid search needs no scorer.

        It favours larger codes: with as many components as features nothing is lost. To choose
        `n_components`, give the search a scorer of what comes after (the classifier's accuracy), or
        compare at one code size.

        Parameters
        ----------
        X : {DataFrame, array-like, ChunkedTable} of shape (n_samples, n_features)
            Rows in original units.
        y : None
            Ignored; present for scikit-learn.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the mean.

        Returns
        -------
        float
            Higher is better; 0 is perfect for squared, absolute and Huber loss.
        """
        scores = self.score_samples(X)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, scores, ensure_non_negative=True)
        return float(np.average(scores, weights=sample_weight))

    @property
    def _n_features_out(self):
        """Columns of `transform`."""
        return self._code_width

    @property
    def _code_width(self):
        """Columns that the decoder takes."""
        return self.n_components_

    def _check_table(self, X, reset=False):
        if not reset:
            check_is_fitted(self)
        return check_table(self, X, reset)

    def _network(self, rows):
        """Return module and loss; where both never saw a missing cell, those that bear it."""
        module, likelihood = self.module_, self._likelihood
        if not rows.has_missing or module.inputs is not None:
            return module, likelihood
        inputs, likelihood = self._missing_layout()
        inputs = inputs.to(torch.device(self.net_.device))
        return module.with_inputs(inputs), likelihood

    def _missing_layout(self):
        """Return input and loss that take the mean for a missing number, and leave it out."""
        schema = self._encoder.schema_
        # numbers are not embedded: nothing is drawn
        return TableInput(schema, torch.Generator()), MixedColumns(schema, self._likelihood)

    def _map(self, rows, function, n_outputs, dtype=np.float32):
        device = torch.device(self.net_.device)
        with nullcontext() if self.module_.aligns_products else AlignedProducts():
            return map_rows(
                function, self.module_, rows.X, rows.encode, n_outputs, device, dtype=dtype
            )

    def __sklearn_is_fitted__(self):
        return hasattr(self, "offset_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.input_tags.allow_nan = True
        return tags
