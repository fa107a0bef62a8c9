"""False-alarm rate of ``contamination="auto"`` on fresh normal rows; 1 % is promised.

A random half of the normal rows of each table trains (the one-class protocol of protocol.py), and
`predict` flags some of the other half: the share, the mean over seeds, with the number of rows
that the threshold was calibrated on. With fewer than 99 of these the estimator warns that it
cannot keep 1 %, and the table stands apart in the summary. "recall" is the share of the anomalies
that are flagged.

    python docs/benchmarks/threshold.py [--quick] [--tables NAME ...] [--seeds N] [--estimator NAME]
        [--set KEY=VALUE ...] [--jobs N]
"""

import math
import warnings
from functools import partial

import _data
import numpy as np
from sklearn.exceptions import ConvergenceWarning

import skae
from skae.exceptions import CalibrationWarning

ENOUGH_ROWS = 99


def false_alarms(name, X, y, estimator, params, seeds):
    """Return a row: rows to calibrate on, false-alarm rate, recall."""
    protocol = _data.load_protocol()
    shares = []
    for seed in range(seeds):
        train, test, labels = protocol.split(X, y, seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            warnings.simplefilter("ignore", CalibrationWarning)
            detector = getattr(skae, estimator)(**{"random_state": seed, **params}).fit(train)
        flagged = detector.predict(test) == -1
        shares.append((flagged[labels == 0].mean(), flagged[labels == 1].mean()))
    n_held_out = math.ceil(detector.validation_fraction * len(train))
    return name, n_held_out, *np.mean(shares, axis=0), (y == 0).sum()


def main():
    """Print a row a table, then a summary."""
    options = _data.parser(__doc__)
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument(
        "--estimator",
        default="AutoEncoder",
        choices=[name for name in skae.__all__ if name != "CycleGAN"],
    )
    args = options.parse_args()
    params = _data.overrides(args)
    _data.table_header("table", "calibrated on", "false-alarm rate", "recall")
    work = partial(false_alarms, estimator=args.estimator, params=params, seeds=args.seeds)
    results = []
    for row in _data.each_table(work, args):
        *shown, n_normal = row
        _data.table_row(*shown)
        results.append((*shown[1:3], n_normal))
    n_held_out, rate, n_normal = np.transpose(results)
    print()
    _data.table_header("measure", "tables", "mean", "largest", "to reach (mean)")
    for measure, which, to_reach in (
        (f"false-alarm rate, ≥ {ENOUGH_ROWS} rows", n_held_out >= ENOUGH_ROWS, "≤ 0.01"),
        (f"false-alarm rate, < {ENOUGH_ROWS} rows", n_held_out < ENOUGH_ROWS, ""),
        ("false-alarm rate, ≥ 1000 normal rows in the table", n_normal >= 1000, "0.005 – 0.02"),
    ):
        if which.any():
            _data.table_row(measure, which.sum(), rate[which].mean(), rate[which].max(), to_reach)


if __name__ == "__main__":
    main()
