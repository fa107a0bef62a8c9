"""Principal axes are scikit-learn's PCA, with weights and block by block."""

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA

from skae.preprocessing import _principal_axes, principal_axes
from skae.preprocessing._principal_axes import column_means, pairwise_covariance

DEVIATIONS = np.array([5.0, 3.0, 2.0, 1.0, 0.5, 0.2])


def _identity(X):
    return X


def _table(n=400, seed=0, deviations=DEVIATIONS):
    """Rows whose axes are a random rotation, with clearly different variances."""
    generator = np.random.default_rng(seed)
    rotation, _ = np.linalg.qr(generator.normal(size=(len(deviations), len(deviations))))
    return generator.normal(size=(n, len(deviations))) * deviations @ rotation + 3.0


def _same_axes(ours, theirs, tolerance=1e-8):
    cosines = np.abs((ours * theirs).sum(axis=1))
    np.testing.assert_allclose(cosines, 1, atol=tolerance)


@pytest.mark.parametrize("k", [1, 3, 6])
def test_axes_and_variances_are_those_of_pca(k):
    X = _table()
    ours, theirs = principal_axes(X, _identity, k), PCA(k).fit(X)
    np.testing.assert_allclose(ours.mean, theirs.mean_)
    np.testing.assert_allclose(ours.variance, theirs.explained_variance_ * (len(X) - 1) / len(X))
    _same_axes(ours.axes, theirs.components_)


def test_axes_are_those_of_the_transformed_table():
    X = _table()
    scaled = (X - 1) / DEVIATIONS
    ours = principal_axes(X, lambda block: (block - 1) / DEVIATIONS, 4)
    _same_axes(ours.axes, PCA(4).fit(scaled).components_)


def test_dividing_by_the_scale_whitens():
    X = _table()
    pca = principal_axes(X, _identity, 6)
    codes = (X - pca.mean) @ pca.axes.T / pca.scale
    np.testing.assert_allclose(codes.T @ codes / len(X), np.eye(6), atol=1e-8)


@pytest.mark.parametrize("rearranged", [lambda X: X, lambda X: X[::-1], lambda X: np.r_[X, X]])
def test_the_largest_entry_of_each_axis_is_positive(rearranged):
    pca = principal_axes(rearranged(_table()), _identity, 6)
    assert (pca.axes.max(axis=1) > -pca.axes.min(axis=1)).all()
    np.testing.assert_allclose(pca.axes, principal_axes(_table(), _identity, 6).axes, atol=1e-8)


def test_mirroring_the_table_changes_no_sign():
    X = _table()
    np.testing.assert_allclose(
        principal_axes(-X, _identity, 6).axes, principal_axes(X, _identity, 6).axes, atol=1e-8
    )


@pytest.mark.parametrize("wide", [False, True])
def test_integer_weights_are_repeated_rows(wide, monkeypatch):
    if wide:
        monkeypatch.setattr(_principal_axes, "LARGEST_COVARIANCE", 1)
    X, weight = _table(), np.random.default_rng(1).integers(0, 4, size=400)
    weighted = principal_axes(X, _identity, 3, weight.astype(float))
    repeated = principal_axes(np.repeat(X, weight, axis=0), _identity, 3)
    for ours, theirs in zip(weighted, repeated, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("weighted", [False, True])
def test_reading_by_blocks_changes_nothing(weighted, monkeypatch):
    X = _table()
    weight = np.random.default_rng(1).exponential(size=400) if weighted else None
    whole = principal_axes(X, _identity, 6, weight)
    monkeypatch.setattr(_principal_axes, "BLOCK_ROWS", 37)
    for ours, theirs in zip(principal_axes(X, _identity, 6, weight), whole, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("rank", [1, 2, 4])
def test_directions_without_variance_stay_at_their_own_scale(rank):
    deviations = np.where(np.arange(6) < rank, DEVIATIONS, 0)
    X = _table(deviations=deviations)
    pca = principal_axes(X, _identity, 6)
    assert (pca.scale[rank:] == 1).all()
    np.testing.assert_allclose(pca.scale[:rank], np.sqrt(pca.variance[:rank]))
    np.testing.assert_allclose(pca.axes @ pca.axes.T, np.eye(6), atol=1e-8)
    kept = pca.axes[:rank]
    np.testing.assert_allclose((X - pca.mean) @ kept.T @ kept + pca.mean, X, atol=1e-8)


def test_fewer_rows_than_columns_do():
    pca = principal_axes(_table(n=3), _identity, 6)
    assert pca.axes.shape == (6, 6)
    np.testing.assert_allclose(pca.axes @ pca.axes.T, np.eye(6), atol=1e-8)
    assert (pca.variance >= 0).all()
    assert (pca.scale[2:] == 1).all()


@pytest.mark.parametrize("n", [1, 5])
def test_a_constant_table_has_axes_too(n):
    pca = principal_axes(np.full((n, 4), 7.0), _identity, 2)
    assert np.isfinite(np.concatenate([values.ravel() for values in pca])).all()
    assert (pca.scale == 1).all()


def test_no_more_axes_than_columns():
    assert principal_axes(_table(), _identity, 99).axes.shape == (6, 6)


# ---- the sketch for wide tables ----


@pytest.fixture
def wide(monkeypatch):
    monkeypatch.setattr(_principal_axes, "LARGEST_COVARIANCE", 5)


@pytest.mark.usefixtures("wide")
def test_the_sketch_of_a_wide_table_is_pca():
    X = _table(deviations=np.geomspace(10, 0.01, 40))
    ours, theirs = principal_axes(X, _identity, 5), PCA(5, svd_solver="full").fit(X)
    np.testing.assert_allclose(
        ours.variance, theirs.explained_variance_ * (len(X) - 1) / len(X), rtol=1e-4
    )
    _same_axes(ours.axes, theirs.components_, tolerance=1e-4)
    assert (ours.axes.max(axis=1) > -ours.axes.min(axis=1)).all()


@pytest.mark.usefixtures("wide")
def test_the_sketch_gives_the_same_bits_twice_and_leaves_numpys_generator_alone():
    X, state = _table(), np.random.get_state()[1].copy()  # noqa: NPY002
    first, again = (principal_axes(X, _identity, 3) for _ in range(2))
    np.testing.assert_array_equal(first.axes, again.axes)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


@pytest.mark.usefixtures("wide")
def test_the_sketch_of_few_rows_has_as_many_axes_as_rows():
    pca = principal_axes(_table(n=3), _identity, 6)
    assert pca.axes.shape == (3, 6)
    assert np.isfinite(pca.scale).all()


@pytest.mark.usefixtures("wide")
def test_the_sketch_samples_rows_evenly(monkeypatch):
    monkeypatch.setattr(_principal_axes, "SKETCH_ROWS", 4000)
    X = _table(n=12_000)
    ours, theirs = principal_axes(X, _identity, 3), PCA(3).fit(X)
    np.testing.assert_allclose(ours.variance, theirs.explained_variance_, rtol=0.1)
    _same_axes(ours.axes, theirs.components_, tolerance=0.01)


@pytest.mark.usefixtures("wide")
def test_the_sketch_finds_the_rows_that_count(monkeypatch):
    monkeypatch.setattr(_principal_axes, "SKETCH_ROWS", 200)
    X, weight = _table(), np.zeros(400)
    weight[1::2] = 1.0
    ours = principal_axes(X, _identity, 3, weight)
    _same_axes(ours.axes, PCA(3).fit(X[1::2]).components_, tolerance=1e-4)


# ---- missing values ----


def _holed(share=0.2, seed=0, n=400):
    """Rows with missing values, more of them where a value is large."""
    X, rng = _table(n=n), np.random.default_rng(seed)
    return np.where(rng.random(X.shape) < share * (1 + (X > 3)), np.nan, X)


def _moments(X, weight=None):
    mean = column_means(X, _identity, weight)
    return mean, pairwise_covariance(X, _identity, mean, weight)


@pytest.mark.parametrize("share", [0.0, 0.05, 0.4])
def test_mean_and_covariance_are_those_of_pandas(share):
    frame = pd.DataFrame(_holed(share))
    there = frame.notna().to_numpy(float)
    n_pairs = there.T @ there
    mean, covariance = _moments(frame.to_numpy())
    np.testing.assert_allclose(mean, frame.mean())
    np.testing.assert_allclose(covariance, frame.cov() * (n_pairs - 1) / n_pairs)


def test_axes_of_rows_with_holes_are_those_of_the_covariance():
    X = _holed(0.1)
    pca = principal_axes(X, _identity, 6)
    mean, covariance = _moments(X)
    np.testing.assert_allclose(pca.mean, mean)
    np.testing.assert_allclose(pca.axes @ pca.axes.T, np.eye(6), atol=1e-8)
    np.testing.assert_allclose(
        np.diag(pca.axes @ covariance @ pca.axes.T), pca.variance, rtol=1e-8, atol=1e-8
    )


def test_holes_at_random_hardly_move_the_axes():
    X = _table(n=20_000)
    holed = np.where(np.random.default_rng(1).random(X.shape) < 0.2, np.nan, X)
    ours, complete = principal_axes(holed, _identity, 3), principal_axes(X, _identity, 3)
    _same_axes(ours.axes, complete.axes, tolerance=1e-3)
    np.testing.assert_allclose(ours.variance, complete.variance, rtol=0.05)


@pytest.mark.parametrize("wide", [False, True])
def test_integer_weights_are_repeated_rows_with_holes_too(wide, monkeypatch):
    if wide:
        monkeypatch.setattr(_principal_axes, "LARGEST_COVARIANCE", 1)
    X, weight = _holed(0.1), np.random.default_rng(1).integers(0, 4, size=400)
    weighted = principal_axes(X, _identity, 3, weight.astype(float))
    repeated = principal_axes(np.repeat(X, weight, axis=0), _identity, 3)
    for ours, theirs in zip(weighted, repeated, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)


def test_reading_rows_with_holes_by_blocks_changes_nothing(monkeypatch):
    X = _holed(0.1)
    X[:100] = _table()[:100]  # some blocks are complete
    weight = np.random.default_rng(1).exponential(size=400)
    whole = _moments(X, weight)
    monkeypatch.setattr(_principal_axes, "BLOCK_ROWS", 37)
    for ours, theirs in zip(_moments(X, weight), whole, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-10)


def test_columns_never_seen_together_do_not_covary():
    X = _table()
    X[::2, 0] = X[1::2, 1] = np.nan
    _, covariance = _moments(X)
    assert covariance[0, 1] == covariance[1, 0] == 0
    assert np.isfinite(principal_axes(X, _identity, 6).axes).all()


@pytest.mark.parametrize("wide", [False, True])
def test_a_column_without_a_value_has_mean_and_variance_zero(wide, monkeypatch):
    if wide:
        monkeypatch.setattr(_principal_axes, "LARGEST_COVARIANCE", 1)
    X = _table()
    X[:, 2] = np.nan
    pca = principal_axes(X, _identity, 5)
    assert pca.mean[2] == 0
    np.testing.assert_allclose(pca.axes[:, 2], 0, atol=1e-8)
    assert np.isfinite(np.concatenate([values.ravel() for values in pca])).all()


def test_axes_of_some_columns_are_those_of_the_wider_table():
    X = np.random.default_rng(0).normal(size=(50, 4))
    columns = np.array([True, False, True, True])
    axes = principal_axes(X[:, columns], lambda rows: rows, 2).spread(columns)
    assert axes.axes.shape == (2, 4)
    assert (axes.axes[:, 1] == 0).all()
    assert np.isnan(axes.column_variance).tolist() == [False, True, False, False]
    projected = ((X - axes.mean) @ axes.axes.T).var(axis=0)
    np.testing.assert_allclose(projected, axes.variance)


@pytest.mark.parametrize("n_components", [1, 2, 3, 4, 9])
def test_both_sides_are_the_axes_along_which_rows_vary_and_their_opposites(n_components):
    X = np.random.default_rng(0).normal(size=(50, 3)) @ np.diag([3.0, 2.0, 0.0])
    pca = principal_axes(X, lambda rows: rows, 3)
    both = pca.both_sides(n_components)
    expected = np.concatenate([pca.axes[: (n_components + 1) // 2][:2]] * 2)
    n_axes = len(expected) // 2
    expected[n_axes:] *= -1
    np.testing.assert_array_equal(both.axes, expected[:n_components])
    np.testing.assert_array_equal(both.scale, np.tile(pca.scale[:n_axes], 2)[:n_components])


def test_constant_columns_do_not_lower_what_axes_leave():
    rows = np.random.default_rng(0).normal(size=(200, 6))
    wider = np.column_stack([rows, np.full((200, 4), 0.1)])
    narrow, wide = (principal_axes(X, np.asarray, 2) for X in (rows, wider))
    assert wide.residual == pytest.approx(narrow.residual)
