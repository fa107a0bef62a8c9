"""Named errors and warnings of skae."""


class MissingDependencyError(ImportError):
    """An optional dependency is needed and not installed; the message names the extra."""


class CompilationError(RuntimeError):
    """``compile=True`` cannot work here; the message says what is missing."""


class CalibrationWarning(UserWarning):
    """Too few held-out rows for the outlier threshold to reach its false-alarm rate."""


class CompilationWarning(UserWarning):
    """``compile=True`` was asked for, but this fit has to run uncompiled."""


class CodebookWarning(UserWarning):
    """Most of the integers that a code may be are hardly used."""
