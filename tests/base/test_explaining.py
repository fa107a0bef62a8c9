"""Shares of a path."""

import numpy as np
import torch

from skae.base import path_shares


def _points(seed, n_columns=5):
    return torch.randn(20, n_columns, generator=torch.Generator().manual_seed(seed))


def test_of_a_sum_each_coordinate_has_what_it_adds():
    start, end = _points(0), _points(1)
    shares = path_shares(lambda x: (x**4).sum(dim=1), start, end)
    np.testing.assert_allclose(shares, (end**4 - start**4).double(), rtol=1e-4, atol=1e-5)


def test_of_a_product_each_factor_has_its_integral():
    start, end = torch.zeros(1, 2), torch.tensor([[2.0, 3.0]])
    shares = path_shares(lambda x: x[:, 0] * x[:, 1] ** 2, start, end)
    # the integral of x_2^2 over the line, times 2: t^2 9; and of 2 x_1 x_2, times 3
    np.testing.assert_allclose(shares, [[6.0, 12.0]], rtol=1e-5)


def test_they_sum_to_the_change_where_quadrature_does_not():
    start, end = _points(0), 10 * _points(1)
    end[:, 2] = start[:, 2]

    def loss(x):
        return (x.sum(dim=1) * 3).floor() + x.abs().sum(dim=1)

    shares = path_shares(loss, start, end)
    np.testing.assert_allclose(shares.sum(dim=1), (loss(end) - loss(start)).double(), rtol=1e-6)
    assert not shares[:, 2].any()
