"""The distance to normal rows."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from skae.outlier_detection._normal_rows import NormalRows

N_VALUES, N_FEATURES = 5, 4


def _points(n_samples, seed=0):
    generator = torch.Generator().manual_seed(seed)
    points = torch.randn(n_samples, N_VALUES + N_FEATURES, generator=generator)
    points[:, -1] += points[:, -2]  # errors that vary together
    return points


def _learned(points=None, present=None, weight=None, **params):
    points = _points(200) if points is None else points
    weight = np.ones(len(points)) if weight is None else weight
    defaults = {"n_values": N_VALUES, "error_weight": 0.5, "n_draws": 8}
    defaults |= {"max_reference_rows": 100, "reference_share": 0.9}
    return NormalRows(points, present, weight, **{**defaults, **params})


def _distances(normal, points, present=None):
    """To each reference row, in double precision; NaN to itself."""
    located, reference = normal._located(points).double().numpy(), normal.reference.double().numpy()
    present = np.ones_like(located) if present is None else present.double().numpy()
    squares = ((located[:, None] - reference) ** 2 * present[:, None]).sum(axis=2)
    growth = located.shape[1] / np.maximum(present.sum(axis=1), 1)
    return np.sqrt(np.where(squares < 1e-9, np.nan, squares) * growth[:, None])


def _expected(normal, points, present=None, n_draws=8):
    """The mean over many subsamples, drawn one by one."""
    rng = np.random.default_rng(0)
    distances = np.nan_to_num(_distances(normal, points, present), nan=np.inf)
    drawn = rng.choice(len(normal.share), (20_000, n_draws), p=normal.share.numpy())
    nearest = np.array([row[drawn].min(axis=1) for row in distances])
    return np.nan_to_num(nearest, posinf=0).mean(axis=1)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_draws", [1, 8, 50])
def test_it_is_the_mean_distance_to_the_nearest_of_random_subsamples(n_draws, weighted):
    weight = np.random.default_rng(1).uniform(0.1, 2, size=200) if weighted else None
    normal = _learned(weight=weight, n_draws=n_draws, max_reference_rows=60)
    points = _points(30, seed=1)
    expected = _expected(normal, points, n_draws=n_draws)
    np.testing.assert_allclose(normal(points), expected, rtol=0.02)


def test_with_infinitely_many_draws_it_is_the_distance_to_the_nearest_row():
    normal, points = _learned(n_draws=np.inf), _points(30, seed=1)
    nearest = np.nanmin(_distances(normal, points), axis=1)
    np.testing.assert_allclose(normal(points), nearest, rtol=1e-4)


def test_one_draw_is_the_mean_over_all_reference_rows():
    normal, points = _learned(n_draws=1), _points(30, seed=1)
    np.testing.assert_allclose(normal(points), _distances(normal, points).mean(axis=1), rtol=1e-4)


def test_a_weight_is_the_row_so_many_times():
    points, counts = _points(60), np.random.default_rng(1).integers(1, 4, size=60)
    weighted = _learned(points, weight=counts.astype(float), max_reference_rows=1_000)
    rows = points.repeat_interleave(torch.from_numpy(counts), dim=0)
    repeated = _learned(rows, max_reference_rows=1_000)
    fresh = torch.cat([points, _points(30, seed=1)])
    np.testing.assert_allclose(weighted(fresh), repeated(fresh), rtol=1e-4)
    np.testing.assert_allclose(weighted.shares(fresh), repeated.shares(fresh), rtol=1e-3, atol=1e-4)


def test_equal_weights_are_no_weights():
    points = _points(60)
    plain, weighted = _learned(points), _learned(points, weight=np.full(60, 3.0))
    np.testing.assert_array_equal(plain(points), weighted(points))


def test_a_few_draws_take_few_reference_rows():
    normal = _learned(_points(3_000), n_draws=2, max_reference_rows=2_000, reference_share=1.0)
    assert len(normal.reference) == 128


def test_coordinates_that_are_missing_are_not_compared():
    normal, points = _learned(), _points(30, seed=1)
    present = (torch.rand(points.shape, generator=torch.Generator().manual_seed(2)) < 0.6).float()
    expected = _expected(normal, points, present)
    np.testing.assert_allclose(normal(points, present), expected, rtol=0.02, atol=1e-4)
    assert (normal(points, torch.zeros_like(present)) == 0).all()


@pytest.mark.parametrize("weight", [None, np.linspace(0.1, 2, 200)], ids=["equal", "weighted"])
@pytest.mark.parametrize("masked", [False, True])
def test_shares_sum_to_the_distance(masked, weight):
    normal, points = _learned(weight=weight), _points(30, seed=1)
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
    own = np.cov(points[clean, N_VALUES:].numpy().T)
    root = np.linalg.inv(sqrtm(0.9 * own + 0.1 * np.diag(own).mean() * np.eye(N_FEATURES)))
    covariance = np.cov(normal._located(points)[clean, N_VALUES:].numpy().T)
    scale = np.diag(covariance).mean()
    expected = root @ own @ root
    np.testing.assert_allclose(covariance / scale, expected / np.diag(expected).mean(), atol=0.1)
    assert scale < 4  # of all rows it would be about 0.004


def test_rows_far_from_the_others_are_no_reference():
    points = _points(200)
    points[:10] += 100
    normal = _learned(points, max_reference_rows=180)
    assert normal.reference[:, :N_VALUES].max() < 50


def test_a_row_is_not_compared_with_itself():
    points = _points(50)
    normal = _learned(points, n_draws=np.inf, max_reference_rows=1000)
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
    normal = _learned(points, n_values=700)
    assert normal.whitening.shape == (700,)
    assert torch.isfinite(normal(points)).all()
