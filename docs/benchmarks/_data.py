"""What the scripts on real tables share: the tables, their protocol, their options."""

import argparse
import ast
import importlib.util
import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("SKAE_DATA", ROOT.parent / "shared" / "data"))
ADULT_COLUMNS = [
    "age",
    "workclass",
    "fnlwgt",
    "education",
    "education-num",
    "marital-status",
    "occupation",
    "relationship",
    "race",
    "sex",
    "capital-gain",
    "capital-loss",
    "hours-per-week",
    "native-country",
    "income",
]
# Columns of mixed/ that only name the row, or say again what another column says.
REDUNDANT = {
    "adult-train": ["education"],
    "mpg": ["name"],
    "pollution": ["No"],
    "titanic": ["alive", "class", "embark_town"],
}
MIXED_TABLES = ("adult-train", "diamonds", "mpg", "penguins", "pollution", "titanic")


def load_protocol():
    """Import `protocol.py`, which lies beside the tables."""
    path = FOLDER / "protocol.py"
    if not path.exists():
        sys.exit(f"{path} not found. Set SKAE_DATA to the folder of the data.")
    spec = importlib.util.spec_from_file_location("protocol", path)
    protocol = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(protocol)
    return protocol


def load_mixed(name):
    """Return a table of mixed/ as a data frame, without its redundant columns."""
    path = FOLDER / "mixed" / f"{name}.csv.gz"
    if name == "adult-train":
        adult = {"header": None, "names": ADULT_COLUMNS, "na_values": "?"}
        frame = pd.read_csv(path, skipinitialspace=True, **adult)
    else:
        frame = pd.read_csv(path)
    return frame.drop(columns=REDUNDANT.get(name, []))


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


def each_table(function, args, min_rows=0, mixed=(), without=()):
    """Yield the results of `function(name, X, y)` for the tables asked for, as they are done.

    Each runs with one thread. Those of mixed/ come as data frames, without `y`.
    """
    protocol = load_protocol()
    if getattr(args, "folder", None):
        protocol.FOLDER = args.folder
    names = args.tables or [n for n in (*protocol.table_names(), *mixed) if n not in without]
    if args.quick and not args.tables:
        names = ["4_breastw", "39_vertebral", "42_WBC", "20_letter", *mixed[:1]]
    tables = (
        (name, load_mixed(name), None) if name in mixed else (name, *protocol.load_table(name))
        for name in names
    )
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
