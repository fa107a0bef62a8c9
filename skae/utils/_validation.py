"""Checks of what a user passed that several rooms make."""

from difflib import get_close_matches
from numbers import Integral

import numpy as np
from sklearn.utils import check_scalar
from sklearn.utils.validation import _check_sample_weight

from skae.utils._frames import inferred_frame

FLOAT_TYPES = (np.float64, np.float32)


def check_count(count, name, at_least=1):
    """Refuse what is no number of things to make.

    Parameters
    ----------
    count : int
        As the user passed it.
    name : str
        What the error calls it.
    at_least : int, default=1
        The smallest that will do.

    Raises
    ------
    TypeError
        If it is no integer; True and False, which Python counts as such, are none.
    ValueError
        If it is smaller.

    Examples
    --------
    >>> from skae.utils import check_count
    >>> check_count(3, "n_samples")
    """
    if isinstance(count, bool):
        raise TypeError(f"{name} must be an instance of int, not bool.")
    check_scalar(count, name, Integral, min_val=at_least)


def check_weight(sample_weight, n_samples):
    """Check the weights of rows that something is to be learned from.

    Parameters
    ----------
    sample_weight : array-like of shape (n_samples,) or None
        As the user passed them.
    n_samples : int
        Number of rows.

    Returns
    -------
    ndarray of float64 of shape (n_samples,) or None
        The weights; None as it is.

    Raises
    ------
    ValueError
        If they are not one for each row, if one is negative, or if all are zero.

    Examples
    --------
    >>> from skae.utils import check_weight
    >>> check_weight([1, 2], n_samples=2)
    array([1., 2.])
    """
    if sample_weight is None:
        return None
    rows = np.broadcast_to(0.0, n_samples)  # scikit-learn counts them
    weight = _check_sample_weight(sample_weight, rows, dtype=np.float64, ensure_non_negative=True)
    if not weight.any():
        raise ValueError("sample_weight is zero for every row. At least one has to count.")
    return weight


def check_numbers(X, name="X"):
    """Refuse a table that has columns of something else than numbers and booleans.

    Parameters
    ----------
    X : {DataFrame, array-like} of shape (n_samples, n_features)
        As the user passed it.
    name : str, default="X"
        What the error calls it.

    Raises
    ------
    ValueError
        If there are words, categories or dates; the message names the first such column.

    Examples
    --------
    >>> from skae.utils import check_numbers
    >>> check_numbers([[1, True]])
    """
    if np.ndim(X) != 2:
        return  # what it is then refused for is another matter
    others = inferred_frame(X).select_dtypes(exclude=["number", "bool"]).columns
    if len(others):
        raise ValueError(
            f"Column {others[0]!r} of {name} has cells that are no numbers. Leave such columns "
            "out, or turn them into numbers, as OneHotEncoder of scikit-learn does."
        )


def did_you_mean(name, names):
    """Return words for an error that suggest names which are close to an unknown one.

    Parameters
    ----------
    name : object
        What the user wrote.
    names : iterable
        What there is.

    Returns
    -------
    str
        Such as ``"; did you mean 'price'?"``, or nothing.

    Examples
    --------
    >>> from skae.utils import did_you_mean
    >>> did_you_mean("Prise", ["price", "size"])
    "; did you mean 'price'?"
    """
    lowered = {str(one).lower(): one for one in names}
    close = get_close_matches(str(name).lower(), lowered, n=3, cutoff=0.5)
    suggestion = " or ".join(repr(lowered[match]) for match in close)
    return f"; did you mean {suggestion}?" if close else ""
