"""An affine map between two tables without pairs."""

import numpy as np
import pytest

from skae.preprocessing import affine_transport


def _moved(rows, transport):
    return (rows - transport.mean) @ transport.matrix + transport.target_mean


def _rows(n_samples=300, n_features=4, seed=0):
    """Skewed columns of different spread: no rotation but the identity leaves them alike."""
    rng = np.random.default_rng(seed)
    return rng.exponential(size=(n_samples, n_features)) ** 1.5 * np.linspace(1, 3, n_features)


def _orthogonal(n, seed=0):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(n, n)))[0]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_rotated_and_shuffled_table_is_found(seed):
    X, rotation = _rows(), _orthogonal(4, seed)
    Y = np.random.default_rng(seed).permutation(X @ rotation + 7)
    np.testing.assert_allclose(affine_transport(X, Y).matrix, rotation, atol=0.05)


def test_other_rows_of_the_same_distribution_stay_in_place():
    X, Y = _rows(seed=0), _rows(seed=1)
    deviation = _moved(X, affine_transport(X, Y)) - X
    assert np.square(deviation).mean() < 0.1 * X.var(axis=0).mean()


def test_a_symmetric_table_is_not_turned_over():
    X = np.random.default_rng(0).normal(size=(300, 3)) * [1, 2, 4]
    np.testing.assert_allclose(affine_transport(X, X[::-1] + 5).matrix, np.eye(3), atol=0.02)


def test_normal_tables_are_carried_over_by_the_monge_map():
    X = np.random.default_rng(0).normal(size=(500, 2))
    X = (X - X.mean(axis=0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(X.T, ddof=0))).T
    matrix = affine_transport(X, 2 * X[::-1]).matrix
    # The covariances I and 4 I with the ridge of a tenth of their mean on both.
    np.testing.assert_allclose(matrix, np.sqrt(4.25 / 1.25) * np.eye(2), atol=1e-3)


def test_the_inverse_undoes_the_map():
    X = _rows()
    there = affine_transport(X, _rows(200, seed=1) ** 2)
    np.testing.assert_allclose(_moved(_moved(X, there), there.inverse), X, atol=1e-9)
    np.testing.assert_allclose(there.bias, _moved(np.zeros((1, 4)), there)[0], atol=1e-9)


@pytest.mark.parametrize("n_samples", [1, 2, 700])
def test_any_number_of_rows_and_constant_columns_give_a_finite_map(n_samples):
    X = np.column_stack([_rows(n_samples), np.full(n_samples, 3.0)])
    transport = affine_transport(X, X[:1] + 2)
    assert np.isfinite(transport.matrix).all()
    np.testing.assert_allclose(_moved(X.mean(axis=0), transport), X[0] + 2)


def test_directions_that_no_row_takes_stay_as_they_are():
    X, Y = _rows(15, 60), _rows(12, 60, seed=1) ** 2
    matrix = affine_transport(X, Y).matrix
    seen = np.concatenate([X - X.mean(axis=0), Y - Y.mean(axis=0)])
    unseen = np.linalg.svd(seen)[2][len(seen) :]
    np.testing.assert_allclose(unseen @ matrix, unseen, atol=1e-9)


def test_nothing_is_drawn():
    X, Y = _rows(100), _rows(90, seed=1)
    first, second = affine_transport(X, Y), affine_transport(X, Y)
    np.testing.assert_array_equal(first.matrix, second.matrix)
