"""Laws about the parameters that change from fit to fit under ``warm_start``: none is ignored."""

import copy

import numpy as np
import pytest
import torch
from skorch.callbacks import LRScheduler
from torch import nn

from skae import VAE, FactorVAE
from skae.vector_quantized import FiniteScalarQuantizer, VectorQuantizer
from tests.estimators import (
    ESTIMATORS,
    assert_same_bits,
    fit,
    having,
    known,
    parameters,
    quick,
    table,
)

X = table(40)
# Other values than the default, of parameters that a network follows from fit to fit.
FOLLOWED = {
    "optimizer": "sgd",
    "lr": 0.02,
    "weight_decay": 0.5,
    "batch_size": 16,
    "early_stopping": True,
    "validation_fraction": 0.3,
    "n_iter_no_change": 1,
    "tol": 0.9,
    "contamination": 0.3,
    "false_alarm_rate": 0.3,
    "callbacks": [LRScheduler(policy="StepLR", step_size=1, gamma=0.1)],
    "dropout": 0.1,
    "energy_weight": 0.9,
    "covariance_weight": 0.5,
    "kind": "i",
    "off_diagonal_weight": 50.0,
    "diagonal_weight": 50.0,
    "beta": 3.0,
    "free_bits": 2.0,
    "warmup_epochs": 2,
    "n_importance_samples": 2,
    "n_sweeps": 0,
    "output": "embeddings",
    "prior_weight": 50.0,
    "jitter": 0.1,
    "neighborhood_weight": 1.0,
    "novelty": True,
    "noise_levels": (0.5,),
    "error_weight": 0.1,
    "max_reference_rows": 10,
    "contraction_weight": 1.0,
    "objective": "soft_boundary",
    "nu": 0.5,
    "noise": "swap",
    "noise_level": 0.3,
    "gamma": 1.0,
    "discrepancy_weight": 1.0,
    "mask_ratio": 0.5,
    "visible_weight": 0.7,
    "entropy_weight": 1.0,
    "code_weight": 1.0,
    "decoder_weight": 1.0,
    "regularization": "l2",
    "sparsity": "rows",
    "sparsity_weight": 0.3,
    "n_proximal_steps": 1,
    "target_activation": 0.3,
    "quantizer__commitment_weight": 5.0,
}
# The same of parameters that it was made with.
KEPT = {
    "n_components": 1,
    "input_shape": (1, 2, 3),
    "hidden_layer_sizes": (5,),
    "activation": "elu",
    "linear_skip": False,
    "init": "pca",
    "loss": "huber",
    "scaler": "minmax",
    "categorical_features": [0],
    "max_categories": 7,
    "missing_marks": ("none",),
    "encoder": nn.Linear,
    "decoder": nn.Linear,
    "net_params": {"optimizer__eps": 1e-3},
    "n_mixtures": 3,
    "estimation_layer_sizes": (5,),
    "quantizer": FiniteScalarQuantizer(),
    "quantizer__codebook_size": 4,
    "discriminator_layer_sizes": (5,),
    "condition": [0],
    "pretrain_epochs": 1,
    "memory_size": 7,
    "shrink_threshold": 0.5,
    "n_estimators": 2,
    "n_active": 1,
    "n_pseudo_inputs": 7,
}
KEPT_BY_NAME = {"SparseAE": {"sparsity": "l1"}}
# Which change no result, or which other laws are about.
NEUTRAL = {"warm_start", "max_epochs", "compile", "device", "random_state", "verbose"}
# On which the start depends, too: rows that are held out take no part in it.
OF_THE_START = {"early_stopping", "validation_fraction"}
# What lets a parameter make a difference, or the start not depend on it.
BESIDE: dict[str, dict] = {
    "validation_fraction": {"early_stopping": True},
    "n_iter_no_change": {"tol": 0.9},
    "tol": {"n_iter_no_change": 2, "tol": 0.0, "lr": 0.01, "batch_size": 8},
    "false_alarm_rate": {"contamination": "auto"},
    "neighborhood_weight": {"hidden_layer_sizes": (16,)},
    "nu": {"objective": "soft_boundary"},
    "target_activation": {"sparsity": "kl"},
    "quantizer__commitment_weight": {"quantizer": VectorQuantizer(8)},
    "quantizer__codebook_size": {"quantizer": VectorQuantizer(8)},
}
BESIDE_BY_NAME = {"SparseAE": {"sparsity_weight": {"sparsity": "kl"}}}


def _kept(cls):
    return {**KEPT, **KEPT_BY_NAME.get(cls.__name__, {})}


def _followed(cls):
    return {name: value for name, value in FOLLOWED.items() if name not in _kept(cls)}


def _changes(values):
    """Estimators, those of their parameters that a function has other values for, and these."""
    return [
        (cls, name, value)
        for cls in having("warm_start")
        for name, value in values(cls).items()
        if name.partition("__")[0] in parameters(cls)
    ]


def _warm(Estimator, name, **params):
    beside = {**BESIDE, **BESIDE_BY_NAME.get(Estimator.__name__, {})}.get(name, {})
    settings = {
        "n_components": 2,
        "init": "random",
        "early_stopping": False,
        "hidden_layer_sizes": (8,),
        **beside,
        **params,
    }
    return quick(Estimator, warm_start=True, **copy.deepcopy(known(Estimator, settings)))


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_of_every_parameter_it_is_known_whether_it_may_change(Estimator):
    assert set(parameters(Estimator)) <= {*FOLLOWED, *_kept(Estimator), *NEUTRAL}


def _result(estimator):
    weights = [p.detach().numpy().ravel() for p in estimator.module_.parameters()]
    return {
        "weights": np.concatenate(weights),
        "codes": estimator.transform(X),
        "scores": estimator.score_samples(X),
        "offset": estimator.offset_,
        "epochs": estimator.n_iter_,
    }


@pytest.mark.parametrize(("Estimator", "name", "value"), _changes(_followed))
def test_a_parameter_that_may_change_is_followed(Estimator, name, value):
    ends = []
    for first, then in [({}, {}), ({}, {name: value}), ({name: value}, {name: value})]:
        estimator = fit(_warm(Estimator, name, max_epochs=0).set_params(**first), X)
        ends.append(_result(fit(estimator.set_params(max_epochs=5, **then), X)))
    unchanged, changed, from_the_start = ends
    if name not in OF_THE_START:
        assert_same_bits(changed, from_the_start)
    assert any(not np.array_equal(unchanged[of], changed[of]) for of in changed)


@pytest.mark.parametrize(("Estimator", "name", "value"), _changes(_kept))
def test_a_parameter_that_a_network_keeps_is_not_changed_silently(Estimator, name, value):
    estimator = fit(_warm(Estimator, name, max_epochs=0), X)
    before, given = _result(estimator), estimator.get_params()[name]
    estimator.set_params(**{name: value})
    for method in (estimator.fit, estimator.partial_fit):
        with pytest.raises(ValueError, match=f"{name}=.* but the network that goes on"):
            method(X)
    assert_same_bits(_result(estimator), before)
    fit(estimator.set_params(**{name: given}), X)


@pytest.mark.parametrize("Estimator", having("warm_start"))
def test_the_seed_of_the_first_fit_stays_in_force(Estimator):
    """Of another, rows would be held out that the network was trained on."""
    results = []
    for seed in (0, 1, np.random.RandomState(2), None):
        estimator = fit(quick(Estimator, warm_start=True), X).set_params(random_state=seed)
        results.append(_result(fit(estimator, X)))
    for result in results[1:]:
        assert_same_bits(result, results[0])


def test_after_a_fit_that_failed_a_warm_start_begins_anew():
    estimator = fit(quick(VAE, warm_start=True), X)
    estimator.set_params(warm_start=False, scaler=None, loss="log_loss")
    with pytest.raises(ValueError, match="is for values in"):
        estimator.fit(X)
    estimator.set_params(warm_start=True, scaler="minmax", hidden_layer_sizes=(16,))
    anew = quick(VAE, scaler="minmax", loss="log_loss", hidden_layer_sizes=(16,))
    assert_same_bits(_result(fit(estimator, X)), _result(fit(anew, X)))


def test_a_schedule_of_the_users_follows_another_rate():
    schedule = LRScheduler(policy="StepLR", step_size=1000)
    estimator = quick(VAE, warm_start=True, lr=1e-3, callbacks=[schedule])
    fit(fit(estimator, X).set_params(lr=1e-2), X)
    assert estimator.net_.optimizer_.param_groups[0]["lr"] == pytest.approx(1e-2)


def test_a_discriminator_goes_on_and_follows_another_rate():
    estimator = fit(quick(FactorVAE, warm_start=True), X)
    before = estimator.net_.criterion_.discriminator
    fit(estimator.set_params(lr=1e-9), X)
    assert estimator.net_.criterion_.discriminator is before
    assert estimator.net_.discriminator_optimizer_.param_groups[0]["lr"] == 1e-9


@pytest.mark.parametrize("optimizer", ["sgd", torch.optim.Rprop])
def test_another_optimizer_begins_anew(optimizer):
    estimator = fit(quick(VAE, warm_start=True, weight_decay=0.1), X)
    fit(estimator.set_params(optimizer=optimizer, weight_decay=0.0), X)
    of_adam = {"exp_avg", "exp_avg_sq"}
    states = estimator.net_.optimizer_.state.values()
    assert not any(of_adam & state.keys() for state in states)


def test_no_weight_decay_is_none_by_whichever_optimizer():
    estimator = fit(quick(VAE, optimizer="adamw", weight_decay=0.0), X)
    assert estimator.net_.optimizer_.param_groups[0]["weight_decay"] == 0
