"""Laws about training: the history, when it stops, who is called, and whose modules are trained."""

import math
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from skorch.callbacks import (
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochTimer,
    Freezer,
    GradientNormClipping,
    LRScheduler,
)
from skorch.callbacks import ProgressBar as SkorchProgressBar
from torch import nn

from tests.estimators import (
    ESTIMATORS,
    JUDGED_IN_BATCHES,
    QUIET,
    REFUSED,
    WHOLE,
    assert_same_bits,
    constant_rate,
    fit,
    from_random,
    having,
    having_lossless_codes,
    known,
    n_encoder_outputs,
    n_inputs,
    outputs,
    partial_fit,
    quick,
    state_of,
    table,
    trained_to_reconstruct,
    trained_without_draws,
)

X = table()
all_estimators = pytest.mark.parametrize("Estimator", ESTIMATORS)
with_callbacks = pytest.mark.parametrize("Estimator", having("callbacks"))
with_own_modules = pytest.mark.parametrize("Estimator", having("encoder", "decoder"))


# ---- everything learns ----


def _assert_every_parameter_moved(Estimator, **params):
    params = {"early_stopping": False, "batch_size": 16, "scaler": "minmax", **params}
    start = dict(fit(quick(Estimator, **params, max_epochs=0), X).module_.named_parameters())
    end = dict(fit(quick(Estimator, **params, max_epochs=3), X).module_.named_parameters())
    assert start.keys() == end.keys()
    stayed = [name for name in start if torch.equal(start[name], end[name])]
    assert not stayed


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber", "log_loss"])
@pytest.mark.parametrize("linear_skip", [True, False])
@pytest.mark.parametrize("init", ["pca", "random"])
@pytest.mark.parametrize("Estimator", having("init", "linear_skip", "loss", "scaler"))
def test_every_parameter_tensor_changes_within_a_few_steps(Estimator, init, linear_skip, loss):
    params = {"init": init, "linear_skip": linear_skip, "loss": loss}
    _assert_every_parameter_moved(Estimator, hidden_layer_sizes=(12, 8), **params)


@pytest.mark.parametrize(
    ("Estimator", "activation"),
    [
        (cls, activation)
        for cls in having("activation")
        for activation in ("relu", "tanh", "silu", "gelu", "elu", "logistic", "identity")
        if activation not in REFUSED.get(cls.__name__, ())
    ],
)
def test_every_parameter_tensor_changes_under_every_activation(Estimator, activation):
    _assert_every_parameter_moved(Estimator, activation=activation)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", "rmsprop", torch.optim.NAdam])
@pytest.mark.parametrize("Estimator", having("optimizer"))
def test_every_parameter_tensor_changes_under_every_optimizer(Estimator, optimizer):
    # under sgd layers behind a last one of zeros move by the square of lr at first
    _assert_every_parameter_moved(Estimator, optimizer=optimizer, lr=1e-2)


@pytest.mark.parametrize("scaler", ["standard", "minmax", "quantile", None])
@pytest.mark.parametrize("Estimator", having("scaler"))
def test_every_parameter_tensor_changes_under_every_scaler(Estimator, scaler):
    _assert_every_parameter_moved(Estimator, scaler=scaler)


@pytest.mark.parametrize("train", [fit, partial_fit])
@all_estimators
def test_weight_decay_shrinks_the_weights(Estimator, train):
    params = {"optimizer": "adamw", "early_stopping": False, "lr": 0.1, "max_epochs": 1}
    norms = [
        np.linalg.norm(
            outputs(train(quick(Estimator, weight_decay=decay, **params), X), X)["weights"]
        )
        for decay in (0.0, 5.0)
    ]
    assert norms[1] < norms[0]


@pytest.mark.parametrize("name", ["adam", "sgd"])
@pytest.mark.parametrize("Estimator", having("optimizer"))
def test_an_optimizer_by_name_is_the_class_of_torch(Estimator, name):
    torch_class = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[name]
    by_name = fit(quick(Estimator, optimizer=name), X)
    assert type(by_name.net_.optimizer_) is torch_class
    by_class = fit(quick(Estimator, optimizer=torch_class), X)
    assert_same_bits(outputs(by_name, X), outputs(by_class, X))


# ---- history ----


@pytest.mark.parametrize("max_epochs", [0, 1, 4])
@pytest.mark.parametrize("early_stopping", [True, False])
@all_estimators
def test_the_history_is_one_row_an_epoch_and_one_for_the_start(
    Estimator, early_stopping, max_epochs, X
):
    estimator = quick(Estimator, early_stopping=early_stopping, max_epochs=max_epochs)
    history = fit(estimator, X).history_
    assert isinstance(history, pd.DataFrame)
    assert list(history["epoch"]) == list(range(max_epochs + 1))
    assert estimator.n_iter_ == max_epochs
    if max_epochs:
        assert np.isfinite(history.loc[1:, "train_loss"]).all()
        assert (history.loc[1:, "seconds"] > 0).all()
    assert ("valid_loss" in history) == early_stopping
    if early_stopping:
        assert np.isfinite(history["valid_loss"]).all()


@all_estimators
def test_a_training_that_works_has_a_falling_loss(Estimator):
    params = {"early_stopping": False, "max_epochs": 15, "batch_size": 16, "n_components": 1}
    losses = fit(from_random(Estimator, **params), X).history_["train_loss"]
    assert losses.iloc[-1] < 0.9 * losses.iloc[1]


class FirstLoss(Callback):
    """Judges the held-out rows before anything is trained."""

    seen: list = []

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        self.seen.append(net.validation_losses(X.valid).mean().item())


@pytest.mark.parametrize("max_epochs", [0, 3])
@all_estimators
def test_the_first_row_of_the_history_judges_the_start(Estimator, max_epochs, X):
    FirstLoss.seen.clear()
    estimator = fit(quick(Estimator, max_epochs=max_epochs, callbacks=[FirstLoss()]), X)
    assert FirstLoss.seen == [pytest.approx(estimator.history_["valid_loss"][0])]


# ---- the hold-out ----


class LastData(Callback):
    """Keeps what the net was given."""

    seen: list = []

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        self.seen.append(X)


def _held_out_and_training_rows(Estimator, rows, **params):
    """Numbers of the rows, read from a column that counts them."""
    LastData.seen.clear()
    numbered = np.column_stack([np.arange(len(rows), dtype=float), rows])
    fit(quick(Estimator, scaler=None, callbacks=[LastData()], max_epochs=0, **params), numbered)
    (data,) = LastData.seen
    held_out = [] if data.valid is None else data.valid.targets[:, 0].tolist()
    return {int(i) for i in held_out}, sorted(int(i) for i in data.rows.values[:, 0].tolist())


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.5])
@all_estimators
def test_held_out_rows_take_no_part_in_training(Estimator, fraction):
    held_out, rest = _held_out_and_training_rows(Estimator, X, validation_fraction=fraction)
    assert len(held_out) == math.ceil(fraction * len(X))
    assert sorted([*held_out, *rest]) == list(range(len(X)))


@all_estimators
def test_the_hold_out_is_shuffled_and_seeded(Estimator):
    first, _ = _held_out_and_training_rows(Estimator, X, validation_fraction=0.25)
    again, _ = _held_out_and_training_rows(Estimator, X, validation_fraction=0.25)
    other, _ = _held_out_and_training_rows(Estimator, X, validation_fraction=0.25, random_state=1)
    assert first == again
    assert first != other
    # neither the first nor the last rows, but from all over the table
    assert min(first) < 20
    assert max(first) >= 60
    assert any(20 <= row < 40 for row in first)
    assert any(40 <= row < 60 for row in first)


@pytest.mark.parametrize(("early_stopping", "contamination"), [(True, 0.1), (False, "auto")])
@all_estimators
def test_rows_are_held_out_for_early_stopping_or_the_threshold(
    Estimator, early_stopping, contamination
):
    params = {"early_stopping": early_stopping, "contamination": contamination}
    _, rest = _held_out_and_training_rows(Estimator, X, **params)
    assert len(rest) == 72


@all_estimators
def test_without_either_all_rows_train(Estimator):
    params = {"early_stopping": False, "contamination": 0.1}
    held_out, rest = _held_out_and_training_rows(Estimator, X, **params)
    assert not held_out
    assert rest == list(range(len(X)))


# ---- stopping ----


class Losses(Callback):
    """Keeps the weights of each epoch."""

    states: list = []

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        self.states.append(state_of(net.module_))

    def on_epoch_end(self, net, **kwargs):
        self.states.append(state_of(net.module_))


@pytest.mark.parametrize("lr", [1e-3, 0.03, 10.0])
@pytest.mark.parametrize("Estimator", having("init", "callbacks"))
def test_the_weights_of_the_best_epoch_come_back_the_start_included(Estimator, lr):
    Losses.states.clear()
    # later all units are dead: a constant may be better than a random start
    params = {"max_epochs": 5, "batch_size": 16, "init": "random"}
    estimator = quick(Estimator, lr=lr, callbacks=[Losses()], **params)
    history = fit(estimator, table(200)).history_
    best = int(history["valid_loss"].idxmin())
    final = estimator.module_.state_dict()
    same = [
        epoch
        for epoch, state in enumerate(Losses.states)
        if all(torch.equal(state[name], final[name]) for name in final)
    ]
    assert len(Losses.states) == len(history)
    assert len(history) == 6 or lr == 10.0  # whose loss may not be finite
    assert set(same) & {0, best}  # the start gives way only to a clear gain
    reconstructs = Estimator in trained_to_reconstruct(trained_without_draws(ESTIMATORS))
    if lr == 10.0 and reconstructs:
        assert best == 0  # every step of this size is a step away
    if lr == 0.03:
        assert best in same
        assert best > 0


@all_estimators
def test_a_start_that_is_never_beaten_is_what_remains(Estimator, X):
    start = outputs(fit(quick(Estimator, max_epochs=0), X), X)
    trained = outputs(fit(quick(Estimator, max_epochs=5, lr=10.0), X), X)
    assert_same_bits(start, trained)


@all_estimators
def test_without_early_stopping_the_last_weights_stay(Estimator, X):
    Losses.states.clear()
    params = {"early_stopping": False, "lr": 1.0, "callbacks": [Losses()]}
    estimator = fit(quick(Estimator, **params, max_epochs=5), X)
    final = estimator.module_.state_dict()
    assert all(torch.equal(Losses.states[-1][name], final[name]) for name in final)


@pytest.mark.parametrize("early_stopping", [True, False])
@pytest.mark.parametrize("patience", [1, 4])
@all_estimators
def test_training_stops_after_so_many_epochs_without_improvement(
    Estimator, patience, early_stopping, X
):
    params = {"n_iter_no_change": patience, "early_stopping": early_stopping, "tol": 0.5}
    params |= known(Estimator, QUIET)  # or chance would improve the loss now and then
    estimator = fit(quick(Estimator, **params, lr=1e-12, max_epochs=50), X)
    # epoch 1 is the first with a training loss: the mark to beat
    assert estimator.n_iter_ == patience + (not early_stopping)


@all_estimators
def test_a_larger_tolerance_stops_no_later(Estimator):
    params = {"n_iter_no_change": 2, "max_epochs": 60, "batch_size": 16}
    epochs = [fit(from_random(Estimator, tol=tol, **params), X).n_iter_ for tol in (0.0, 0.01, 0.9)]
    assert epochs == sorted(epochs, reverse=True)
    assert epochs[2] < epochs[0]


@pytest.mark.parametrize("early_stopping", [True, False])
@pytest.mark.parametrize("Estimator", having("init"))
def test_running_out_of_epochs_while_improving_is_a_convergence_warning(Estimator, early_stopping):
    params = {"early_stopping": early_stopping, "max_epochs": 4, "init": "random"}
    estimator = quick(Estimator, **params, lr=1e-2)
    with pytest.warns(ConvergenceWarning, match="max_epochs=4"):
        estimator.fit(X)


@pytest.mark.parametrize(
    "params",
    [
        {"max_epochs": 0},
        {"max_epochs": 30, "n_iter_no_change": 2, "tol": 0.5, "lr": 1e-12},
        {"max_epochs": 5, "lr": 1e-12},
    ],
    ids=["no epochs", "stopped", "standing still"],
)
@pytest.mark.parametrize("early_stopping", [True, False])
@pytest.mark.parametrize("Estimator", trained_without_draws(ESTIMATORS))
def test_without_improvement_there_is_no_convergence_warning(Estimator, early_stopping, params):
    quiet = known(Estimator, QUIET)  # or chance would improve the loss now and then
    if Estimator.__name__ in JUDGED_IN_BATCHES:
        quiet["batch_size"] = len(X)
    estimator = quick(Estimator, early_stopping=early_stopping, **params, **quiet)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        estimator.fit(X)


@all_estimators
def test_the_convergence_warning_points_at_the_line_that_called(Estimator):
    estimator = from_random(Estimator, lr=1e-2, early_stopping=False)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator.fit(X)
    files = {warning.category: warning.filename for warning in caught}
    assert files[ConvergenceWarning] == __file__


# ---- skorch's callbacks ----


class Counter(Callback):
    """Counts the calls of each hook, for the class as a whole: instances are copied."""

    calls: dict = {}

    def __init__(self, payload=None):
        self.payload = payload


def _counting(name):
    def hook(self, net, *args, **kwargs):
        self.calls[name] = self.calls.get(name, 0) + 1

    return hook


HOOKS = [
    "on_train_begin",
    "on_train_end",
    "on_epoch_begin",
    "on_epoch_end",
    "on_batch_begin",
    "on_batch_end",
    "on_grad_computed",
]
for _name in HOOKS:
    setattr(Counter, _name, _counting(_name))


@pytest.fixture
def calls():
    Counter.calls.clear()
    return Counter.calls


@with_callbacks
def test_every_hook_is_called_as_often_as_its_name_says(Estimator, calls, X):
    params = {"early_stopping": False, "batch_size": 20, "callbacks": [Counter()]}
    net = fit(quick(Estimator, **params, max_epochs=3), X).net_
    n_phases = len(net.criterion_.phases(net.module_))  # each computes gradients of its own
    assert calls == {
        "on_train_begin": 1,
        "on_train_end": 1,
        "on_epoch_begin": 3,
        "on_epoch_end": 3,
        "on_batch_begin": 12,
        "on_batch_end": 12,
        "on_grad_computed": 12 * n_phases,
    }


@with_callbacks
def test_partial_fit_calls_the_callbacks_too(Estimator, calls):
    estimator = quick(Estimator, callbacks=[Counter()])
    partial_fit(partial_fit(estimator, X), X)
    assert calls["on_epoch_end"] == 2
    assert calls["on_grad_computed"] >= 2


@pytest.mark.parametrize("how", ["instance", "class", "pair", "tuple"])
@with_callbacks
def test_callbacks_come_as_instances_classes_or_pairs(Estimator, how, calls):
    callbacks = {
        "instance": [Counter()],
        "class": [Counter],
        "pair": [("mine", Counter())],
        "tuple": (Counter(), Counter()),
    }[how]
    fit(quick(Estimator, callbacks=callbacks, max_epochs=2), X)
    assert calls["on_epoch_end"] == 2 * len(callbacks)


@with_callbacks
def test_a_callback_with_batch_hooks_changes_no_bit(Estimator, calls, X):
    expected = outputs(fit(quick(Estimator, early_stopping=False), X), X)
    watched = fit(quick(Estimator, early_stopping=False, callbacks=[Counter()]), X)
    assert_same_bits(expected, outputs(watched, X))


GIVEN = {
    "own": lambda: Counter({"mine": 1}),
    "scheduler": lambda: LRScheduler(policy="StepLR", step_size=1),
    "early stopping": lambda: EarlyStopping(monitor="train_loss", patience=1),
    "freezer": lambda: Freezer("encoder*"),
}


@pytest.mark.parametrize("name", GIVEN)
@with_callbacks
def test_the_instances_of_the_user_are_never_changed(Estimator, name):
    given = GIVEN[name]()
    before = dict(vars(given))
    callbacks = [given]
    estimator = quick(Estimator, callbacks=callbacks)
    partial_fit(fit(estimator, X), X)
    assert estimator.callbacks is callbacks
    assert callbacks == [given]
    assert vars(given) == before


@with_callbacks
def test_a_fit_starts_with_fresh_callbacks(Estimator):
    callbacks = [EarlyStopping(monitor="train_loss", patience=3)]
    estimator = quick(Estimator, max_epochs=6, early_stopping=False, callbacks=callbacks)
    epochs = [fit(estimator, X).n_iter_ for _ in range(2)]
    assert epochs[0] == epochs[1]


@pytest.mark.parametrize(
    "wrong",
    [[lambda net: None], ["EarlyStopping"], [("a", 3)], [object], [None], [nn.Linear(1, 1)]],
)
@with_callbacks
def test_what_is_no_callback_is_an_error_that_says_so(Estimator, wrong):
    with pytest.raises(TypeError, match="callbacks must be a list of skorch callbacks"):
        fit(quick(Estimator, callbacks=wrong), X)


@with_callbacks
def test_the_learning_rate_scheduler_of_skorch_lowers_the_learning_rate(Estimator):
    schedule = LRScheduler(policy="StepLR", step_size=1, gamma=0.1)
    params = {"lr": 1e-2, "max_epochs": 3, "early_stopping": False}
    scheduled = fit(quick(Estimator, callbacks=[schedule], **params), X)
    lr = scheduled.net_.optimizer_.param_groups[0]["lr"]
    assert lr == pytest.approx(1e-5)
    plain = fit(quick(Estimator, callbacks=[constant_rate()], **params), X)
    start = fit(quick(Estimator, **{**params, "max_epochs": 0}), X)
    weights = [outputs(model, X)["weights"] for model in (start, scheduled, plain)]
    assert np.linalg.norm(weights[1] - weights[0]) < 0.7 * np.linalg.norm(weights[2] - weights[0])


@with_callbacks
def test_the_gradient_clipping_of_skorch_bounds_each_step(Estimator):
    clip = GradientNormClipping(gradient_clip_value=1e-3)
    params = {"optimizer": "sgd", "lr": 1.0, "early_stopping": False}
    params |= {"batch_size": 1000, "max_epochs": 1}
    start = outputs(fit(from_random(Estimator, **{**params, "max_epochs": 0}), X), X)["weights"]
    clipped, plain = (
        outputs(fit(from_random(Estimator, callbacks=callbacks, **params), X), X)["weights"]
        for callbacks in ([clip, constant_rate()], [constant_rate()])
    )
    assert np.linalg.norm(clipped - start) == pytest.approx(1e-3, rel=1e-2)
    assert np.linalg.norm(plain - start) > 2e-3


@with_callbacks
def test_the_early_stopping_of_skorch_stops(Estimator):
    stop = EarlyStopping(monitor="train_loss", patience=2, threshold=0.9)
    estimator = quick(Estimator, callbacks=[stop], max_epochs=30, early_stopping=False)
    fit(estimator, X)
    assert estimator.n_iter_ == 3
    assert np.isfinite(estimator.decision_function(X)).all()


@with_callbacks
def test_the_checkpoint_of_skorch_saves_the_best_epoch(Estimator, tmp_path, X):
    checkpoint = Checkpoint(dirname=str(tmp_path), monitor="valid_loss_best", f_history=None)
    estimator = from_random(Estimator, callbacks=[checkpoint], lr=1e-2)
    fit(estimator, X)
    saved = torch.load(tmp_path / "params.pt", weights_only=True)
    final = estimator.module_.state_dict()
    assert saved.keys() == final.keys()


@with_callbacks
def test_the_freezer_of_skorch_freezes(Estimator):
    params = {"early_stopping": False, "max_epochs": 2}
    start = fit(quick(Estimator, **{**params, "max_epochs": 0}), X).module_.state_dict()
    estimator = fit(quick(Estimator, callbacks=[Freezer("encoder*")], **params), X)
    for name, value in estimator.module_.named_parameters():
        assert torch.equal(value, start[name]) == name.startswith("encoder"), name


@with_callbacks
def test_the_progress_bar_of_skorch_knows_the_number_of_batches(Estimator, capsys):
    pytest.importorskip("tqdm")
    bar = SkorchProgressBar(detect_notebook=False)
    params = {"batch_size": 20, "early_stopping": False, "max_epochs": 2}
    fit(quick(Estimator, callbacks=[bar], **params), X)
    shown = "".join(capsys.readouterr())
    assert shown.count("0/4") >= 2  # a bar of four batches for each epoch


@with_callbacks
def test_timers_and_scores_of_skorch_enter_its_history(Estimator):
    from skorch.callbacks import EpochScoring

    def halved(net, X, y):
        return net.history[-1, "train_loss"] / 2

    scoring = EpochScoring(halved, name="halved", use_caching=False)
    estimator = fit(quick(Estimator, callbacks=[EpochTimer(), scoring], max_epochs=2), X)
    for row in estimator.net_.history[-2:]:
        assert row["dur"] >= 0
        assert row["halved"] == row["train_loss"] / 2


class StopAtTwo(Callback):
    """Stops a training in skorch's way."""

    def on_train_begin(self, net, **kwargs):
        self.n_epochs_ = 0

    def on_epoch_end(self, net, **kwargs):
        self.n_epochs_ += 1
        if self.n_epochs_ == 2:
            raise KeyboardInterrupt


@with_callbacks
def test_a_callback_may_stop_the_training_in_the_way_of_skorch(Estimator):
    estimator = fit(quick(Estimator, callbacks=[StopAtTwo()], max_epochs=9), X)
    assert estimator.n_iter_ == 2
    assert np.isfinite(estimator.decision_function(X)).all()


class InterruptedEncoder(nn.Linear):
    """The user presses Ctrl-C while it computes."""

    def forward(self, x):
        if self.training:
            raise KeyboardInterrupt
        return super().forward(x)


@pytest.mark.parametrize("train", [fit, partial_fit])
@pytest.mark.parametrize("Estimator", having("encoder"))
def test_an_interrupt_by_the_user_is_not_swallowed(Estimator, train):
    with pytest.raises(KeyboardInterrupt):
        train(quick(Estimator, encoder=InterruptedEncoder), X)


class Failing(Callback):
    def on_epoch_end(self, net, **kwargs):
        raise RuntimeError("the callback's own error")


@with_callbacks
def test_an_error_of_a_callback_reaches_the_user_and_the_next_fit_works(Estimator, X):
    estimator = quick(Estimator, callbacks=[Failing()])
    with pytest.raises(RuntimeError, match="the callback's own error"):
        fit(estimator, X)
    with pytest.raises(NotFittedError):
        estimator.predict(X)
    expected = outputs(fit(quick(Estimator), X), X)
    assert_same_bits(expected, outputs(fit(estimator.set_params(callbacks=None), X), X))


@pytest.mark.parametrize(("verbose", "n_lines"), [(0, 0), (1, 3), (True, 3)])
@pytest.mark.parametrize("Estimator", having("verbose"))
def test_verbose_prints_a_line_an_epoch(Estimator, verbose, n_lines, capsys):
    fit(quick(Estimator, verbose=verbose, max_epochs=3), X)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.strip()[:1].isdigit()]
    assert len(lines) == n_lines


# ---- modules of the user's ----


class OwnEncoder(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(n_in, 7), nn.Tanh(), nn.Linear(7, n_out))

    def forward(self, x):
        return self.layers(x)


def _function(n_in, n_out):
    return nn.Sequential(nn.Linear(n_in, 5), nn.ReLU(), nn.Linear(5, n_out))


@pytest.mark.parametrize(
    "own", [OwnEncoder, _function, nn.Linear], ids=["class", "function", "torch"]
)
@with_own_modules
def test_an_own_module_is_given_its_sizes_and_is_trained(Estimator, own):
    params = {"n_components": 2, "early_stopping": False}
    start = fit(quick(Estimator, encoder=own, decoder=own, **params, max_epochs=0), X)
    trained = fit(quick(Estimator, encoder=own, decoder=own, **params), X)
    assert trained.transform(X).shape == (len(X), 2)
    before, after = (dict(e.module_.named_parameters()) for e in (start, trained))
    assert not [name for name in before if torch.equal(before[name], after[name])]
    assert type(trained.module_.encoder) is (nn.Sequential if own is _function else own)


@pytest.mark.parametrize("n_components", ["auto", 3])
@with_own_modules
def test_an_instance_gives_its_own_code_size(Estimator, n_components):
    encoder = nn.Linear(n_inputs(Estimator), n_encoder_outputs(Estimator, 3))
    estimator = quick(Estimator, encoder=encoder, n_components=n_components)
    assert fit(estimator, X).n_components_ == 3
    assert estimator.transform(X).shape == (len(X), 3)
    assert len(estimator.get_feature_names_out()) == 3


@with_own_modules
def test_the_passed_instance_is_never_trained(Estimator):
    encoder = OwnEncoder(n_inputs(Estimator), n_encoder_outputs(Estimator, 2)).eval()
    decoder = OwnEncoder(2, 6)
    encoder.layers[0].weight.requires_grad_(False)
    before = state_of(encoder), state_of(decoder)
    estimator = quick(Estimator, encoder=encoder, decoder=decoder, early_stopping=False)
    partial_fit(fit(estimator, X), X)
    assert estimator.encoder is encoder
    assert estimator.decoder is decoder
    for module, state in zip((encoder, decoder), before, strict=True):
        assert all(torch.equal(state[name], value) for name, value in module.state_dict().items())
        assert all(parameter.grad is None for parameter in module.parameters())
    assert not encoder.training
    assert decoder.training
    assert not encoder.layers[0].weight.requires_grad
    # the copy is what learned, but for what the user froze
    learned = estimator.module_.encoder.state_dict()
    assert torch.equal(learned["layers.0.weight"], before[0]["layers.0.weight"])
    assert not torch.equal(learned["layers.2.weight"], before[0]["layers.2.weight"])


@pytest.mark.parametrize("Estimator", having_lossless_codes("encoder"))
def test_an_instance_starts_from_its_own_weights(Estimator):
    encoder = nn.Linear(n_inputs(Estimator), n_encoder_outputs(Estimator, 2))
    settings = {"scaler": None, "max_epochs": 0, **known(Estimator, WHOLE)}
    estimator = fit(quick(Estimator, encoder=encoder, **settings), X)
    rows = torch.zeros(len(X), encoder.in_features)  # masks, if any, say that nothing is missing
    rows[:, : X.shape[1]] = torch.as_tensor(X)
    with torch.no_grad():
        expected = encoder(rows)[:, :2]  # the means, where there are deviations, too
    np.testing.assert_allclose(estimator.transform(X), expected, rtol=1e-4, atol=1e-4)


@with_own_modules
def test_an_instance_in_double_precision_works(Estimator):
    encoder = nn.Linear(n_inputs(Estimator), n_encoder_outputs(Estimator, 2)).double()
    estimator = fit(quick(Estimator, encoder=encoder), X)
    assert np.isfinite(estimator.score_samples(X)).all()
    assert encoder.weight.dtype == torch.float64


@pytest.mark.parametrize("given", ["encoder", "decoder"])
@with_own_modules
def test_one_own_module_beside_one_of_ours_works(Estimator, given):
    estimator = fit(quick(Estimator, n_components=2, max_epochs=5, **{given: _function}), X)
    assert type(getattr(estimator.module_, given)) is nn.Sequential
    assert np.isfinite(estimator.score_samples(X)).all()


class Flat(nn.Module):
    """Forgets the columns."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.layer = nn.Linear(n_in, 1)

    def forward(self, x):
        return self.layer(x)[:, 0]


class Pair(nn.Linear):
    def forward(self, x):
        return super().forward(x), x


@pytest.mark.parametrize(
    ("given", "module", "error"),
    [
        ("encoder", nn.LazyLinear(5), "encoder must map shape"),
        ("encoder", nn.Linear(4, 2), "encoder cannot take rows of {n_inputs} columns"),
        ("encoder", Flat, "encoder must map shape"),
        ("encoder", lambda n_in, n_out: nn.Linear(n_in, n_out + 1), "encoder must map shape"),
        ("encoder", lambda n_in, n_out: "net", "encoder must be an nn.Module"),
        ("encoder", Pair, "encoder must"),
        ("decoder", nn.Linear(2, 5), "decoder must map shape"),
        ("decoder", nn.Linear(3, 6), "decoder cannot take rows of 2 columns"),
        ("decoder", lambda n_in, n_out: None, "decoder must be an nn.Module"),
    ],
)
@with_own_modules
def test_a_module_of_the_wrong_shape_is_an_error_that_names_it(Estimator, given, module, error):
    error = error.format(n_inputs=n_inputs(Estimator))
    with pytest.raises((ValueError, TypeError), match=error):
        fit(quick(Estimator, n_components=2, **{given: module}), X)


@pytest.mark.parametrize("n_samples", [17, 33, 65])
@with_own_modules
def test_batch_normalisation_never_meets_a_batch_of_one_row(Estimator, n_samples):
    def net(n_in, n_out):
        return nn.Sequential(nn.Linear(n_in, 8), nn.BatchNorm1d(8), nn.Linear(8, n_out))

    params = {"encoder": net, "decoder": net, "batch_size": 16, "early_stopping": False}
    estimator = fit(quick(Estimator, **params), X[:n_samples])
    assert np.isfinite(estimator.score_samples(X)).all()


@with_own_modules
def test_running_means_of_batch_normalisation_are_restored_with_the_weights(Estimator):
    def net(n_in, n_out):
        return nn.Sequential(nn.BatchNorm1d(n_in), nn.Linear(n_in, n_out))

    estimator = quick(Estimator, encoder=net, lr=10.0, max_epochs=4)
    fit(estimator, X)
    start = fit(quick(Estimator, encoder=net, max_epochs=0), X)
    assert_same_bits(outputs(start, X), outputs(estimator, X))


@with_own_modules
def test_partial_fit_keeps_the_scaler_beside_an_own_module(Estimator):
    estimator = partial_fit(quick(Estimator, encoder=_function, lr=1e-30), X)
    codes, rebuilt = estimator.transform(X), estimator.reconstruct(X)
    partial_fit(estimator, 3 * X + 40)
    np.testing.assert_allclose(estimator.transform(X), codes, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(estimator.reconstruct(X), rebuilt, rtol=1e-4, atol=1e-6)
