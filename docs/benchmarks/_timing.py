"""What the timing scripts share: turns, thread counts, rows of a Markdown table."""

import argparse
import os
import subprocess
import sys
import time

import numpy as np

HEADER = "| measure | threads | median | spread | to reach |\n|---|---|---|---|---|"
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def main(measure, description, thread_counts=(1, 2)):
    """Run `measure(quick)` with each number of threads, in a process of its own."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="small and rough: does it run?")
    parser.add_argument("--threads", type=int, help="this number only, instead of each")
    args = parser.parse_args()
    if os.environ.get("OMP_NUM_THREADS") == str(args.threads):
        measure(args.quick)
        return
    print(HEADER, flush=True)
    quick = ["--quick"] if args.quick else []
    for n_threads in [args.threads] if args.threads else thread_counts:
        command = [sys.executable, sys.argv[0], *quick, "--threads", str(n_threads)]
        limits = dict.fromkeys(THREAD_VARIABLES, str(n_threads))
        subprocess.run(command, env=os.environ | limits, check=True)


def timed(work):
    """Return the rows per second of `work()`, which returns a number of rows."""
    start = time.perf_counter()
    n_rows = work()
    return n_rows / (time.perf_counter() - start)


def interleaved(candidates, rounds):
    """Run all candidates in turn, again and again; the first, discarded round warms up.

    `candidates` maps names to functions that return a rate; the result maps the names to arrays of
    shape (rounds,).
    """
    rates = {name: [] for name in candidates}
    for _ in range(rounds + 1):
        for name, rate in candidates.items():
            rates[name].append(rate())
    return {name: np.array(values[1:]) for name, values in rates.items()}


def report(measure, values, to_reach="", unit=" ×"):
    """Print one row: median, and range over the rounds."""
    values = np.atleast_1d(values)
    form = ",.0f" if unit == " rows/s" else ".3g" if np.median(values) < 100 else ".0f"
    spread = f"{values.min():{form}} – {values.max():{form}}" if len(values) > 1 else ""
    n_threads = os.environ.get("OMP_NUM_THREADS", "")
    median = f"{np.median(values):{form}}{unit}"
    print(f"| {measure} | {n_threads} | {median} | {spread} | {to_reach} |", flush=True)
