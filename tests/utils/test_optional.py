"""Optional imports say which extra installs them."""

import sys
import tomllib
from pathlib import Path

import pytest

from skae.exceptions import MissingDependencyError
from skae.utils import import_optional

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
EXTRAS = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["optional-dependencies"]


def _broken_package(path, text):
    (path / "skae_test_package.py").write_text(text, encoding="utf-8")


@pytest.mark.parametrize("module", ["skae_no_such_module", "skae_no_such_module.inner"])
@pytest.mark.parametrize("extra", sorted(EXTRAS))
def test_a_missing_module_is_an_import_error_that_names_module_and_extra(module, extra):
    with pytest.raises(ImportError) as caught:
        import_optional(module, extra)
    assert type(caught.value) is MissingDependencyError
    assert f"{module} is not installed" in str(caught.value)
    assert f"pip install 'skae[{extra}]'" in str(caught.value)
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


def test_a_module_that_is_there_is_imported_by_its_full_name():
    import os.path

    assert import_optional("os.path", "plot") is os.path


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("import skae_no_such_module", ModuleNotFoundError),
        ("from os import no_such_name", ImportError),
        ("1 / 0", ZeroDivisionError),
    ],
)
def test_an_installed_but_broken_module_keeps_its_own_error(tmp_path, monkeypatch, text, error):
    _broken_package(tmp_path, text)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(error) as caught:
        import_optional("skae_test_package", "plot")
    assert type(caught.value) is error
    assert "skae_test_package" not in sys.modules
