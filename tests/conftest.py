"""What all tests share. Loaded before anything imports SciPy."""

import os
from pathlib import Path

# scikit-learn skips its array-API checks without this, and SciPy reads it once, when imported.
os.environ["SCIPY_ARRAY_API"] = "1"

import pytest

ROOT = Path(__file__).parents[1]


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
