"""What the scripts on real tables share: the tables, their protocol, their options."""

import argparse
import ast
import importlib.util
import os
import sys
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("SKAE_DATA", ROOT.parent / "shared" / "data"))


def load_protocol():
    """Import `protocol.py`, which lies beside the tables."""
    path = FOLDER / "protocol.py"
    if not path.exists():
        sys.exit(f"{path} not found. Set SKAE_DATA to the folder of the data.")
    spec = importlib.util.spec_from_file_location("protocol", path)
    protocol = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(protocol)
    return protocol


def parser(description):
    """Return the options that all scripts on tables have."""
    options = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--quick", action="store_true", help="four tables, few epochs")
    options.add_argument("--tables", nargs="+", metavar="NAME", help="these instead of all")
    options.add_argument(
        "--set", nargs="+", metavar="KEY=VALUE", default=[], help="parameters of the estimator"
    )
    options.add_argument("--jobs", type=int, default=2, help="tables at a time, a thread each")
    return options


def overrides(args):
    """Return the parameters given by --set, and few epochs for --quick."""
    pairs = (pair.split("=", 1) for pair in args.set)
    return ({"max_epochs": 5} if args.quick else {}) | {key: _literal(text) for key, text in pairs}


def _literal(text):
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text  # a word, such as silu


def each_table(function, args, min_rows=0):
    """Yield the results of `function(name, X, y)` for the tables asked for, as they are done.

    Each runs with one thread.
    """
    protocol = load_protocol()
    names = args.tables or protocol.table_names()
    if args.quick and not args.tables:
        names = ["4_breastw", "39_vertebral", "42_WBC", "20_letter"]
    tables = ((name, *protocol.load_table(name)) for name in names)
    jobs = (delayed(_one_thread)(function, *table) for table in tables if len(table[1]) >= min_rows)
    yield from Parallel(n_jobs=args.jobs, return_as="generator")(jobs)


def _one_thread(function, name, X, y):
    import torch  # after joblib has started the process

    torch.set_num_threads(1)
    return function(name, X, y)


def table_row(*cells):
    """Print one row of a Markdown table; numbers in four digits."""
    real = (float, np.floating)
    texts = (f"{cell:.4g}" if isinstance(cell, real) else str(cell) for cell in cells)
    print("| " + " | ".join(texts) + " |", flush=True)


def table_header(*cells):
    """Print the head of a Markdown table."""
    table_row(*cells)
    print("|" + "---|" * len(cells), flush=True)
