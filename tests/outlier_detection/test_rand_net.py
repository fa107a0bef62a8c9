"""RandNet: what it has beside the laws of all estimators."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from skae import RandNet
from tests.estimators import TABLES, fit, table


def ensemble(**params):
    """An ensemble that fits in a moment."""
    quick = {"n_estimators": 5, "max_epochs": 5, "contamination": 0.1}
    return RandNet(**{**quick, "random_state": 0, "device": "cpu", **params})


@pytest.mark.parametrize("n_estimators", [1, 4, 5])
def test_the_score_is_minus_the_median_of_errors_over_their_deviations(n_estimators):
    X = table()
    fitted = fit(ensemble(n_estimators=n_estimators, early_stopping=False), X)
    scaled = (X - X.mean(axis=0)) / X.std(axis=0)
    codes = fitted.transform(X)
    errors = []
    for member in range(n_estimators):
        outputs = _member_outputs(fitted, codes, member)
        errors.append(np.square(outputs - scaled).mean(axis=1))
    errors = np.array(errors)
    deviation = errors.std(axis=1)
    np.testing.assert_allclose(fitted.deviation_, deviation, rtol=1e-4)
    expected = -np.median(errors / deviation[:, None], axis=0)
    np.testing.assert_allclose(fitted.score_samples(X), expected, rtol=1e-4)


def _member_outputs(fitted, codes, member):
    with torch.no_grad():
        return fitted.module_.decoder.each(torch.from_numpy(codes).float())[member].numpy()


@pytest.mark.parametrize("n_estimators", [4, 5])
@pytest.mark.parametrize("make", TABLES.values(), ids=TABLES)
def test_contributions_sum_to_the_median_of_even_and_odd_numbers(make, n_estimators):
    X = make(150)
    fitted = fit(ensemble(n_estimators=n_estimators), X)
    shares = fitted.feature_contributions(X)
    np.testing.assert_allclose(shares.sum(axis=1), fitted.score_samples(X), rtol=1e-5)
    assert (shares <= 0).all()


def test_reconstruct_is_the_mean_of_the_members_and_better_than_most():
    X = table(400)
    fitted = fit(ensemble(n_estimators=9, max_epochs=30), X)
    scaled = (X - X.mean(axis=0)) / X.std(axis=0)
    codes = fitted.transform(X)
    alone = [np.square(_member_outputs(fitted, codes, m) - scaled).mean() for m in range(9)]
    together = np.square((fitted.reconstruct(X) - X) / X.std(axis=0)).mean()
    assert together < np.median(alone)


def test_the_ensemble_finds_anomalies():
    X = table(600)
    fitted = fit(ensemble(n_estimators=20, max_epochs=40), X[:400])
    strange = X[400:] + 4 * X.std(axis=0) * np.random.default_rng(0).choice([-1, 1], (200, 6))
    labels = np.repeat([0, 1], 200)
    scores = fitted.score_samples(np.concatenate([X[400:], strange]))
    assert roc_auc_score(labels, -scores) > 0.9


def test_a_warm_start_does_not_change_the_number_of_members():
    X = table()
    fitted = fit(ensemble(warm_start=True), X)
    with pytest.raises(ValueError, match="n_estimators=6"):
        fit(fitted.set_params(n_estimators=6), X)
