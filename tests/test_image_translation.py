"""Laws of CycleGAN, which stands outside of those that all auto-encoders keep."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import check_estimator
from skorch.callbacks import Callback

from skae import CycleGAN

QUICK = {"max_epochs": 3, "hidden_layer_sizes": (8,), "device": "cpu", "random_state": 0}
IMAGE = (1, 4, 4)


def _rows(n_samples=80, n_features=3, seed=0):
    """Skewed columns that follow each other: no rotation but the identity leaves them alike."""
    rng = np.random.default_rng(seed)
    return rng.exponential(size=(n_samples, n_features)).cumsum(axis=1)


def _domains(translate, n_features=3):
    """Rows of two domains, and which is which."""
    X = np.concatenate([_rows(200, n_features), translate(_rows(180, n_features, seed=1))])
    return X, np.repeat(["A", "B"], [200, 180])


def _mirrored(X):
    return 5 - X


def _quick(**params):
    return CycleGAN(**{**QUICK, **params})


@pytest.fixture(scope="module")
def mirror():
    return _quick().fit(*_domains(_mirrored))


def _weights(translator):
    return torch.cat([p.detach().flatten() for p in translator.module_.parameters()])


# ---- what it learns ----


@pytest.mark.parametrize("max_epochs", [0, 20])
def test_rows_go_where_the_geometry_of_the_domain_has_them(max_epochs):
    translator = _quick(max_epochs=max_epochs).fit(*_domains(_mirrored))
    fresh = _rows(50, seed=2)
    error = translator.transform(fresh) - _mirrored(fresh)
    assert np.square(error).mean() < 0.1 * fresh.var(axis=0).mean()
    back = translator.inverse_transform(_mirrored(fresh))
    assert np.square(back - fresh).mean() < 0.1 * fresh.var(axis=0).mean()


def test_rows_stay_where_both_domains_are_the_same():
    translator = _quick(max_epochs=20).fit(*_domains(lambda X: X))
    fresh = _rows(50, seed=2)
    change = translator.transform(fresh) - fresh
    assert np.square(change).mean() < 0.1 * fresh.var(axis=0).mean()


def test_swapped_labels_swap_the_two_translations(mirror):
    X, y = _domains(_mirrored)
    swapped = _quick().fit(X, np.where(y == "A", "B", "A"))
    rows = _rows(20, seed=3)
    np.testing.assert_allclose(swapped.transform(rows), mirror.inverse_transform(rows), atol=0.1)
    np.testing.assert_allclose(swapped.inverse_transform(rows), mirror.transform(rows), atol=0.1)


def test_the_smaller_label_is_domain_a():
    X, y = _domains(_mirrored)
    translator = _quick(max_epochs=0).fit(X, np.where(y == "A", 7, 3))
    assert translator.classes_.tolist() == [3, 7]
    np.testing.assert_allclose(
        translator.transform(X[y == "B"]).mean(axis=0), X[y == "A"].mean(0), 1e-5
    )


def test_the_start_comes_back_exactly():
    translator = _quick(max_epochs=0).fit(*_domains(np.sqrt))
    rows = _rows(20, seed=3)
    np.testing.assert_allclose(translator.reconstruct(rows), rows, atol=1e-5)
    np.testing.assert_allclose(
        translator.reconstruct(rows),
        translator.inverse_transform(translator.transform(rows)),
        atol=1e-5,
    )


def test_discriminators_draw_translated_rows_to_their_domain():
    X, y = _domains(lambda X: X + 2)
    settings = {"init": "identity", "scaler": None, "lr": 0.01, "cycle_weight": 1.0}
    start = _quick(**settings | {"max_epochs": 0}).fit(X, y)
    trained = _quick(**settings, max_epochs=100, batch_size=32).fit(X, y)
    rows = X[y == "A"]
    np.testing.assert_allclose(start.transform(rows), rows, atol=1e-6)
    gap = np.abs(trained.transform(rows).mean(axis=0) - X[y == "B"].mean(axis=0))
    assert gap.max() < 1.0  # it was 2


def test_the_weight_of_the_cycle_keeps_the_way_back():
    X, y = _domains(lambda X: X**2)
    settings = {"lr": 0.01, "max_epochs": 20}
    free, held = (_quick(cycle_weight=w, **settings).fit(X, y) for w in (0.0, 10.0))
    rows = X[y == "A"]
    errors = [np.abs(t.reconstruct(rows) - rows).mean() for t in (free, held)]
    assert errors[1] < 0.5 * errors[0]


def test_the_weight_of_the_identity_keeps_rows_of_the_target_domain():
    X, y = _domains(_mirrored)
    settings = {"lr": 0.01, "max_epochs": 20}
    free, held = (_quick(identity_weight=w, **settings).fit(X, y) for w in (0.0, 50.0))
    rows = X[y == "B"]
    changes = [np.abs(t.transform(rows) - rows).mean() for t in (free, held)]
    assert changes[1] < 0.7 * changes[0]


# ---- scikit-learn's conventions ----


class AnyTarget(CycleGAN):
    """Makes two domains of any target: scikit-learn's checks have three, or numbers."""

    def fit(self, X, y):
        """Fit on the first value of the target against the others."""
        several = y is not None and len(np.unique(np.asarray(y))) > 2
        return super().fit(X, np.asarray(y) == np.asarray(y)[0] if several else y)


def test_it_is_an_estimator_of_scikit_learn():
    check_estimator(AnyTarget(**QUICK | {"max_epochs": 1}))


def test_the_same_seed_gives_the_same_bits(mirror):
    X, y = _domains(_mirrored)
    again, other = _quick().fit(X, y), _quick(random_state=1).fit(X, y)
    assert torch.equal(_weights(again), _weights(mirror))
    assert not torch.equal(_weights(other), _weights(mirror))


def test_global_generators_are_left_alone():
    torch_state = torch.get_rng_state()
    _quick(input_shape=IMAGE, max_epochs=1).fit(*_domains(_mirrored, 16))
    assert torch.equal(torch.get_rng_state(), torch_state)


def test_training_changes_every_parameter(mirror):
    start = _quick(max_epochs=0).fit(*_domains(_mirrored))
    named = dict(start.module_.named_parameters())
    for name, parameter in mirror.module_.named_parameters():
        assert not torch.equal(parameter, named[name]), name


def test_a_row_does_not_depend_on_its_neighbours(mirror):
    rows = _rows(30, seed=3)
    one_by_one = np.concatenate([mirror.transform(rows[i : i + 1]) for i in range(30)])
    np.testing.assert_array_equal(mirror.transform(rows), one_by_one)


def test_pickles_and_clones(mirror):
    rows = _rows(5, seed=3)
    copy = pickle.loads(pickle.dumps(mirror))
    np.testing.assert_array_equal(copy.transform(rows), mirror.transform(rows))
    np.testing.assert_array_equal(copy.inverse_transform(rows), mirror.inverse_transform(rows))
    assert clone(mirror).get_params() == mirror.get_params()
    with pytest.raises(NotFittedError):
        clone(mirror).transform(rows)


def test_a_fit_that_fails_leaves_it_not_fitted():
    X, y = _domains(_mirrored)
    translator = _quick(max_epochs=0).fit(X, y)
    with pytest.raises(ValueError, match="input_shape"):
        translator.set_params(input_shape=(1, 5, 5)).fit(X, y)
    with pytest.raises(NotFittedError):
        translator.transform(X)


def test_the_float_type_is_kept(mirror):
    for dtype in (np.float32, np.float64):
        rows = _rows(5).astype(dtype)
        assert mirror.transform(rows).dtype == dtype
        assert mirror.inverse_transform(rows).dtype == dtype


def test_data_frames_keep_names_and_index():
    X, y = _domains(_mirrored)
    frame = pd.DataFrame(X, columns=["a", "b", "c"], index=np.arange(len(X)) + 100)
    translator = _quick().fit(frame, y).set_output(transform="pandas")
    assert translator.feature_names_in_.tolist() == ["a", "b", "c"]
    for made in (
        translator.transform(frame),
        translator.inverse_transform(frame),
        translator.reconstruct(frame),
    ):
        assert made.columns.tolist() == ["a", "b", "c"]
        assert made.index.equals(frame.index)
    with pytest.raises(ValueError, match="feature names"):
        translator.transform(frame.rename(columns={"a": "z"}))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_give_frames(library):
    X, y = _domains(_mirrored)
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    if library == "polars":
        frame = pytest.importorskip("polars").from_pandas(frame)
    translator = _quick().fit(frame, y)
    for method in (translator.transform, translator.inverse_transform, translator.reconstruct):
        assert type(method(frame)) is type(frame)
        assert list(method(frame).columns) == ["a", "b", "c"]
    assert isinstance(translator.transform(frame.to_numpy()), np.ndarray)


def test_history_and_callbacks():
    class Counter(Callback):
        n_epochs = 0

        def on_epoch_end(self, net, **kwargs):
            Counter.n_epochs += 1

    translator = _quick(callbacks=[Counter()]).fit(*_domains(_mirrored))
    assert Counter.n_epochs == translator.n_iter_ == 3
    assert translator.history_["epoch"].tolist() == [0, 1, 2, 3]
    assert np.isfinite(translator.history_["train_loss"][1:]).all()
    rates = {g["lr"] for g in translator.net_.optimizer_.param_groups}
    assert rates == {translator.lr}  # put back after the schedule


def test_a_fitted_translator_holds_no_rows(mirror):
    objective = mirror.net_.criterion_
    assert not len(objective.history_a.rows)
    assert not len(objective.history_b.rows)
    assert not hasattr(objective, "_generated")


# ---- images ----


@pytest.mark.parametrize("init", ["transport", "identity"])
def test_images_start_where_tables_do(init):
    X, y = _domains(_mirrored, 16)
    table = _quick(init=init, max_epochs=0).fit(X, y)
    images = _quick(init=init, max_epochs=0, input_shape=IMAGE).fit(X, y)
    np.testing.assert_allclose(images.transform(X), table.transform(X), atol=1e-4)
    np.testing.assert_allclose(images.inverse_transform(X), table.inverse_transform(X), atol=1e-4)


def test_images_learn():
    X, y = _domains(_mirrored, 16)
    start = _quick(input_shape=IMAGE, max_epochs=0).fit(X, y)
    trained = _quick(input_shape=IMAGE, max_epochs=3).fit(X, y)
    named = dict(start.module_.named_parameters())
    for name, parameter in trained.module_.a_to_b.named_parameters():
        assert torch.isfinite(parameter).all()
        assert not torch.equal(parameter, named[f"a_to_b.{name}"]), name


# ---- what it refuses ----


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["A"], r"two domains.*1 class: \['A'\]"),
        (["A", "B", "C"], r"two domains.*3 classes: \['A', 'B', 'C'\]"),
        ([0.5, 1.5, 2.25], "Unknown label type"),
    ],
)
def test_other_than_two_domains_are_refused(labels, message):
    y = np.resize(labels, 60)
    with pytest.raises(ValueError, match=message):
        _quick().fit(_rows(60), y)


def test_labels_are_required():
    with pytest.raises(ValueError, match="requires y"):
        _quick().fit(_rows(60), None)


@pytest.mark.parametrize("missing", [None, np.nan])
def test_rows_of_no_domain_are_refused(missing):
    X, y = _domains(_mirrored)
    y = y.astype(object)
    y[3] = missing
    with pytest.raises(ValueError, match="name the domain of each row"):
        _quick().fit(X, y)


def test_what_to_do_with_missing_cells_and_words_is_said(mirror):
    X, y = _domains(_mirrored)
    words = pd.DataFrame(X).assign(island="Dream")
    X[3, 1] = np.nan
    for call in (lambda rows: _quick().fit(rows, y), mirror.transform):
        with pytest.raises(ValueError, match="Fill those of each domain"):
            call(X)
        with pytest.raises(ValueError, match="Column 'island' of X has cells that are no numbers"):
            call(words)


@pytest.mark.parametrize("cell", [np.nan, np.inf])
def test_cells_that_are_no_numbers_are_refused(mirror, cell):
    X, y = _domains(_mirrored)
    X[3, 1] = cell
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        _quick().fit(X, y)
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        mirror.transform(X)


def test_rows_of_another_width_are_refused(mirror):
    for method in (mirror.transform, mirror.inverse_transform, mirror.reconstruct):
        with pytest.raises(ValueError, match="4 features"):
            method(_rows(5, n_features=4))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"input_shape": (1, 2, 8)}, "must be at least 4"),
        ({"input_shape": (4, 4)}, "channels, height, width"),
        ({"input_shape": (1, 4, 5)}, "= 20 columns, but X has 16"),
        ({"init": "pca"}, "'init' parameter"),
        ({"cycle_weight": -1}, "'cycle_weight' parameter"),
        ({"hidden_layer_sizes": (0,)}, "hidden_layer_sizes must be positive"),
        ({"device": "nowhere"}, "device='nowhere'"),
    ],
)
def test_parameters_out_of_range_are_refused(params, message):
    with pytest.raises(ValueError, match=message):
        _quick(**params).fit(*_domains(_mirrored, 16))
