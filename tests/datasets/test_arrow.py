"""What pyarrow has is a table, too."""

import pytest

from skae.datasets import ChunkedTable, as_chunked_table
from tests.datasets.tables import N_ROWS, array, frame, make_table


def test_only_tables_are_taken_for_tables():
    table = ChunkedTable([frame()])
    assert as_chunked_table(table) is table
    for other in (frame(), array(), [frame()], None, "table.parquet", [[1.0]]):
        assert as_chunked_table(other) is None


@pytest.mark.parametrize("source", ["arrow", "dataset", "parquet file"])
def test_what_arrow_brings_is_counted_at_once(source, tmp_path):
    table = make_table(source, tmp_path)
    assert table.n_rows == N_ROWS
    assert table.columns == ["row", "float", "word"]


def test_a_file_that_was_open_stays_open(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    frame().to_parquet(tmp_path / "table.parquet")
    with parquet.ParquetFile(tmp_path / "table.parquet") as file:
        list(as_chunked_table(file))
        assert not file.closed
