"""Laws about copies: what is saved comes back, and the training data is not in it."""

import copy
import gc
import io
import pickle
import subprocess
import sys
import textwrap
import weakref

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn

from tests.estimators import (
    ESTIMATORS,
    TABLES,
    assert_same_bits,
    fit,
    having,
    holed_table,
    mixed_table,
    n_codes,
    n_inputs,
    outputs,
    partial_fit,
    quick,
    rows_of,
    table,
)

X = table()
all_estimators = pytest.mark.parametrize("Estimator", ESTIMATORS)


def _pickled(estimator):
    return pickle.loads(pickle.dumps(estimator))


def _joblib(estimator):
    buffer = io.BytesIO()
    joblib.dump(estimator, buffer, compress=3)
    buffer.seek(0)
    return joblib.load(buffer)


COPIES = {
    "pickle": _pickled,
    "pickle protocol 2": lambda estimator: pickle.loads(pickle.dumps(estimator, protocol=2)),
    "joblib": _joblib,
    "deepcopy": copy.deepcopy,
    "twice": lambda estimator: _pickled(_pickled(estimator)),
}
every_copy = pytest.mark.parametrize("how", COPIES)


@every_copy
@all_estimators
def test_a_copy_of_a_fitted_estimator_gives_the_same_bits(Estimator, how):
    estimator = fit(quick(Estimator), X)
    restored = COPIES[how](estimator)
    assert_same_bits(outputs(estimator, X), outputs(restored, X))
    assert restored.offset_ == estimator.offset_
    assert restored.n_iter_ == estimator.n_iter_
    assert restored.history_.equals(estimator.history_)
    assert repr(restored) == repr(estimator)


@every_copy
@all_estimators
def test_a_copy_of_an_unfitted_estimator_fits_to_the_same_bits(Estimator, how):
    restored = COPIES[how](quick(Estimator))
    assert_same_bits(outputs(fit(restored, X), X), outputs(fit(quick(Estimator), X), X))


@every_copy
@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop"])
@all_estimators
def test_partial_fit_goes_on_after_loading_as_if_nothing_had_been(Estimator, optimizer, how):
    estimator = quick(Estimator, optimizer=optimizer, batch_size=16, lr=1e-2)
    for _ in range(2):
        partial_fit(estimator, X)
    restored = COPIES[how](estimator)
    for model in (estimator, restored):
        partial_fit(partial_fit(model, rows_of(X, slice(40))), rows_of(X, slice(40, None)))
    assert_same_bits(outputs(estimator, X), outputs(restored, X))
    assert restored.offset_ == estimator.offset_


@every_copy
@pytest.mark.parametrize("Estimator", having("warm_start"))
def test_warm_start_goes_on_after_loading_as_if_nothing_had_been(Estimator, how):
    estimator = fit(quick(Estimator, warm_start=True, lr=1e-2), X)
    restored = COPIES[how](estimator)
    assert_same_bits(outputs(fit(estimator, X), X), outputs(fit(restored, X), X))


def dropout_net(n_in, n_out):
    return nn.Sequential(nn.Linear(n_in, 16), nn.Dropout(0.5), nn.Linear(16, n_out))


@every_copy
@pytest.mark.parametrize("Estimator", having("encoder"))
def test_own_modules_with_dropout_come_back_and_go_on(Estimator, how):
    estimator = partial_fit(quick(Estimator, encoder=dropout_net(n_inputs(Estimator), 2)), X)
    restored = COPIES[how](estimator)
    assert_same_bits(outputs(estimator, X), outputs(restored, X))
    assert_same_bits(outputs(partial_fit(estimator, X), X), outputs(partial_fit(restored, X), X))


@all_estimators
def test_saving_does_not_change_the_estimator(Estimator, X):
    estimator, untouched = (partial_fit(quick(Estimator), X) for _ in range(2))
    pickle.dumps(estimator)
    copy.deepcopy(estimator)
    assert_same_bits(outputs(partial_fit(estimator, X), X), outputs(partial_fit(untouched, X), X))


@all_estimators
def test_training_a_copy_leaves_the_original_alone(Estimator, X):
    estimator = fit(quick(Estimator, warm_start=True, early_stopping=False), X)
    before = outputs(estimator, X)
    fit(copy.deepcopy(estimator), X)
    assert_same_bits(before, outputs(estimator, X))


def test_another_process_reads_the_file(tmp_path):
    pairs = [(cls, make()) for cls in ESTIMATORS for make in TABLES.values()]
    estimators, tables = [fit(quick(cls), X) for cls, X in pairs], [X for _, X in pairs]
    joblib.dump(estimators, tmp_path / "models.joblib")
    joblib.dump(tables, tmp_path / "tables.joblib")
    code = """
        import joblib, numpy as np
        estimators = joblib.load("models.joblib")
        pairs = zip(estimators, joblib.load("tables.joblib"))
        np.save("scores.npy", [estimator.score_samples(X) for estimator, X in pairs])
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    expected = [est.score_samples(X) for est, X in zip(estimators, tables, strict=True)]
    np.testing.assert_array_equal(np.load(tmp_path / "scores.npy"), expected)


# ---- clone ----


@all_estimators
def test_a_clone_of_a_fitted_estimator_is_unfitted_with_equal_parameters(Estimator, X):
    estimator = fit(quick(Estimator), X)
    cloned = clone(estimator)
    assert cloned.get_params() == estimator.get_params()
    assert set(vars(cloned)) - {"_metadata_request"} <= {*estimator.get_params(), "_skl_callbacks"}
    assert_same_bits(outputs(fit(cloned, X), X), outputs(estimator, X))


@pytest.mark.parametrize("Estimator", having("encoder", "loss", "callbacks", "net_params"))
def test_objects_as_parameters_can_be_cloned(Estimator):
    from skorch.callbacks import GradientNormClipping

    from skae.distributions import Huber

    estimator = quick(
        Estimator,
        encoder=nn.Linear(n_inputs(Estimator), 2),
        loss=Huber(0.5),
        callbacks=[GradientNormClipping(1.0)],
        net_params={"optimizer__betas": (0.5, 0.9)},
    )
    fit(estimator, X)
    assert_same_bits(outputs(fit(clone(estimator), X), X), outputs(estimator, X))


@all_estimators
def test_set_params_changes_the_next_fit(Estimator, X):
    estimator = fit(quick(Estimator, n_components=2), X).set_params(n_components=3)
    assert estimator.n_components_ == 2
    assert estimator.transform(X).shape == (len(X), n_codes(estimator))
    assert fit(estimator, X).n_components_ == 3
    assert estimator.transform(X).shape == (len(X), n_codes(estimator))


# ---- no training data inside ----


@pytest.mark.parametrize("train", [fit, partial_fit])
@pytest.mark.parametrize("early_stopping", [True, False])
@all_estimators
def test_the_table_is_free_when_its_owner_lets_go(Estimator, early_stopping, train):
    own = table(100)
    reference = weakref.ref(own)
    estimator = train(quick(Estimator, early_stopping=early_stopping), own)
    assert estimator.n_features_in_ == own.shape[1]
    del own
    gc.collect()
    assert reference() is None


@pytest.mark.parametrize(
    ("make", "scaler"),
    [
        *[(table, scaler) for scaler in ("standard", "minmax", "quantile", None)],
        (holed_table, "standard"),
        (mixed_table, "standard"),
    ],
)
@pytest.mark.parametrize("Estimator", having("scaler"))
def test_no_scaled_copy_of_the_table_survives_a_fit(Estimator, make, scaler):
    rows = make(1237)
    reference = weakref.ref(rows)
    params = {"scaler": scaler, "validation_fraction": 0.1, "batch_size": 64}
    estimator = fit(quick(Estimator, **params), rows, sample_weight=np.ones(1237))
    del rows
    gc.collect()
    assert reference() is None
    held_out = 124
    sizes = {
        len(tensor)
        for tensor in gc.get_objects()
        if type(tensor) is torch.Tensor and tensor.dim() > 0
    }
    assert not sizes & {1237, held_out, 1237 - held_out}
    assert estimator.n_iter_ == 3


@pytest.mark.parametrize("contamination", ["auto", 0.1])
@all_estimators
def test_the_size_of_a_saved_estimator_does_not_grow_with_the_table(Estimator, contamination):
    # 10 000 calibration scores are remembered at most; these tables have as many
    def size(n_samples):
        params = {"contamination": contamination, "validation_fraction": 0.5}
        estimator = quick(Estimator, **params, hidden_layer_sizes=(16,))
        return len(pickle.dumps(fit(estimator, table(n_samples))))

    assert abs(size(40_000) - size(20_000)) < 200


@all_estimators
def test_the_size_of_a_saved_estimator_does_not_grow_with_saving_and_loading(Estimator, X):
    estimator = _pickled(fit(quick(Estimator), X))
    first = len(pickle.dumps(estimator))
    for _ in range(3):
        estimator = _pickled(estimator)
    assert abs(len(pickle.dumps(estimator)) - first) < 100


# ---- devices ----


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
@all_estimators
def test_an_estimator_fitted_on_a_gpu_loads_on_the_cpu(Estimator):
    estimator = fit(quick(Estimator, device="cuda"), X)
    saved = pickle.dumps(estimator)
    assert next(estimator.module_.parameters()).device.type == "cuda"  # saving moved a copy
    restored = pickle.loads(saved)
    assert {tensor.device.type for tensor in restored.module_.state_dict().values()} == {"cpu"}
    np.testing.assert_allclose(
        restored.score_samples(X), estimator.score_samples(X), rtol=1e-3, atol=1e-5
    )
    partial_fit(restored.set_params(device="cpu"), X)
    partial_fit(estimator, X)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
@pytest.mark.parametrize("Estimator", having("init"))
def test_a_gpu_learns_what_a_cpu_learns(Estimator):
    params = {"max_epochs": 20, "batch_size": 16, "init": "random"}
    on_cpu = fit(quick(Estimator, device="cpu", **params), X)
    on_gpu = fit(quick(Estimator, device="cuda", **params), X)
    assert on_gpu.score(X) == pytest.approx(on_cpu.score(X), rel=0.2)
