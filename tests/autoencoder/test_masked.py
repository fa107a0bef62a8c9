"""The masked auto-encoder, and the normal distribution that fills its holes."""

import numpy as np
import pytest
import torch

from skae import MaskedAE
from skae.nn import GaussianFill
from tests.estimators import fit, table


def _holed(share=0.2):
    X = table(300)
    missing = np.random.default_rng(1).random(X.shape) < share
    return X, np.where(missing, np.nan, X), missing


def _masked(max_epochs=5, **params):
    return MaskedAE(max_epochs=max_epochs, contamination=0.1, random_state=0, **params)


def test_the_fill_is_the_expectation_of_a_normal_distribution():
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(6, 4))
    covariance, mean = factors @ factors.T + np.eye(6), rng.normal(size=6)
    x = rng.normal(size=(1, 6))
    missing = np.array([False, True, False, True, True, False])
    there = ~missing
    solved = np.linalg.solve(covariance[np.ix_(there, there)], x[0, there] - mean[there])
    expected = mean[missing] + covariance[np.ix_(missing, there)] @ solved
    fill = GaussianFill(torch.tensor(mean), torch.tensor(covariance))
    filled = fill(torch.tensor(x), torch.tensor(missing[None]))
    np.testing.assert_allclose(filled[0, missing], expected, rtol=1e-6)
    np.testing.assert_array_equal(filled[0, there], x[0, there])


@pytest.mark.parametrize("init", ["pca", "random"])
def test_holes_are_filled_better_than_by_the_mean(init):
    X, holed, missing = _holed()
    filled = fit(_masked(init=init, max_epochs="auto"), holed).impute(holed)
    np.testing.assert_array_equal(filled[~missing], X[~missing])
    error = (filled - X) / X.std(axis=0)
    by_mean = (np.nanmean(holed, axis=0) - X) / X.std(axis=0)
    assert (error[missing] ** 2).mean() < 0.5 * (by_mean[missing] ** 2).mean()


def test_a_cell_is_scored_without_being_seen():
    X, holed, _ = _holed()
    estimator = fit(_masked(n_components=12), holed)
    odd = X[:1].copy()
    odd[0, 2] += 50 * X[:, 2].std()
    assert estimator.score_samples(odd) < estimator.score_samples(X).min()
    assert estimator.feature_contributions(odd)[0].argmin() == 2
    shares = estimator.feature_contributions(holed)
    np.testing.assert_allclose(shares.sum(axis=1), estimator.score_samples(holed), rtol=1e-4)
    assert (shares[np.isnan(holed)] == 0).all()


def test_the_same_random_state_gives_the_same_bits():
    _, holed, _ = _holed()
    first, second = (fit(_masked(), holed).impute(holed) for _ in range(2))
    np.testing.assert_array_equal(first, second)
