"""Seconds of processor time that each estimator takes for the digits of scikit-learn, by default.

Each is fitted with its defaults to all 1 797 rows and gives their codes (`CycleGAN`: translates the
digits to inverted ones). To reach: under a minute each. The time is that of the processor, so what
else runs on the machine counts little; set OMP_NUM_THREADS=1, or threads that wait count, too.

    OMP_NUM_THREADS=1 python docs/benchmarks/fit_times.py [--quick] [--only NAME ...]
"""

import argparse
import time
import warnings

import numpy as np
from _data import table_header, table_row
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

import skae
from skae.exceptions import CalibrationWarning

LARGEST = 16
TO_REACH = 60
TRANSLATORS = {"CycleGAN"}


def rows_for(name, X):
    """Return what `fit` takes; a translator gets half of the digits inverted."""
    if name not in TRANSLATORS:
        return X, None
    domains = np.arange(len(X)) % 2
    return np.where(domains[:, None] == 0, X, LARGEST - X), domains


def measure(name, X, params):
    """Return processor seconds of `fit` and of `transform`, and the epochs trained."""
    rows, y = rows_for(name, X)
    estimator = getattr(skae, name)(random_state=0, **params)
    start = time.process_time()
    estimator.fit(rows, y)
    fitted = time.process_time()
    estimator.transform(X)
    return fitted - start, time.process_time() - fitted, estimator.n_iter_


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="two epochs: does it run?")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these estimators")
    options = parser.parse_args()
    warnings.simplefilter("ignore", CalibrationWarning)
    warnings.simplefilter("ignore", ConvergenceWarning)
    X = load_digits().data

    table_header("estimator", "fit s", "transform s", "epochs", "to reach")
    for name in options.only or skae.__all__:
        fit, transform, epochs = measure(name, X, {"max_epochs": 2} if options.quick else {})
        table_row(f"`{name}`", fit, transform, epochs, f"< {TO_REACH}")


if __name__ == "__main__":
    main()
