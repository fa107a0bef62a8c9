"""Memory and rate of a fit and a scoring pass over a Parquet file larger than what is held.

20 000 000 x 30 float32 in one file of row groups as pyarrow makes them: one epoch of the default
`AutoEncoder` with batches of 256 rows, then `score_samples`. Printed are the peak of anonymous
memory (RssAnon) above that of the process once skae is imported and has made a first small fit; the
rows per second of the whole fit beside those of a fit on the first 500 000 rows in memory; and
the rows per second of the scoring pass beside reading alone. Each work has a process of its own;
they take turns. Linux only; the file (2.4 GB) goes to the folder for temporary files and is
deleted.

    python docs/benchmarks/parquet_fit.py [--quick] [--threads N]
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
from memmap_fit import N_FEATURES, Peak

N_ROWS, N_IN_MEMORY = 20_000_000, 500_000
BLOCK_ROWS = 500_000


def write_table(path, n_rows):
    """Eight factors and noise, written block by block with pyarrow's defaults."""
    import pyarrow as pa
    from pyarrow import parquet

    rng = np.random.default_rng(0)
    loadings = rng.normal(size=(8, N_FEATURES))
    schema = pa.schema([(f"x{i}", pa.float32()) for i in range(N_FEATURES)])
    with parquet.ParquetWriter(path, schema) as writer:
        for _ in range(n_rows // BLOCK_ROWS):
            values = rng.normal(size=(BLOCK_ROWS, 8)) @ loadings
            values += rng.normal(size=values.shape)
            columns = np.ascontiguousarray(values.astype(np.float32).T)
            writer.write_table(pa.table(list(columns), schema=schema))


def fitted(X):
    """One epoch with batches of 256 rows."""
    from skae import AutoEncoder

    estimator = AutoEncoder(
        8, hidden_layer_sizes=(64,), batch_size=256, max_epochs=1, random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one epoch is few
        return estimator.fit(X)


def rate(work, n_rows):
    """Rows per second."""
    start = time.perf_counter()
    work()
    return n_rows / (time.perf_counter() - start)


def work_in_this_process(kind, path):
    """Do one work; print its figures as JSON."""
    from skae.datasets import ParquetTable

    table = ParquetTable(path)
    rows = pd.concat([chunk for _, chunk in zip(range(8), table, strict=False)])
    estimator = fitted(rows[:10_000])  # what torch does once in a process is no cost of a row
    if kind == "memory":
        X = np.ascontiguousarray(rows.to_numpy()[:N_IN_MEMORY])
        print(json.dumps([rate(lambda: fitted(X), len(X))]))
        return
    del rows
    peak = Peak()
    peak.start()
    if kind == "fit":
        figure = rate(lambda: fitted(table), table.n_rows)
    elif kind == "score":
        figure = rate(lambda: estimator.score_samples(table), table.n_rows)
    else:
        figure = rate(lambda: [chunk.to_numpy() for chunk in _read(table)], table.n_rows)
    peak.done.set()
    print(json.dumps([figure, peak.peak - peak.idle]))


def _read(table):
    """Read and forget."""
    for chunk in table:
        yield chunk.iloc[:1]


def in_own_process(*args):
    """Return the figures of one work."""
    command = [sys.executable, __file__, "--work", *map(str, args)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def measure(quick):
    """Print the rows of the table."""
    n_rows, rounds = (1_000_000, 1) if quick else (N_ROWS, 3)
    figures = {"memory": [], "fit": [], "score": [], "read": []}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "table.parquet")
        write_table(path, n_rows)
        for _ in range(rounds):
            for kind, results in figures.items():
                results.append(in_own_process(kind, path))
    figures = {kind: np.array(results).T for kind, results in figures.items()}
    for kind, what in [("fit", "fit, one epoch"), ("score", "score_samples")]:
        to_reach = "≤ 1000 MB"
        _timing.report(
            f"{what} of {n_rows:,} x 30: peak above idle", figures[kind][1], to_reach, " MB"
        )
        _timing.report(f"{what} of {n_rows:,} x 30", figures[kind][0], unit=" rows/s")
    _timing.report("reading alone", figures["read"][0], unit=" rows/s")
    _timing.report(f"fit of {N_IN_MEMORY:,} x 30 in memory", figures["memory"][0], unit=" rows/s")
    ratio = figures["fit"][0] / figures["memory"][0]
    _timing.report("rate of the fit / rate in memory", ratio, "≥ 0.8 ×")
    _timing.report("rate of scoring / rate of reading", figures["score"][0] / figures["read"][0])


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        work_in_this_process(*sys.argv[2:])
    else:
        _timing.main(measure, __doc__)
