"""Devices by name, and generators that do not depend on each other."""

import itertools

import pytest
import torch

from skae.training import make_generator, resolve_device

CPU = torch.device("cpu")


def test_auto_is_a_device_that_works():
    device = resolve_device("auto")
    assert torch.zeros(2, device=device).sum().item() == 0
    assert device.type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize("device", ["cpu", torch.device("cpu")])
def test_a_device_that_is_there_is_itself(device):
    assert resolve_device(device) == CPU


@pytest.mark.parametrize("device", ["gpu", "", "cuda:99", "cpu:x", "mps:7", "xla"])
def test_a_device_that_is_not_there_is_an_error_that_names_it_and_a_way_out(device):
    with pytest.raises(ValueError, match=r"not available here.* Use .*'auto'") as caught:
        resolve_device(device)
    assert repr(device) in str(caught.value)
    assert "\n" not in str(caught.value)


def _draws(*seeds, n=1000):
    return torch.rand(n, generator=make_generator(CPU, *seeds), dtype=torch.float64)


def test_the_same_numbers_give_the_same_stream():
    assert torch.equal(_draws(1, 2, 3), _draws(1, 2, 3))


def test_other_numbers_give_independent_streams():
    keys = list(itertools.product([0, 1, 2, 2**31 - 2], [0, 1, 2], [0, 1, 2, 200]))
    streams = torch.stack([_draws(*key) for key in keys])
    correlation = torch.corrcoef(streams) - torch.eye(len(keys))
    # 1 / sqrt(1000) is the deviation of one; this is the largest of some hundred pairs
    assert correlation.abs().max() < 5 / 1000**0.5
    seeds = {make_generator(CPU, *key).initial_seed() for key in keys}
    assert len(seeds) == len(keys)


def test_a_generator_is_independent_of_global_state():
    state = torch.get_rng_state()
    first = _draws(5)
    assert torch.equal(torch.get_rng_state(), state)
    torch.rand(10)
    assert torch.equal(_draws(5), first)


@pytest.mark.parametrize("seed", [0, 2**31 - 2, 2**40])
def test_large_seeds_fit(seed):
    assert make_generator(CPU, seed, 2, 10**6).device == CPU
