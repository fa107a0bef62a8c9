"""Tables and images to try things on, ways to split them, tables larger than memory (no torch)."""

from skae.datasets._anomalies import load_digit_anomalies, one_class_split
from skae.datasets._arrow import as_chunked_table, check_in_memory
from skae.datasets._chunked import ChunkedTable
from skae.datasets._parquet import ParquetTable
from skae.datasets._sprites import make_sprites

__all__ = [
    "ChunkedTable",
    "ParquetTable",
    "as_chunked_table",
    "check_in_memory",
    "load_digit_anomalies",
    "make_sprites",
    "one_class_split",
]
