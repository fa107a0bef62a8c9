"""Masked layers: networks whose outputs for a feature see only the features before it."""

import torch
from torch import Tensor, nn


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

    Germain et al., MADE: Masked Autoencoder for Distribution Estimation, ICML 2015, eq. 12-13.
    """

    def __init__(self, n_features, n_outputs_per_feature=1, hidden_sizes=(64, 64)):
        super().__init__()
        self.n_features = n_features
        inputs = torch.arange(1, n_features + 1)
        layers, before = [], inputs
        for size in hidden_sizes:
            after = torch.arange(size) % max(n_features - 1, 1) + 1
            layers += [MaskedLinear(after[:, None] >= before), nn.ReLU()]
            before = after
        outputs = inputs.repeat_interleave(n_outputs_per_feature)
        self.layers = nn.Sequential(*layers, MaskedLinear(outputs[:, None] > before))

    def forward(self, inputs):
        return self.layers(inputs).reshape(len(inputs), self.n_features, -1)
