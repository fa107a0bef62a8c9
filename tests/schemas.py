"""Schemas of mixed columns, and encoded rows that follow them."""

import numpy as np
import torch

from skae.utils import Column, TableSchema


def number(name="number", has_missing=False):
    return Column(name, "numeric", has_missing=has_missing, n_seen=1000.0)


def datetime(width, name="datetime", has_missing=False):
    return Column(name, "datetime", width=width, has_missing=has_missing, n_seen=1000.0)


def boolean(share=0.3, name="boolean", has_missing=False):
    frequencies = np.array([1 - share, share])
    return Column(name, "boolean", 1, has_missing, frequencies, 2, 1000.0)


def category(frequencies, bucket=False, name="category", has_missing=False):
    """A column of so many classes; `bucket`: the last of them is that of rare values."""
    frequencies = np.asarray(frequencies, dtype=float)
    frequencies /= frequencies.sum()
    n_known = len(frequencies) - bucket
    return Column(name, "categorical", 1, has_missing, frequencies, n_known, 1000.0)


def random_schema(seed, n_columns=9, largest=45, kinds=("n", "d", "b", "c")):
    """Columns of all kinds, in random order and of random sizes."""
    rng = np.random.default_rng(seed)
    columns = []
    for i in range(n_columns):
        kind, has_missing = kinds[i % len(kinds)], bool(rng.random() < 0.5)
        if kind == "n":
            columns.append(number(i, has_missing))
        elif kind == "d":
            columns.append(datetime(int(rng.choice([1, 3, 5, 7])), i, has_missing))
        elif kind == "b":
            columns.append(boolean(rng.uniform(0.1, 0.9), i, has_missing))
        else:
            n_classes = int(rng.integers(2, largest + 1))
            frequencies = rng.dirichlet(np.full(n_classes, 2.0))
            columns.append(category(frequencies, bool(rng.random() < 0.5), i, has_missing))
    rng.shuffle(columns)
    return TableSchema(tuple(columns))


def encoded_rows(schema, n_rows, missing=0.0, seed=0, dtype=torch.float64):
    """Rows that have the frequencies, means and variances that the schema says."""
    rng = np.random.default_rng(seed)
    blocks = []
    for column in schema.columns:
        if column.kind in ("boolean", "categorical"):
            block = rng.choice(column.n_classes, n_rows, p=column.frequencies)[:, None]
        else:
            angles = rng.uniform(0, 2 * np.pi, (n_rows, column.width // 2))
            trend = rng.normal(size=(n_rows, 1))
            cycles = np.stack([np.sin(angles), np.cos(angles)], axis=2).reshape(n_rows, -1)
            block = np.hstack([trend, cycles])
        block = block.astype(float)
        block[rng.random(n_rows) < missing] = np.nan
        blocks.append(block)
    return torch.tensor(np.hstack(blocks), dtype=dtype)
