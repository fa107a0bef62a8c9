"""Faults that were found once, each as a law."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.exceptions import NotFittedError
from skorch.callbacks import Callback, EarlyStopping, EpochScoring, LRScheduler
from torch import nn

from skae import AutoEncoder
from skae.exceptions import CalibrationWarning
from tests.estimators import (
    ESTIMATORS,
    fit,
    from_random,
    having,
    partial_fit,
    quick,
    table,
)

X = table()
all_estimators = pytest.mark.parametrize("Estimator", ESTIMATORS)


def _quietly(method, *args):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return method(*args)


@all_estimators
def test_a_small_chunk_after_fit_does_not_spoil_the_threshold(Estimator):
    everything = table(9_000, 4)
    rows, fresh = everything[:5_050], everything[5_050:]
    estimator = fit(quick(Estimator, contamination="auto", validation_fraction=0.2), rows[:5_000])
    partial_fit(estimator, rows[5_000:])
    assert (estimator.predict(fresh) == -1).mean() < 0.03


def test_a_chunk_of_another_scale_does_not_blunt_the_threshold():
    rng = np.random.default_rng(0)
    estimator = quick(AutoEncoder, n_components=2, contamination="auto", validation_fraction=0.5)
    partial_fit(estimator, 5 * rng.normal(size=(1_000, 6)))
    for _ in range(8):
        partial_fit(estimator, rng.normal(size=(1_000, 6)))
    rate = (estimator.predict(rng.normal(size=(8_000, 6))) == -1).mean()
    assert rate > 0.002


def test_a_warm_start_keeps_the_held_out_rows_out():
    rng = np.random.default_rng(0)
    rows, fresh = rng.normal(size=(600, 150)), rng.normal(size=(3_000, 150))
    estimator = AutoEncoder(
        75, warm_start=True, max_epochs=0, validation_fraction=0.5, device="cpu", random_state=0
    )
    _quietly(estimator.fit, rows)
    _quietly(estimator.set_params(max_epochs=1).fit, rows)
    assert (estimator.predict(fresh) == -1).mean() < 0.03


@pytest.mark.parametrize("n_rows", [8, 10, 20])
def test_a_random_start_is_trained_however_few_rows_judge(n_rows):
    estimator = AutoEncoder(2, init="random", max_epochs=50, device="cpu", random_state=0)
    _quietly(estimator.fit, X[:n_rows])
    assert estimator.best_epoch_ > 0


@pytest.mark.parametrize("Estimator", having("encoder"))
def test_an_encoder_of_ones_own_is_never_overwritten_by_the_start(Estimator):
    donor = fit(quick(Estimator, n_components=2), X)
    taken = quick(Estimator, n_components=2, encoder=donor.module_.encoder, max_epochs=0)
    fit(taken, X)
    for name, value in donor.module_.encoder.state_dict().items():
        torch.testing.assert_close(taken.module_.encoder.state_dict()[name], value)


@all_estimators
def test_only_proportions_of_weights_matter_in_partial_fit_too(Estimator, X):
    heavy, light = (quick(Estimator, optimizer="sgd", lr=0.01) for _ in range(2))
    for weight, estimator in [(1000.0, heavy), (1.0, light)]:
        _quietly(estimator.partial_fit, X, None, np.full(len(X), weight))
    np.testing.assert_allclose(heavy.transform(X), light.transform(X), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "name", ["callbacks", "criterion", "train_split", "optimizer__weight_decay", "iterator_train"]
)
def test_net_params_refuses_what_would_be_lost(name):
    with pytest.raises(ValueError, match=name):
        fit(quick(AutoEncoder, net_params={name: None}), X)


@all_estimators
def test_reconstruct_keeps_column_names_of_any_kind(Estimator):
    frame = pd.DataFrame(X)
    estimator = fit(quick(Estimator), frame)
    assert list(estimator.reconstruct(frame).columns) == list(frame.columns)
    assert not (frame - estimator.reconstruct(frame)).isna().any(axis=None)


@all_estimators
def test_a_schedule_does_not_warn_that_the_optimizer_was_not_called(Estimator, X):
    schedule = LRScheduler("StepLR", step_size=1)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*lr_scheduler.step.*")
        fit(quick(Estimator, callbacks=[schedule]), X)


@all_estimators
def test_a_stop_by_a_callback_is_no_lack_of_epochs(Estimator, X):
    stop = EarlyStopping(monitor="train_loss", patience=1, threshold=0.9)
    estimator = from_random(Estimator, callbacks=[stop], max_epochs=50)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator.fit(X)
    assert estimator.n_iter_ < 50
    assert not any("max_epochs" in str(warning.message) for warning in caught)


class _InterruptAtTheStart(Callback):
    def on_train_begin(self, net, **kwargs):
        raise KeyboardInterrupt


@all_estimators
def test_an_interrupt_before_the_first_epoch_is_the_users(Estimator, X):
    with pytest.raises(KeyboardInterrupt):
        fit(quick(Estimator, callbacks=[_InterruptAtTheStart()]), X)


@all_estimators
def test_read_only_codes_are_taken_without_a_warning(Estimator, X):
    estimator = fit(quick(Estimator), X)
    codes = estimator.transform(X).astype(np.float32)
    codes.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        estimator.inverse_transform(codes)


@all_estimators
def test_a_warm_start_does_not_change_the_code_size_silently(Estimator, X):
    estimator = fit(quick(Estimator, n_components=2, warm_start=True), X)
    with pytest.raises(ValueError, match="n_components=3"):
        fit(estimator.set_params(n_components=3), X)


def test_a_partial_fit_that_diverges_leaves_no_fitted_estimator():
    estimator = fit(quick(AutoEncoder, optimizer="sgd", encoder=nn.Linear), X)
    with pytest.raises(FloatingPointError):
        partial_fit(estimator.set_params(lr=1e30), X)
    assert not hasattr(estimator, "offset_")


def test_a_loss_that_is_no_number_is_said():
    estimator = AutoEncoder(2, optimizer="sgd", lr=1e20, device="cpu", random_state=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator.fit(X)
    messages = [str(w.message) for w in caught if w.category is not CalibrationWarning]
    assert any("not finite" in message for message in messages)


@all_estimators
def test_a_stream_may_begin_with_one_row(Estimator):
    estimator = quick(Estimator, contamination="auto", early_stopping=True)
    for rows in (X[:1], X[1:60], X[60:]):
        _quietly(estimator.partial_fit, rows)
    assert estimator.n_iter_ == 3


def test_what_has_no_number_as_its_score_is_an_outlier():
    class NotANumber(nn.Linear):
        def forward(self, x):
            return super().forward(x) * float("nan")

    estimator = AutoEncoder(2, encoder=NotANumber, max_epochs=1, device="cpu", random_state=0)
    _quietly(estimator.fit, X)
    assert set(estimator.predict(X)) == {-1}


@all_estimators
def test_scores_of_callbacks_are_columns_of_the_history(Estimator, X):
    score = EpochScoring(lambda net, X, y=None: 1.0, name="own", use_caching=False)
    estimator = fit(quick(Estimator, callbacks=[score]), X)
    assert list(estimator.history_["own"].dropna()) == [1.0] * estimator.n_iter_
    with pytest.raises(NotFittedError, match="fit"):
        Estimator().history_  # noqa: B018


def test_digits_that_float32_cannot_hold_are_not_lost_silently():
    with pytest.warns(UserWarning, match="Column 0"):
        fit(quick(AutoEncoder, scaler=None), X[:, :3] + 1.7e9)


def test_a_callable_that_does_not_take_two_sizes_is_explained():
    with pytest.raises(TypeError, match=r"encoder .*n_in, n_out"):
        fit(quick(AutoEncoder, encoder=lambda n: nn.Linear(n, 2)), X)
