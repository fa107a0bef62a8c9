"""Names that a package has without importing where they are at home; imports nothing itself."""

import sys
from importlib import import_module


def lazy_names(package, homes):
    """Let a package import names when they are first asked for (PEP 562).

    Parameters
    ----------
    package : str
        Its name.
    homes : dict
        Name: module below the package that it is imported from.

    Returns
    -------
    __getattr__, __dir__ : callables
        What the package has to have under these names.
    """

    def __getattr__(name):  # noqa: N807
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{homes[name]}"), name)

    def __dir__():  # noqa: N807
        return sorted({*vars(sys.modules[package]), *homes})

    return __getattr__, __dir__
