"""Tables to try things on, the ways to split them, tables larger than memory (no torch here)."""

from skae.datasets._anomalies import load_digit_anomalies, one_class_split
from skae.datasets._chunks import ChunkedTable, ParquetTable, as_chunked_table

__all__ = [
    "ChunkedTable",
    "ParquetTable",
    "as_chunked_table",
    "load_digit_anomalies",
    "one_class_split",
]
