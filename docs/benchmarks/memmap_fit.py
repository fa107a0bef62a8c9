"""Memory and time of a fit on a table of 5 000 000 x 30 float32 read from a memory map.

A thread reads RssAnon (memory that is not pages of a file) from /proc/self/status while `fit`
runs; the peak counts above what the interpreter takes idle with skae imported. The rate in rows
trained per second of the whole fit is set against that of the first 500 000 rows, also from the
map. Each fit has a process of its own; the two take turns. Linux only; the file (600 MB) goes to
the folder for temporary files and is deleted.

    python docs/benchmarks/memmap_fit.py [--quick] [--threads N]
"""

import json
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path

import _timing
import numpy as np

N_FEATURES = 30


def write_table(path, n_rows):
    """Eight factors and noise, written block by block."""
    rng = np.random.default_rng(0)
    loadings = rng.normal(size=(8, N_FEATURES))
    with open(path, "wb") as file:
        for start in range(0, n_rows, 100_000):
            shape = (min(100_000, n_rows - start), N_FEATURES)
            values = rng.normal(size=(shape[0], 8)) @ loadings + rng.normal(size=shape)
            file.write(values.astype(np.float32).tobytes())


def anonymous_megabytes():
    """Return RssAnon of this process."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) / 1000


class Peak(threading.Thread):
    """Watches the memory of this process every few milliseconds."""

    def __init__(self):
        super().__init__(daemon=True)
        self.idle = self.peak = anonymous_megabytes()
        self.done = threading.Event()

    def run(self):
        """Watch until `done` is set."""
        while not self.done.wait(0.005):
            self.peak = max(self.peak, anonymous_megabytes())


def fit_in_this_process(path, n_rows, epochs):
    """Fit; print megabytes and rows per second as JSON."""
    from fit_speed import fit_skae, rows_trained
    from sklearn.exceptions import ConvergenceWarning

    warnings.simplefilter("ignore", ConvergenceWarning)
    X = np.memmap(path, dtype=np.float32, mode="r").reshape(-1, N_FEATURES)[:n_rows]
    peak = Peak()
    peak.start()
    fit_skae(X[:10_000], 256, 1)  # what torch does once in a process is no cost of a row
    start = time.perf_counter()
    estimator = fit_skae(X, 256, epochs)
    elapsed = time.perf_counter() - start
    peak.done.set()
    n_trained = rows_trained(estimator, n_rows)
    print(json.dumps([peak.peak - peak.idle, n_trained / elapsed]))


def fit_in_own_process(*args):
    """Return megabytes and rows per second of a fit."""
    command = [sys.executable, __file__, "--fit", *map(str, args)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def measure(quick):
    """Print the rows of the table."""
    n_rows, rounds, epochs = (500_000, 1, 2) if quick else (5_000_000, 5, 4)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "table")
        write_table(path, n_rows)
        works = {n: lambda n=n: fit_in_own_process(path, n, epochs) for n in (n_rows, n_rows // 10)}
        results = _timing.interleaved(works, rounds)
    rates = {}
    for n, result in results.items():
        megabytes, rates[n] = result.T
        to_reach = "≤ 300 MB" if n == n_rows else ""
        _timing.report(f"fit of {n:,} x 30: peak above idle", megabytes, to_reach, " MB")
        _timing.report(f"fit of {n:,} x 30", rates[n], unit=" rows/s")
    ratio = rates[n_rows] / rates[n_rows // 10]
    _timing.report(f"rate of {n_rows:,} / rate of {n_rows // 10:,} rows", ratio, "≥ 0.85 ×")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--fit"]:
        path, n_rows, epochs = sys.argv[2:]
        fit_in_this_process(path, int(n_rows), int(epochs))
    else:
        _timing.main(measure, __doc__)
