"""What all tests share. Loaded before anything imports SciPy."""

import gc
import os
from pathlib import Path

# scikit-learn skips its array-API checks without this, and SciPy reads it once, when imported.
os.environ["SCIPY_ARRAY_API"] = "1"

import pytest

ROOT = Path(__file__).parents[1]


# Detectors for comparison, and kinds of tables that laws hold for beside others, and laws that take
# many fits: together they are left to `make test-slow`.
FOR_COMPARISON = {"DAGMM", "DeepSVDD", "MemoryAE", "RandNet", "RobustAE"}
FURTHER_TABLES = {"array with holes", "2 columns", "3 columns", "7 columns", "13 columns"}
MANY_FITS = {
    "test_the_rate_on_wide_tables_is_as_warned_where_few_rows_are_held_out",
    "test_the_rate_of_false_alarms_holds_on_wide_tables",
    "test_concurrent_fits_give_the_bits_of_serial_ones",
    "test_a_mixed_table_is_searched_and_cross_validated",
}


def pytest_collection_modifyitems(items):
    """Keep the quick tests quick: mark as slow what few users and few failures depend on."""
    for item in items:
        if not hasattr(item, "callspec"):
            continue
        parts = set(item.callspec.id.split("-"))
        further = parts & FURTHER_TABLES or item.originalname in MANY_FITS
        if parts & FOR_COMPARISON and further:
            item.add_marker(pytest.mark.slow)


def pytest_collection_finish():
    """Spare every garbage collection the thousands of collected tests."""
    gc.freeze()


@pytest.fixture(scope="session")
def skae_data():
    """Folder of the real tables, which are no part of the project."""
    folder = Path(os.environ.get("SKAE_DATA") or ROOT.parent / "shared" / "data")
    if not (folder / "adbench").is_dir():
        pytest.skip(
            f"needs the real tables: set SKAE_DATA to their folder (no {folder / 'adbench'})"
        )
    return folder


@pytest.fixture(name="X", scope="session", params=["array", "array with holes", "mixed frame"])
def table_of_each_kind(request):
    """A table of each kind, for laws that hold for all of them; nobody changes it."""
    from tests.estimators import TABLES

    return TABLES[request.param]()
