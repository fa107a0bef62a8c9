"""A table of every kind."""

import pytest

from tests.datasets.tables import SOURCES, make_table


@pytest.fixture(params=SOURCES)
def table(request, tmp_path):
    """The same rows; the first column is the position."""
    return make_table(request.param, tmp_path)
