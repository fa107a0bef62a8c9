"""Rows of codes that the user chooses: between two rows, or along one number of a code."""

from numbers import Integral

import numpy as np
from sklearn.utils import check_scalar
from sklearn.utils.validation import check_is_fitted

from skae.base import autoencoder_of
from skae.generation._unwrapping import (
    as_decoded,
    codes_of,
    decoded,
    encoded,
    in_original_units,
)
from skae.utils import check_count

PATHS = ("linear", "spherical")
# Codes whose directions differ by less, or by less from half a turn, have no way around.
SMALLEST_SINE = 1e-6


def interpolate(estimator, a, b, n=10, *, path="linear"):
    r"""Rows between two rows, by way of their codes.

    Parameters
    ----------
    estimator : BaseAutoEncoder or Pipeline
        A fitted auto-encoder of skae, or a pipeline that ends in one and has `inverse_transform`.
    a, b : {DataFrame, array-like} of shape (1, n_features)
        One row each.
    n : int, default=10
        How many rows, the reconstructions of `a` and `b` included; at least 2.
    path : {"linear", "spherical"}, default="linear"
        :math:`(1 - t) z_a + t z_b`, or :math:`\frac{\sin((1 - t) \omega)}{\sin \omega} z_a +
        \frac{\sin(t \omega)}{\sin \omega} z_b` with the angle :math:`\omega` between the codes
        [1]_, which keeps to the shell where draws of a normal distribution of many dimensions lie.
        Where that angle is 0 or half a turn, the path is linear.

    Returns
    -------
    ndarray or DataFrame of shape (n, n_features)
        Rows in original units, in the columns and types that `fit` saw.

    References
    ----------
    .. [1] Shoemake, "Animating Rotation with Quaternion Curves", SIGGRAPH 1985; White, "Sampling
       Generative Networks", 2016, section 2.1.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skae import AutoEncoder
    >>> from skae.generation import interpolate
    >>> X = load_iris().data
    >>> autoencoder = AutoEncoder(2, max_epochs=20, random_state=0).fit(X)
    >>> interpolate(autoencoder, X[:1], X[-1:], n=5).shape
    (5, 4)
    """
    check_is_fitted(estimator)
    check_count(n, "n", at_least=2)
    if path not in PATHS:
        raise ValueError(f"path has to be 'linear' or 'spherical'. Got {path!r} instead.")
    start, end = _code(estimator, a, "a"), _code(estimator, b, "b")
    share = np.linspace(0, 1, n)[:, None]
    of_start, of_end = 1 - share, share
    if path == "spherical":
        of_start, of_end = _spherical(start, end, of_start, of_end)
    return _rows(estimator, of_start * start + of_end * end)


def _spherical(start, end, of_start, of_end):
    lengths = np.linalg.norm(start) * np.linalg.norm(end)
    cosine = np.clip(start @ end / lengths, -1, 1) if lengths > 0 else 1.0
    sine, angle = np.sqrt(1 - cosine**2), np.arccos(cosine)
    if sine < SMALLEST_SINE:
        return of_start, of_end
    return np.sin(of_start * angle) / sine, np.sin(of_end * angle) / sine


def traverse(estimator, row, component, values):
    """A row with one number of its code changed: what that number means.

    Parameters
    ----------
    estimator : BaseAutoEncoder or Pipeline
        A fitted auto-encoder of skae, or a pipeline that ends in one and has `inverse_transform`.
    row : {DataFrame, array-like} of shape (1, n_features)
        The row.
    component : int
        Which column of the code, as `transform` gives it, from 0.
    values : array-like of shape (n_values,)
        What it is set to; integers, where codes are integers (:class:`~skae.VQVAE`).

    Returns
    -------
    ndarray or DataFrame of shape (n_values, n_features)
        Rows in original units, in the columns and types that `fit` saw.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skae import AutoEncoder
    >>> from skae.generation import traverse
    >>> X = load_iris().data
    >>> autoencoder = AutoEncoder(2, max_epochs=20, random_state=0).fit(X)
    >>> traverse(autoencoder, X[:1], component=0, values=[-2, 0, 2]).shape
    (3, 4)
    """
    check_is_fitted(estimator)
    _check_row(row, "row")
    code, values = encoded(estimator, row), np.asarray(values, dtype=np.float64)
    check_scalar(component, "component", Integral, min_val=0, max_val=code.shape[1] - 1)
    if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
        raise ValueError(f"values has to be a list of finite numbers. Got {values!r} instead.")
    if np.issubdtype(code.dtype, np.integer) and (values % 1).any():
        raise ValueError(
            f"values has to be a list of integers, as the codes of {autoencoder_of(estimator)} are "
            f"integers. Got {values!r} instead."
        )
    codes = np.repeat(code, len(values), axis=0)
    codes[:, component] = values
    return _rows(estimator, as_decoded(estimator, codes))


def _code(estimator, row, name):
    """The code of one row, (n_components,)."""
    _check_row(row, name)
    return codes_of(estimator, row)[0]


def _check_row(row, name):
    if len(np.shape(row)) != 2 or len(row) != 1:
        raise ValueError(
            f"{name} has to be one row, of shape (1, n_features): X[:1] or X.iloc[[0]]. Got an "
            f"object of shape {np.shape(row)} instead."
        )


def _rows(estimator, codes):
    autoencoder = autoencoder_of(estimator)
    rows = autoencoder._table(decoded(autoencoder, codes), None, np.float64)
    return in_original_units(estimator, rows)
