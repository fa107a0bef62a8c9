"""Held-out error of `AutoEncoder` with default parameters, relative to PCA with as many components.

Every table of adbench with at least 200 rows (`load_table` of protocol.py: at most 10 000 of
them), 70 % to train on (seed 0), columns standardised with the training rows; code sizes of a
quarter and a half of the columns. The error is the mean squared one over the held-out 30 %. To
reach: at most 1.001 x PCA + 1e-6 everywhere, and a median ratio of at most 0.75. No table is left
out, also where one extreme row makes most of the error.

    python docs/benchmarks/pca_ratio.py [--quick] [--tables NAME ...] [--set KEY=VALUE ...]
        [--jobs N]
"""

import time
import warnings
from functools import partial

import _data
import numpy as np
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skae import AutoEncoder
from skae.exceptions import CalibrationWarning

COLUMNS = ("table", "rows", "columns", "code", "PCA", "AutoEncoder", "ratio", "seconds", "epochs")


def compare(name, X, y, params):
    """Return a row for each code size."""
    train, test = train_test_split(X, test_size=0.3, random_state=0)
    scaler = StandardScaler().fit(train)
    train, test = scaler.transform(train), scaler.transform(test)
    n_features = X.shape[1]
    sizes = sorted({max(1, n_features // 4), max(1, n_features // 2)})
    return [(name, len(X), n_features, k, *errors(train, test, k, params)) for k in sizes]


def errors(train, test, n_components, params):
    """Errors of PCA and AutoEncoder; seconds and epochs of the fit."""
    pca = PCA(min(n_components, *train.shape)).fit(train)
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", CalibrationWarning)
        estimator = AutoEncoder(n_components, **{"random_state": 0, **params}).fit(train)
    seconds = time.perf_counter() - start
    pca_error = np.square(pca.inverse_transform(pca.transform(test)) - test).mean()
    error = np.square(estimator.reconstruct(test) - test).mean()
    return pca_error, error, seconds, estimator.n_iter_


def main():
    """Print a row a table and code size, then a summary."""
    args = _data.parser(__doc__).parse_args()
    _data.table_header(*COLUMNS)
    all_errors, total = [], 0.0
    work = partial(compare, params=_data.overrides(args))
    for rows in _data.each_table(work, args, min_rows=200):
        for *table, pca_error, error, seconds, epochs in rows:
            _data.table_row(*table, pca_error, error, error / pca_error, seconds, epochs)
            all_errors.append((pca_error, error))
            total += seconds
    pca_error, error = np.transpose(all_errors)
    ratio = error / pca_error
    worse = int((error > 1.001 * pca_error + 1e-6).sum())
    print()
    _data.table_header("measure", f"over {len(ratio)} fits", "to reach")
    _data.table_row("median ratio", np.median(ratio), "≤ 0.75")
    _data.table_row("largest ratio", ratio.max(), "")
    _data.table_row("above 1.001 x PCA + 1e-6", worse, "0")
    _data.table_row("seconds of all fits", total, "")


if __name__ == "__main__":
    main()
