"""Optional dependencies, imported where they are used."""

from importlib import import_module

from skae.exceptions import MissingDependencyError


def import_optional(module: str, extra: str):
    """Import an optional dependency, or say which extra installs it.

    Parameters
    ----------
    module : str
        Name to import, such as ``"pyarrow"``.
    extra : str
        The extra of skae that brings it, such as ``"parquet"``.

    Returns
    -------
    module
        The imported module.

    Raises
    ------
    MissingDependencyError
        If `module` is not installed.

    Examples
    --------
    >>> from skae.utils import import_optional
    >>> import_optional("math", extra="parquet").floor(2.5)
    2
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.partition(".")[0]:
            raise  # installed, but one of its own imports is broken: not ours to explain
        raise MissingDependencyError(
            f"{module} is not installed. Install it with: pip install 'skae[{extra}]'"
        ) from error
