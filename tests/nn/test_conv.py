"""Convolutional encoders and decoders."""

import itertools
import math

import pytest
import torch
from torch import nn

from skae.nn import ConvDecoder, ConvEncoder, PixelUnits, default_channels

SHAPES = [(1, 4, 4), (3, 5, 7), (1, 8, 8), (2, 13, 4)]
N_CODES = 3
every_shape = pytest.mark.parametrize(
    ("shape", "channels", "skip"),
    list(itertools.product(SHAPES, [(4,), (4, 6)], [True, False])),
    ids=lambda value: str(value).replace(" ", ""),
)


def _generator(seed=0):
    return torch.Generator().manual_seed(seed)


def _draw(*shape, seed=1):
    return torch.randn(*shape, generator=_generator(seed), dtype=torch.float64)


def _encoder(shape, channels, skip, n_masks=0):
    n_pixels = math.prod(shape)
    units = PixelUnits(_draw(n_pixels, seed=2).exp().float(), _draw(n_pixels, seed=3).float())
    encoder = ConvEncoder(
        n_pixels + n_masks, N_CODES, shape, channels, "silu", skip, units, _generator()
    )
    return encoder.double()


def _decoder(shape, channels, skip):
    return ConvDecoder(N_CODES, shape, channels, "silu", skip, _generator()).double()


@pytest.mark.parametrize(
    ("size", "channels"),
    [
        ((4, 9), (32,)),
        ((8, 8), (32,)),
        ((16, 99), (32, 64)),
        ((28, 28), (32, 64)),
        ((128, 128), (32, 64, 128, 128, 128)),
    ],
)
def test_channels_follow_from_the_shorter_side(size, channels):
    assert default_channels((3, *size)) == channels
    lowest = min(size) >> len(channels)
    assert 4 <= lowest < 8 or min(size) < 8


@every_shape
def test_images_of_any_size_become_codes_and_images_again(shape, channels, skip):
    x = _draw(5, math.prod(shape))
    code = _encoder(shape, channels, skip)(x)
    assert code.shape == (5, N_CODES)
    assert _decoder(shape, channels[::-1], skip)(code).shape == x.shape


def test_a_shifted_picture_has_shifted_features():
    encoder = _encoder((1, 32, 32), (4,), False)
    picture = torch.zeros(1, 1, 32, 32, dtype=torch.float64)
    picture[..., 12:17, 12:17] = _draw(5, 5)
    here, there = (
        encoder.blocks[0](encoder.stem(nn.functional.pixel_unshuffle(image, 2)))
        for image in (picture, picture.roll((2, 4), (2, 3)))
    )
    inside = (..., slice(4, -4), slice(4, -4))  # the padding of the borders does not shift
    torch.testing.assert_close(here.roll((1, 2), (2, 3))[inside], there[inside])


@every_shape
def test_they_start_as_the_linear_map_that_they_are_told(shape, channels, skip):
    if not skip:
        return
    n_pixels = math.prod(shape)
    encoder, decoder = _encoder(shape, channels, skip), _decoder(shape, channels[::-1], skip)
    x, z = _draw(5, n_pixels), _draw(5, N_CODES)
    for net, rows, n_in, n_out in [
        (encoder, x, n_pixels, N_CODES),
        (decoder, z, N_CODES, n_pixels),
    ]:
        weight, bias = _draw(n_out, n_in, seed=4), _draw(n_out, seed=5)
        net.start_linear(weight, bias)
        torch.testing.assert_close(net(rows), rows @ weight.T + bias)


@every_shape
def test_silenced_outputs_are_constants_and_the_others_stay(shape, channels, skip):
    nets = [
        (_encoder(shape, channels, skip), _draw(5, math.prod(shape))),
        (_decoder(shape, channels[::-1], skip), _draw(5, N_CODES)),
    ]
    for net, rows in nets:
        before = net(rows)
        silent = torch.arange(net.n_out) % 2 == 0
        net.silence_outputs(silent, 7.0)
        after = net(rows)
        assert (after[:, silent] == 7.0).all()
        torch.testing.assert_close(after[:, ~silent], before[:, ~silent])


@every_shape
def test_new_units_of_the_input_change_nothing(shape, channels, skip):
    n_pixels = math.prod(shape)
    encoder, x = _encoder(shape, channels, skip), _draw(5, n_pixels)
    before = encoder(x)
    scale, shift = _draw(n_pixels, seed=6).exp(), _draw(n_pixels, seed=7)
    encoder.compensate_input(scale, shift)
    torch.testing.assert_close(encoder((x - shift) / scale), before)


@every_shape
def test_a_missing_pixel_stays_what_it_was_in_new_units(shape, channels, skip):
    n_pixels, masked = math.prod(shape), torch.tensor([3, 1])
    encoder = _encoder(shape, channels, skip, n_masks=2)
    masks = torch.full((n_pixels + 2,), -1)
    masks[masked] = torch.tensor([n_pixels, n_pixels + 1])
    missing = torch.tensor([[1, 0], [0, 1], [1, 1], [0, 0]], dtype=torch.float64)
    x = _draw(4, n_pixels)
    x[:, masked] *= 1 - missing
    before = encoder(torch.cat([x, missing], dim=1))
    for seed in (6, 8):  # twice: what was learned of masks moves, too
        scale, shift = _draw(n_pixels, seed=seed).exp(), _draw(n_pixels, seed=seed + 1)
        rest = torch.ones(2), torch.zeros(2)
        encoder.compensate_input(torch.cat([scale, rest[0]]), torch.cat([shift, rest[1]]), masks)
        x = (x - shift) / scale
        x[:, masked] *= 1 - missing
    torch.testing.assert_close(encoder(torch.cat([x, missing], dim=1)), before)


@every_shape
def test_a_new_mask_changes_nothing_at_first(shape, channels, skip):
    n_pixels = math.prod(shape)
    encoder, x, mask = _encoder(shape, channels, skip, n_masks=1), _draw(4, n_pixels), _draw(4, 1)
    before = encoder(torch.cat([x, mask], dim=1))
    encoder.take_inputs(torch.tensor([*range(n_pixels), -1, n_pixels]))
    after = encoder(torch.cat([x, torch.ones_like(mask), mask], dim=1))
    torch.testing.assert_close(after, before)


@every_shape
def test_new_units_of_the_output(shape, channels, skip):
    decoder, code = _decoder(shape, channels[::-1], skip), _draw(5, N_CODES)
    before = decoder(code)
    scale, shift = _draw(decoder.n_out, seed=6).exp(), _draw(decoder.n_out, seed=7)
    decoder.compensate_output(scale, shift)
    torch.testing.assert_close(decoder(code), scale * before + shift)


@every_shape
def test_weights_follow_the_generator_alone(shape, channels, skip):
    state = torch.random.get_rng_state()
    first, second = _encoder(shape, channels, skip), _encoder(shape, channels, skip)
    assert torch.equal(torch.random.get_rng_state(), state)
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)
