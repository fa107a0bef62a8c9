"""Which rows are anomalies, as a column of the table says."""

import pandas as pd

from skae.cli._report import CommandError, counted
from skae.cli._tables import NA_TEXTS

NORMAL_WORDS = {"0", "false", "no", "normal", "inlier"}
ANOMALY_WORDS = {"true", "yes", "anomaly", "outlier", "abnormal"}
MISSING_WORDS = {text.lower() for text in NA_TEXTS}


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
    codes, values = pd.factorize(column, use_na_sentinel=False)
    words = pd.Series([_word(value) for value in values], dtype=object).iloc[codes]
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
