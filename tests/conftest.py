"""What all tests share. Loaded before anything imports SciPy."""

import gc
import os
import zlib
from pathlib import Path

# scikit-learn skips its array-API checks without this, and SciPy reads it once, when imported.
os.environ["SCIPY_ARRAY_API"] = "1"

import pytest

ROOT = Path(__file__).parents[1]


# Estimators whose every law is quick. The others are variants of them: of their laws `make test`
# takes a fixed share, spread by chance over laws and estimators, and `make test-slow` the rest.
TESTED_IN_FULL = {"AutoEncoder", "DenoisingAE"}
QUICK_SHARE = 32


def pytest_collection_modifyitems(items):
    """Keep the quick tests quick: mark as slow what holds for variants, but for a share."""
    from tests.estimators import ESTIMATORS

    variants = {cls.__name__ for cls in ESTIMATORS} - TESTED_IN_FULL
    for item in items:
        is_law = item.path.name.startswith("test_laws") and hasattr(item, "callspec")
        of_variant = is_law and variants & set(item.callspec.id.split("-"))
        if of_variant and zlib.crc32(item.nodeid.encode()) % QUICK_SHARE:
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
