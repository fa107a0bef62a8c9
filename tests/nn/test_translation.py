"""Convolutional translators and discriminators."""

import math

import pytest
import torch

from skae.nn import PatchDiscriminator, ResNetTranslator

SHAPES = [(1, 4, 4), (3, 5, 9), (1, 8, 8), (2, 17, 16), (3, 64, 64)]


def _generator(seed=0):
    return torch.Generator().manual_seed(seed)


def _images(shape, n=3):
    return torch.randn(n, math.prod(shape), generator=_generator(5))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_translator_starts_at_the_identity(shape):
    translator = ResNetTranslator(shape, False, _generator())
    torch.testing.assert_close(translator(_images(shape)), _images(shape))


@pytest.mark.parametrize("shape", SHAPES[:3])
def test_a_translator_starts_at_a_linear_map(shape):
    n = math.prod(shape)
    translator = ResNetTranslator(shape, True, _generator())
    weight, bias = torch.randn(n, n, generator=_generator(1)), torch.randn(n)
    translator.start_linear(weight, bias)
    torch.testing.assert_close(translator(_images(shape)), _images(shape) @ weight.t() + bias)


@pytest.mark.parametrize("shape", SHAPES)
def test_images_of_any_size_are_judged(shape):
    judge = PatchDiscriminator(shape, 0.5, _generator())
    judgements = judge(_images(shape))
    torch.testing.assert_close(judgements, torch.full_like(judgements, 0.5))
    judge.network[-1].weight.data.normal_(generator=_generator())
    assert judge(_images(shape)).std() > 0


@pytest.mark.parametrize("shape", SHAPES)
def test_every_layer_reaches_the_output(shape):
    for network in (
        ResNetTranslator(shape, False, _generator()),
        PatchDiscriminator(shape, 0.0, _generator()),
    ):
        last = network.network[-1]
        last.weight.data.normal_(generator=_generator())
        network(_images(shape)).square().sum().backward()
        assert all(p.grad.abs().sum() > 0 for p in network.parameters() if p.dim() > 1)


def test_weights_follow_the_seed():
    def first(seed):
        return ResNetTranslator((1, 4, 4), False, _generator(seed)).network[0].weight

    state = torch.get_rng_state()
    assert torch.equal(first(0), first(0))
    assert not torch.equal(first(0), first(1))
    assert torch.equal(torch.get_rng_state(), state)
