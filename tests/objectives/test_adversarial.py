"""Discriminators of codes: what they find, and that they alternate with the auto-encoder."""

import math

import numpy as np
import pytest
import torch

from skae.distributions import get_likelihood
from skae.nn import AutoEncoderModule, SkipMLP, VariationalAutoEncoder, isolated_rng
from skae.objectives import (
    AdversarialReconstruction,
    Batch,
    DiscriminatedCorrelation,
    TotalCorrelation,
)
from skae.objectives._total_correlation import _shuffled

N_FEATURES, N_CODES = 4, 2


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def mlp(n_in, n_out, seed=0):
    return SkipMLP(n_in, n_out, (16,), "relu", True, generator(seed))


def deterministic():
    return AutoEncoderModule(mlp(N_FEATURES, N_CODES), mlp(N_CODES, N_FEATURES), None)


def variational():
    encoder, decoder = mlp(N_FEATURES, 2 * N_CODES), mlp(N_CODES, N_FEATURES)
    return VariationalAutoEncoder(encoder, decoder, N_CODES, 0)


def batch(weight=None):
    rows = torch.randn(64, N_FEATURES, generator=generator())
    return Batch(rows, rows, weight)


OBJECTIVES = {
    "adversarial": (
        deterministic,
        lambda judge: AdversarialReconstruction(get_likelihood("squared_error"), 1.0, judge),
    ),
    "factor": (
        variational,
        lambda judge: DiscriminatedCorrelation(
            get_likelihood("squared_error"), 1.0, 1.0, 0.0, judge
        ),
    ),
}


@pytest.fixture(params=OBJECTIVES.values(), ids=OBJECTIVES)
def adversarial(request):
    make_module, make_objective = request.param
    return make_module(), make_objective(mlp(N_CODES, 1))


@pytest.mark.parametrize("weight", [None, torch.linspace(0, 2, 64)], ids=["equal", "weighted"])
def test_each_phase_has_parameters_of_its_own_and_moves_them(adversarial, weight):
    module, objective = adversarial
    phases = objective.phases(module)
    own, judges = ({id(p) for p in phase.parameters} for phase in phases)
    assert own == {id(p) for p in module.parameters()}
    assert judges == {id(p) for p in objective.discriminator.parameters()}
    for phase in phases:
        with isolated_rng(0):
            _, grads = phase.value_and_grad(module, batch(weight), phase.parameters)
        assert all(torch.isfinite(grad).all() for grad in grads)
        assert any(grad.abs().sum() > 0 for grad in grads)


def test_a_discriminator_that_knows_nothing_has_the_entropy_of_a_coin(adversarial):
    module, objective = adversarial
    objective.discriminator = torch.nn.Linear(N_CODES, 1)
    torch.nn.init.zeros_(objective.discriminator.weight)
    torch.nn.init.zeros_(objective.discriminator.bias)
    with isolated_rng(0):
        assert objective.discrimination(module, batch()).item() == pytest.approx(math.log(2))


def test_held_out_rows_are_judged_without_the_discriminator(adversarial):
    module, objective = adversarial
    objective.eval()
    before = objective.per_row(module, batch())
    with torch.no_grad():
        for parameter in objective.discriminator.parameters():
            parameter.add_(1)
    torch.testing.assert_close(objective.per_row(module, batch()), before)


def test_at_weight_zero_only_the_bound_is_left():
    module, likelihood = variational(), get_likelihood("squared_error")
    judged = DiscriminatedCorrelation(likelihood, 0.0, 1.0, 0.0, mlp(N_CODES, 1))
    plain = TotalCorrelation(likelihood, 0.0)
    losses = []
    for objective in (judged, plain):
        with isolated_rng(0):
            losses.append(objective(module, batch()))
    torch.testing.assert_close(*losses)


def test_shuffled_codes_have_the_same_columns_but_no_correlation():
    first = torch.randn(5_000, generator=generator())
    codes = torch.stack([first, 2 * first], dim=1)
    with isolated_rng(0):
        shuffled = _shuffled(codes, torch.full((5_000,), 1 / 5_000))
    assert abs(np.corrcoef(shuffled.numpy().T)[0, 1]) < 0.05
    np.testing.assert_allclose(shuffled.std(0), codes.std(0), rtol=0.05)


def test_a_row_without_weight_is_never_in_a_shuffled_code():
    codes = torch.arange(10.0)[:, None].repeat(1, 3)
    shares = (torch.arange(10) < 5) / 5
    with isolated_rng(0):
        assert _shuffled(codes, shares).max() < 5


def test_the_logit_becomes_the_total_correlation_of_normal_codes():
    """Of two codes with correlation r the mean log density ratio is -log(1 - r^2) / 2."""
    r = 0.8
    judge = mlp(2, 1)
    optimizer = torch.optim.Adam(judge.parameters(), lr=1e-2)
    objective = DiscriminatedCorrelation(get_likelihood("squared_error"), 1.0, 1.0, 0.0, judge)
    draws = torch.randn(4_000, 2, generator=generator())
    codes = torch.stack([draws[:, 0], r * draws[:, 0] + (1 - r**2) ** 0.5 * draws[:, 1]], dim=1)
    objective._codes = lambda module, batch: codes
    with isolated_rng(0):
        for _ in range(200):
            optimizer.zero_grad()
            objective.discrimination(None, batch()).backward()
            optimizer.step()
    found = judge(codes).mean().item()
    assert found == pytest.approx(-0.5 * math.log(1 - r**2), abs=0.12)
