"""DAGMM: what it has beside the laws of all estimators."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from skae import DAGMM
from tests.estimators import fit, table


def detector(**params):
    """A detector that fits in a moment."""
    quick = {"max_epochs": 5, "contamination": 0.1, "random_state": 0, "device": "cpu"}
    return DAGMM(**{**quick, **params})


def test_the_mixture_is_that_of_the_training_rows_and_the_score_its_log_density():
    X = table(300)
    fitted = fit(detector(early_stopping=False), X)
    scaled = torch.from_numpy((X - X.mean(axis=0)) / X.std(axis=0)).float()
    with torch.no_grad():
        code = fitted.module_.encode(scaled)
        rebuilt = fitted.module_.decoder(code)
        shared = torch.full((300, 1), 6**0.5 / 2)
        x, y = torch.hstack([scaled, shared]), torch.hstack([rebuilt, shared])
        relative = (x - y).norm(dim=1) / x.norm(dim=1)
        cosine = torch.cosine_similarity(x, y)
        z = torch.column_stack([code, relative, cosine])
        membership = fitted.module_.membership(z)
    mixture = fitted.mixture_
    np.testing.assert_allclose(mixture.weight, membership.sum(dim=0), rtol=1e-3)
    mean = (membership.T @ z) / membership.sum(dim=0)[:, None]
    np.testing.assert_allclose(mixture.mean, mean, rtol=1e-2, atol=1e-3)
    np.testing.assert_allclose(fitted.score_samples(X), -mixture.energy(z), rtol=1e-3, atol=1e-3)


def test_more_normal_distributions_fit_separate_groups():
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 3, 600)
    X = 0.3 * rng.normal(size=(600, 8)) + 4 * rng.normal(size=(3, 8))[groups]
    fitted = fit(detector(n_mixtures=3, max_epochs=100, lr=3e-3), X[:400])
    between = np.array([X[groups == k].mean(axis=0) for k in range(3)]).mean(axis=0)
    strange = between + 0.3 * rng.normal(size=(200, 8))
    labels = np.repeat([0, 1], 200)
    scores = fitted.score_samples(np.concatenate([X[400:], strange]))
    assert roc_auc_score(labels, -scores) > 0.9


def test_far_rows_score_lower_the_farther_they_are():
    X = table()
    far = X[:1] + 10.0 ** np.arange(2, 9)[:, None] * X.std(axis=0)
    scores = fit(detector(), X).score_samples(far)
    assert np.isfinite(scores).all()
    assert (np.diff(scores) < 0).all()


def test_the_median_row_is_normal_and_the_changed_cell_the_reason():
    X = table(300)
    fitted = fit(detector(max_epochs=40, n_components=3), X)
    assert fitted.score_baseline_ > fitted.offset_
    odd = X[:40].copy()
    odd[:, 2] += 8 * X[:, 2].std()
    reasons = fitted.feature_contributions(odd).argmin(axis=1)
    assert (reasons == 2).mean() > 0.8


def test_a_warm_start_takes_up_what_may_change_and_refuses_the_rest():
    X = table()
    fitted = fit(detector(warm_start=True), X)
    fit(fitted.set_params(energy_weight=0.3, dropout=0.1), X)
    assert fitted.net_.criterion_.energy_weight == 0.3
    assert fitted.module_.estimation[2].p == 0.1
    with pytest.raises(ValueError, match="n_mixtures=7"):
        fit(fitted.set_params(n_mixtures=7), X)


@pytest.mark.parametrize("bad", [(0,), (2.5,), ("8",)])
def test_estimation_layer_sizes_must_be_positive_integers(bad):
    with pytest.raises(ValueError, match="estimation_layer_sizes"):
        detector(estimation_layer_sizes=bad).fit(table())


def test_equal_rows_have_equal_scores():
    scores = fit(detector(), np.ones((30, 4))).score_samples(np.ones((5, 4)))
    assert np.isfinite(scores).all()
    assert np.ptp(scores) == 0
