"""Laws about chance: the same bits again, and nothing global is touched."""

import random
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import sklearn
import torch
from sklearn.base import clone
from torch import nn

from tests.estimators import (
    ESTIMATORS,
    assert_same_bits,
    fit,
    having,
    outputs,
    partial_fit,
    quick,
    rows_of,
    table,
)

X = table()
all_estimators = pytest.mark.parametrize("Estimator", ESTIMATORS)
with_own_encoder = pytest.mark.parametrize("Estimator", having("encoder"))


def dropout_net(n_in, n_out):
    return nn.Sequential(nn.Linear(n_in, 16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, n_out))


def many_dropouts_net(n_in, n_out):
    return nn.Sequential(
        nn.Linear(n_in, 16),
        nn.SELU(),
        nn.AlphaDropout(0.2),
        nn.Dropout1d(0.2),
        nn.Linear(16, n_out),
    )


def _with_default_dtype(dtype, function):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        return function()
    finally:
        torch.set_default_dtype(before)


# ---- the same number gives the same bits ----


@all_estimators
def test_the_same_random_state_gives_the_same_bits(Estimator, X):
    first, second = (outputs(fit(quick(Estimator), X), X) for _ in range(2))
    assert_same_bits(first, second)


@all_estimators
def test_another_random_state_gives_another_network(Estimator, X):
    first = outputs(fit(quick(Estimator, early_stopping=False), X), X)
    second = outputs(fit(quick(Estimator, early_stopping=False, random_state=1), X), X)
    assert not np.allclose(first["weights"], second["weights"])


@all_estimators
def test_fitting_twice_gives_the_same_bits(Estimator, X):
    estimator = fit(quick(Estimator), X)
    first = outputs(estimator, X)
    assert_same_bits(first, outputs(fit(estimator, X), X))


@all_estimators
def test_the_same_chunks_give_the_same_bits(Estimator, X):
    def chunked():
        estimator = quick(Estimator)
        for start in range(0, 80, 20):
            partial_fit(estimator, rows_of(X, slice(start, start + 20)))
        return outputs(estimator, X)

    assert_same_bits(chunked(), chunked())


@all_estimators
def test_a_generator_as_random_state_is_drawn_from_anew_at_each_fit(Estimator, X):
    generator = np.random.RandomState(0)
    estimator = quick(Estimator, random_state=generator, early_stopping=False)
    first = outputs(fit(estimator, X), X)
    second = outputs(fit(estimator, X), X)
    assert not np.array_equal(first["weights"], second["weights"])
    again = quick(Estimator, random_state=np.random.RandomState(0), early_stopping=False)
    assert_same_bits(first, outputs(fit(again, X), X))


@with_own_encoder
@pytest.mark.parametrize("encoder", [dropout_net, many_dropouts_net, nn.Linear])
def test_own_modules_are_reproducible_too(Estimator, encoder):
    torch.rand(1)  # wherever the global generator stands
    first = outputs(fit(quick(Estimator, encoder=encoder), X), X)
    torch.rand(7)
    assert_same_bits(first, outputs(fit(quick(Estimator, encoder=encoder), X), X))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
@all_estimators
def test_the_default_float_type_of_torch_does_not_matter(Estimator, dtype, X):
    expected = outputs(fit(quick(Estimator), X), X)
    assert_same_bits(
        expected, _with_default_dtype(dtype, lambda: outputs(fit(quick(Estimator), X), X))
    )


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
@with_own_encoder
def test_own_modules_work_under_any_default_float_type_of_torch(Estimator, dtype):
    estimator = quick(Estimator, encoder=nn.Linear, decoder=nn.Linear)
    losses = _with_default_dtype(dtype, lambda: fit(estimator, X).history_["train_loss"])
    assert np.isfinite(losses[1:]).all()


@with_own_encoder
def test_fit_works_where_the_caller_turned_gradients_off(Estimator):
    expected = outputs(fit(quick(Estimator, encoder=nn.Linear), X), X)
    with torch.no_grad():
        assert_same_bits(expected, outputs(fit(quick(Estimator, encoder=nn.Linear), X), X))


# ---- fits at once ----


def _fit_all(estimators, n_threads, X=X):
    start = threading.Barrier(n_threads)

    def one(estimator):
        start.wait()  # all at once
        return outputs(estimator.fit(X), X)

    with warnings.catch_warnings(), ThreadPoolExecutor(n_threads) as pool:
        warnings.simplefilter("ignore")
        return list(pool.map(one, estimators))


@all_estimators
def test_concurrent_fits_give_the_bits_of_serial_ones(Estimator, X):
    n_epochs = 5 if isinstance(X, np.ndarray) else 3
    estimators = [quick(Estimator, random_state=seed, max_epochs=n_epochs) for seed in range(4)]
    serial = [outputs(fit(clone(estimator), X), X) for estimator in estimators]
    for expected, result in zip(serial, _fit_all(estimators, 4, X), strict=True):
        assert_same_bits(expected, result)


@with_own_encoder
def test_concurrent_fits_with_dropout_give_the_bits_of_serial_ones(Estimator):
    estimators = [
        quick(Estimator, random_state=seed, max_epochs=8, encoder=dropout_net) for seed in range(4)
    ]
    serial = [outputs(fit(clone(estimator), X), X) for estimator in estimators]
    for expected, result in zip(serial, _fit_all(estimators, 4), strict=True):
        assert_same_bits(expected, result)


@all_estimators
def test_one_estimator_may_score_in_several_threads(Estimator, X):
    estimator = fit(quick(Estimator), X)
    expected = outputs(estimator, X)
    with ThreadPoolExecutor(4) as pool:
        for result in pool.map(lambda _: outputs(estimator, X), range(4)):
            assert_same_bits(expected, result)


# ---- nothing global ----


def _global_state():
    return {
        "torch generator": torch.get_rng_state().tolist(),
        "numpy generator": [str(part) for part in np.random.get_state(legacy=True)],  # noqa: NPY002
        "random": random.getstate(),
        "threads": (torch.get_num_threads(), torch.get_num_interop_threads()),
        "default dtype": torch.get_default_dtype(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "warn only": torch.is_deterministic_algorithms_warn_only_enabled(),
        "cudnn": (torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark),
        "matmul precision": torch.get_float32_matmul_precision(),
        "gradients": (torch.is_grad_enabled(), torch.is_inference_mode_enabled()),
        "anomaly detection": torch.is_anomaly_enabled(),
        "sklearn": sklearn.get_config(),
        "numpy errors": np.geterr(),
        "warnings": list(warnings.filters),
    }


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@all_estimators
def test_training_and_scoring_touch_nothing_global(Estimator, method, X):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = _global_state()
        estimator = quick(Estimator, contamination="auto")
        outputs(getattr(estimator, method)(X), X)
        assert _global_state() == before


@with_own_encoder
@pytest.mark.parametrize("encoder", [dropout_net, many_dropouts_net])
def test_dropout_in_an_own_module_touches_nothing_global(Estimator, encoder):
    before = _global_state()
    fit(quick(Estimator, encoder=encoder), X)
    assert _global_state() == before


@all_estimators
def test_a_failing_fit_touches_nothing_global(Estimator, X):
    before = _global_state()
    with pytest.raises(FloatingPointError):
        fit(quick(Estimator, lr=1e30, optimizer="sgd", early_stopping=False), X)
    assert _global_state() == before


@all_estimators
def test_without_a_random_state_numpy_is_drawn_from_once(Estimator, X):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = _global_state()
        kept = np.random.get_state()  # noqa: NPY002
        quick(Estimator, random_state=None).fit(X)
        after = _global_state()
        np.random.set_state(kept)  # noqa: NPY002
        np.random.randint(2**31 - 1)  # noqa: NPY002
        assert after == {**before, "numpy generator": _global_state()["numpy generator"]}
        assert after["numpy generator"] != before["numpy generator"]


# ---- a row's result is its own ----


# Widths around those of vector registers: matrix products of odd shapes take other ways.
WIDTHS = [1, 2, 3, 6, 7, 13, 32]


@pytest.fixture(scope="module", params=WIDTHS, ids="{} columns".format)
def many(request):
    return table(1500, request.param, seed=1)


@pytest.fixture(scope="module", params=ESTIMATORS)
def fitted(request, many):
    return fit(quick(request.param, early_stopping=False), many[:100])


METHODS = [
    "transform",
    "reconstruct",
    "score_samples",
    "feature_contributions",
    "decision_function",
]
PARTS = {
    "one row": [700],
    "two rows": [3, 1499],
    "seven rows": range(100, 107),
    "one row more than a block": range(1025),
    "backwards": range(1499, -1, -1),
    "one row over and over": [5] * 1500,
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("part", PARTS)
def test_results_do_not_depend_on_which_rows_are_given_together(fitted, many, method, part):
    rows = list(PARTS[part])
    function = getattr(fitted, method)
    np.testing.assert_array_equal(function(many[rows]), function(many)[rows])


@pytest.mark.parametrize("method", METHODS)
def test_an_absurd_neighbour_does_not_matter(fitted, many, method):
    function = getattr(fitted, method)
    with_absurd = many.copy()
    with_absurd[0] = 1e30
    np.testing.assert_array_equal(function(with_absurd)[1:], function(many)[1:])


@with_own_encoder
def test_batch_normalisation_does_not_look_at_the_rows_that_are_scored(Estimator):
    def net(n_in, n_out):
        return nn.Sequential(nn.Linear(n_in, 8), nn.BatchNorm1d(8), nn.Linear(8, n_out))

    estimator = fit(quick(Estimator, encoder=net), X)
    scores = estimator.score_samples(X)
    alone = [estimator.score_samples(row[None])[0] for row in X]
    np.testing.assert_array_equal(alone, scores)


@pytest.mark.parametrize("method", [*METHODS, "predict"])
def test_results_are_the_same_each_time(fitted, many, method):
    function = getattr(fitted, method)
    np.testing.assert_array_equal(function(many), function(many))


def test_scoring_changes_nothing_in_the_estimator(fitted, many):
    state = {name: tensor.clone() for name, tensor in fitted.module_.state_dict().items()}
    names = set(vars(fitted))
    outputs(fitted, many)
    assert set(vars(fitted)) == names
    for name, tensor in fitted.module_.state_dict().items():
        assert torch.equal(tensor, state[name]), name
    assert not fitted.module_.training
