"""Continuity and peak signal-to-noise ratio."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness

from skae.metrics import continuity, peak_signal_noise_ratio


def _ranks(rows):
    """The rank of each row in the order of distance from each other one: 0 for itself."""
    distances = np.linalg.norm(rows[:, None] - rows, axis=-1)
    return distances.argsort(axis=1).argsort(axis=1)


def _continuity_by_definition(X, codes, k):
    n, penalty = len(X), 0
    in_data, in_codes = _ranks(X), _ranks(codes)
    for i in range(n):
        for j in range(n):
            if 0 < in_data[i, j] <= k < in_codes[i, j]:
                penalty += in_codes[i, j] - k
    return 1 - 2 / (n * k * (2 * n - 3 * k - 1)) * penalty


@pytest.mark.parametrize("k", [1, 5, 12])
@pytest.mark.parametrize("n_components", [1, 2])
def test_continuity_is_its_definition(k, n_components):
    X = np.random.default_rng(0).normal(size=(40, 4))
    codes = PCA(n_components).fit_transform(X)
    expected = _continuity_by_definition(X, codes, k)
    assert continuity(X, codes, n_neighbors=k) == pytest.approx(expected)
    assert expected < 1


def test_a_tear_costs_continuity_and_a_fold_trustworthiness():
    angle = np.linspace(0, 2 * np.pi, 100, endpoint=False)[:, None] + 0.01
    circle = np.hstack([np.cos(angle), np.sin(angle)])
    torn, folded = angle, np.cos(angle)
    assert continuity(circle, torn) < trustworthiness(circle, torn)
    assert continuity(circle, folded) > trustworthiness(circle, folded)


def test_a_similar_map_keeps_all_neighbours():
    X = np.random.default_rng(0).normal(size=(50, 3))
    assert continuity(X, 3 * X[:, ::-1] + 1) == 1


def test_too_many_neighbours_are_refused():
    X = np.random.default_rng(0).normal(size=(10, 2))
    with pytest.raises(ValueError, match="less than n_samples / 2"):
        continuity(X, X, n_neighbors=5)


@pytest.mark.parametrize("decibels", [0, 10, 33.3])
@pytest.mark.parametrize("shape", [(6,), (5, 4), (3, 2, 4, 4)])
def test_noise_of_known_power_has_its_ratio(decibels, shape):
    X = np.random.default_rng(0).uniform(-3, 9, size=shape)
    sign = np.random.default_rng(1).choice([-1, 1], size=shape)
    noisy = X + sign * np.ptp(X) * 10 ** (-decibels / 20)
    assert peak_signal_noise_ratio(X, noisy) == pytest.approx(decibels)
    doubled = peak_signal_noise_ratio(X, noisy, data_range=2 * np.ptp(X))
    assert doubled == pytest.approx(decibels + 20 * np.log10(2))


def test_no_noise_is_infinitely_good():
    assert peak_signal_noise_ratio([1, 2], [1, 2]) == np.inf


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"\(2,\).*\(2, 1\)"):
        peak_signal_noise_ratio([1, 2], [[1], [2]])
    with pytest.raises(ValueError, match="give data_range"):
        peak_signal_noise_ratio([1, 1], [1, 2])
    for data_range in (0, -1):
        with pytest.raises(ValueError, match="data_range == "):
            peak_signal_noise_ratio([1, 2], [1, 2], data_range=data_range)
    with pytest.raises(ValueError, match="X contains NaN"):
        peak_signal_noise_ratio([1, np.nan], [1, 2])
    with pytest.raises(ValueError, match="reconstruction contains NaN"):
        peak_signal_noise_ratio([1, 2], [1, np.nan])


def test_codes_of_other_rows_are_refused():
    X = np.random.default_rng(0).normal(size=(20, 2))
    with pytest.raises(ValueError, match="X has 20 rows, but there are 19 codes"):
        continuity(X, X[1:])
    with pytest.raises(ValueError, match="n_neighbors == 0, must be >= 1"):
        continuity(X, X, n_neighbors=0)
