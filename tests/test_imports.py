"""Imports point one way, and importing is quick."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Of the CPU, for estimators beyond what they stand on; the benchmark says 0.1 s, this is for a busy
# machine, which is slower but need not be waited for.
SECONDS = 0.7
IMPORT_ESTIMATORS = """
import sys, time
import numpy, sklearn.base, sklearn.preprocessing, sklearn.utils.extmath, skorch, torch
start, before = time.process_time(), set(sys.modules)
from skae import AutoEncoder
print(time.process_time() - start, *{name.partition(".")[0] for name in set(sys.modules) - before})
"""


def _python(code):
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return run.stdout.split()


def test_the_import_contract_holds():
    pytest.importorskip("importlinter")
    code = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports())"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "0 broken" in run.stdout


def test_an_estimator_adds_little_to_the_import_of_what_it_stands_on():
    seconds, *added = _python(IMPORT_ESTIMATORS)
    assert float(seconds) < SECONDS
    assert not {"matplotlib", "polars", "pyarrow", "pyod", "pandas", "rich"} & set(added)


def test_what_needs_no_torch_does_not_wait_for_it():
    code = "import sys, skae, skae.cli, skae.datasets; print('torch' in sys.modules)"
    assert _python(code) == ["False"]


def test_the_version_is_that_of_the_package():
    from importlib.metadata import version

    import skae

    assert skae.__version__ == version("skae")


def test_every_public_name_exists_in_every_room():
    import importlib
    import pkgutil

    import skae

    for room in pkgutil.iter_modules(skae.__path__, "skae."):
        if room.name == "skae.__main__":
            continue
        module = importlib.import_module(room.name)
        assert module.__doc__, f"{room.name} says nothing about itself"
        for name in getattr(module, "__all__", []):
            assert hasattr(module, name), f"{room.name} has no {name}"
