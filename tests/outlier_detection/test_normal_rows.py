"""The distance to normal rows."""

import numpy as np
import pytest
import torch

from skae.outlier_detection._normal_rows import NormalRows

N_VALUES, N_FEATURES = 5, 4


def _points(n_samples, seed=0):
    generator = torch.Generator().manual_seed(seed)
    points = torch.randn(n_samples, N_VALUES + N_FEATURES, generator=generator)
    points[:, -1] += points[:, -2]  # errors that vary together
    return points


def _learned(points=None, present=None, group_size=8, most=100, error_weight=0.5):
    points = _points(200) if points is None else points
    return NormalRows(points, present, N_VALUES, error_weight, group_size, most)


def _expected(normal, points, present=None):
    """The formula, row by row in double precision."""
    located, reference = normal._located(points).double().numpy(), normal.reference.double().numpy()
    present = np.ones_like(located) if present is None else present.double().numpy()
    distances = []
    for row, there in zip(located, present, strict=True):
        squares = (((row - reference) * there) ** 2).sum(axis=1)
        squares[squares < 1e-9] = np.inf  # itself
        nearest = np.sqrt(squares.reshape(normal.group_size, -1).min(axis=0))
        growth = np.sqrt(len(there) / max(there.sum(), 1))
        distances.append(np.nan_to_num(nearest, posinf=0).mean() * growth)
    return np.array(distances)


@pytest.mark.parametrize("group_size", [1, 8, 50, 1000])
def test_it_is_the_mean_distance_to_the_nearest_of_each_group(group_size):
    normal, points = _learned(group_size=group_size), _points(30, seed=1)
    np.testing.assert_allclose(normal(points), _expected(normal, points), rtol=1e-4)


def test_coordinates_that_are_missing_are_not_compared():
    normal, points = _learned(), _points(30, seed=1)
    present = (torch.rand(points.shape, generator=torch.Generator().manual_seed(2)) < 0.6).float()
    expected = _expected(normal, points, present)
    np.testing.assert_allclose(normal(points, present), expected, rtol=1e-4, atol=1e-4)
    assert (normal(points, torch.zeros_like(present)) == 0).all()


@pytest.mark.parametrize("masked", [False, True])
def test_shares_sum_to_the_distance(masked):
    normal, points = _learned(), _points(30, seed=1)
    present = (points > -1).float() if masked else None
    shares = normal.shares(points, present)
    assert (shares >= 0).all()
    np.testing.assert_allclose(shares.sum(dim=1), normal(points, present), rtol=1e-4)
    if masked:
        assert (shares[present == 0] == 0).all()


def test_errors_are_decorrelated_by_the_rows_with_small_errors():
    points = _points(4_000)
    points[::10, N_VALUES:] *= 50  # a tenth of the rows are anomalies
    normal = _learned(points, error_weight=1.0)
    clean = np.delete(np.arange(4_000), np.arange(0, 4_000, 10))
    covariance = np.cov(normal._located(points)[clean, N_VALUES:].numpy().T)
    scale = np.diag(covariance).mean()
    np.testing.assert_allclose(covariance / scale, np.eye(N_FEATURES), atol=0.15)
    assert scale < 4  # of all rows it would be about 0.004


def test_rows_far_from_the_others_are_no_reference():
    points = _points(200)
    points[:10] += 100
    normal = _learned(points, most=180)
    assert normal.reference[:, :N_VALUES].max() < 50


def test_a_row_is_not_compared_with_itself():
    points = _points(50)
    normal = _learned(points, group_size=1, most=1000)
    assert (normal(points) > 0.3).all()


def test_rows_that_are_all_equal_have_distance_zero():
    points = torch.ones(20, N_VALUES + N_FEATURES)
    normal = _learned(points)
    assert (normal(points) == 0).all()
    assert torch.isfinite(normal(points + 1)).all()


def test_the_distance_grows_with_the_row_and_stays_finite():
    normal, direction = _learned(), torch.ones(1, N_VALUES + N_FEATURES)
    sizes = 10.0 ** torch.arange(1, 16)
    distances = torch.cat([normal(size * direction) for size in sizes])
    assert torch.isfinite(distances).all()
    assert (distances.diff() > 0).all()


def test_wide_tables_are_scaled_by_their_deviations():
    points = torch.randn(50, 2 * 700, generator=torch.Generator().manual_seed(0))
    normal = NormalRows(points, None, 700, 1.0, 8, 100)
    assert normal.whitening.shape == (700,)
    assert torch.isfinite(normal(points)).all()
