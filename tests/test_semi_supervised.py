"""Laws of SelfSupervisedClassifier, which stands outside of those that all auto-encoders keep."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits, make_blobs
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_classifiers_classes, check_estimator
from skorch.callbacks import Callback

import skae
from skae import AutoEncoder, DenoisingAE, MaskedAE, SelfSupervisedClassifier
from skae.datasets import ChunkedTable
from tests.estimators import ESTIMATORS, known

QUICK = {"max_epochs": 3, "contamination": 0.1, "device": "cpu", "random_state": 0}


def _quick(estimator=None, **params):
    estimator = DenoisingAE(3, **QUICK) if estimator is None else estimator
    return SelfSupervisedClassifier(estimator, **{"max_epochs": 5, "random_state": 0, **params})


def _clusters(n_samples=120, n_labelled=4, seed=0):
    """Three clusters of five columns; classes, and those of a few rows, the others -1."""
    X, y = make_blobs(n_samples, 5, centers=3, random_state=seed)
    few = np.full(n_samples, -1)
    for k in range(3):
        rows = np.flatnonzero(y == k)[:n_labelled]
        few[rows] = k
    return X, y, few


def _mixed(n_samples=120):
    """A table of several kinds of columns with missing cells, classes, and few of them."""
    X, y, few = _clusters(n_samples, n_labelled=10)
    frame = pd.DataFrame(X[:, :3], columns=["a", "b", "c"])
    frame["word"] = np.where(X[:, 3] > X[:, 3].mean(), "high", "low")
    frame["flag"] = X[:, 4] > X[:, 4].mean()
    frame["day"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(n_samples), "D")
    frame.loc[::7, "a"] = np.nan
    frame.loc[::11, "word"] = None
    return frame, y, few


@pytest.fixture(scope="module")
def fitted():
    X, _, few = _clusters()
    return _quick().fit(X, few)


# ---- what it learns ----


def test_few_labels_tell_clusters_apart(fitted):
    X, y, _ = _clusters()
    assert fitted.score(X, y) > 0.95


@pytest.mark.parametrize("n_classes", [2, 3])
def test_without_fine_tuning_it_is_logistic_regression_on_the_codes(n_classes):
    X, _, few = _clusters()
    few, labelled = np.minimum(few, n_classes - 1), few >= 0
    classifier = _quick(max_epochs=0).fit(X, few)
    codes = classifier.estimator_.transform(X)
    regression = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    regression.fit(codes[labelled], few[labelled])
    expected = regression.predict_proba(codes)
    np.testing.assert_allclose(classifier.predict_proba(X), expected, atol=1e-4)


def test_the_autoencoder_learns_from_rows_without_a_label():
    X, _, few = _clusters()
    moved = X.copy()
    moved[few == -1] += np.random.default_rng(0).normal(size=X.shape)[few == -1]
    first, second = (_quick(max_epochs=0).fit(rows, few).predict_proba(X) for rows in (X, moved))
    assert np.abs(first - second).max() > 1e-3


def test_consistency_learns_from_rows_without_a_label():
    X, _, few = _clusters()
    ae = FrozenEstimator(DenoisingAE(3, noise_level=0.5, **QUICK).fit(X))
    alone, together = (
        _quick(ae, consistency_weight=weight).fit(X, few).predict_proba(X) for weight in (0, 5)
    )
    assert np.abs(alone - together).max() > 1e-3


def test_rows_without_a_label_count_for_nothing_where_nothing_is_to_be_consistent():
    """But that they are as many steps."""
    X, _, few = _clusters()
    ae = FrozenEstimator(AutoEncoder(3, **QUICK).fit(X))
    other = X.copy()
    other[few == -1] = np.random.default_rng(0).normal(size=X.shape)[few == -1]
    first, second = (
        _quick(ae, consistency_weight=0).fit(rows, few).predict_proba(X) for rows in (X, other)
    )
    np.testing.assert_array_equal(first, second)


def test_an_autoencoder_that_corrupts_nothing_has_no_second_term():
    X, _, few = _clusters()
    ae = FrozenEstimator(AutoEncoder(3, jitter=0, **QUICK).fit(X))
    alone, together = (
        _quick(ae, consistency_weight=weight).fit(X, few).history_["train_loss"]
        for weight in (0, 5)
    )
    np.testing.assert_array_equal(alone, together)


def test_fine_tuning_moves_encoder_and_head_and_leaves_the_autoencoder_alone():
    X, _, few = _clusters()
    ae = DenoisingAE(3, **QUICK).fit(X)
    before = pickle.dumps(ae.module_.state_dict())
    classifier = _quick(FrozenEstimator(ae)).fit(X, few)
    assert pickle.dumps(ae.module_.state_dict()) == before
    start = _quick(FrozenEstimator(ae), max_epochs=0).fit(X, few).module_.state_dict()
    for name, tensor in classifier.module_.state_dict().items():
        taken = not name.startswith("autoencoder.decoder")
        assert torch.equal(tensor, start[name]) != taken, name


@pytest.mark.slow
def test_fine_tuning_beats_logistic_regression_on_the_codes_of_digits():
    X, y = load_digits(return_X_y=True)
    few = np.where(np.random.default_rng(0).random(len(y)) < 0.03, y, -1)
    train, test, y_train, _, _, y_test = train_test_split(X, few, y, random_state=0)
    ae = FrozenEstimator(DenoisingAE(16, noise_level=0.3, random_state=0).fit(train))
    start, tuned = (
        SelfSupervisedClassifier(ae, random_state=0, **params)
        .fit(train, y_train)
        .score(test, y_test)
        for params in ({"max_epochs": 0}, {})
    )
    assert tuned > start + 0.02


# ---- scikit-learn ----


def test_it_keeps_scikit_learns_contract():
    ae = DenoisingAE(2, hidden_layer_sizes=(16,), **{**QUICK, "max_epochs": 2})
    check_estimator(
        _quick(ae, max_epochs=10),
        # It has a class -1, which is no class but the mark of rows without a label here and in
        # sklearn.semi_supervised; below is what the check asks of the estimators there.
        expected_failed_checks={
            "check_classifiers_classes": "-1 means unlabelled",
            "check_sample_weight_equivalence_on_dense_data": "exact, as no stochastic trainer is",
        },
    )


def test_it_keeps_the_contract_of_scikit_learns_semi_supervised_classifiers():
    check_classifiers_classes("SelfTrainingClassifier", _quick(max_epochs=10))


@pytest.mark.parametrize(
    "label",
    [
        lambda y: np.where(y < 0, np.nan, y),
        lambda y: np.where(y < 0, -1, y.astype(object)),
        lambda y: pd.Series(np.where(y < 0, None, y.astype(object))),
        lambda y: pd.Series(y).astype("Int64").where(y >= 0),
    ],
)
def test_rows_without_a_label_are_minus_one_or_missing(fitted, label):
    X, _, few = _clusters()
    classifier = _quick().fit(X, label(few))
    assert classifier.classes_.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(classifier.predict_proba(X), fitted.predict_proba(X))


@pytest.mark.parametrize("unlabelled", [-1, None, np.nan])
def test_labels_may_be_words(fitted, unlabelled):
    X, _, few = _clusters()
    words = np.array([unlabelled, "a", "b", "c"], dtype=object)[few + 1]
    classifier = _quick().fit(X, words)
    assert classifier.classes_.tolist() == ["a", "b", "c"]
    names = np.array(["a", "b", "c"])[fitted.predict(X)]
    assert classifier.predict(X).tolist() == names.tolist()


@pytest.mark.parametrize("dtype", ["string", "category", object])
def test_words_may_be_of_any_type(dtype):
    X, _, few = _clusters()
    words = pd.Series(np.array([None, "a", "b", "c"], dtype=object)[few + 1], dtype=dtype)
    assert _quick(max_epochs=0).fit(X, words).classes_.tolist() == ["a", "b", "c"]


@pytest.mark.parametrize("dtype", [np.int64, "Int64", object])
def test_classes_are_integers_to_the_last_digit(dtype):
    X, _, few = _clusters()
    numbers = pd.Series(few).where(few < 0, few + 2**60 + 1).astype(dtype)
    if dtype == "Int64":
        numbers = numbers.where(numbers >= 0)
    classifier = _quick(max_epochs=0).fit(X, numbers)
    assert classifier.classes_.dtype == np.int64
    assert classifier.predict(X).dtype == np.int64
    assert classifier.classes_.tolist() == [2**60 + 1, 2**60 + 2, 2**60 + 3]


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_series_with_missing_labels_keep_their_kind(library):
    series = pytest.importorskip(library).Series
    X, _, few = _clusters()
    for labels, kind in ([7, 8, 9], "i"), ([True, False, True], "b"), (["a", "b", "c"], "O"):
        y = [None if k < 0 else labels[k] for k in few]
        classes = _quick(max_epochs=0).fit(X, series(y)).classes_
        expected = "f" if library == "pandas" and kind == "i" else kind  # they are, in pandas
        assert classes.dtype.kind == expected
        assert classes.tolist() == sorted(set(labels))


def test_words_of_object_type_stay_objects():
    X, _, few = _clusters()
    words = np.array([None, "a", "b", "c"], dtype=object)[few + 1]
    assert _quick(max_epochs=0).fit(X, words).predict(X).dtype == object


@pytest.mark.parametrize("labels", [[0, "1", "2"], [True, 1, 2], ["a", None, pd.Timestamp(0)]])
def test_labels_of_several_kinds_are_refused(labels):
    X, _, few = _clusters()
    y = np.array([*labels, None], dtype=object)[few]
    with pytest.raises(ValueError, match="y has labels of several kinds, such as"):
        _quick().fit(X, y)


def test_probabilities_sum_to_one_and_the_likeliest_is_predicted(fitted):
    X, _, _ = _clusters()
    probabilities = fitted.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_array_equal(fitted.classes_[probabilities.argmax(axis=1)], fitted.predict(X))


# ---- weights ----


def _weights(n_samples=120):
    return np.random.default_rng(0).uniform(0.5, 2, n_samples)


def test_rows_of_weight_zero_are_as_if_not_there():
    X, _, few = _clusters()
    weight = _weights()
    weight[::3] = 0
    counting = weight > 0
    first = _quick().fit(X, few, sample_weight=weight)
    second = _quick().fit(X[counting], few[counting], sample_weight=weight[counting])
    np.testing.assert_array_equal(first.predict_proba(X), second.predict_proba(X))


def test_the_only_labels_of_weight_zero_are_no_class():
    X, _, few = _clusters()
    assert _quick().fit(X, few, sample_weight=few != 1).classes_.tolist() == [0, 2]


def test_only_proportions_of_weights_matter(fitted):
    X, _, few = _clusters()
    equal = _quick().fit(X, few, sample_weight=np.full(len(X), 7.0))
    np.testing.assert_allclose(equal.predict_proba(X), fitted.predict_proba(X), atol=1e-4)
    first, second = (
        _quick().fit(X, few, sample_weight=scale * _weights()).predict_proba(X)
        for scale in (1, 1024)
    )
    np.testing.assert_allclose(first, second, atol=1e-6)


@pytest.mark.parametrize("max_epochs", [0, 20])
def test_weights_draw_the_head_towards_their_rows(max_epochs):
    """Two classes in one place: the probabilities are those of the weights."""
    X = np.random.default_rng(0).normal(size=(100, 5))
    y = np.arange(100) % 2
    ae = FrozenEstimator(DenoisingAE(3, **QUICK).fit(X))
    mean = (
        _quick(ae, max_epochs=max_epochs)
        .fit(X, y, sample_weight=np.where(y, heavy, 1))
        .predict_proba(X)[:, 1]
        .mean()
        for heavy in (1, 3)
    )
    even, uneven = mean
    assert abs(even - 1 / 2) < 0.05
    assert abs(uneven - 3 / 4) < 0.05


def test_the_consistency_of_rows_is_weighted():
    X, _, few = _clusters()
    ae = FrozenEstimator(DenoisingAE(3, noise_level=0.5, **QUICK).fit(X))
    unlabelled = np.where(few < 0, _weights(), 1)
    first, second = (
        _quick(ae, consistency_weight=5).fit(X, few, sample_weight=weight).predict_proba(X)
        for weight in (np.ones(len(X)), unlabelled)
    )
    assert np.abs(first - second).max() > 1e-4


@pytest.mark.parametrize("weight", [np.zeros(120), np.full(120, -1.0), np.ones(3)])
def test_useless_weights_are_refused(weight):
    X, _, few = _clusters()
    with pytest.raises(ValueError, match=r"sample_weight|[Ss]ample weights"):
        _quick().fit(X, few, sample_weight=weight)


# ---- tables ----


@pytest.mark.parametrize("estimator", [DenoisingAE, MaskedAE])
def test_mixed_tables_with_missing_cells(estimator):
    frame, y, few = _mixed()
    classifier = _quick(estimator(6, **QUICK), max_epochs=10).fit(frame, few)
    assert classifier.score(frame, y) > 0.8
    assert classifier.feature_names_in_.tolist() == list(frame.columns)


def test_cells_may_be_missing_only_where_it_predicts(fitted):
    X, _, _ = _clusters()
    holed = X.copy()
    holed[0, 0] = np.nan
    probabilities = fitted.predict_proba(holed)
    assert np.isfinite(probabilities).all()
    np.testing.assert_array_equal(probabilities[1:], fitted.predict_proba(X)[1:])


def test_cells_may_be_missing_only_where_it_fine_tunes():
    X, y, few = _clusters()
    ae = FrozenEstimator(DenoisingAE(3, **QUICK).fit(X))
    holed = X.copy()
    holed[::5, 0] = np.nan
    assert _quick(ae).fit(holed, few).score(X, y) > 0.8


def test_columns_are_those_of_a_frozen_autoencoder():
    frame, _, few = _mixed()
    ae = FrozenEstimator(DenoisingAE(3, **QUICK).fit(frame))
    with pytest.raises(ValueError, match="same order"):
        _quick(ae).fit(frame[frame.columns[::-1]], few)
    with pytest.raises(ValueError, match="seen at fit time, yet now missing"):
        _quick(ae).fit(frame.drop(columns="a"), few)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda cls: cls.__name__)
def test_any_autoencoder_will_do(estimator):
    X, _, few = _clusters(60)
    ae = estimator(**known(estimator, {**QUICK, "max_epochs": 1, "pretrain_epochs": 0}))
    classifier = _quick(ae, max_epochs=1).fit(X, few)
    assert classifier.predict_proba(X).shape == (60, 3)
    assert type(classifier.estimator_) is estimator


# ---- randomness, saving ----


def test_one_image_is_not_padded_to_many():
    X, _, few = _clusters()
    images = np.hstack([X, X, X, X[:, :1]])
    fitted = _quick(AutoEncoder(3, input_shape=(1, 4, 4), **QUICK)).fit(images, few)
    encoder, seen = fitted._tuned.module_.encoder, []
    for part in encoder.modules():
        if isinstance(part, torch.nn.Conv2d):
            part.register_forward_hook(lambda _, args, output: seen.append(len(output)))
    assert len(fitted.predict_proba(images[:1])) == 1
    assert seen
    assert max(seen) <= 32


def test_the_same_seed_gives_the_same_bits_and_no_global_state_moves():
    X, _, few = _clusters()
    state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    first, second = (_quick(random_state=1).fit(X, few).predict_proba(X) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert torch.equal(state[0], torch.get_rng_state())
    np.testing.assert_array_equal(state[1], np.random.get_state()[1])  # noqa: NPY002


def test_its_seed_is_the_autoencoders_where_that_has_none():
    X, _, few = _clusters()
    ae = DenoisingAE(3, init="random", **{**QUICK, "random_state": None})
    first, again, other = (
        _quick(ae, random_state=seed, max_epochs=0).fit(X, few).predict_proba(X)
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_saved_and_restored_it_predicts_the_same(fitted):
    X, _, _ = _clusters()
    restored = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(restored.predict_proba(X), fitted.predict_proba(X))


def test_optimisers_are_not_kept(fitted):
    """Each is three times the network; that of `estimator_` stays, for its `partial_fit`."""
    network = len(pickle.dumps(fitted.module_))
    assert len(pickle.dumps(fitted.net_)) < 1.5 * network
    assert not hasattr(fitted._tuned.net_, "optimizer_")
    assert hasattr(fitted.estimator_.net_, "optimizer_")


def _on_a_gpu(ae):
    """As if fitted there: copies and restored ones come to the CPU."""
    ae._device = torch.device("cuda:99")
    ae.net_.device = "cuda:99"
    return ae


def test_it_is_fine_tuned_where_the_autoencoder_is_to_be():
    frame, y, few = _mixed()
    ae = pickle.loads(pickle.dumps(_on_a_gpu(DenoisingAE(6, **QUICK).fit(frame))))
    classifier = _quick(FrozenEstimator(ae), max_epochs=10).fit(frame, few)
    assert classifier.net_.device == "cpu"
    assert classifier.score(frame, y) > 0.8


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_it_is_fine_tuned_on_a_gpu():
    frame, y, few = _mixed()
    classifier = _quick(DenoisingAE(6, **{**QUICK, "device": "cuda"}), max_epochs=10)
    classifier.fit(frame, few)
    assert next(classifier.module_.parameters()).device.type == "cuda"
    assert classifier.score(frame, y) > 0.8
    restored = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_allclose(
        restored.predict_proba(frame), classifier.predict_proba(frame), atol=1e-4
    )


def test_callbacks_are_called_and_the_history_has_a_row_an_epoch():
    class Counting(Callback):
        calls = 0

        def on_epoch_end(self, net, **kwargs):
            Counting.calls += 1

    X, _, few = _clusters()
    classifier = _quick(callbacks=[Counting()]).fit(X, few)
    assert Counting.calls == classifier.n_iter_ == 5
    assert classifier.history_["epoch"].tolist() == [0, 1, 2, 3, 4, 5]
    assert classifier.net_.criterion_.warmth == 1


@pytest.mark.parametrize("unlabelled", [-1, np.nan, None])
def test_rows_without_a_label_are_no_errors(fitted, unlabelled):
    X, y, _ = _clusters()
    known, y = np.arange(len(y)) % 3 > 0, np.where(np.arange(len(y)) % 6 > 1, y, (y + 1) % 3)
    weight = _weights()
    few = np.where(known, y.astype(object), unlabelled)
    assert 0 < fitted.score(X[known], y[known]) < 1
    assert fitted.score(X, few) == fitted.score(X[known], y[known])
    weighted = fitted.score(X[known], y[known], sample_weight=weight[known])
    assert fitted.score(X, few, sample_weight=weight) == weighted
    folds = KFold(3, shuffle=True, random_state=0)  # scikit-learn does not stratify missing labels
    assert np.mean(cross_val_score(_quick(), X, few, cv=folds)) > 0.5
    with pytest.raises(ValueError, match="y has no label"):
        fitted.score(X[~known], few[~known])


# ---- bad input ----


@pytest.mark.parametrize("y", [np.full(120, -1), np.full(120, np.nan), np.r_[np.full(119, -1), 2]])
def test_too_few_classes_are_refused(y):
    X, _, _ = _clusters()
    with pytest.raises(ValueError, match="labels of at least two classes"):
        _quick().fit(X, y)


def test_a_mark_that_became_a_word_is_refused():
    X, _, few = _clusters()
    with pytest.raises(ValueError, match="dtype=object"):
        _quick().fit(X, np.array([-1, "a", "b", "c"])[few + 1])


def test_a_fit_that_fails_leaves_it_not_fitted():
    X, _, few = _clusters()
    classifier = _quick(max_epochs=0).fit(X, few)
    with pytest.raises(ValueError, match="n_components"):
        classifier.set_params(estimator=DenoisingAE(0)).fit(X, np.where(few == 2, 1, few))
    with pytest.raises(NotFittedError):
        classifier.predict(X)


def test_continuous_targets_are_refused():
    X, _, _ = _clusters()
    with pytest.raises(ValueError, match="Unknown label type"):
        _quick().fit(X, X[:, 0])


def test_what_is_no_autoencoder_is_refused_before_any_work():
    X, _, few = _clusters()
    with pytest.raises(TypeError, match="has to be an auto-encoder of skae"):
        _quick(StandardScaler()).fit(X, few)


@pytest.mark.parametrize("wrap", [lambda pipeline: pipeline, FrozenEstimator])
def test_steps_before_the_autoencoder_belong_before_the_classifier(wrap):
    X, y, few = _clusters()
    pipeline = make_pipeline(StandardScaler(), DenoisingAE(3, **QUICK)).fit(X)
    with pytest.raises(TypeError, match="Put the steps before SelfSupervisedClassifier"):
        _quick(wrap(pipeline)).fit(X, few)
    assert make_pipeline(StandardScaler(), _quick()).fit(X, few).score(X, y) > 0.95


def test_tables_in_chunks_are_refused():
    X, _, few = _clusters()
    with pytest.raises(TypeError, match="would load whole"):
        _quick().fit(ChunkedTable([X]), few)


def test_it_says_that_it_is_not_fitted():
    with pytest.raises(NotFittedError):
        clone(_quick()).predict(np.zeros((2, 5)))


def test_it_is_exported():
    assert skae.SelfSupervisedClassifier is SelfSupervisedClassifier
