"""Laws about `compile=True`: the same training, or a clear word why not."""

import numpy as np
import pytest
import torch
from skorch.callbacks import GradientNormClipping

from skae.exceptions import CompilationError, CompilationWarning
from tests.estimators import assert_same_bits, fit, having, known, outputs, quick, table

X = table(700, 6)
PARAMS = {"compile": True, "batch_size": 32, "early_stopping": False}
that_compile = pytest.mark.parametrize("Estimator", having("compile", "batch_size"))


@that_compile
def test_without_a_compiler_the_error_says_what_to_install(Estimator, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(CompilationError, match=r"C\+\+ compiler.*compile=False"):
        fit(quick(Estimator, **PARAMS), X)


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", torch.optim.NAdam])
@that_compile
def test_an_optimizer_that_cannot_be_compiled_is_an_error_that_names_those_that_can(
    Estimator, optimizer
):
    with pytest.raises(CompilationError, match=r"'adam' and 'adamw'"):
        fit(quick(Estimator, optimizer=optimizer, **PARAMS), X)


@that_compile
def test_a_callback_at_every_batch_is_called_uncompiled_with_a_warning(Estimator):
    callbacks = [GradientNormClipping(1e9)]
    with pytest.warns(CompilationWarning, match="GradientNormClipping"):
        estimator = fit(quick(Estimator, callbacks=callbacks, **PARAMS), X)
    plain = fit(quick(Estimator, callbacks=callbacks, **{**PARAMS, "compile": False}), X)
    assert_same_bits(outputs(plain, X), outputs(estimator, X))


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
@that_compile
def test_compiled_training_has_the_losses_of_uncompiled(Estimator, optimizer):
    params = {**PARAMS, "optimizer": optimizer, "weight_decay": 0.01, "max_epochs": 4}
    params |= known(Estimator, {"dropout": 0})  # compiled code draws other numbers
    compiled = fit(quick(Estimator, **params), X)
    plain = fit(quick(Estimator, **{**params, "compile": False}), X)
    np.testing.assert_allclose(
        compiled.history_["train_loss"], plain.history_["train_loss"], rtol=1e-3
    )
    np.testing.assert_allclose(compiled.score(X), plain.score(X), rtol=1e-2)


@pytest.mark.slow
@that_compile
def test_a_compiled_estimator_pickles_and_goes_on(Estimator):
    import pickle

    estimator = fit(quick(Estimator, **PARAMS, warm_start=True), X)
    restored = pickle.loads(pickle.dumps(estimator))
    assert_same_bits(outputs(estimator, X), outputs(restored, X))
    assert fit(restored, X).n_iter_ == 2 * estimator.n_iter_


@pytest.mark.slow
@that_compile
def test_weights_count_in_compiled_training(Estimator):
    weight = np.random.default_rng(0).uniform(0, 2, len(X))
    compiled = fit(quick(Estimator, **PARAMS), X, sample_weight=weight)
    plain = fit(quick(Estimator, **{**PARAMS, "compile": False}), X, sample_weight=weight)
    np.testing.assert_allclose(compiled.score(X), plain.score(X), rtol=1e-2)
