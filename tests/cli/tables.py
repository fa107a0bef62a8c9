"""A table as it comes: all kinds of columns, missing cells in each."""

import numpy as np
import pandas as pd

KINDS = ["size", "count", "colour", "flag", "when"]


def mixed_frame(n_rows=240, n_missing=6, seed=0):
    """Columns that say the same in five ways, each with missing cells of its own."""
    rng = np.random.default_rng(seed)
    count = rng.integers(0, 40, n_rows)
    frame = pd.DataFrame(
        {
            "size": count / 4 + 0.1,
            "count": pd.array(count, dtype="Int64"),
            "colour": np.where(count < 15, "red", "green"),
            "flag": pd.array(count < 15, dtype="boolean"),
            "when": pd.Timestamp("2024-01-01") + pd.to_timedelta(count, unit="D"),
        }
    )
    holes = rng.permutation(n_rows)[: n_missing * len(KINDS)].reshape(len(KINDS), n_missing)
    for name, rows in zip(KINDS, holes, strict=True):
        frame.loc[rows, name] = None
    return frame


def write_parquet_folder(folder, frame, n_files=4):
    """Write a frame to files, each of which is a chunk when the table is streamed."""
    folder.mkdir()
    for part, rows in enumerate(np.array_split(np.arange(len(frame)), n_files)):
        frame.iloc[rows].to_parquet(folder / f"{part}.parquet", index=False)
    return folder
