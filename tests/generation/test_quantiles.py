"""Columns that get the distribution of training."""

import numpy as np
from scipy.stats import kstest

from skae.generation._quantiles import QuantileMatching

RNG = np.random.default_rng(0)


def matched(real, generated):
    return QuantileMatching(real, generated).inverse_transform(generated)


def test_columns_get_the_distribution_of_training():
    real, generated = RNG.exponential(size=(3000, 1)), RNG.normal(size=(4000, 1))
    assert kstest(matched(real, generated)[:, 0], real[:, 0]).pvalue > 0.5


def test_ranks_stay():
    real, generated = RNG.exponential(size=(300, 2)), RNG.normal(size=(400, 2))
    changes = np.diff(matched(real, generated)[generated[:, 0].argsort(), 0])
    assert (changes >= 0).all()


def test_of_repeated_values_none_is_new():
    real = np.round(RNG.poisson(2, size=(500, 1)) + 0.1, 1)
    values, counts = np.unique(matched(real, RNG.normal(size=(5000, 1))), return_counts=True)
    assert set(values) == set(real[:, 0])
    expected = np.unique(real, return_counts=True)[1]
    np.testing.assert_allclose(counts / 5000, expected / 500, atol=0.01)


def test_missing_and_constant_columns():
    real = RNG.normal(size=(100, 2))
    real[:50, 0], real[:, 1] = np.nan, 7.0
    result = matched(real, np.column_stack([RNG.normal(size=1000), np.zeros(1000)]))
    assert np.isfinite(result).all()
    assert (result[:, 1] == 7).all()
    assert result[:, 0].min() >= np.nanmin(real[:, 0])
