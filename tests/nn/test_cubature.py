"""Points whose mean is an expectation."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.linalg import hadamard
from torch.distributions import Normal

from skae.nn import cubature_points
from skae.nn._cubature import hadamard_matrix

MATRICES = {order: hadamard_matrix(order) for order in range(1, 257)}
KNOWN = {order: matrix for order, matrix in MATRICES.items() if matrix is not None}


def posterior_of(n_samples, n_components):
    generator = torch.Generator().manual_seed(0)
    loc, log_scale = torch.randn(2, n_samples, n_components, generator=generator)
    return Normal(loc, log_scale.exp())


@pytest.mark.parametrize("n_components", [1, 2, 3, 4, 7, 8, 20, 75])
def test_cubature_is_exact_for_functions_of_second_degree(n_components):
    posterior = posterior_of(5, n_components)
    points = cubature_points(posterior).double()
    loc, scale = posterior.loc.double(), posterior.scale.double()
    torch.testing.assert_close(points.mean(dim=0), loc, rtol=1e-5, atol=1e-5)
    centred = points - loc
    second = torch.einsum("psi,psj->sij", centred, centred) / len(points)
    torch.testing.assert_close(second, torch.diag_embed(scale.square()), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("n_components", "n_points"),
    [(1, 2), (3, 4), (4, 8), (7, 8), (8, 12), (16, 20), (32, 40), (75, 80)],
)
def test_cubature_takes_few_points(n_components, n_points):
    assert cubature_points(posterior_of(2, n_components)).shape == (n_points, 2, n_components)


def test_a_hadamard_matrix_has_orthogonal_signs_after_a_constant():
    for order, matrix in KNOWN.items():
        assert set(np.unique(matrix)) <= {-1, 1}
        np.testing.assert_array_equal(matrix.T @ matrix, order * np.eye(order))
        np.testing.assert_array_equal(matrix[:, 0], 1)


def test_there_is_always_one_near():
    orders = list(KNOWN)
    assert {1, 2, 4, 8, 12, 16, 20, 24, 32, 40, 44, 48} <= set(orders)
    assert all(after <= 4 / 3 * before for before, after in pairwise(orders) if before >= 12)
    np.testing.assert_array_equal(hadamard_matrix(64), hadamard(64))
