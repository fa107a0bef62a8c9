"""Masked layers: networks whose outputs for a feature see only the features before it."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn


def autoregressive_masks(
    inputs: Tensor, outputs: Tensor, hidden_sizes: Sequence[int] = ()
) -> list[Tensor]:
    """Masks of layers by which an output for a feature depends on the features before it.

    A hidden unit sees the features up to a number of its own; none sees the last.

    Parameters
    ----------
    inputs, outputs : Tensor of int of shape (n_inputs,) and (n_outputs,)
        To which feature, from 0, each belongs.
    hidden_sizes : sequence of int, default=()
        Units of the layers between them.

    Returns
    -------
    list of Tensor of bool
        Of each layer, (n_after, n_before).

    References
    ----------
    Germain, Gregor, Murray & Larochelle, "MADE: Masked Autoencoder for Distribution Estimation",
    ICML 2015, equations 12 and 13.
    """
    n_numbers = max(int(inputs.max()), 1)
    layers = [inputs, *(torch.arange(size) % n_numbers for size in hidden_sizes)]
    masks = [after[:, None] >= before for before, after in pairwise(layers)]
    return [*masks, outputs[:, None] > layers[-1]]


class MaskedLinear(nn.Linear):
    """A linear layer of weights ``weight * mask``, both of shape (out_features, in_features)."""

    mask: Tensor

    def __init__(self, mask):
        super().__init__(mask.shape[1], mask.shape[0])
        self.register_buffer("mask", mask.to(self.weight.dtype))

    def forward(self, inputs):
        return nn.functional.linear(inputs, self.weight * self.mask, self.bias)


class MADE(nn.Module):
    """Outputs of shape (n, n_features, n_outputs_per_feature), the i-th from features before i.

    See :func:`autoregressive_masks`.
    """

    def __init__(self, n_features, n_outputs_per_feature=1, hidden_sizes=(64, 64)):
        super().__init__()
        self.n_features = n_features
        inputs = torch.arange(n_features)
        outputs = inputs.repeat_interleave(n_outputs_per_feature)
        *hidden, last = autoregressive_masks(inputs, outputs, hidden_sizes)
        layers = [layer for mask in hidden for layer in (MaskedLinear(mask), nn.ReLU())]
        self.layers = nn.Sequential(*layers, MaskedLinear(last))

    def forward(self, inputs):
        return self.layers(inputs).reshape(len(inputs), self.n_features, -1)
