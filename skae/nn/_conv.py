"""Convolutional encoders and decoders of rows that are images."""

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from skae.nn._activations import ACTIVATIONS
from skae.nn._mlp import compensate_weight, linear, take_columns, uniform

FEWEST_CHANNELS, MOST_CHANNELS = 32, 128


def default_channels(shape: Sequence[int]) -> tuple[int, ...]:
    """Channels of each resolution of images.

    Parameters
    ----------
    shape : tuple of int
        Channels, height and width of the images.

    Returns
    -------
    tuple of int
        32 at half of the full resolution, twice as many at each half of that, at most 128; the last
        resolution is the one whose shorter side is 4 to 7 pixels (below 8 pixels, the first).
    """
    n_levels = max(1, int(math.log2(min(shape[1:]))) - 2)
    return tuple(min(FEWEST_CHANNELS * 2**level, MOST_CHANNELS) for level in range(n_levels))


class PixelUnits(NamedTuple):
    """Units that all pixels of a channel have in common: ``scale * x + shift``.

    Attributes
    ----------
    scale, shift : Tensor of shape (n_pixels,)
        For each pixel of a row.
    """

    scale: Tensor
    shift: Tensor


class ConvEncoder(nn.Module):
    r"""The map :math:`y = A x + b + f(x)` of images in rows, `f` convolutional.

    Blocks of 2 x 2 pixels become channels; then a residual block at each resolution, a convolution
    of stride 2 to the next one, and a linear layer to the codes. Sides are padded to such that
    halve. Convolutions see all pixels of a channel in the same units, the linear path sees rows as
    they are.

    Parameters
    ----------
    n_in, n_out : int
        Columns of `x`, the pixels of the image and masks of missing ones, and of `y`.
    shape : tuple of int
        Channels, height and width of an image; rows hold its pixels in this order.
    channels : sequence of int
        Of each resolution, from half of the full one downwards.
    activation : str
        Name of the non-linearity.
    linear_skip : bool
        Whether there is a linear path.
    units : PixelUnits
        What convolutions see of a pixel.
    generator : torch.Generator
        Source of the initial weights (uniform within ``1 / sqrt(fan_in)``).

    References
    ----------
    He, Zhang, Ren & Sun, "Identity Mappings in Deep Residual Networks", ECCV 2016.
    """

    scale: Tensor
    shift: Tensor
    mask_pixel: Tensor
    mask_shift: Tensor

    def __init__(
        self,
        n_in: int,
        n_out: int,
        shape: Sequence[int],
        channels: Sequence[int],
        activation: str,
        linear_skip: bool,
        units: PixelUnits,
        generator: torch.Generator,
    ):
        super().__init__()
        self.shape, self.n_out, self.activation = tuple(shape), n_out, activation
        self.padding, grid = _padding(shape, len(channels))
        self.has_linear_path = linear_skip
        if linear_skip:  # the bias of the sum is that of the last layer
            self.first = linear(n_in, n_out, False, generator)
        self.stem = _convolution(4 * shape[0], channels[0], generator)
        self.blocks = _blocks(channels, activation, generator)
        pairs = itertools.pairwise(channels)
        self.downs = nn.ModuleList([_convolution(n, m, generator, stride=2) for n, m in pairs])
        self.last = linear(channels[-1] * math.prod(grid), n_out, True, generator)
        n_masks = n_in - math.prod(shape)
        self.register_buffer("scale", units.scale.clone())
        self.register_buffer("shift", units.shift.clone())
        self.register_buffer("mask_pixel", torch.zeros(n_masks, dtype=torch.long))
        self.register_buffer("mask_shift", torch.zeros(n_masks, dtype=torch.float32))

    def forward(self, x: Tensor) -> Tensor:
        """Encode rows.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_in)
            Images in rows, and masks.

        Returns
        -------
        Tensor of shape (n_samples, n_out)
            Codes.
        """
        hidden = self.stem(F.pixel_unshuffle(F.pad(self._image(x), self.padding), 2))
        hidden = self.blocks[0](hidden)
        for down, block in zip(self.downs, self.blocks[1:], strict=True):
            hidden = block(down(hidden))
        hidden = ACTIVATIONS[self.activation].function(hidden)
        output = self.last(hidden.flatten(1))
        return output + self.first(x) if self.has_linear_path else output

    def _image(self, x: Tensor) -> Tensor:
        """What convolutions see, (n_samples, *shape)."""
        pixels, masks = x.split([len(self.scale), len(self.mask_pixel)], dim=1)
        pixels = pixels * self.scale + self.shift
        if len(self.mask_pixel):
            pixels = pixels.index_add(1, self.mask_pixel, masks * self.mask_shift)
        return pixels.unflatten(1, self.shape)

    @torch.no_grad()
    def start_linear(self, weight: Tensor, bias: Tensor) -> None:
        """Start as a linear map: `f` is zero at first; see :meth:`SkipMLP.start_linear`."""
        self.first.weight[: len(weight)] = weight
        self.last.weight.zero_()
        self.last.bias.copy_(bias)

    @torch.no_grad()
    def silence_outputs(self, outputs: Tensor, constants: Tensor | float = 0.0) -> None:
        """Let some outputs start as constants; see :meth:`SkipMLP.silence_outputs`."""
        self.last.weight[outputs] = 0.0
        self.last.bias[outputs] = constants
        if self.has_linear_path:
            self.first.weight[outputs] = 0.0

    @torch.no_grad()
    def take_inputs(self, places: Tensor) -> None:
        """Take other masks; see :meth:`SkipMLP.take_inputs`."""
        if self.has_linear_path:
            take_columns(self.first, places)
        n_pixels = len(self.scale)
        places = places[n_pixels:] - n_pixels
        known = places >= 0
        pixel, shift = self.mask_pixel, self.mask_shift
        self.mask_pixel = pixel.new_zeros(len(places))
        self.mask_shift = shift.new_zeros(len(places))
        self.mask_pixel[known], self.mask_shift[known] = pixel[places[known]], shift[places[known]]

    @torch.no_grad()
    def compensate_input(self, scale: Tensor, shift: Tensor, masks: Tensor | None = None) -> None:
        """Keep the output in new units of `x`; see :meth:`SkipMLP.compensate_input`."""
        if self.has_linear_path:
            self.last.bias.add_(self.first.weight @ shift)
            compensate_weight(self.first.weight, scale, shift, masks)
        n_pixels = len(self.scale)
        moved = self.scale * shift[:n_pixels]
        if masks is not None:  # a missing pixel was and is zero: what it is seen as stays, too
            pixels = torch.nonzero(masks >= 0)[:, 0]
            places = masks[pixels] - n_pixels
            self.mask_pixel[places] = pixels
            self.mask_shift[places] -= moved[pixels]
        self.shift.add_(moved)
        self.scale.mul_(scale[:n_pixels])


class ConvDecoder(nn.Module):
    r"""The map :math:`y = A z + b + g \odot f(z)` to images in rows, `f` convolutional.

    A linear layer to the lowest resolution, a residual block at each one, and sub-pixel
    convolutions from one to the next (section 2.2 of Shi et al.). Each pixel has a learned gain `g`
    of its own: columns are scaled one by one.

    Parameters
    ----------
    n_in : int
        Columns of `z`.
    shape : tuple of int
        Channels, height and width of an image.
    channels : sequence of int
        Of each resolution, from the lowest one upwards.
    activation, linear_skip, generator
        As for :class:`ConvEncoder`.

    References
    ----------
    Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel
    Convolutional Neural Network", CVPR 2016.
    """

    def __init__(
        self,
        n_in: int,
        shape: Sequence[int],
        channels: Sequence[int],
        activation: str,
        linear_skip: bool,
        generator: torch.Generator,
    ):
        super().__init__()
        self.activation = activation
        self.padding, grid = _padding(shape, len(channels))
        self.has_linear_path = linear_skip
        self.n_out = math.prod(shape)
        if linear_skip:
            self.first = linear(n_in, self.n_out, False, generator)
        self.grid = (channels[0], *grid)
        self.spread = linear(n_in, math.prod(self.grid), True, generator)
        self.blocks = _blocks(channels, activation, generator)
        pairs = itertools.pairwise(channels)
        self.ups = nn.ModuleList([_convolution(n, 4 * m, generator) for n, m in pairs])
        self.last = _convolution(channels[-1], 4 * shape[0], generator, bias=False)
        self.gain = nn.Parameter(torch.ones(self.n_out, dtype=torch.float32))
        self.bias = nn.Parameter(torch.zeros(self.n_out, dtype=torch.float32))

    def forward(self, code: Tensor) -> Tensor:
        """Decode codes.

        Parameters
        ----------
        code : Tensor of shape (n_samples, n_in)
            Codes.

        Returns
        -------
        Tensor of shape (n_samples, n_out)
            Images in rows.
        """
        hidden = self.blocks[0](self.spread(code).unflatten(1, self.grid))
        for up, block in zip(self.ups, self.blocks[1:], strict=True):
            hidden = block(F.pixel_shuffle(up(hidden), 2))
        image = self.last(ACTIVATIONS[self.activation].function(hidden))
        cropped = F.pad(F.pixel_shuffle(image, 2), [-n for n in self.padding])
        output = cropped.flatten(1) * self.gain + self.bias
        return output + self.first(code) if self.has_linear_path else output

    @torch.no_grad()
    def start_linear(self, weight: Tensor, bias: Tensor) -> None:
        """Start as a linear map: `f` is zero at first; see :meth:`SkipMLP.start_linear`."""
        self.first.weight[: len(weight)] = weight
        self.last.weight.zero_()
        self.bias.copy_(bias)

    @torch.no_grad()
    def silence_outputs(self, outputs: Tensor, constants: Tensor | float = 0.0) -> None:
        """Let some pixels start as constants; see :meth:`SkipMLP.silence_outputs`."""
        self.gain[outputs] = 0.0
        self.bias[outputs] = constants
        if self.has_linear_path:
            self.first.weight[outputs] = 0.0

    def give_outputs(self, places: Tensor, bias: Tensor) -> None:
        """Go on as before: an image has no new pixels; see :meth:`SkipMLP.give_outputs`."""

    @torch.no_grad()
    def compensate_output(self, scale: Tensor, shift: Tensor) -> None:
        """Give the output in other units; see :meth:`SkipMLP.compensate_output`."""
        self.gain.mul_(scale)
        self.bias.mul_(scale).add_(shift)
        if self.has_linear_path:
            self.first.weight.mul_(scale[:, None])


class ResidualBlock(nn.Module):
    """The identity plus two convolutions of non-linearities.

    Parameters
    ----------
    n_channels : int
        Of input and output.
    activation : str
        Name of the non-linearity.
    generator : torch.Generator
        Source of the initial weights.
    """

    def __init__(self, n_channels: int, activation: str, generator: torch.Generator):
        super().__init__()
        self.activation = activation
        self.first = _convolution(n_channels, n_channels, generator)
        self.last = _convolution(n_channels, n_channels, generator)

    def forward(self, x: Tensor) -> Tensor:
        """Map feature maps (n_samples, n_channels, height, width)."""
        function = ACTIVATIONS[self.activation].function
        return x + self.last(function(self.first(function(x))))


def _blocks(
    channels: Sequence[int], activation: str, generator: torch.Generator
) -> Sequence[nn.Module]:
    blocks = nn.ModuleList([ResidualBlock(n, activation, generator) for n in channels])
    return cast("Sequence[nn.Module]", blocks)


def _convolution(
    n_in: int, n_out: int, generator: torch.Generator, stride: int = 1, bias: bool = True
) -> nn.Conv2d:
    """A 3 x 3 convolution that keeps height and width, or halves them."""
    kind = {"stride": stride, "padding": 1, "bias": bias, "dtype": torch.float32}
    layer = nn.utils.skip_init(nn.Conv2d, n_in, n_out, 3, **kind)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(uniform(parameter.shape, 9 * n_in, generator))
    return layer


def _padding(shape: Sequence[int], n_levels: int) -> tuple[list[int], tuple[int, int]]:
    """Pixels to add (left, right, top, bottom) so that sides halve, and the lowest resolution."""
    factor = 2**n_levels
    height, width = (-(-side // factor) for side in shape[1:])
    missing = [factor * width - shape[2], factor * height - shape[1]]
    return [pixels for n in missing for pixels in (n // 2, n - n // 2)], (height, width)
