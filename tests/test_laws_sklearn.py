"""Laws about scikit-learn: its own checks, its meta-estimators, its callbacks."""

import collections
import time
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import load_iris
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, cross_val_score
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_estimator

from tests.estimators import (
    ESTIMATORS,
    INTEGER_CODES,
    assert_same_bits,
    constant_rate,
    fit,
    having,
    having_lossless_codes,
    known,
    n_codes,
    outputs,
    quick,
    scored_by_loss,
    table,
    trained_to_reconstruct,
)

X = table()
IRIS, SPECIES = load_iris(return_X_y=True)
# Exact to the last digit, which no stochastic trainer keeps; scikit-learn exempts its own. The law
# of tests/test_laws_weights.py takes their place.
EXEMPT = {
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weight_equivalence_on_sparse_data",
}
# 10 s an estimator on two free cores; this is for a busy machine.
SECONDS = 90
# For searches of code sizes: a larger code loses less where not only one of three is kept.
ALL_ACTIVE = {"n_active": 1, "sparsity": "l1"}
all_estimators = pytest.mark.parametrize("Estimator", ESTIMATORS)
pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore::skae.exceptions.CalibrationWarning"
)


@pytest.fixture(scope="module", params=ESTIMATORS)
def checks(request):
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(request.param(), on_skip=None, on_fail=None)
    return results, time.perf_counter() - start


def _named(results, status):
    return {
        result["check_name"]: result["exception"]
        for result in results
        if result["status"] == status
    }


def test_no_check_of_scikit_learn_fails_but_the_exact_weights(checks):
    results, _ = checks
    failed = _named(results, "failed")
    assert set(failed) <= EXEMPT, failed


def test_no_check_of_scikit_learn_is_skipped(checks):
    results, _ = checks
    assert not _named(results, "skipped")
    counts = collections.Counter(result["status"] for result in results)
    assert set(counts) <= {"passed", "failed"}
    assert counts["passed"] > 50
    ran = {result["check_name"] for result in results}
    assert {
        "check_transformers_unfitted",
        "check_outliers_train",
        "check_f_contiguous_array_estimator",
        "check_n_features_in_after_fitting",
        "check_array_api_input",
    } & ran  # not an empty list


def test_the_checks_of_scikit_learn_are_quick(checks):
    _, seconds = checks
    assert seconds < SECONDS


@all_estimators
def test_the_class_asks_for_no_exemption_of_its_own(Estimator):
    tags = get_tags(Estimator())
    assert not tags.no_validation
    assert not tags._skip_test
    assert not tags.non_deterministic
    kept = [] if Estimator.__name__ in INTEGER_CODES else ["float64", "float32"]
    assert tags.transformer_tags.preserves_dtype == kept
    assert tags.estimator_type == "outlier_detector"
    assert not tags.target_tags.required


# ---- a step like any other ----


@pytest.mark.parametrize("Estimator", having_lossless_codes("n_components"))
def test_it_works_before_a_classifier(Estimator):
    pipeline = make_pipeline(
        StandardScaler(), quick(Estimator, n_components=3), LogisticRegression()
    )
    assert fit(pipeline, IRIS, SPECIES).score(IRIS, SPECIES) > 0.85


@all_estimators
def test_it_works_as_the_last_step(Estimator):
    pipeline = fit(make_pipeline(StandardScaler(), quick(Estimator)), X)
    scaled = pipeline[0].transform(X)
    np.testing.assert_array_equal(pipeline.transform(X), pipeline[-1].transform(scaled))
    for method in ("score_samples", "decision_function", "predict"):
        expected = getattr(pipeline[-1], method)(scaled)
        np.testing.assert_array_equal(getattr(pipeline, method)(X), expected)
    rebuilt = pipeline.inverse_transform(pipeline.transform(X))
    expected = pipeline[0].inverse_transform(pipeline[-1].reconstruct(scaled))
    np.testing.assert_allclose(rebuilt, expected, rtol=1e-3, atol=1e-3)
    assert list(pipeline.get_feature_names_out()) == list(pipeline[-1].get_feature_names_out())


@all_estimators
def test_a_pipeline_with_it_last_is_an_outlier_detector(Estimator):
    pipeline = make_pipeline(StandardScaler(), quick(Estimator, contamination=0.1))
    assert (pipeline.fit_predict(X) == -1).sum() == 8


@all_estimators
def test_it_works_on_some_columns(Estimator):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcdef"))
    step = quick(Estimator, n_components=2)
    columns = ColumnTransformer([("ae", step, ["a", "b", "c"])], remainder="passthrough")
    result = fit(columns.set_output(transform="pandas"), frame).transform(frame)
    prefix = Estimator.__name__.lower()
    codes = [f"ae__{prefix}{i}" for i in range(n_codes(columns.named_transformers_["ae"]))]
    assert list(result.columns) == [*codes, *[f"remainder__{c}" for c in "def"]]
    alone = fit(clone(step), frame[["a", "b", "c"]]).transform(frame[["a", "b", "c"]])
    np.testing.assert_array_equal(result[codes], alone)


@all_estimators
def test_it_works_beside_another_transformer(Estimator):
    union = FeatureUnion([("ae", quick(Estimator, n_components=2)), ("scale", StandardScaler())])
    joined = fit(union, X).transform(X)
    np.testing.assert_array_equal(
        joined[:, :-6], fit(quick(Estimator, n_components=2), X).transform(X)
    )
    assert len(union.get_feature_names_out()) == joined.shape[1]


@pytest.mark.parametrize("Estimator", having_lossless_codes("n_components"))
def test_it_transforms_targets(Estimator):
    rng = np.random.default_rng(0)
    features = rng.normal(size=(100, 3))
    targets = features @ rng.normal(size=(3, 6)) + 5
    model = TransformedTargetRegressor(
        Ridge(1e-6), transformer=quick(Estimator, n_components=3), check_inverse=False
    )
    assert fit(model, features, targets).predict(features).shape == targets.shape
    assert model.score(features, targets) > 0.95


@pytest.mark.parametrize("Estimator", having_lossless_codes("n_components"))
def test_it_transforms_a_single_target(Estimator):
    rng = np.random.default_rng(0)
    features = rng.normal(size=(100, 3))
    target = features @ [1.0, -2.0, 3.0]
    model = TransformedTargetRegressor(
        Ridge(1e-6), transformer=quick(Estimator), check_inverse=False
    )
    assert fit(model, features, target).predict(features).shape == target.shape
    assert model.score(features, target) > 0.95


# ---- tuned like any other ----


@all_estimators
def test_a_grid_search_needs_no_scorer(Estimator):
    estimator = quick(Estimator, early_stopping=False, max_epochs=1, **known(Estimator, ALL_ACTIVE))
    search = GridSearchCV(estimator, {"n_components": [1, 3]}, n_jobs=2, cv=2)
    search.fit(X)
    if Estimator in scored_by_loss(ESTIMATORS):
        assert search.best_params_ == {"n_components": 3}  # larger codes lose less
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.score(X) == search.best_estimator_.score(X)
    alone = fit(clone(estimator).set_params(**search.best_params_), X)
    assert_same_bits(outputs(search.best_estimator_, X), outputs(alone, X))


@all_estimators
def test_a_halving_search_needs_no_scorer(Estimator):
    estimator = quick(Estimator, early_stopping=False, max_epochs=1, **known(Estimator, ALL_ACTIVE))
    search = HalvingGridSearchCV(
        estimator, {"n_components": [1, 2, 3]}, cv=2, factor=2, min_resources=20, random_state=0
    )
    best = search.fit(X).best_params_
    assert best == {"n_components": 3} or Estimator not in scored_by_loss(ESTIMATORS)
    assert search.n_iterations_ >= 2


@all_estimators
def test_a_search_over_a_pipeline_reaches_its_parameters(Estimator):
    classifier = LogisticRegression(C=100)  # codes are whitened: a large code has small weights
    estimator = quick(Estimator, max_epochs=0, **known(Estimator, ALL_ACTIVE))
    pipeline = Pipeline([("ae", estimator), ("clf", classifier)])
    grid = {"ae__n_components": [1, 3], "ae__scaler": ["standard", "minmax"]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(IRIS, SPECIES)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    if Estimator in trained_to_reconstruct(ESTIMATORS):
        assert search.best_params_["ae__n_components"] == 3
        assert search.best_score_ > 0.8


@all_estimators
def test_cross_validation_needs_no_scorer(Estimator):
    scores = cross_val_score(quick(Estimator), X, cv=3, error_score="raise")
    assert (scores < 0).all() or Estimator not in scored_by_loss(ESTIMATORS)
    assert np.isfinite(scores).all()


# ---- callbacks of scikit-learn ----


class Epochs:
    """A callback by hand; it keeps what it saw for the class, since fits work on copies."""

    seen: list = []
    fitted: list = []
    stop_after = None

    def setup(self, estimator, context):
        self.seen.append("setup")

    def teardown(self, estimator, context):
        self.seen.append("teardown")

    def on_fit_task_begin(
        self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None
    ):
        self.seen.append(f"begin {context.task_name}")

    def on_fit_task_end(
        self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None
    ):
        self.seen.append(f"end {context.task_name}")
        if context.task_name == "epoch":
            self.fitted.append(fitted_estimator)
            return self.stop_after is not None and len(self.fitted) >= self.stop_after
        return False


@pytest.fixture
def epochs():
    pytest.importorskip("sklearn.callback")
    Epochs.seen.clear()
    Epochs.fitted.clear()
    Epochs.stop_after = None
    return Epochs


@all_estimators
def test_a_callback_of_scikit_learn_sees_each_epoch_as_a_task(Estimator, epochs):
    fit(quick(Estimator, max_epochs=3).set_callbacks(epochs()), X)
    assert epochs.seen[0] == "setup"
    assert epochs.seen[-1] == "teardown"
    assert epochs.seen.count("begin epoch") == epochs.seen.count("end epoch") == 3
    assert epochs.seen.count("begin fit") == epochs.seen.count("end fit") == 1
    assert epochs.seen.index("begin fit") < epochs.seen.index("begin epoch")
    assert epochs.seen[2:-2] == ["begin epoch", "end epoch"] * 3


@all_estimators
def test_a_callback_of_scikit_learn_may_stop_the_training(Estimator, epochs):
    epochs.stop_after = 2
    estimator = fit(quick(Estimator, max_epochs=9).set_callbacks(epochs()), X)
    assert estimator.n_iter_ == 2
    assert np.isfinite(estimator.decision_function(X)).all()


@pytest.mark.parametrize("Estimator", having("callbacks"))
def test_a_callback_of_scikit_learn_gets_an_estimator_as_if_training_ended_there(Estimator, epochs):
    # a schedule of an estimator's own would depend on max_epochs
    params = {"early_stopping": False, "max_epochs": 3, "callbacks": [constant_rate()]}
    fit(quick(Estimator, **params).set_callbacks(epochs()), X)
    for n_epochs, snapshot in enumerate(epochs.fitted, start=1):
        ended_there = fit(quick(Estimator, **{**params, "max_epochs": n_epochs}), X)
        np.testing.assert_array_equal(snapshot.transform(X), ended_there.transform(X))
        np.testing.assert_array_equal(snapshot.score_samples(X), ended_there.score_samples(X))
        assert snapshot.n_iter_ == n_epochs
    assert np.isfinite(snapshot.decision_function(X)).all()


@all_estimators
def test_a_callback_of_scikit_learn_changes_no_bit(Estimator, epochs):
    watched = fit(quick(Estimator).set_callbacks(epochs()), X)
    assert_same_bits(outputs(fit(quick(Estimator), X), X), outputs(watched, X))


@all_estimators
def test_a_callback_of_scikit_learn_is_told_of_a_failing_fit(Estimator, epochs):
    estimator = quick(Estimator, lr=1e30, optimizer="sgd", early_stopping=False)
    with pytest.raises(FloatingPointError):
        fit(estimator.set_callbacks(epochs()), X)
    assert epochs.seen[-1] == "teardown"


@all_estimators
def test_the_progress_bar_of_scikit_learn_shows_epochs(Estimator, capsys):
    callback = pytest.importorskip("sklearn.callback")
    pytest.importorskip("rich")
    fit(quick(Estimator, max_epochs=3).set_callbacks(callback.ProgressBar()), X)
    shown = capsys.readouterr().out
    assert Estimator.__name__ in shown
    assert "100%" in shown


@all_estimators
def test_an_estimator_with_callbacks_pickles(Estimator, epochs):
    import pickle

    estimator = fit(quick(Estimator).set_callbacks(epochs()), X)
    restored = pickle.loads(pickle.dumps(estimator))
    assert_same_bits(outputs(estimator, X), outputs(restored, X))
