"""Time by rows, and memory by rows, columns and categories.

The first 10 000 to 10 000 000 rows of a memory map (30 float32 columns) are fitted for two epochs
with batches of 256 rows. Printed are seconds; the slope of their logarithm over that of the rows,
over all sizes and between neighbours: 1 where time grows as the rows do; and the peak of anonymous
memory (RssAnon), torch and scikit-learn included. Then the same of a default fit of two epochs and
`score_samples` of a table of 2 000 columns, for `DenoisingAE` and `MaskedAE`, and of one epoch of a
table with a category of 50 000 values, all of them told apart. Each fit has a process of its own.
Linux only; the file (1.2 GB) goes to the folder for temporary files and is deleted.

    python docs/benchmarks/scaling.py [--quick] [--threads N]
"""

import json
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import _timing
import numpy as np
import pandas as pd
from memmap_fit import N_FEATURES, Peak, write_table

import skae

N_EPOCHS = 2
N_CATEGORIES = 50_000


def by_rows(path, n_rows):
    """Return the seconds of a fit."""
    from fit_speed import fit_skae

    X = np.memmap(path, dtype=np.float32, mode="r").reshape(-1, N_FEATURES)
    fit_skae(X[:10_000], 256, 1)  # what torch does once in a process is no cost of a row
    start = time.perf_counter()
    fit_skae(X[: int(n_rows)], 256, N_EPOCHS)
    return time.perf_counter() - start


def wide(estimator, n_rows):
    """Fit and score a table of 2 000 columns."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(int(n_rows), 20)) @ rng.normal(size=(20, 2_000))
    return fit_and_score(getattr(skae, estimator)(max_epochs=N_EPOCHS), X)


def many_categories(estimator, n_rows):
    """Fit and score a table of a number and a category of 50 000 values."""
    rng = np.random.default_rng(0)
    codes = rng.integers(N_CATEGORIES, size=int(n_rows))
    X = pd.DataFrame({"number": codes % 7 + rng.normal(size=len(codes)), "code": codes.astype(str)})
    params = {"max_epochs": 1, "max_categories": N_CATEGORIES}
    return fit_and_score(getattr(skae, estimator)(**params), X)


def fit_and_score(estimator, X):
    """Return the seconds."""
    start = time.perf_counter()
    estimator.fit(X).score_samples(X)
    return time.perf_counter() - start


WORKS = {"rows": by_rows, "wide": wide, "categories": many_categories}


def work_in_this_process(kind, *args):
    """Do one work; print seconds and megabytes as JSON."""
    warnings.simplefilter("ignore")  # two epochs are few
    peak = Peak()
    peak.start()
    seconds = WORKS[kind](*args)
    peak.done.set()
    print(json.dumps([seconds, peak.peak - peak.idle]))


def in_own_process(*args):
    """Return the seconds and megabytes of one work."""
    command = [sys.executable, __file__, "--work", *map(str, args)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def measure_rows(sizes, rounds):
    """Print seconds, slopes and memory."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "table")
        write_table(path, sizes[-1])
        works = {n: lambda n=n: in_own_process("rows", path, n) for n in sizes}
        results = _timing.interleaved(works, rounds)
    seconds = np.array([np.median(results[n][:, 0]) for n in sizes])
    for n in sizes:
        _timing.report(f"fit of {n:,} × {N_FEATURES}", results[n][:, 0], unit=" s")
        _timing.report(
            f"fit of {n:,} × {N_FEATURES}: peak above idle", results[n][:, 1], unit=" MB"
        )
    logs = np.log(sizes), np.log(seconds)
    slope = np.polyfit(*logs, 1)[0]
    _timing.report("slope of log time over log rows", slope, "0.85 – 1.15", unit="")
    _timing.report("the same between neighbours", np.diff(logs[1]) / np.diff(logs[0]), unit="")


def measure(quick):
    """Print the rows of the table."""
    sizes = [10**4, 10**5] if quick else [10**4, 10**5, 10**6, 10**7]
    measure_rows(sizes, rounds=1 if quick else 3)
    n_rows = 2_000 if quick else 20_000
    for kind, what, estimators in (
        ("wide", "2 000 columns", ("DenoisingAE", "MaskedAE")),
        ("categories", f"{N_CATEGORIES:,} categories", ("DenoisingAE",)),
    ):
        for estimator in estimators:
            n = n_rows if kind == "wide" else 5 * n_rows
            seconds, megabytes = in_own_process(kind, estimator, n)
            _timing.report(f"{estimator}, {n:,} rows, {what}", seconds, unit=" s")
            _timing.report("its peak", megabytes, "≤ 4000 MB", unit=" MB")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        work_in_this_process(*sys.argv[2:])
    else:
        _timing.main(measure, __doc__)
