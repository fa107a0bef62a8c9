"""Tables on disk: read whole and checked, written whole or not at all."""

import csv
import os
import shlex
from difflib import get_close_matches

import numpy as np
import pandas as pd
from sklearn.utils.fixes import parse_version

from skae.cli._report import CommandError, counted
from skae.exceptions import MissingDependencyError
from skae.utils import import_optional

SUFFIXES = (".csv", ".parquet")
NORMAL_WORDS = {"0", "false", "no", "normal", "inlier"}
ANOMALY_WORDS = {"true", "yes", "anomaly", "outlier", "abnormal"}
NA_TEXTS = ["", "NA", "N/A", "NaN", "nan", "NULL", "null", "None", "none"]
MISSING_WORDS = {text.lower() for text in NA_TEXTS}
LARGEST = np.finfo(np.float32).max  # the network works in single precision

# From pandas 3.1 on, floats are read exactly by default, and to ask for it is deprecated.
IS_EXACT = parse_version(pd.__version__) >= parse_version("3.1")
EXACT = {} if IS_EXACT else {"float_precision": "round_trip"}


# ---- reading ----


def read_table(path, text_columns=()):
    """Read a table, or raise a CommandError that says in one line what is wrong with it.

    Parameters
    ----------
    path : Path
        A .csv or .parquet file.
    text_columns : iterable of str, default=()
        Columns of a CSV file to keep letter by letter.

    Returns
    -------
    DataFrame
        At least one row; every column name is there once.
    """
    try:
        with open(path, "rb") as file:
            empty = not file.read(1)
        if empty:
            raise CommandError(f"{path}: the file is empty")
        _check_suffix(path, path)
        frame = _read_parquet(path) if _is_parquet(path) else _read_csv(path, text_columns)
    except OSError as error:
        raise CommandError(f"{path}: {_reason(error)}") from error
    if frame.empty:
        raise CommandError(f"{path}: no rows, only a header")
    return frame


def _read_csv(path, text_columns):
    try:
        header, as_text = _checked_header(path), {*text_columns, ""}
        return pd.read_csv(
            path,
            header=0,
            names=header,
            index_col=False,  # a row one cell too long would otherwise turn into an index
            dtype={name: str for name in header if name in as_text},
            keep_default_na=False,  # "NA" in a column of text is text
            na_values={name: NA_TEXTS for name in header if name not in as_text},
            encoding="utf-8-sig",
            low_memory=False,
            **EXACT,
        )
    except UnicodeDecodeError as error:
        raise CommandError(f"{path}: not a text file in UTF-8") from error
    except (csv.Error, pd.errors.ParserError) as error:
        raise CommandError(f"{path}: not readable as CSV: {error}") from error


def _checked_header(path):
    """Return the column names, once every row is known to have as many cells.

    pandas pads a short row with NaN, and makes an index of the first column if rows are long.
    """
    with open(path, newline="", encoding="utf-8-sig") as lines:
        reader = csv.reader(lines, strict=True)
        rows = (row for row in reader if row)
        header = next(rows, [])
        _check_names(path, header)
        if len(header) == 1 and {";", "\t"} & set(header[0]):
            raise CommandError(f"{path}: the header is one cell, {header[0]!r}: no commas in it")
        for row in rows:
            if len(row) != len(header):
                raise CommandError(
                    f"{path}: line {reader.line_num} has {counted(len(row), 'cell')}, "
                    f"the header has {len(header)}"
                )
    return header


def _check_names(path, names):
    if not names:
        raise CommandError(f"{path}: the file is empty")
    repeated = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if repeated:
        raise CommandError(f"{path}: more than one column is called {repeated[0]!r}")


def _read_parquet(path):
    _require_pyarrow(path)
    try:
        frame = pd.read_parquet(path, engine="pyarrow")
    except ValueError as error:  # ArrowInvalid is one
        raise CommandError(f"{path}: not a readable Parquet file") from error
    frame.columns = frame.columns.map(str)
    _check_names(path, list(frame.columns))
    return frame


def _is_parquet(path):
    return path.suffix.lower() == ".parquet"


def _check_suffix(path, where):
    if path.suffix.lower() not in SUFFIXES:
        raise CommandError(f"{where}: the name must end in {' or '.join(SUFFIXES)}")


def _require_pyarrow(where):
    try:
        import_optional("pyarrow", extra="parquet")
    except MissingDependencyError as error:
        raise CommandError(f"{where}: {error}") from error


def _reason(error):
    return (getattr(error, "strerror", None) or str(error)).lower()


# ---- columns ----


def check_columns(columns, path, wanted, option):
    """Raise a CommandError for the first name `wanted` that is none of the columns."""
    for name in wanted:
        if name not in columns:
            raise CommandError(
                f"{path}: {option}: no column {name!r}{_did_you_mean(name, columns)}"
            )


def _did_you_mean(name, columns):
    lowered = {column.lower(): column for column in columns}
    close = get_close_matches(name.lower(), lowered, n=3, cutoff=0.5)
    suggestion = " or ".join(repr(lowered[match]) for match in close)
    return f"; did you mean {suggestion}?" if close else ""


def numeric_features(frame, path, excluded=()):
    """Return the columns that are not `excluded` as finite float64 numbers.

    Raises a CommandError that names the first column that is anything else.
    """
    names = [name for name in frame.columns if name not in excluded]
    if not names:
        raise CommandError(f"{path}: there is no column left to learn from")
    return pd.DataFrame({name: _numbers(frame[name], path) for name in names}, index=frame.index)


def _numbers(column, path):
    may_be_text = column.dtype == object or isinstance(column.dtype, pd.StringDtype)
    if column.dtype.kind not in "biuf" and not may_be_text:
        _refuse(column, path, f"is not numeric (its type is {column.dtype})")
    values = pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    strange = column[np.isnan(values) & column.notna().to_numpy()]
    if len(strange):
        _refuse(column, path, f"is not numeric (it has {str(strange.iloc[0])[:40]!r})")
    missing = int(np.isnan(values).sum())
    if missing == len(values):
        _refuse(column, path, "has no value at all")
    if missing:
        _refuse(
            column,
            path,
            f"has {counted(missing, 'missing cell')}, which skae cannot learn from yet",
        )
    too_large = int((np.abs(values) > LARGEST).sum())
    if too_large:
        _refuse(column, path, f"has {counted(too_large, 'infinite or huge value')}")
    return values


def _refuse(column, path, problem):
    hint = f"leave it out with --ignore {shlex.quote(column.name)}"
    raise CommandError(f"{path}: column {column.name!r} {problem}; {hint}")


def anomaly_labels(column, path):
    """Read a column of labels.

    Of the two values, the anomaly is the one that is not in `NORMAL_WORDS` or that is in
    `ANOMALY_WORDS`; -1 beside 1, as in scikit-learn; otherwise the rarer one.

    Parameters
    ----------
    column : Series
        Labels of two values.
    path : Path
        The file, for the errors.

    Returns
    -------
    is_anomaly : ndarray of bool
    anomaly : str
        The value that stands for an anomaly.
    """
    words = column.map(_word)
    counts = words.value_counts()
    where = f"{path}: --label: column {column.name!r}"
    if "" in counts:
        raise CommandError(f"{where} has {counted(counts[''], 'missing cell')}")
    if len(counts) != 2:
        shown = ", ".join(repr(word) for word in counts.index[:3])
        more = ", ..." if len(counts) > 3 else ""
        raise CommandError(f"{where} must have two values; it has {len(counts)} ({shown}{more})")
    anomaly = _anomaly_word(counts)
    if anomaly is None:
        raise CommandError(
            f"{where} has {counts.index[0]!r} as often as {counts.index[1]!r}: "
            "which one is an anomaly? Write 1 for it and 0 for the other"
        )
    return (words == anomaly).to_numpy(), anomaly


def _word(value):
    """Write a label in one way: 1, 1.0, "1" and " 1.0" are the same; as are True and "true"."""
    text = str(value).strip().lower()
    if pd.isna(value) or text in MISSING_WORDS:
        return ""
    try:
        return f"{float(text):.15g}"
    except ValueError:
        return text


def _anomaly_word(counts):
    """Choose between the two words of `counts` (sorted, the more frequent one first)."""
    common, rare = counts.index
    if {common, rare} == {"-1", "1"}:
        return "-1"
    by_meaning = [
        word
        for word, other in [(common, rare), (rare, common)]
        if word in ANOMALY_WORDS or other in NORMAL_WORDS
    ]
    if len(by_meaning) == 1:
        return by_meaning[0]
    return rare if counts[rare] < counts[common] else None


# ---- writing ----


def check_out(path, inputs):
    """Raise a CommandError now if a table could not be written to `path` later."""
    where = f"--out {path}"
    _check_suffix(path, where)
    if path.is_dir():
        raise CommandError(f"{where}: is a directory")
    if not path.parent.is_dir():
        raise CommandError(f"{where}: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise CommandError(f"{where}: no permission to write to {path.parent}")
    if any(path.exists() and source.exists() and path.samefile(source) for source in inputs):
        raise CommandError(f"{where}: would overwrite a table that is read")
    if _is_parquet(path):
        _require_pyarrow(where)


def write_table(frame, path):
    """Write a table as .csv or .parquet, whole or not at all.

    The rows go to a file beside `path` that takes its name at the very end.
    """
    path = path.resolve()  # a link stays a link
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        if _is_parquet(path):
            frame.to_parquet(partial, engine="pyarrow")
        else:
            frame.to_csv(partial, index=not isinstance(frame.index, pd.RangeIndex))
        os.replace(partial, path)
    except (OSError, ValueError) as error:  # a full disk, a cell that does not fit the format
        raise CommandError(f"--out {path}: {_reason(error)}") from error
    finally:
        partial.unlink(missing_ok=True)
