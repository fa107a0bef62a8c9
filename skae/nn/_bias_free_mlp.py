"""A multi-layer perceptron that can learn no constant."""

import itertools
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from skae.nn._activations import ACTIVATIONS
from skae.nn._mlp import compensate_weight, linear, take_columns
from skae.nn._products import aligned


class BiasFreeMLP(nn.Module):
    """A multi-layer perceptron without biases: the origin has outputs of zero.

    The origin is a row of zeros, until the units of the input change.

    Parameters
    ----------
    n_in, n_out : int
        Columns of input and output.
    hidden_layer_sizes : sequence of int
        Units of each hidden layer; empty for a linear map.
    activation : str
        Name of the non-linearity of the hidden layers.
    generator : torch.Generator
        Source of the initial weights.
    """

    has_linear_path = False
    origin: Tensor

    def __init__(
        self,
        n_in: int,
        n_out: int,
        hidden_layer_sizes: Sequence[int],
        activation: str,
        generator: torch.Generator,
    ):
        super().__init__()
        pairs = itertools.pairwise([n_in, *hidden_layer_sizes, n_out])
        layers = nn.ModuleList([linear(n, m, False, generator) for n, m in pairs])
        self.layers = cast("Sequence[nn.Linear]", layers)
        self.activation = activation
        self.register_buffer("origin", torch.zeros(n_in, dtype=torch.float32))

    def forward(self, x: Tensor) -> Tensor:
        """Map rows.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_in)
            Input.

        Returns
        -------
        Tensor of shape (n_samples, n_out)
            Output.
        """
        function = ACTIVATIONS[self.activation].function
        *hidden, last = self.layers
        x = x - self.origin
        for layer in hidden:
            x = function(nn.functional.linear(*aligned(x, layer.weight)))
        return nn.functional.linear(*aligned(x, last.weight))

    @torch.no_grad()
    def take_inputs(self, places: Tensor) -> None:
        """Take other columns; see :meth:`SkipMLP.take_inputs`."""
        known = places >= 0
        origin = self.origin.new_zeros(len(places))
        origin[known] = self.origin[places[known]]
        self.origin = origin
        take_columns(self.layers[0], places)

    @torch.no_grad()
    def compensate_input(self, scale: Tensor, shift: Tensor, masks: Tensor | None = None) -> None:
        """Keep the output in new units of `x`; see :meth:`SkipMLP.compensate_input`."""
        compensate_weight(self.layers[0].weight, scale, shift, masks)
        self.origin.sub_(shift).div_(scale)
