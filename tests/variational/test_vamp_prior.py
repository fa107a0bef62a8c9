"""The variational auto-encoder whose prior is a mixture of posteriors."""

import numpy as np
import pytest

from skae import VAE, VampPriorVAE


def clusters(n_samples=900):
    rng = np.random.default_rng(0)
    centres = 4 * np.array([[1, 0, 1, 0], [0, 1, -1, 0], [-1, -1, 0, 1.0]])
    return centres[rng.integers(3, size=n_samples)] + 0.3 * rng.normal(size=(n_samples, 4))


X = clusters()


@pytest.fixture(scope="module")
def vamp():
    return VampPriorVAE(2, n_pseudo_inputs=10, max_epochs=80, random_state=0).fit(X)


def test_clusters_are_likelier_than_under_a_standard_normal_prior(vamp):
    plain = VAE(2, max_epochs=80, random_state=0).fit(X)
    assert vamp.log_likelihood(X, 100, 0).mean() > plain.log_likelihood(X, 100, 0).mean() + 0.1


def test_the_score_is_a_lower_bound(vamp):
    gap = vamp.log_likelihood(X, 1000, random_state=0) - vamp.score_samples(X)
    assert gap.mean() > 0
    assert np.mean(gap > -0.1) > 0.97  # cubature is exact for functions of second degree only


def test_drawn_rows_have_the_moments_of_the_table(vamp):
    drawn = vamp.sample(20_000, random_state=0)
    np.testing.assert_allclose(drawn.mean(axis=0), X.mean(axis=0), atol=0.4)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(X.T), atol=1.0)


def test_pseudo_inputs_start_as_training_rows_that_count():
    weight = np.r_[np.ones(450), np.zeros(450)]
    start = VampPriorVAE(2, n_pseudo_inputs=20, scaler=None, max_epochs=0, random_state=0)
    pseudo = start.fit(X, sample_weight=weight).module_.pseudo_inputs.detach().numpy()
    distance = np.abs(pseudo[:, None] - X[:450].astype(np.float32)).max(axis=2)
    np.testing.assert_array_equal(distance.min(axis=1), 0)
    assert len(np.unique(distance.argmin(axis=1))) == 20


def test_more_pseudo_inputs_than_rows_repeat_some():
    vae = VampPriorVAE(1, n_pseudo_inputs=30, max_epochs=1, contamination=0.1, random_state=0)
    assert vae.fit(X[:20]).module_.pseudo_inputs.shape == (30, 4)


def test_scores_stay_when_the_scaler_moves():
    vae = VampPriorVAE(2, n_pseudo_inputs=5, max_epochs=5, random_state=0, lr=1e-12).fit(X)
    before = vae.score_samples(X)
    vae.set_params(lr=1e-12).partial_fit(X[:100] * 3 + 5)
    np.testing.assert_allclose(vae.score_samples(X), before, rtol=1e-3, atol=1e-2)


def test_another_number_of_pseudo_inputs_cannot_go_on():
    vae = VampPriorVAE(2, n_pseudo_inputs=5, max_epochs=1, warm_start=True, random_state=0).fit(X)
    with pytest.raises(ValueError, match="n_pseudo_inputs=6"):
        vae.set_params(n_pseudo_inputs=6).fit(X)
