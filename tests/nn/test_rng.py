"""Random numbers of the user's modules are isolated from the process."""

import threading

import pytest
import torch
from torch import nn

from skae.nn import isolated_rng


def _draws(seed):
    with isolated_rng(seed):
        weight = nn.Linear(3, 2).weight.detach().flatten()
        return torch.cat([torch.rand(5), weight, nn.Dropout()(torch.ones(9))])


def test_draws_inside_depend_on_the_seed_alone():
    first = _draws(1)
    torch.rand(3)
    assert torch.equal(_draws(1), first)
    assert not torch.equal(_draws(2), first)


def test_nothing_has_happened_outside():
    state = torch.get_rng_state()
    _draws(1)
    assert torch.equal(torch.get_rng_state(), state)


def test_nothing_has_happened_after_an_error_either():
    state = torch.get_rng_state()
    with pytest.raises(ZeroDivisionError), isolated_rng(1):
        torch.rand(1 // 0)
    assert torch.equal(torch.get_rng_state(), state)


def test_one_isolation_within_another_is_undone_alone():
    with isolated_rng(1):
        before = torch.rand(2)
        _draws(2)
        after = torch.rand(2)
    with isolated_rng(1):
        assert torch.equal(torch.rand(4), torch.cat([before, after]))


def test_isolations_of_several_threads_do_not_mix():
    alone, together = [_draws(seed) for seed in range(3)], {}

    def draw(key):
        together[key] = [_draws(key % 3) for _ in range(20)]

    threads = [threading.Thread(target=draw, args=[key]) for key in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for key in range(9):
        assert all(torch.equal(draws, alone[key % 3]) for draws in together[key])
