"""The variational auto-encoder: its start, its bound, its draws."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import norm
from sklearn.decomposition import PCA
from torch.distributions import Normal

from skae import VAE
from skae.distributions import Gaussian, SquaredError
from skae.nn import VariationalAutoEncoder, isolated_rng
from skae.objectives import Batch, Variational
from tests.estimators import score_of_nothing


def correlated(n_samples=400, n_features=6, seed=0):
    rng = np.random.default_rng(seed)
    loadings = rng.normal(size=(2, n_features))
    rows = rng.normal(size=(n_samples, 2)) @ loadings + 0.5 * rng.normal(
        size=(n_samples, n_features)
    )
    return rows + np.linspace(-3, 3, n_features)


X = correlated()


@pytest.fixture(scope="module")
def vae():
    return VAE(2, max_epochs=20, random_state=0).fit(X)


def circle(n_samples=1500):
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 2 * np.pi, n_samples)
    rows = np.column_stack([np.cos(angle), np.sin(angle), np.cos(2 * angle)])
    return rows + 0.05 * rng.normal(size=rows.shape)


CURVED = circle()


@pytest.fixture(scope="module")
def bent():
    return VAE(2, max_epochs=60, random_state=0).fit(CURVED)


# ---- the start ----


@pytest.mark.parametrize("n_components", [1, 2, 4])
def test_it_starts_at_probabilistic_pca(n_components):
    start = VAE(n_components, scaler=None, max_epochs=0, random_state=0).fit(X)
    expected = PCA(n_components).fit(X).score_samples(X)
    np.testing.assert_allclose(start.score_samples(X), expected, rtol=0.01, atol=0.05)


def test_at_the_start_the_bound_is_the_likelihood():
    start = VAE(2, scaler=None, max_epochs=0, random_state=0).fit(X)
    likelihood = start.log_likelihood(X, 20, random_state=0)
    np.testing.assert_allclose(start.score_samples(X), likelihood, atol=1e-3)


# ---- the bound ----


def test_the_score_is_a_lower_bound(bent):
    gap = bent.log_likelihood(CURVED, 2000, random_state=0) - bent.score_samples(CURVED)
    assert gap.mean() > 0
    assert np.mean(gap > -0.05) > 0.99  # cubature is exact for functions of second degree only


def test_more_draws_raise_the_estimate(bent):
    few, many = (bent.log_likelihood(CURVED, n, random_state=0).mean() for n in (1, 500))
    assert few < many


def test_training_raises_the_bound_of_curved_rows(bent):
    assert bent.score(CURVED) > PCA(2).fit(CURVED).score(CURVED) + 0.3


def test_units_are_those_of_the_table(vae):
    scaled = VAE(2, max_epochs=20, random_state=0).fit(X * 10)
    difference = vae.score_samples(X) - scaled.score_samples(X * 10)
    np.testing.assert_allclose(difference, X.shape[1] * np.log(10), atol=0.05)


def test_a_date_has_a_density_per_day():
    rng = np.random.default_rng(0)
    # less than a day in all: there are no cycles
    days = rng.normal(size=300)
    frames = [
        pd.DataFrame({"when": pd.Timestamp("2020-01-01") + pd.to_timedelta(unit * days, "D")})
        for unit in (0.01, 0.1)
    ]
    scores = [VAE(1, max_epochs=0, random_state=0).fit(frame).score(frame) for frame in frames]
    assert scores[0] - scores[1] == pytest.approx(np.log(10), abs=0.01)
    # normal, of a deviation in days
    assert scores[1] == pytest.approx(-0.5 * np.log(2 * np.pi * np.e * 0.1**2), abs=0.1)


def test_contributions_sum_to_the_score(vae):
    total = vae.feature_contributions(X).sum(axis=1) + score_of_nothing(vae, X)
    np.testing.assert_allclose(total, vae.score_samples(X), rtol=1e-3, atol=1e-2)


def test_what_a_cell_adds_that_is_as_expected_is_the_height_of_its_density(vae):
    scale = vae.module_.noise().exp().numpy(force=True) * vae._encoder.scale_
    expected = norm.logpdf(0, scale=scale)
    np.testing.assert_allclose(vae.feature_baselines_, expected, rtol=1e-5)


def test_the_cell_that_is_off_contributes_most_whatever_its_unit():
    rows = X * 2.0 ** np.arange(-10, 11, 4)
    for column in range(6):
        odd = rows.copy()
        odd[:, column] += 20 * rows[:, column].std()
        contributions = VAE(2, max_epochs=0, random_state=0).fit(rows).feature_contributions(odd)
        assert (contributions.argmin(axis=1) == column).all()


# ---- the objective ----


def module_of(n_components=2, n_features=4):
    with isolated_rng(0):
        encoder = torch.nn.Linear(n_features, 2 * n_components)
        decoder = torch.nn.Linear(n_components, n_features)
    return VariationalAutoEncoder(encoder, decoder, n_components, n_features)


def batch_of(n_samples=64, weight=None):
    rows = torch.randn(n_samples, 4, generator=torch.Generator().manual_seed(1))
    return Batch(rows, rows, weight)


def test_the_divergence_in_closed_form_is_that_of_draws():
    module = module_of()
    posterior = Normal(torch.tensor([[0.5, -1.0]]), torch.tensor([[0.3, 1.5]]))
    with isolated_rng(0):
        code = posterior.sample((200_000,))
    drawn = (posterior.log_prob(code) - Normal(0.0, 1.0).log_prob(code)).mean(dim=0)
    closed = module.divergence(posterior, posterior.loc)
    torch.testing.assert_close(closed, drawn, rtol=0.02, atol=0.01)


@pytest.mark.parametrize("beta", [0.0, 1.0, 4.0])
def test_beta_weighs_the_divergence(beta):
    module, batch = module_of(), batch_of()
    losses = {b: Variational(Gaussian(), beta=b).per_row(module, batch) for b in (0.0, 1.0, beta)}
    expected = losses[0.0] + beta * (losses[1.0] - losses[0.0])
    torch.testing.assert_close(losses[beta], expected)


def test_free_bits_are_a_floor_of_the_divergence():
    module, batch = module_of(), batch_of()
    posterior = module.posterior(batch.inputs)
    plain = Variational(Gaussian()).penalty(module, posterior, posterior.loc, None)
    generous = Variational(Gaussian(), free_bits=100.0)
    floor = generous.penalty(module, posterior, posterior.loc, None)
    torch.testing.assert_close(floor, torch.full_like(floor, 200.0))
    none = Variational(Gaussian(), free_bits=1e-9).penalty(module, posterior, posterior.loc, None)
    torch.testing.assert_close(none, plain)


def test_a_cold_objective_has_no_penalty():
    module, batch = module_of(), batch_of()
    cold, free = Variational(Gaussian(), beta=3.0), Variational(Gaussian(), beta=0.0)
    cold.warmth.fill_(0.0)
    with isolated_rng(0):
        first = cold(module, batch)
    with isolated_rng(0):
        second = free(module, batch)
    torch.testing.assert_close(first, second)


def test_a_weight_is_the_row_so_many_times_where_noise_is_the_same(monkeypatch):
    monkeypatch.setattr(Normal, "rsample", lambda self: self.loc + 0.5 * self.scale)
    module, objective = module_of(), Variational(Gaussian())
    weight = torch.tensor([1.0, 2.0, 3.0, 2.0])
    rows = batch_of(4).inputs
    repeated = rows.repeat_interleave(weight.long(), dim=0)
    weighted = objective(module, Batch(rows, rows, weight / weight.mean()))
    torch.testing.assert_close(weighted, objective(module, Batch(repeated, repeated, None)))


def test_a_warm_up_ends_warm():
    warm = VAE(2, warmup_epochs=5, max_epochs=8, random_state=0).fit(X)
    assert warm.net_.criterion_.warmth == 1


# ---- draws ----


def test_drawn_rows_have_the_moments_of_the_table(vae):
    drawn = vae.sample(20_000, random_state=0)
    np.testing.assert_allclose(drawn.mean(axis=0), X.mean(axis=0), atol=0.25)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(X.T), atol=0.6)


def test_draws_follow_the_seed_alone(vae):
    first = vae.sample(5, random_state=3)
    with isolated_rng(7):
        np.testing.assert_array_equal(first, vae.sample(5, random_state=3))
    assert not np.array_equal(first, vae.sample(5, random_state=4))


def test_drawn_codes_have_the_moments_that_the_encoder_gives(vae):
    codes = vae.sample_posterior(X[:3], 4000, random_state=0)
    assert codes.shape == (3, 4000, 2)
    np.testing.assert_allclose(codes.mean(axis=1), vae.transform(X[:3]), atol=0.1)


def test_drawn_rows_have_the_schema_of_the_table():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "number": rng.normal(size=200),
            "count": rng.integers(0, 9, 200),
            "kind": pd.Categorical(rng.choice(["a", "b", "c"], 200)),
            "text": rng.choice(["x", "y"], 200),
            "flag": rng.random(200) < 0.3,
        }
    )
    drawn = VAE(2, max_epochs=3, random_state=0).fit(frame).sample(50, random_state=0)
    pd.testing.assert_series_equal(drawn.dtypes, frame.dtypes)
    assert set(drawn["kind"]) <= {"a", "b", "c"}
    assert set(drawn["text"]) <= {"x", "y"}
    assert drawn["kind"].nunique() > 1  # drawn, not the most likely one


def test_pixels_that_never_vary_are_drawn_as_they_are():
    images = np.random.default_rng(0).normal(size=(60, 4, 4))
    images[:, 0] = 7.5  # a border
    vae = VAE(2, input_shape=(1, 4, 4), max_epochs=1, random_state=0).fit(images.reshape(60, -1))
    drawn = vae.sample(50, random_state=0).reshape(50, 4, 4)
    np.testing.assert_array_equal(drawn[:, 0], 7.5)
    assert (drawn[:, 1:].std(axis=0) > 0.1).all()


@pytest.mark.parametrize("method", ["sample", "log_likelihood", "sample_posterior"])
def test_no_draws_are_refused(vae, method):
    arguments = () if method == "sample" else (X,)
    with pytest.raises(ValueError, match="n_samples"):
        getattr(vae, method)(*arguments, n_samples=0)


# ---- parameters, streams ----


def test_a_fixed_scale_is_kept():
    fixed = VAE(2, loss=Gaussian(0.5), max_epochs=3, random_state=0).fit(X)
    assert fixed.module_.noise is None


def test_squared_error_is_a_normal_density_of_variance_one_half():
    first, second = (
        VAE(2, loss=loss, max_epochs=5, random_state=0).fit(X).score(X)
        for loss in (SquaredError(), Gaussian(0.5**0.5))
    )
    assert first == pytest.approx(second, rel=1e-3)


def test_chunks_of_a_stream_are_learned():
    stream = VAE(2, init="random", random_state=0)
    scores = []
    for _ in range(15):
        stream.partial_fit(X)
        scores.append(stream.score(X))
    assert scores[-1] > scores[0]
