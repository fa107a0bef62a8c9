"""A normal distribution fitted to rows with holes."""

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from skae.preprocessing import gaussian_of_holed_rows

COVARIANCE = np.array(
    [[1.0, 0.8, 0.3, 0.0], [0.8, 2.0, 0.0, 0.5], [0.3, 0.0, 0.5, 0.1], [0.0, 0.5, 0.1, 1.0]]
)
MEAN = np.array([1.0, -2.0, 0.0, 0.5])


def _rows(n_samples, share_missing, seed=0):
    rng = np.random.default_rng(seed)
    rows = rng.multivariate_normal(MEAN, COVARIANCE, size=n_samples)
    rows[rng.random(rows.shape) < share_missing] = np.nan
    return rows.astype(np.float32)


def _fitted(rows, weight=None):
    mean, covariance = gaussian_of_holed_rows(rows, lambda block: block, weight)
    return mean.double().numpy(), covariance.double().numpy()


def _log_likelihood(rows, mean, covariance):
    """Of what is there, row by row, by scipy."""
    total = 0.0
    for row in rows.astype(float):
        there = ~np.isnan(row)
        if there.any():
            part = covariance[np.ix_(there, there)]
            total += multivariate_normal.logpdf(row[there], mean[there], part)
    return total


@pytest.mark.parametrize("share_missing", [0.0, 0.2, 0.5])
def test_the_distribution_of_the_rows_is_found(share_missing):
    mean, covariance = _fitted(_rows(20_000, share_missing))
    np.testing.assert_allclose(mean, MEAN, atol=0.1)
    np.testing.assert_allclose(covariance, COVARIANCE, atol=0.15)


def test_of_complete_rows_it_is_the_covariance_shrunk_to_its_diagonal():
    rows = _rows(100, 0.0)
    mean, covariance = _fitted(rows)
    np.testing.assert_allclose(mean, rows.mean(0), atol=1e-5)
    plain, ridge = np.cov(rows.T, bias=True), 4 / 100
    expected = (plain + ridge * np.diag(np.diag(plain))) / (1 + ridge)
    np.testing.assert_allclose(covariance, expected, atol=1e-4)


@pytest.mark.parametrize("share_missing", [0.2, 0.5])
@pytest.mark.parametrize("seed", range(3))
def test_what_is_there_is_as_likely_as_under_the_distribution_it_came_from(seed, share_missing):
    rows = _rows(400, share_missing, seed)
    assert _log_likelihood(rows, *_fitted(rows)) > _log_likelihood(rows, MEAN, COVARIANCE) - 1


def test_values_missing_for_a_reason_in_the_row_do_not_bias_the_mean():
    rows = _rows(5_000, 0.0)
    rows[rows[:, 0] > 2, 1] = np.nan  # the second column is missing where the first is large
    mean, _ = _fitted(rows)
    assert abs(np.nanmean(rows[:, 1]) - MEAN[1]) > 0.15
    assert abs(mean[1] - MEAN[1]) < 0.05


def test_weights_count_rows():
    rows = _rows(300, 0.3)
    counts = np.random.default_rng(1).integers(0, 4, size=300)
    weighted = _fitted(rows, counts.astype(float))
    repeated = _fitted(np.repeat(rows, counts, axis=0))
    for first, second in zip(weighted, repeated, strict=True):
        np.testing.assert_allclose(first, second, atol=0.05)  # the shrinkage counts rows


@pytest.mark.parametrize("n_samples", [1, 2, 5])
def test_few_rows_give_a_positive_covariance(n_samples):
    _, covariance = _fitted(_rows(n_samples, 0.4))
    assert np.linalg.eigvalsh(covariance).min() > 0
    assert torch.linalg.cholesky_ex(torch.from_numpy(covariance)).info == 0
