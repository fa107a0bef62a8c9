"""A table of mixed columns to rows of floats, and back."""

import copy
from numbers import Integral

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_array
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from skae.preprocessing._categories import Booleans, Categories
from skae.preprocessing._columns import (
    ColumnType,
    as_floats,
    check_no_infinity,
    check_not_empty,
    check_unique,
    chosen_columns,
    no_value,
    plain_floats,
)
from skae.preprocessing._datetimes import Datetimes
from skae.preprocessing._scaling import SCALER_NAMES, TableScaler
from skae.utils import (
    FLOAT_TYPES,
    Column,
    TableSchema,
    as_pandas,
    check_weight,
    frame_library,
    in_library,
)

BLOCK_ROWS = 2**16
BLOCK_CELLS = 2**22
MISSING_MARKS = ("?",)
MAX_CATEGORIES = 256
MIN_FREQUENCY = 2


class TableEncoder(TransformerMixin, BaseEstimator):
    """Columns of any kind to columns of floats, and back to the data frame.

    An encoded row has, in the order of the table,

    - for a number its scaled value,
    - for a boolean 0 or 1,
    - for a category its integer code; the code after the last known one is the bucket of rare and
      unseen values,
    - for a datetime a trend (standardised days) and the sine and cosine of its place in the
      year, the week and the day, as far as these vary,

    and NaN where a cell is missing. Networks turn codes into one-hot columns or embeddings
    themselves (:class:`skae.nn.TableInput`).

    Parameters
    ----------
    scaler : {"standard", "minmax", "quantile"} or None, default="standard"
        What is done to numbers; see :class:`TableScaler`. Trends are always standardised.
    categorical_features : "from_dtype" or array-like, default="from_dtype"
        Which columns are categories, beside those that can be nothing else (text, and the dtype
        category of pandas): their names, positions, or a mask over the columns. "from_dtype" adds
        none.
    max_categories : int, default=256
        Values of a categorical column that get a code of their own, the most frequent ones.
    min_frequency : int, default=2
        Rows that a value must stand in to get one.
    missing_marks : tuple of str, default=("?",)
        Texts that stand for a missing cell in columns of text.
    dtype : {np.float32, np.float64}, default=np.float64
        Of the encoded rows. In float32 numbers keep about 7 digits.

    Attributes
    ----------
    schema_ : TableSchema
        The columns, and what was learned of them.
    n_features_in_ : int
        Columns of the table.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, where the table had names.

    Examples
    --------
    >>> import pandas as pd
    >>> from skae.preprocessing import TableEncoder
    >>> colour = pd.Categorical(["red", None, "blue", "red"])
    >>> table = pd.DataFrame({"size": [1, 3, None, 3], "colour": colour})
    >>> encoder = TableEncoder(min_frequency=1).fit(table)
    >>> encoder.transform(table).round(3)
    array([[-1.414,  0.   ],
           [ 0.707,    nan],
           [   nan,  1.   ],
           [ 0.707,  0.   ]])
    >>> encoder.inverse_transform(encoder.transform(table))
       size colour
    0   1.0    red
    1   3.0    NaN
    2   NaN   blue
    3   3.0    red
    """

    _parameter_constraints: dict = {
        "scaler": [StrOptions(set(SCALER_NAMES)), None],
        "categorical_features": [StrOptions({"from_dtype"}), "array-like"],
        "max_categories": [Interval(Integral, 1, None, closed="left")],
        "min_frequency": [Interval(Integral, 1, None, closed="left")],
        "missing_marks": [list, tuple, set, frozenset],
        "dtype": [
            Options(type, set(FLOAT_TYPES)),
            Options(np.dtype, set(map(np.dtype, FLOAT_TYPES))),
        ],
    }

    def __init__(
        self,
        *,
        scaler="standard",
        categorical_features="from_dtype",
        max_categories=MAX_CATEGORIES,
        min_frequency=MIN_FREQUENCY,
        missing_marks=MISSING_MARKS,
        dtype=np.float64,
    ):
        self.scaler = scaler
        self.categorical_features = categorical_features
        self.max_categories = max_categories
        self.min_frequency = min_frequency
        self.missing_marks = missing_marks
        self.dtype = dtype

    # ---- learning ----

    def fit(self, X, y=None, sample_weight=None):
        """Learn kinds, scales, categories and cycles of the columns.

        Parameters
        ----------
        X : {DataFrame of pandas or polars, array-like} of shape (n_samples, n_features)
            The table.
        y : None
            Ignored; present for scikit-learn.
        sample_weight : ndarray of shape (n_samples,), default=None
            Weight 2 counts as the same row twice, but for `min_frequency`, which counts rows. A
            row of weight 0 is no row.

        Returns
        -------
        TableEncoder
            Itself.

        Raises
        ------
        ValueError
            If a column has no value, an infinite one, or several kinds of values; its name is in
            the message.
        """
        vars(self).pop("schema_", None)
        self._validate_params()
        self.start(X)
        return self._add_checked(X, sample_weight)

    def partial_fit(self, X, y=None, sample_weight=None):
        """Learn from more rows: scales follow, new frequent categories get codes after the others.

        Quantiles, and the cycles of datetimes, stay as the first call found them.

        Parameters
        ----------
        X : {DataFrame, array-like} of shape (n_samples, n_features)
            More rows of the same table.
        y : None
            Ignored; present for scikit-learn.
        sample_weight : ndarray of shape (n_samples,), default=None
            As in :meth:`fit`.

        Returns
        -------
        TableEncoder
            Itself.
        """
        if not hasattr(self, "schema_"):
            return self.fit(X, sample_weight=sample_weight)
        self._validate_params()
        return self._add_checked(X, sample_weight)

    def _add_checked(self, X, sample_weight):
        X = self.check(X)
        check_not_empty(X)
        return self.add(X, check_weight(sample_weight, len(X))).finish()

    def start(self, X):
        """Read off the first rows which kinds of columns there are; forget all else.

        Parameters
        ----------
        X : {DataFrame, array-like} of shape (n_samples, n_features)
            Rows, such as the first chunk of a table.

        Returns
        -------
        TableEncoder
            Itself.
        """
        self.frame_library_ = frame_library(X)
        if self.frame_library_ is None:
            X = check_array(X, dtype=FLOAT_TYPES, ensure_all_finite=False)
        else:
            check_not_empty(X)
            check_unique(X.columns)
        validate_data(self, X, reset=True, skip_check_array=True)
        self._polars_schema = dict(X.schema) if self.frame_library_ == "polars" else None
        X = as_pandas(X)
        self._labels = X.columns if self.frame_library_ else pd.RangeIndex(X.shape[1])
        self.names_ = self._labels.tolist()
        self._types = self._column_types(X)
        self._kinds = self._column_kinds()
        self._numeric = np.flatnonzero([kind == "numeric" for kind in self._kinds])
        self._scaler = TableScaler(self.scaler, [self.names_[i] for i in self._numeric])
        self._codecs = {
            i: self._codec(i) for i, kind in enumerate(self._kinds) if kind != "numeric"
        }
        self._n_present = np.zeros(X.shape[1])
        self._missing = np.zeros(X.shape[1], dtype=bool)
        self._finished = False
        return self

    def _column_types(self, X):
        if self.frame_library_ is None:
            return [ColumnType("numeric", "numeric", X.dtype)] * X.shape[1]
        return [ColumnType.of(X.iloc[:, i], name) for i, name in enumerate(self.names_)]

    def _column_kinds(self):
        """Return as what each column is encoded."""
        kinds = [column_type.kind for column_type in self._types]
        names = self.names_ if self.frame_library_ else []
        chosen = chosen_columns(self.categorical_features, names, len(kinds))
        return np.where(chosen, "categorical", kinds).tolist()

    def add(self, X, sample_weight=None):
        """Count rows in; what was learned follows with :meth:`finish`.

        Parameters
        ----------
        X : {DataFrame, ndarray} of shape (n_samples, n_features)
            Rows, as :meth:`check` returns them.
        sample_weight : ndarray of shape (n_samples,), default=None
            Their weights.

        Returns
        -------
        TableEncoder
            Itself.
        """
        X = self._as_table(X)
        if sample_weight is not None:
            sample_weight = np.asarray(sample_weight, dtype=np.float64)
        for rows, block in self._blocks(X):
            weight = None if sample_weight is None else sample_weight[rows]
            if weight is not None and not weight.all():
                block, weight = block[weight > 0], weight[weight > 0]
            if len(block):
                self._add_block(block, weight)
        return self

    def _add_block(self, X, weight):
        numbers, columns = self._read(X)  # all of them, before anything is counted
        present = np.empty(X.shape, dtype=bool)
        present[:, self._numeric] = ~np.isnan(numbers)
        if self._scaler_moves:
            self._scaler.add(numbers, weight)
        weight = np.ones(len(X)) if weight is None else weight
        for i, codec in self._codecs.items():
            present[:, i] = codec.add(columns[i], weight)
        complete = present.all(axis=0)
        self._missing |= ~complete
        self._n_present += weight.sum() if complete.all() else weight @ present

    @property
    def _scaler_moves(self):
        return len(self._numeric) > 0 and (self._scaler.can_move or not self._finished)

    def finish(self):
        """Take over what the added rows said.

        Returns
        -------
        TableEncoder
            Itself.
        """
        if not self._n_present.all():
            raise ValueError(no_value(self.names_[int(np.argmin(self._n_present))]))
        if self._scaler_moves:
            self._scaler.finish()
        for codec in self._codecs.values():
            codec.finish()
        self.schema_ = TableSchema(tuple(self._describe(i) for i in range(len(self.names_))))
        self._finished = True
        return self

    def _codec(self, i):
        """Return what encodes a column that is no number."""
        if self._kinds[i] == "datetime":
            return Datetimes(self.names_[i])
        if self._kinds[i] == "boolean":
            return Booleans()
        return Categories(self.missing_marks, self.max_categories, self.min_frequency)

    def _describe(self, i):
        return Column(
            name=self.names_[i],
            kind=self._kinds[i],
            dtype=self._types[i].dtype if self.frame_library_ else None,
            has_missing=bool(self._missing[i]),
            n_seen=float(self._n_present[i]),
            **(self._codecs[i].learned() if i in self._codecs else {}),
        )

    # ---- encoding ----

    def transform(self, X):
        """Encode rows.

        Parameters
        ----------
        X : {DataFrame, array-like} of shape (n_samples, n_features)
            Rows with the columns that `fit` saw.

        Returns
        -------
        ndarray of shape (n_samples, n_encoded)
            NaN where a cell is missing.

        Raises
        ------
        ValueError
            If a column is new, missing, infinite or of another kind than in `fit`.
        """
        check_is_fitted(self, "schema_")
        return self.encode(self.check(X), self.dtype)

    def encode(self, X, dtype=np.float32):
        """Encode rows as :meth:`check` returns them; see :meth:`transform`."""
        X = self._as_table(X)
        if len(X) <= self._block_rows(X):  # as scoring asks for rows: nothing is copied
            return self._encode_block(X, dtype)
        encoded = np.empty((len(X), self.schema_.n_encoded), dtype=dtype)
        for rows, block in self._blocks(X):
            encoded[rows] = self._encode_block(block, dtype)
        return encoded

    def _encode_block(self, X, dtype):
        numbers, columns = self._read(X)
        if not columns:
            return self._scaler.transform(numbers, dtype)
        encoded = np.empty((len(X), self.schema_.n_encoded), dtype=dtype)
        if len(self._numeric):
            places = self.schema_.encoded_positions("numeric")
            encoded[:, places] = self._scaler.transform(numbers, dtype)
        for i, codec in self._codecs.items():
            encoded[:, self._place(i)] = codec.encode(columns[i])
        return encoded

    def _place(self, i):
        """Where a column of the table stands in an encoded row."""
        first = self.schema_.first_parts[i]
        return slice(first, first + self.schema_.columns[i].width)

    def inverse_transform(self, X):
        """Decode rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_encoded)
            Encoded rows.

        Returns
        -------
        DataFrame or ndarray of shape (n_samples, n_features)
            What `fit` saw: the library, columns, order and types of its data frame. Integers are
            rounded; where a cell is missing and the type cannot say so, the column becomes floats
            (integers) or objects (booleans). A value of the bucket is not known and comes back as
            missing. An array where `fit` saw an array.
        """
        check_is_fitted(self, "schema_")
        X = check_array(X, dtype=FLOAT_TYPES, ensure_all_finite="allow-nan", input_name="X")
        if X.shape[1] != self.schema_.n_encoded:
            raise ValueError(
                f"X has {X.shape[1]} columns, but encoded rows, as transform returns them, have "
                f"{self.schema_.n_encoded}."
            )
        return self.decoded_array(X) if self.frame_library_ is None else self.decoded_frame(X)

    def decoded_array(self, encoded):
        """Decode rows of numbers to an ndarray."""
        decoded = self._decoded_columns(encoded)
        return np.stack(decoded, axis=1).astype(np.float64, copy=False)

    def decoded_frame(self, encoded, like=None):
        """Decode rows to the data frame that `fit` saw, with the library and index of `like`.

        Parameters
        ----------
        encoded : ndarray of shape (n_samples, n_encoded)
            Encoded rows.
        like : DataFrame, default=None
            Anything else is ignored.

        Returns
        -------
        DataFrame of shape (n_samples, n_features)
            See :meth:`inverse_transform`.
        """
        columns = [
            column_type.restore(values)
            for values, column_type in zip(self._decoded_columns(encoded), self._types, strict=True)
        ]
        frame = pd.concat(columns, axis=1)
        frame.columns = self._labels
        library = frame_library(like) or self.frame_library_
        if frame_library(like) == "pandas":
            frame.index = like.index
        return in_library(frame, library, self._polars_schema)

    def _decoded_columns(self, X):
        columns = {i: codec.decode(X[:, self._place(i)]) for i, codec in self._codecs.items()}
        if len(self._numeric):
            numbers = X[:, self.schema_.encoded_positions("numeric")]
            decoded = self._scaler.inverse_transform(numbers)
            columns |= dict(zip(self._numeric.tolist(), decoded.T, strict=True))
        return [columns[i] for i in range(len(self.names_))]

    def matched(self, X, encoded, matching):
        """Return a copy whose way back gives numbers and datetimes as they are in a table.

        Parameters
        ----------
        X : {DataFrame, ndarray} of shape (n_samples, n_features)
            The table, as :meth:`check` returns it.
        encoded : ndarray of shape (n_rows, n_encoded)
            Rows like those that are to be decoded, none of them missing.
        matching : callable
            Called with numbers, or datetimes in microseconds, of the table, NaN where missing, and
            those of `encoded`, in any units; gives an object whose `inverse_transform` makes the
            former of the latter. Both have the shape (n_samples, n_columns).

        Returns
        -------
        TableEncoder
            To decode with only.
        """
        encoder, (numbers, columns) = copy.copy(self), self._read(self._as_table(X))
        if len(self._numeric):
            places = self.schema_.encoded_positions("numeric")
            encoder._scaler = matching(numbers, encoded[:, places])
        encoder._codecs = dict(self._codecs)
        for i, codec in self._codecs.items():
            if isinstance(codec, Datetimes):
                cells = encoded[:, self._place(i)]
                encoder._codecs[i] = codec.matched(columns[i], cells, matching)
        return encoder

    def get_feature_names_out(self, input_features=None):
        """Names of the columns of an encoded row.

        Parameters
        ----------
        input_features : None
            Ignored; present for scikit-learn.

        Returns
        -------
        ndarray of str of shape (n_encoded,)
            The name of the column and, of a datetime, the part.
        """
        check_is_fitted(self, "schema_")
        names = [
            f"{name}_{part}" if part else str(name)
            for i, name in enumerate(self.names_)
            for part in (self._codecs[i].parts if i in self._codecs else ("",))
        ]
        if self.frame_library_ is None:
            names = [f"x{name}" for name in names]
        return np.array(names, dtype=object)

    # ---- what the columns are ----

    def check(self, X):
        """Check names and number of columns; of an array also the values.

        Parameters
        ----------
        X : {DataFrame, array-like} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        DataFrame or ndarray
            What :meth:`add` and :meth:`encode` take.
        """
        if frame_library(X):
            return validate_data(self, X, reset=False, skip_check_array=True)
        X = self._as_table(X)
        X = validate_data(self, X, reset=False, dtype=FLOAT_TYPES, ensure_all_finite=False)
        check_no_infinity(X, range(X.shape[1]))
        return X

    # Affine maps of the columns of an encoded row: x = scale_ * encoded + offset_.

    @property
    def offset_(self):
        """What is subtracted from each column of an encoded row; 0 where nothing is."""
        return self._of_numbers("offset_", 0.0)

    @property
    def scale_(self):
        """What each column of an encoded row is divided by; 1 where nothing is."""
        return self._of_numbers("scale_", 1.0)

    @property
    def constant_(self):
        """Which columns of an encoded row had one value only, among the numbers."""
        return self._of_numbers("constant_", False)

    @property
    def encoded_range_(self):
        """Lowest and highest value of numbers in training, as they stand in an encoded row."""
        low, high = self._of_numbers("low_", -np.inf), self._of_numbers("high_", np.inf)
        if self.scaler == "quantile":  # whose ends are those of training by themselves
            return np.full_like(low, -np.inf), np.full_like(high, np.inf)
        return (low - self.offset_) / self.scale_, (high - self.offset_) / self.scale_

    def _of_numbers(self, name, otherwise):
        values = np.full(self.schema_.n_encoded, otherwise)
        if len(self._numeric):
            values[self.schema_.encoded_positions("numeric")] = getattr(self._scaler, name)
        for i, codec in self._codecs.items():
            if isinstance(codec, Datetimes):
                values[self.schema_.first_parts[i]] = getattr(codec.scaler, name)[0]
        return values

    @property
    def column_labels(self):
        """Labels of the columns in a data frame."""
        if self.frame_library_ is None:
            return np.array([f"x{name}" for name in self.names_], dtype=object)
        return self.names_

    # ---- reading ----

    def _as_table(self, X):
        """Return rows as a DataFrame of pandas or an array, or refuse an array that lacks kinds."""
        X = as_pandas(X)
        if self._codecs and self.frame_library_ and not isinstance(X, pd.DataFrame):
            i = next(iter(self._codecs))
            raise ValueError(
                f"X is no data frame, but column {self.names_[i]!r} was {self._kinds[i]} in the "
                "data frame that fit saw. Pass a data frame with the same columns."
            )
        return X

    @staticmethod
    def _block_rows(X):
        return max(1, min(BLOCK_ROWS, BLOCK_CELLS // max(1, X.shape[1])))

    def _blocks(self, X):
        """Slices, and the rows there."""
        n_rows = self._block_rows(X)
        for start in range(0, len(X), n_rows):
            rows = slice(start, start + n_rows)
            yield rows, X.iloc[rows] if isinstance(X, pd.DataFrame) else X[rows]

    def _read(self, X):
        """Read the numbers of a block, (n_block, n_numeric), and its other columns, as Series."""
        if isinstance(X, pd.DataFrame):
            return self._read_numbers(X), {i: self._column(X, i) for i in self._codecs}
        numbers = X[:, self._numeric] if self._codecs else X
        return numbers, {i: pd.Series(X[:, i]) for i in self._codecs}

    def _read_numbers(self, X):
        numbers = plain_floats(X.iloc[:, self._numeric] if self._codecs else X)
        if numbers is None:
            columns = [as_floats(self._column(X, i)) for i in self._numeric]
            numbers = np.stack(columns, axis=1)
        check_no_infinity(numbers, [self.names_[i] for i in self._numeric])
        return numbers

    def _column(self, X, i):
        return self._types[i].checked(X.iloc[:, i], self.names_[i], self._kinds[i])

    def __sklearn_is_fitted__(self):
        return hasattr(self, "schema_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        return tags
