"""New rows: of every auto-encoder, by every sampler, in the schema of fit."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KernelDensity
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PowerTransformer, StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from skae import (
    VAE,
    AutoEncoder,
    ConditionalVAE,
    DenoisingAE,
    MaskedAE,
    RandNet,
    RegularizedAE,
    VampPriorVAE,
    WassersteinAE,
)
from skae.datasets import ChunkedTable
from skae.exceptions import CalibrationWarning
from skae.generation import GenerativeModel, MaskedAutoregressiveFlow
from skae.generation._samplers import SAMPLERS
from skae.vector_quantized import VQVAE
from tests.estimators import assert_same_cells, holed_table, mixed_table, table

QUICK = {"max_epochs": 2, "random_state": 0}
ESTIMATORS = [
    AutoEncoder(2, **QUICK),
    DenoisingAE(2, **QUICK),
    MaskedAE(2, **QUICK),
    VAE(2, **QUICK),
    RandNet(2, n_estimators=2, **QUICK),
    RegularizedAE(2, **QUICK),
    WassersteinAE(2, **QUICK),
    VampPriorVAE(2, **QUICK),
    ConditionalVAE(2, condition=[0], **QUICK),
    VQVAE(2, **QUICK),
]
X = table(300, 4)


def fit(X, estimator=None, **params):
    estimator = AutoEncoder(2, **QUICK) if estimator is None else estimator
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", CalibrationWarning)
        return GenerativeModel(estimator, **{"random_state": 0, **params}).fit(X)


@pytest.fixture(scope="module")
def model():
    return fit(X)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("rows", [table, holed_table, mixed_table])
def test_rows_have_the_schema_of_fit(estimator, rows):
    real = rows(120)
    drawn = fit(real, estimator).sample(30, random_state=0)
    assert drawn.shape == (30, real.shape[1])
    assert not pd.isna(pd.DataFrame(drawn)).any(axis=None)
    if isinstance(real, pd.DataFrame):
        pd.testing.assert_series_equal(drawn.dtypes, real.dtypes)
        assert drawn["text"].isin(real["text"]).all()
        assert drawn["int"].between(real["int"].min(), real["int"].max()).all()


@pytest.mark.parametrize("sampler", sorted(SAMPLERS))
@pytest.mark.parametrize("estimator", [AutoEncoder(2, **QUICK), VAE(2, **QUICK)])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_every_sampler_draws_codes_and_scores_them(sampler, estimator):
    few = X[:60]
    model, again = (fit(few, estimator, sampler=sampler) for _ in range(2))
    assert model.sample(5, random_state=1).shape == (5, 4)
    np.testing.assert_array_equal(model.sample(5, random_state=1), again.sample(5, random_state=1))
    assert np.isfinite(model.score_samples(few)).all()
    assert model.score(few) == pytest.approx(model.score_samples(few).mean())


def test_columns_keep_their_distribution_and_their_relations(model):
    drawn = model.sample(3000, random_state=0)
    for column, real in zip(drawn.T, X.T, strict=True):
        assert kstest(column, real).statistic < 0.05
    np.testing.assert_allclose(np.corrcoef(drawn.T), np.corrcoef(X.T), atol=0.1)


def test_dates_keep_their_distribution_and_what_repeats_is_not_new():
    rng = np.random.default_rng(0)
    days = rng.gamma(1, 100, size=400)  # skewed, none before the first
    frame = pd.DataFrame(
        {
            # drawn to the microsecond
            "when": (pd.Timestamp("2020-01-01") + pd.to_timedelta(days, "D")).floor("us"),
            "month": pd.Timestamp("2020-01-01") + pd.to_timedelta(30 * (days // 30), "D"),
            "number": days + rng.normal(size=400),
        }
    )
    frame.loc[:20, "when"] = pd.NaT
    drawn = fit(frame).sample(3000, random_state=0)
    assert drawn["when"].between(frame["when"].min(), frame["when"].max()).all()
    real, new = (f["when"].dropna().astype("int64") for f in (frame, drawn))
    assert kstest(new, real).statistic < 0.05
    assert drawn["month"].isin(frame["month"]).all()
    free = fit(frame, match_columns=False).sample(3000, random_state=0)
    assert not free["month"].isin(frame["month"]).all()


def test_noise_is_what_the_decoder_leaves():
    estimator = FrozenEstimator(AutoEncoder(2, max_epochs=0, scaler=None).fit(X))
    noisy, smooth = (
        fit(X, estimator, sampler="prior", add_noise=noise, match_columns=False)
        for noise in (True, False)
    )
    error = np.cov((X - estimator.reconstruct(X)).T)
    added = np.cov(noisy.sample(20_000, random_state=0).T)
    added -= np.cov(smooth.sample(20_000, random_state=1).T)
    scale = np.sqrt(np.outer(np.diag(np.cov(X.T)), np.diag(np.cov(X.T))))
    np.testing.assert_allclose(added / scale, error / scale, atol=0.05)


def test_without_noise_and_matching_a_row_is_a_decoded_code():
    model = fit(X, add_noise=False, match_columns=False)
    drawn = model.sample(50, random_state=0)
    codes = GaussianMixture.sample(clone_of(model.sampler_, np.random.RandomState(seed_of(0))), 50)[
        0
    ]
    decoded = model.estimator_.inverse_transform(codes)
    order, expected = np.lexsort(drawn.T), decoded[np.lexsort(decoded.T)]
    np.testing.assert_allclose(drawn[order], expected, rtol=1e-5)


def seed_of(random_state):
    return int(np.random.RandomState(random_state).randint(2**31 - 1))


def clone_of(mixture, rng):
    twin = pickle.loads(pickle.dumps(mixture))
    return twin.set_params(random_state=rng)


def test_named_samplers_are_those_of_scikit_learn(model):
    codes = model.estimator_.transform(X).astype(float)
    assert type(model.sampler_) is GaussianMixture
    np.testing.assert_allclose(model.score_samples(X), model.sampler_.score_samples(codes))
    for n_components in (1, 2 * model.sampler_.n_components):
        other = clone(model.sampler_).set_params(n_components=n_components).fit(codes)
        assert model.sampler_.bic(codes) <= other.bic(codes)
    density = fit(X, sampler="kernel_density").sampler_
    assert type(density) is KernelDensity
    expected = KernelDensity(bandwidth=density.bandwidth).fit(codes).score_samples(codes)
    np.testing.assert_allclose(density.score_samples(codes), expected)


def test_the_bandwidth_is_near_the_best_for_a_normal_distribution():
    from skae.generation._samplers import kernel_density

    rng = np.random.RandomState(0)
    density = kernel_density(rng.normal(size=(800, 1)), None, rng)
    silverman = (4 / 3) ** 0.2 * 800**-0.2
    assert silverman / 2 < density.bandwidth < 2 * silverman


@pytest.mark.parametrize(
    "sampler",
    [
        GaussianMixture(3),
        BayesianGaussianMixture(n_components=2),
        KernelDensity(bandwidth=0.5),
        VAE(1, **QUICK),
        MaskedAutoregressiveFlow(n_layers=1, **QUICK),
    ],
    ids=lambda s: type(s).__name__,
)
def test_a_sampler_may_be_an_object(sampler):
    model = fit(X, sampler=sampler)
    assert model.sample(4, random_state=0).shape == (4, 4)
    assert model.sampler_ is not sampler
    np.testing.assert_array_equal(model.sample(4, random_state=0), model.sample(4, random_state=0))


def test_codes_that_are_all_alike_need_no_mixture():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        drawn = GenerativeModel(random_state=0).fit(np.full((200, 3), 5.0)).sample(4, 0)
    np.testing.assert_array_equal(drawn, 5.0)
    assert not [w for w in caught if "clusters" in str(w.message)]


@pytest.mark.parametrize(
    "estimator",
    [
        VAE(2, **QUICK),
        WassersteinAE(2, **QUICK),
        ConditionalVAE(2, condition=[0], **QUICK),
    ],
)
def test_a_standard_normal_prior_is_that(estimator):
    frozen = FrozenEstimator(fit(X, estimator).estimator_)
    model = fit(X, frozen, sampler="prior")
    codes = frozen.transform(X)[:, :2]
    expected = -0.5 * np.square(codes).sum(axis=1) - np.log(2 * np.pi)
    np.testing.assert_allclose(model.score_samples(X), expected, rtol=1e-4)


def test_the_prior_of_integers_is_no_density():
    with pytest.raises(TypeError, match="Take another sampler"):
        fit(X, VQVAE(2, **QUICK), sampler="prior").score_samples(X)


def test_a_frozen_auto_encoder_is_not_fitted_again(model):
    before = pickle.dumps(model.estimator_.module_.state_dict())
    again = fit(X, FrozenEstimator(model.estimator_))
    assert again.estimator_.module_ is model.estimator_.module_
    assert pickle.dumps(model.estimator_.module_.state_dict()) == before


PIPELINES = [
    make_pipeline(StandardScaler(), AutoEncoder(2, **QUICK)),
    make_pipeline("passthrough", PCA(3), make_pipeline(StandardScaler(), VAE(2, **QUICK))),
    make_pipeline(FrozenEstimator(StandardScaler().fit(X)), AutoEncoder(2, **QUICK)),
    FrozenEstimator(make_pipeline(PowerTransformer(), AutoEncoder(2, **QUICK)).fit(X)),
]


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_rows_of_a_pipeline_come_back_through_its_steps(pipeline):
    model = fit(X, pipeline, match_columns=False)
    drawn = model.sample(3000, random_state=0)
    np.testing.assert_allclose(drawn.mean(axis=0), X.mean(axis=0), atol=0.2 * X.std())
    np.testing.assert_allclose(drawn.std(axis=0), X.std(axis=0), rtol=0.2)
    expected = model.sampler_.score_samples(model.estimator_.transform(X).astype(float))
    np.testing.assert_allclose(model.score_samples(X), expected, rtol=1e-5)


def test_columns_of_a_scaled_table_are_matched_and_named():
    counts = np.random.default_rng(0).poisson(3, (300, 2))
    frame = pd.DataFrame(counts, columns=["first", "second"])
    drawn = fit(frame, PIPELINES[0]).sample(200, random_state=0)
    assert list(drawn.columns) == ["first", "second"]
    np.testing.assert_allclose(drawn, drawn.round(), atol=1e-6)
    assert set(drawn["first"].round()) <= set(frame["first"])


def test_steps_without_a_way_back_are_refused_before_any_work(monkeypatch):
    monkeypatch.setattr(AutoEncoder, "fit", None)
    columns = ColumnTransformer([("scale", StandardScaler(), [0, 1])])
    with pytest.raises(TypeError, match="The step 'columntransformer' of estimator"):
        fit(X, make_pipeline(columns, AutoEncoder(2)))
    with pytest.raises(TypeError, match="Pipeline that ends in one"):
        fit(X, make_pipeline(AutoEncoder(2), PCA(2)))


def test_a_step_of_a_pipeline_has_a_seed():
    model = GenerativeModel(make_pipeline(StandardScaler(), AutoEncoder(2, max_epochs=2)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first, second = (clone(model).set_params(random_state=5).fit(X) for _ in range(2))
    assert model.estimator[-1].random_state is None
    assert_same_cells(first.sample(9, random_state=1), second.sample(9, random_state=1))


def test_seeds():
    model = GenerativeModel(AutoEncoder(2, max_epochs=2), random_state=5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first, second = (clone(model).fit(X) for _ in range(2))
    assert first.estimator_.random_state is not None
    assert_same_cells(first.sample(9, random_state=1), second.sample(9, random_state=1))
    assert (first.sample(9, random_state=1) != first.sample(9, random_state=2)).any()


def test_pickle_and_clone(model):
    twin = pickle.loads(pickle.dumps(model))
    assert_same_cells(twin.sample(6, random_state=0), model.sample(6, random_state=0))
    assert clone(model).get_params()["sampler"] == "gaussian_mixture"


def test_parameters_of_its_parts_can_be_searched(model):
    search = GridSearchCV(
        GenerativeModel(FrozenEstimator(model.estimator_), sampler=GaussianMixture()),
        {"sampler__n_components": [1, 2]},
        cv=2,
    ).fit(X)
    assert search.best_params_["sampler__n_components"] in (1, 2)
    assert GenerativeModel(VAE()).set_params(estimator__beta=4).estimator.beta == 4


def test_names_of_columns(model):
    frame = pd.DataFrame(X, columns=list("abcd"))
    named = fit(frame)
    assert named.n_features_in_ == model.n_features_in_ == 4
    assert list(named.feature_names_in_) == list("abcd")
    assert not hasattr(model, "feature_names_in_")
    assert list(named.sample(2).columns) == list("abcd")


def test_polars_frames_come_back():
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"n": [1, 2, 3, 4] * 20, "word": ["a", "b", "b", "a"] * 20})
    drawn = fit(frame).sample(10, random_state=0)
    assert drawn.schema == frame.schema
    assert set(drawn["n"]) <= {1, 2, 3, 4}


def test_it_keeps_scikit_learns_contract():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_estimator(GenerativeModel(AutoEncoder(2, **QUICK), random_state=0))


@pytest.mark.parametrize("sampler", sorted(SAMPLERS))
def test_very_few_rows_and_columns_are_enough(sampler):
    for rows in (X[:2], X[:20, :1], np.ones((20, 2))):
        drawn = fit(rows, sampler=sampler).sample(3, random_state=0)
        assert drawn.shape == (3, rows.shape[1])
        assert np.isfinite(drawn).all()


@pytest.mark.parametrize("sampler", sorted(SAMPLERS))
def test_the_same_seed_gives_the_same_rows_after_pickling_too(sampler):
    model = fit(X, sampler=sampler)
    drawn = model.sample(3, random_state=0)
    for again in (pickle.loads(pickle.dumps(model)), fit(X, sampler=sampler)):
        np.testing.assert_array_equal(again.sample(3, random_state=0), drawn)


def test_infinite_cells_are_refused():
    infinite = X.copy()
    infinite[0, 1] = np.inf
    with pytest.raises(ValueError, match="infinity in column 1"):
        fit(infinite)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"sampler": "mixture"}, "sampler"),
        ({"sampler": PCA()}, "sampler"),
        ({"add_noise": "yes"}, "add_noise"),
        ({"match_columns": 2}, "match_columns"),
        ({"estimator": "VAE"}, "estimator"),
    ],
)
def test_bad_parameters_are_named(params, message):
    with pytest.raises(ValueError, match=f"The {message!r} parameter"):
        fit(X, **params)


def test_what_cannot_be_used_is_refused(model):
    with pytest.raises(TypeError, match="auto-encoder of skae"):
        fit(X, PCA(2))
    with pytest.raises(TypeError, match="would load whole"):
        fit(ChunkedTable([X]))
    with pytest.raises(NotFittedError):
        GenerativeModel().sample()
    with pytest.raises(ValueError, match="n_samples == 0, must be >= 1"):
        model.sample(0)
    with pytest.raises(TypeError, match="n_samples must be an instance of int, not bool"):
        model.sample(True)


@pytest.mark.parametrize("sampler", ["gaussian_mixture", "kernel_density"])
def test_one_row_is_too_few_for_a_density(sampler):
    with pytest.raises(ValueError, match="a minimum of 2 is required"):
        fit(X[:1], sampler=sampler)


@pytest.mark.slow
def test_the_default_beats_a_mixture_on_digits():
    """C2ST of the benchmark, at a smaller size; see docs/benchmarks/generation.py."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    from skae.metrics import classifier_two_sample_test, copy_ratio

    train, held_out = train_test_split(load_digits().data, test_size=0.5, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = GenerativeModel(random_state=0).fit(train).sample(len(held_out), random_state=0)
    assert classifier_two_sample_test(held_out, rows, random_state=0) < 0.85
    assert copy_ratio(rows, train, held_out) >= 1


@pytest.mark.parametrize("again", [False, True])
def test_a_fit_that_fails_leaves_it_not_fitted(again):
    model = GenerativeModel(DenoisingAE(2, max_epochs=1, contamination=0.1), random_state=0)
    rows = np.random.default_rng(0).normal(size=(60, 4))
    if again:
        model.fit(rows)
    with pytest.raises(ValueError, match="n_samples"):  # once its auto-encoder is fitted
        model.set_params(sampler=GaussianMixture(1000)).fit(rows[:, :3])
    with pytest.raises(NotFittedError):
        model.sample()
