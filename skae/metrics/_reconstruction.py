"""What a code keeps of the rows: their neighbours, and the rows themselves."""

from numbers import Real

import numpy as np
from sklearn.manifold import trustworthiness
from sklearn.utils import assert_all_finite, check_scalar

from skae.utils import check_count


def continuity(X, codes, *, n_neighbors=5):
    r"""Continuity: whether neighbours in the data are still neighbours in the codes.

    .. math:: 1 - \frac{2}{n k (2n - 3k - 1)} \sum_i \sum_{j \in V_k(i)} (\hat r(i, j) - k)

    where :math:`V_k(i)` are those of the `k` nearest rows of row `i` in the data that are not among
    its `k` nearest in the codes, and :math:`\hat r(i, j)` is the rank of `j` in order of
    distance from `i` in the codes [1]_. It is :func:`sklearn.manifold.trustworthiness`, which asks
    whether neighbours in the codes are so in the data, with the two changed about.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Rows; distances are Euclidean, so scale columns as you mean to compare them.
    codes : array-like of shape (n_samples, n_components)
        Their codes.
    n_neighbors : int, default=5
        The number `k` of neighbours, less than half the rows.

    Returns
    -------
    float
        From 0 to 1; 1 where no neighbour is lost. Memory is that of `n_samples` squared distances.

    Raises
    ------
    ValueError
        If `n_neighbors` is not less than half the number of rows, or if there is not one code for
        each row.

    References
    ----------
    .. [1] Venna, Kaski, "Local Multidimensional Scaling", Neural Networks 2006.

    Examples
    --------
    >>> from skae.metrics import continuity
    >>> continuity([[0.0], [1.0], [2.1], [3.3]], [[0.0], [10.0], [21.0], [33.0]], n_neighbors=1)
    1.0
    """
    check_count(n_neighbors, "n_neighbors")
    if len(X) != len(codes):
        raise ValueError(f"X has {len(X)} rows, but there are {len(codes)} codes: one each.")
    return float(trustworthiness(codes, X, n_neighbors=n_neighbors))


def peak_signal_noise_ratio(X, reconstruction, *, data_range=None):
    r"""Peak signal-to-noise ratio (PSNR) of a reconstruction, in decibels.

    .. math:: 10 \log_{10} \frac{R^2}{\mathrm{mean}\,(x - x')^2}

    with `R` the range of the values.

    Parameters
    ----------
    X : array-like
        The true values, of any shape.
    reconstruction : array-like of the same shape
        The values to compare.
    data_range : float, default=None
        The range that the values may have, such as 255; by default, the one that they have in
        `X`. Give it where figures for several sets of rows are compared.

    Returns
    -------
    float
        Higher is better; infinite where nothing differs.

    Raises
    ------
    ValueError
        If the shapes differ, if a value is missing or infinite, if `data_range` is not positive,
        or, without one, if `X` is constant.

    Examples
    --------
    >>> from skae.metrics import peak_signal_noise_ratio
    >>> peak_signal_noise_ratio([[0.0, 1.0]], [[0.1, 0.9]])
    20.0
    """
    X, reconstruction = np.asarray(X, np.float64), np.asarray(reconstruction, np.float64)
    if X.shape != reconstruction.shape:
        raise ValueError(f"X has the shape {X.shape}, and reconstruction {reconstruction.shape}.")
    assert_all_finite(X, input_name="X")
    assert_all_finite(reconstruction, input_name="reconstruction")
    if data_range is not None:
        check_scalar(data_range, "data_range", Real, min_val=0, include_boundaries="neither")
    data_range = np.ptp(X) if data_range is None else data_range
    if data_range == 0:
        raise ValueError("X is constant: give data_range, the range that its values may have.")
    error = np.mean((X - reconstruction) ** 2)
    return float(10 * np.log10(data_range**2 / error)) if error else float("inf")
