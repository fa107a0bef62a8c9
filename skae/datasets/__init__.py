"""Tables to try things on, the ways to split them, tables larger than memory (no torch here)."""

from skae.datasets._anomalies import load_digit_anomalies, one_class_split
from skae.datasets._arrow import as_chunked_table
from skae.datasets._chunked import ChunkedTable
from skae.datasets._parquet import ParquetTable

__all__ = [
    "ChunkedTable",
    "ParquetTable",
    "as_chunked_table",
    "load_digit_anomalies",
    "one_class_split",
]
