"""Our parameter updates are torch's optimisers."""

import copy

import pytest
import torch
from torch import nn

from skae.training import OPTIMIZERS
from skae.training._updates import AdamUpdate, OptimizerUpdate, make_update

ADAMS = [torch.optim.Adam, torch.optim.AdamW]
SETTINGS = [
    {},
    {"weight_decay": 0.1},
    {"lr": 0.1, "betas": (0.5, 0.9), "eps": 1e-2},
    {"lr": 0.05, "betas": (0.0, 0.99), "weight_decay": 1.0},
]
every_adam = pytest.mark.parametrize("adam", ADAMS)
every_setting = pytest.mark.parametrize("settings", SETTINGS, ids=str)


def _parameters():
    generator = torch.Generator().manual_seed(0)
    shapes = [(3, 4), (3,), (2, 3), ()]
    return [nn.Parameter(torch.randn(shape, generator=generator)) for shape in shapes]


def _gradients(step, like):
    generator = torch.Generator().manual_seed(step)
    return [torch.randn(p.shape, generator=generator) * 10.0 ** (step % 3 - 1) for p in like]


def _torch_step(optimizer, parameters, grads):
    for parameter, grad in zip(parameters, grads, strict=True):
        parameter.grad = grad
    optimizer.step()
    optimizer.zero_grad()


def _reference(optimizer, settings, n_steps):
    """Parameters and state after torch's own steps."""
    parameters = _parameters()
    optimizer = optimizer(parameters, **settings)
    for step in range(n_steps):
        _torch_step(optimizer, parameters, _gradients(step, parameters))
    return parameters, optimizer


def _assert_equal(parameters, optimizer, reference, n_steps):
    expected, theirs = reference
    torch.testing.assert_close(parameters, expected, rtol=1e-6, atol=1e-6)
    for ours, other in zip(parameters, expected, strict=True):
        state, expected_state = optimizer.state[ours], theirs.state[other]
        assert state.keys() == expected_state.keys()
        assert state["step"].item() == n_steps
        for name in ("exp_avg", "exp_avg_sq"):
            torch.testing.assert_close(state[name], expected_state[name], rtol=1e-5, atol=1e-7)


@every_adam
@every_setting
def test_adam_updates_are_those_of_torch_and_so_is_the_state(adam, settings):
    parameters = _parameters()
    update = make_update(adam(parameters, **settings), parameters)
    assert type(update) is AdamUpdate
    for step in range(7):
        update(_gradients(step, parameters))
    _assert_equal(parameters, update.optimizer, _reference(adam, settings, 7), 7)


@every_adam
@every_setting
def test_the_formula_for_the_compiler_is_the_fused_kernel(adam, settings):
    parameters = _parameters()
    update = make_update(adam(parameters, **settings), parameters)
    for step in range(7):
        update.traced(_gradients(step, parameters), torch.tensor(update.lr))
    _assert_equal(parameters, update.optimizer, _reference(adam, settings, 7), 7)


@every_adam
@every_setting
def test_each_way_to_step_goes_on_where_another_stopped(adam, settings):
    parameters = _parameters()
    optimizer = adam(parameters, **settings)
    for step in range(9):
        grads = _gradients(step, parameters)
        if step % 3 == 0:
            _torch_step(optimizer, parameters, grads)
        elif step % 3 == 1:
            make_update(optimizer, parameters)(grads)
        else:
            update = make_update(optimizer, parameters)
            update.traced(grads, torch.tensor(update.lr))
    _assert_equal(parameters, optimizer, _reference(adam, settings, 9), 9)


@every_adam
def test_a_copied_state_goes_on_alike(adam):
    parameters = _parameters()
    update = make_update(adam(parameters), parameters)
    for step in range(3):
        update(_gradients(step, parameters))
    twins = copy.deepcopy(parameters)
    optimizer = adam(twins)
    optimizer.load_state_dict(copy.deepcopy(update.optimizer.state_dict()))
    twin = make_update(optimizer, twins)
    for step in range(3, 6):
        update(_gradients(step, parameters))
        twin(_gradients(step, parameters))
    torch.testing.assert_close(twins, parameters, rtol=0, atol=0)


@pytest.mark.parametrize("n_steps", [1, 5])
@pytest.mark.parametrize("frozen", [0, 2])
def test_a_parameter_that_joins_later_disturbs_none_and_starts_as_in_torch(n_steps, frozen):
    parameters, expected = _parameters(), _parameters()
    ours, theirs = torch.optim.Adam(parameters), torch.optim.Adam(expected)
    for step in range(2 * n_steps):
        chosen = [i for i in range(4) if step >= n_steps or i != frozen]
        grads = _gradients(step, parameters)
        make_update(ours, [parameters[i] for i in chosen])([grads[i] for i in chosen])
        _torch_step(theirs, [expected[i] for i in chosen], [grads[i] for i in chosen])
    torch.testing.assert_close(parameters, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_the_learning_rate_is_read_at_every_step(name):
    parameters, expected = _parameters(), _parameters()
    ours, theirs = OPTIMIZERS[name](parameters, lr=0.1), OPTIMIZERS[name](expected, lr=0.1)
    update = make_update(ours, parameters)
    for step, lr in enumerate([0.1, 0.01, 0.5]):
        ours.param_groups[0]["lr"] = theirs.param_groups[0]["lr"] = lr
        assert update.lr == lr
        update(_gradients(step, parameters))
        _torch_step(theirs, expected, _gradients(step, expected))
    torch.testing.assert_close(parameters, expected, rtol=1e-5, atol=1e-6)


OTHERS = [
    (torch.optim.SGD, {"lr": 0.1}),
    (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.1}),
    (torch.optim.RMSprop, {}),
    (torch.optim.Adam, {"amsgrad": True}),
    (torch.optim.AdamW, {"maximize": True}),
    (torch.optim.Adamax, {}),
]


@pytest.mark.parametrize(("optimizer", "settings"), OTHERS)
def test_any_other_optimiser_steps_by_itself(optimizer, settings):
    parameters = _parameters()
    update = make_update(optimizer(parameters, **settings), parameters)
    assert type(update) is OptimizerUpdate
    assert not update.can_compile
    for step in range(5):
        update(_gradients(step, parameters))
    expected, _ = _reference(optimizer, settings, 5)
    torch.testing.assert_close(parameters, expected, rtol=0, atol=0)
    assert all(parameter.grad is None for parameter in parameters)


def test_adam_with_decoupled_weight_decay_is_that():
    settings = {"weight_decay": 0.5, "decoupled_weight_decay": True}
    try:
        reference = _reference(torch.optim.Adam, settings, 3)
    except TypeError:
        pytest.skip("this torch has no such setting")
    parameters = _parameters()
    update = make_update(torch.optim.Adam(parameters, **settings), parameters)
    for step in range(3):
        update(_gradients(step, parameters))
    torch.testing.assert_close(parameters, reference[0], rtol=1e-6, atol=1e-6)


def test_parameters_in_several_groups_keep_their_own_settings():
    parameters, expected = _parameters(), _parameters()

    def adam(chosen):
        return torch.optim.Adam([{"params": chosen[:2], "lr": 0.1}, {"params": chosen[2:]}])

    update, theirs = make_update(adam(parameters), parameters), adam(expected)
    for step in range(3):
        update(_gradients(step, parameters))
        _torch_step(theirs, expected, _gradients(step, expected))
    torch.testing.assert_close(parameters, expected, rtol=1e-6, atol=1e-6)
