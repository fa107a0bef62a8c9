"""Two detectors that everyone knows, on the same rows."""

import numpy as np
import pandas as pd
from pandas.api import types
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

MOST_CATEGORIES = 50
# Share of the variance that PCA keeps.
EXPLAINED = 0.9


def peer_scores(job, scaler, seed):
    """Score the rows of a job by detectors that everyone knows.

    These need numbers: they get categories as one-hot columns, dates as seconds, and the median
    for what is missing.

    Parameters
    ----------
    job : Job
        With its training rows in memory.
    scaler : str or None
        That of the detector, for PCA.
    seed : int
        For both.

    Returns
    -------
    dict
        Names, and scores of shape (n_samples,); lower is stranger.
    """
    encoder = _encoder(job.train)
    train = encoder.fit_transform(job.train)
    forest = IsolationForest(random_state=seed).fit(train)
    pca_error, n_components = _pca_error(train, scaler)
    blocks = [
        (forest.score_samples(rows), -pca_error(rows))
        for rows in (encoder.transform(job.features(chunk)) for chunk in job.chunks)
    ]
    names = "IsolationForest", f"PCA reconstruction error ({n_components} components)"
    return dict(zip(names, map(np.concatenate, zip(*blocks, strict=True)), strict=True))


def _encoder(frame):
    """Return what makes numbers of a table, as a careful user would."""
    is_text = [not _is_number(column) for _, column in frame.items()]
    one_hot = OneHotEncoder(
        handle_unknown="infrequent_if_exist", max_categories=MOST_CATEGORIES, sparse_output=False
    )
    return make_column_transformer(
        (make_pipeline(FunctionTransformer(_as_text), one_hot), frame.columns[is_text]),
        remainder=make_pipeline(FunctionTransformer(_as_numbers), SimpleImputer(strategy="median")),
    )


def _is_number(column):
    return types.is_numeric_dtype(column.dtype) or types.is_datetime64_any_dtype(column.dtype)


def _as_text(frame):
    return frame.astype(str)


def _as_numbers(frame):
    return np.column_stack([_floats(column) for _, column in frame.items()])


def _floats(column):
    if types.is_datetime64_any_dtype(column.dtype):
        epoch = pd.Timestamp(0, tz=column.dt.tz)
        column = (column - epoch).dt.total_seconds()
    return column.to_numpy(np.float64, na_value=np.nan)


def _pca_error(train, scaler):
    """Return a function of rows, their mean squared error under PCA, and its number of axes."""
    from skae.preprocessing import TableScaler  # with torch, as the detector

    scaler = TableScaler(scaler).fit(train)
    with np.errstate(invalid="ignore"):  # the ratio of variances, where every row is the same
        pca = PCA(EXPLAINED, svd_solver="full").fit(scaler.transform(train))

    def error(rows):
        scaled = scaler.transform(rows)
        return np.mean((scaled - pca.inverse_transform(pca.transform(scaled))) ** 2, axis=1)

    return error, pca.n_components_
