"""Dropout from a generator of its own is torch's dropout otherwise."""

import copy
import pickle

import pytest
import torch
from torch import nn

from skae.nn import seed_dropout
from skae.nn._dropout import SeededDropout

X = torch.full((400, 500), 3.0)
SHARES = [0.0, 0.1, 0.5, 0.9, 1.0]


def _generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("p", SHARES)
def test_values_and_moments_are_those_of_torchs_dropout(p):
    ours, torchs = SeededDropout(p, _generator())(X), nn.Dropout(p)(X)
    torch.testing.assert_close(ours.unique(), torchs.unique())
    torch.testing.assert_close(ours.mean(), torchs.mean(), rtol=0.05, atol=0)
    torch.testing.assert_close(ours.std(), torchs.std(), rtol=0.05, atol=1e-6)


@pytest.mark.parametrize("p", SHARES)
def test_gradients_go_where_the_values_went(p):
    x = X.clone().requires_grad_()
    y = SeededDropout(p, _generator())(x)
    (grad,) = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(grad, y.detach() / 3)


@pytest.mark.parametrize("p", SHARES)
def test_evaluation_is_the_identity(p):
    assert SeededDropout(p, _generator()).eval()(X) is X


def test_it_draws_from_its_generator_only():
    state = torch.get_rng_state()
    first, again, other = (SeededDropout(0.5, _generator(seed))(X) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_leaves_the_generator_behind(copied):
    layer = SeededDropout(0.3, _generator())
    twin = copied(layer)
    assert twin.p == 0.3
    assert twin.generator is None
    assert torch.equal(twin.eval()(X), X)
    assert layer.generator is not None


class Shared(nn.Module):
    """One dropout layer under two names, as in much code, since it has no weights."""

    def __init__(self):
        super().__init__()
        self.first = self.second = nn.Dropout(0.5)

    def forward(self, x):
        return self.second(self.first(x))


def _repeated():
    dropout = nn.Dropout(0.5)
    return nn.Sequential(dropout, nn.Identity(), dropout)


@pytest.mark.parametrize(
    "module",
    [
        nn.Sequential(nn.Identity(), nn.Dropout(0.5)),
        nn.Sequential(nn.Sequential(nn.Sequential(nn.Dropout(0.5)))),
        nn.Sequential(nn.Dropout(0.5), nn.Dropout(0.1)),
        nn.Sequential(nn.Dropout(0.5, inplace=True)),
        Shared(),
        _repeated(),
    ],
    ids=["flat", "deep", "two", "inplace", "shared", "repeated"],
)
def test_every_dropout_inside_a_module_gets_the_generator(module):
    module = nn.Sequential(copy.deepcopy(module))
    state, outputs = torch.get_rng_state(), []
    for seed in (1, 1, 2):
        seed_dropout(module, _generator(seed))
        outputs.append(module(X.clone()))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])


def test_seeding_keeps_the_shares_and_the_other_layers():
    linear = nn.Linear(3, 3)
    module = nn.Sequential(linear, nn.Dropout(0.25), nn.ReLU())
    seed_dropout(module, _generator())
    assert module[0] is linear
    assert module[1].p == 0.25
    assert isinstance(module[2], nn.ReLU)
