"""Networks that translate rows between two domains, and those that tell real rows from them."""

import itertools
import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from skae.nn._rng import isolated_rng

# Channels of the first layer; each halving of the image doubles them.
CHANNELS = 16
# Images are halved until a side has fewer than twice so many pixels, at most twice.
SMALLEST_SIDE = 4
MOST_HALVINGS = 2
N_RESIDUAL_BLOCKS = 3
# Side of the maps that a discriminator judges patch by patch, and most halvings until there.
PATCH_SIDE = 4
MOST_PATCH_HALVINGS = 3


class Translators(nn.Module):
    """A map from domain A to domain B, and one back.

    Parameters
    ----------
    a_to_b, b_to_a : nn.Module
        Each maps (n_samples, n_features) to the same shape.
    """

    def __init__(self, a_to_b: nn.Module, b_to_a: nn.Module):
        super().__init__()
        self.a_to_b = a_to_b
        self.b_to_a = b_to_a

    def forward(self, x: Tensor) -> Tensor:
        """Translate rows of A to B and back.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            Rows of A.

        Returns
        -------
        Tensor of shape (n_samples, n_features)
            Rows of A.
        """
        return self.b_to_a(self.a_to_b(x))


class _ResidualBlock(nn.Module):
    """Two convolutions beside the identity."""

    def __init__(self, channels: int):
        super().__init__()
        self.layers = nn.Sequential(
            _convolution(channels, channels),
            nn.InstanceNorm2d(channels),
            nn.ReLU(),
            _convolution(channels, channels),
            nn.InstanceNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


class _Double(nn.Module):
    """Twice as many pixels a side."""

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=2.0)


class ResNetTranslator(nn.Module):
    r"""The map :math:`y = A x + b + f(x)` of images, `f` a residual convolutional network.

    `f` starts at zero. Pixels are repeated before a convolution where the paper has a transposed
    one, which draws checkerboards.

    Parameters
    ----------
    input_shape : tuple of int
        Channels, height and width; rows are flattened images.
    has_linear_path : bool
        Whether `A` and `b` are learned; else they are the identity and zero.
    generator : torch.Generator
        Whose seed the first weights depend on.

    References
    ----------
    Zhu et al., "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks",
    ICCV 2017, appendix 7.2; Odena, Dumoulin & Olah, "Deconvolution and Checkerboard Artifacts",
    Distill, 2016.
    """

    def __init__(
        self, input_shape: Sequence[int], has_linear_path: bool, generator: torch.Generator
    ):
        super().__init__()
        self.input_shape = tuple(input_shape)
        n_features = math.prod(input_shape)
        with isolated_rng(generator.initial_seed()):
            self.network = _resnet(*input_shape)
            self.linear = nn.Linear(n_features, n_features) if has_linear_path else nn.Identity()
        _start_at(self.network[-1], 0.0)

    @torch.no_grad()
    def start_linear(self, weight: Tensor, bias: Tensor) -> None:
        """Start as a linear map.

        Parameters
        ----------
        weight : Tensor of shape (n_features, n_features)
            The matrix `A`.
        bias : Tensor of shape (n_features,)
            The bias `b`.
        """
        linear = cast("nn.Linear", self.linear)
        linear.weight.copy_(weight)
        linear.bias.copy_(bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map images.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            Images, one a row.

        Returns
        -------
        Tensor of shape (n_samples, n_features)
            Images.
        """
        image = self.network(x.unflatten(1, self.input_shape))
        _, height, width = self.input_shape  # doubled images may be larger than they were
        return self.linear(x) + image[..., :height, :width].flatten(1)


def _resnet(channels: int, height: int, width: int) -> nn.Sequential:
    halvings = _halvings(min(height, width), SMALLEST_SIDE, MOST_HALVINGS)
    widths = [CHANNELS * 2**i for i in range(halvings + 1)]
    layers = [*_normalised(_convolution(channels, CHANNELS, 7))]
    for n, m in itertools.pairwise(widths):
        layers += _normalised(_convolution(n, m, stride=2))
    layers += [_ResidualBlock(widths[-1]) for _ in range(N_RESIDUAL_BLOCKS)]
    for n, m in itertools.pairwise(reversed(widths)):
        layers += [_Double(), *_normalised(_convolution(n, m))]
    return nn.Sequential(*layers, _convolution(CHANNELS, channels, 7))


def _halvings(side: int, smallest: int, most: int) -> int:
    return min(most, max(0, int(math.log2(side / smallest))))


def _convolution(n_in: int, n_out: int, size: int = 3, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(n_in, n_out, size, stride, size // 2, padding_mode="reflect")


def _start_at(convolution: nn.Module, constant: float) -> None:
    """Let a last layer give a constant at first."""
    convolution = cast("nn.Conv2d", convolution)
    nn.init.zeros_(convolution.weight)
    nn.init.constant_(cast("Tensor", convolution.bias), constant)


def _normalised(convolution: nn.Conv2d) -> list[nn.Module]:
    return [convolution, nn.InstanceNorm2d(convolution.out_channels), nn.ReLU()]


class PatchDiscriminator(nn.Module):
    """A convolutional network that judges the patches of an image.

    Parameters
    ----------
    input_shape : tuple of int
        Channels, height and width; rows are flattened images.
    start : float
        What it says of any image at first.
    generator : torch.Generator
        Whose seed the first weights depend on.

    References
    ----------
    Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks", CVPR 2017,
    section 3.2.2.
    """

    def __init__(self, input_shape: Sequence[int], start: float, generator: torch.Generator):
        super().__init__()
        self.input_shape = tuple(input_shape)
        n_in, height, width = input_shape
        halvings = _halvings(min(height, width), PATCH_SIDE, MOST_PATCH_HALVINGS)
        layers: list[nn.Module] = []
        with isolated_rng(generator.initial_seed()):
            for i in range(halvings):
                n_out = 2 * CHANNELS * 2**i
                layers.append(nn.Conv2d(n_in, n_out, 4, stride=2, padding=1))
                layers += [nn.InstanceNorm2d(n_out)] * (i > 0) + [nn.LeakyReLU(0.2)]
                n_in = n_out
            last = nn.Conv2d(n_in, 1, 3, padding=1)
        _start_at(last, start)
        self.network = nn.Sequential(*layers, last)

    def forward(self, x: Tensor) -> Tensor:
        """Judge images.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            Images, one a row.

        Returns
        -------
        Tensor of shape (n_samples, n_patches)
            Near 1 for patches that look real, near 0 for others.
        """
        return self.network(x.unflatten(1, self.input_shape)).flatten(1)
