"""A multi-layer perceptron that can learn no constant."""

import itertools
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from skae.nn._activations import ACTIVATIONS
from skae.nn._mlp import linear
from skae.nn._products import aligned


class BiasFreeMLP(nn.Module):
    """A multi-layer perceptron without biases: rows of zeros have outputs of zero.

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
        for layer in hidden:
            x = function(nn.functional.linear(*aligned(x, layer.weight)))
        return nn.functional.linear(*aligned(x, last.weight))
