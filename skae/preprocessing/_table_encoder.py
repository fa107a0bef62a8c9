"""A table of mixed columns to rows of floats, and back."""

from numbers import Integral

import numpy as np
import pandas as pd
from pandas.api import types
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_array, gen_batches
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from skae.preprocessing._categories import Booleans, Categories
from skae.preprocessing._datetimes import Datetimes
from skae.preprocessing._scaling import SCALER_NAMES, TableScaler
from skae.utils import Column, TableSchema, as_pandas, frame_library, in_library

BLOCK_ROWS = 2**16
MISSING_MARKS = ("?",)
MAX_CATEGORIES = 256
MIN_FREQUENCY = 2
FLOAT_TYPES = (np.float64, np.float32)

# What pandas' infer_dtype says of the values of an object column.
_OBJECT_KINDS = {
    "string": "categorical",
    "boolean": "boolean",
    "integer": "numeric",
    "floating": "numeric",
    "mixed-integer-float": "numeric",
    "decimal": "numeric",
    "datetime": "datetime",
    "datetime64": "datetime",
    "date": "datetime",
    "empty": "empty",
}


class TableEncoder(TransformerMixin, BaseEstimator):
    """Columns of any kind to columns of floats, and back to the data frame.

    An encoded row has, in the order of the table,

    - for a number its scaled value,
    - for a boolean 0 or 1,
    - for a category its integer code; the code after the last known one is the bucket of rare and
      unseen values,
    - for a datetime a trend (standardised seconds) and the sine and cosine of its place in the
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
    >>> table = pd.DataFrame({"size": [1, 3, None, 3], "colour": ["red", None, "blue", "red"]})
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
        "dtype": [type, np.dtype],
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
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X, ensure_non_negative=True)
            if not sample_weight.any():
                raise ValueError("sample_weight is zero for every row. At least one has to count.")
        return self.add(X, sample_weight).finish()

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
        validate_data(self, X, reset=True, skip_check_array=True)
        self._polars_schema = getattr(X, "schema", None)  # pandas has none
        X = as_pandas(X)
        self.names_ = list(X.columns) if self.frame_library_ else list(range(X.shape[1]))
        _check_unique(self.names_)
        chosen = self._chosen_categories(X)
        self._kinds = [self._kind(X, i, chosen[i]) for i in range(X.shape[1])]
        self._dtypes = list(X.dtypes) if self.frame_library_ else [None] * X.shape[1]
        self._numeric = np.flatnonzero([kind == "numeric" for kind in self._kinds])
        self._scaler = TableScaler(self.scaler, [self.names_[i] for i in self._numeric])
        self._codecs = {
            i: self._codec(i) for i, kind in enumerate(self._kinds) if kind != "numeric"
        }
        self._n_present = np.zeros(X.shape[1])
        self._missing = np.zeros(X.shape[1], dtype=bool)
        self._finished = False
        return self

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
        X = as_pandas(X)
        for rows in gen_batches(len(X), BLOCK_ROWS):
            weight = None if sample_weight is None else np.asarray(sample_weight, float)[rows]
            block = X.iloc[rows] if isinstance(X, pd.DataFrame) else X[rows]
            if weight is not None and not weight.all():
                block, weight = block[weight > 0], weight[weight > 0]
            if len(block):
                self._add_block(block, weight)
        return self

    def _add_block(self, X, weight):
        numbers = self._numbers(X)
        present = np.empty(X.shape, dtype=bool)
        present[:, self._numeric] = ~np.isnan(numbers)
        if len(self._numeric) and (self._scaler.can_move or not self._finished):
            self._scaler.add(numbers, weight)
        weight = np.ones(len(X)) if weight is None else weight
        for i, codec in self._codecs.items():
            present[:, i] = codec.add(self._column(X, i), weight)
        self._missing |= ~present.all(axis=0)
        self._n_present += (present * weight[:, None]).sum(axis=0)

    def finish(self):
        """Take over what the added rows said.

        Returns
        -------
        TableEncoder
            Itself.
        """
        if not self._n_present.all():
            name = self.names_[int(np.argmin(self._n_present))]
            raise ValueError(
                f"Column {name!r} has no value at all: every cell of it is missing. Leave it out."
            )
        if len(self._numeric) and (self._scaler.can_move or not self._finished):
            self._scaler.finish()
        for codec in self._codecs.values():
            if isinstance(codec, Categories):
                codec.finish(self.max_categories, self.min_frequency)
            elif isinstance(codec, Datetimes):
                codec.finish()
        self.schema_ = TableSchema(tuple(self._describe(i) for i in range(len(self.names_))))
        self._finished = True
        return self

    def _codec(self, i):
        """Return what encodes a column that is no number."""
        if self._kinds[i] == "datetime":
            return Datetimes(self.names_[i])
        return Booleans() if self._kinds[i] == "boolean" else Categories(self.missing_marks)

    def _describe(self, i):
        codec = self._codecs.get(i)
        learned = {}
        if isinstance(codec, Datetimes):
            learned = {"width": len(codec.parts)}
        elif codec is not None:
            weight = codec.class_weight
            n_known = len(weight) if isinstance(codec, Booleans) else len(codec.known)
            learned = {"frequencies": weight / weight.sum(), "n_known": n_known}
        return Column(
            name=self.names_[i],
            kind=self._kinds[i],
            dtype=self._dtypes[i],
            has_missing=bool(self._missing[i]),
            n_seen=float(self._n_present[i]),
            **learned,
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
        X = as_pandas(X)
        if len(X) <= BLOCK_ROWS:
            return self._encode_block(X, dtype)
        encoded = np.empty((len(X), self.schema_.n_encoded), dtype=dtype)
        for rows in gen_batches(len(X), BLOCK_ROWS):
            block = X.iloc[rows] if isinstance(X, pd.DataFrame) else X[rows]
            encoded[rows] = self._encode_block(block, dtype)
        return encoded

    def _encode_block(self, X, dtype):
        numbers = self._numbers(X)
        if not self._codecs:
            return self._scaler.transform(numbers, dtype)
        encoded = np.empty((len(X), self.schema_.n_encoded), dtype=dtype)
        features = self.schema_.encoded_features
        if len(self._numeric):
            encoded[:, np.isin(features, self._numeric)] = self._scaler.transform(numbers, dtype)
        for i, codec in self._codecs.items():
            values = codec.encode(self._column(X, i))
            encoded[:, features == i] = values.reshape(len(X), -1)
        return encoded

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
        """Decode rows to the data frame that `fit` saw, in the library and with the index of `like`.

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
            as_dtype(values, dtype)
            for values, dtype in zip(self._decoded_columns(encoded), self._dtypes, strict=True)
        ]
        frame = pd.concat(columns, axis=1)
        frame.columns = self.names_
        library = frame_library(like) or self.frame_library_
        if frame_library(like) == "pandas":
            frame.index = like.index
        return in_library(frame, library, self._polars_schema)

    def _decoded_columns(self, X):
        features = self.schema_.encoded_features
        numbers = X[:, np.isin(features, self._numeric)]
        columns = {}
        if len(self._numeric):
            columns = dict(
                zip(self._numeric, self._scaler.inverse_transform(numbers).T, strict=True)
            )
        for i, codec in self._codecs.items():
            values = X[:, features == i]
            columns[i] = codec.decode(values if self._kinds[i] == "datetime" else values[:, 0])
        return [columns[i] for i in range(len(self.names_))]

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

    def _of_numbers(self, name, otherwise):
        features = self.schema_.encoded_features
        values = np.full(self.schema_.n_encoded, otherwise)
        if len(self._numeric):
            values[np.isin(features, self._numeric)] = getattr(self._scaler, name)
        for i, codec in self._codecs.items():
            if isinstance(codec, Datetimes):
                values[np.searchsorted(features, i)] = getattr(codec.scaler, name)[0]
        return values

    @property
    def column_labels(self):
        """Labels of the columns in a data frame."""
        if self.frame_library_ is None:
            return np.array([f"x{name}" for name in self.names_], dtype=object)
        return self.names_

    def _chosen_categories(self, X):
        """Mask of the columns that `categorical_features` names."""
        n_features, wanted = X.shape[1], self.categorical_features
        chosen = np.zeros(n_features, dtype=bool)
        if isinstance(wanted, str) and wanted == "from_dtype":
            return chosen
        wanted = np.asarray(wanted)
        if wanted.dtype == bool:
            if wanted.shape != (n_features,):
                raise ValueError(
                    "categorical_features as a mask must have one entry a column, "
                    f"({n_features},). Got shape {wanted.shape} instead."
                )
            return wanted
        for item in wanted.ravel().tolist():
            if self.frame_library_ and item in self.names_:
                chosen[self.names_.index(item)] = True
            elif isinstance(item, int) and 0 <= item < n_features:
                chosen[item] = True
            else:
                raise ValueError(
                    f"categorical_features names {item!r}, which is no column of X. Give names of "
                    f"its columns, positions from 0 to {n_features - 1}, a mask, or 'from_dtype'."
                )
        return chosen

    def _kind(self, X, i, is_category):
        if not isinstance(X, pd.DataFrame):
            return "categorical" if is_category else "numeric"
        kind = kind_of(X.iloc[:, i])
        if kind == "empty":
            raise ValueError(
                f"Column {self.names_[i]!r} has no value at all: every cell of it is missing. "
                "Leave it out."
            )
        if kind is None:
            raise ValueError(
                f"Column {self.names_[i]!r} has the type {_type_of(X.iloc[:, i])}, which is none "
                "of: numbers, booleans, text, categories, datetimes. Convert it or leave it out."
            )
        return "categorical" if is_category else kind

    def _numbers(self, X):
        """Return the numeric columns as an array, (n_samples, n_numeric); NaN where missing."""
        if not isinstance(X, pd.DataFrame):
            return X if not self._codecs else X[:, self._numeric]
        names = [self.names_[i] for i in self._numeric]
        frame = X.iloc[:, self._numeric]
        for name, dtype in zip(names, frame.dtypes, strict=True):
            if not (types.is_numeric_dtype(dtype) or dtype == object):
                self._refuse_kind(frame[name], "numeric")
        try:
            plain = all(isinstance(dtype, np.dtype) and dtype != object for dtype in frame.dtypes)
            numbers = frame.to_numpy() if plain else frame.to_numpy(np.float64, na_value=np.nan)
        except (TypeError, ValueError):
            for name in names:
                if kind_of(frame[name]) not in ("numeric", "boolean", "empty"):
                    self._refuse_kind(frame[name], "numeric")
            raise
        numbers = numbers if numbers.dtype in FLOAT_TYPES else numbers.astype(np.float64)
        check_no_infinity(numbers, names)
        return numbers

    def _column(self, X, i):
        """Return a column that is no number, checked to be of the kind that `fit` saw."""
        if not isinstance(X, pd.DataFrame):
            if self.frame_library_:
                raise ValueError(
                    f"X is an array, but column {self.names_[i]!r} was {self._kinds[i]} in the "
                    "data frame that fit saw. Pass a data frame with the same columns."
                )
            return pd.Series(X[:, i])
        column, expected = X.iloc[:, i], self._kinds[i]
        if column.isna().all():
            return column.astype("datetime64[us]" if expected == "datetime" else object)
        kind = kind_of(column)
        # A category may be of any values, and nothing but text tells where they changed.
        same_type = column.dtype == self._dtypes[i]
        if kind != expected and not (
            expected == "categorical" and (same_type or self._was_number(i, kind))
        ):
            self._refuse_kind(column, expected)
        return column

    def _was_number(self, i, kind):
        """Whether a categorical column holds numbers, now as in `fit`."""
        return kind in ("numeric", "boolean") and types.is_numeric_dtype(self._dtypes[i])

    def _refuse_kind(self, column, expected):
        example = column.dropna().iloc[0]
        raise ValueError(
            f"Column {column.name!r} was {expected} in fit; now it has the type "
            f"{_type_of(column)}, with values such as {str(example)[:40]!r}. Convert it to what "
            "fit saw."
        )

    def __sklearn_is_fitted__(self):
        return hasattr(self, "schema_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        return tags


def kind_of(column):
    """Kind of a Series: one of `KINDS`, "empty" for objects that are all missing, or None."""
    dtype = column.dtype
    if types.is_bool_dtype(dtype) and not isinstance(dtype, pd.CategoricalDtype):
        return "boolean"
    if isinstance(dtype, pd.CategoricalDtype) or isinstance(dtype, pd.StringDtype):
        return "categorical"
    if types.is_numeric_dtype(dtype):
        return None if types.is_complex_dtype(dtype) else "numeric"
    if types.is_datetime64_any_dtype(dtype):
        return "datetime"
    if types.is_string_dtype(dtype) and dtype != object:  # of pyarrow
        return "categorical"
    return _OBJECT_KINDS.get(types.infer_dtype(column, skipna=True)) if dtype == object else None


def _type_of(column):
    if column.dtype != object:
        return str(column.dtype)
    return f"object ({types.infer_dtype(column, skipna=True)})"


def as_dtype(values, dtype):
    """Return decoded values as a Series of the type that `fit` saw, as far as it can hold them."""
    column = pd.Series(values)
    if column.dtype == object and types.is_numeric_dtype(dtype) and not types.is_bool_dtype(dtype):
        column = column.astype(float)  # numbers that were categories
    if types.is_integer_dtype(dtype):
        if column.isna().any() and isinstance(dtype, np.dtype):
            return column
        limits = np.iinfo(getattr(dtype, "numpy_dtype", dtype))
        largest = np.nextafter(float(limits.max), 0) if limits.bits == 64 else limits.max
        return column.round().clip(limits.min, largest).astype(dtype)
    if dtype == bool and column.isna().any():
        return column
    if types.is_datetime64_any_dtype(dtype):
        zone = getattr(dtype, "tz", None)
        column = column if zone is None else column.dt.tz_localize("UTC").dt.tz_convert(zone)
    return column.astype(dtype)


def check_no_infinity(X, names):
    """Return whether a value is NaN; raise a ValueError that names a column with an infinite one."""
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(X.sum()):
            return False
    infinite = np.isinf(X).any(axis=0)
    if infinite.any():
        name = names[int(np.argmax(infinite))]
        raise ValueError(
            f"Input X contains infinity in column {name!r}. Values must be finite, or missing (NaN)."
        )
    return bool(np.isnan(X).any())


def _check_unique(names):
    repeated = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if repeated:
        raise ValueError(f"More than one column of X is called {repeated[0]!r}. Rename it.")
