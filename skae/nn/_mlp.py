"""A multi-layer perceptron with a linear path beside it."""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from skae.nn._activations import ACTIVATIONS
from skae.nn._products import aligned

Pullback = Callable[[Tensor, bool], tuple[Tensor | None, list[Tensor]]]


class SkipMLP(nn.Module):
    r"""The map :math:`y = A x + b + f(x)`, `f` a multi-layer perceptron.

    The linear path costs no matrix product of its own: its rows are packed below those of the first
    hidden layer, so that one product gives both, and the last product adds onto it.

    Parameters
    ----------
    n_in, n_out : int
        Columns of `x` and `y`.
    hidden_layer_sizes : sequence of int
        Units of each hidden layer; empty for a linear map.
    activation : str
        Name of the non-linearity of the hidden layers.
    linear_skip : bool
        Whether there is a linear path.
    generator : torch.Generator
        Source of the initial weights (uniform within ``1 / sqrt(fan_in)``, as torch's own layers).
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        hidden_layer_sizes: Sequence[int],
        activation: str,
        linear_skip: bool,
        generator: torch.Generator,
    ):
        super().__init__()
        self.n_out = n_out
        self.n_hidden = hidden_layer_sizes[0] if hidden_layer_sizes else 0
        self.has_linear_path = linear_skip or not hidden_layer_sizes
        n_linear = n_out if self.has_linear_path else 0
        self.first = linear(n_in, self.n_hidden + n_linear, True, generator)
        pairs = itertools.pairwise(hidden_layer_sizes)
        middle = nn.ModuleList([linear(n, m, True, generator) for n, m in pairs])
        self.middle = cast("Sequence[nn.Linear]", middle)
        if hidden_layer_sizes:  # the linear path brings the bias of the sum
            self.last = linear(hidden_layer_sizes[-1], n_out, not self.has_linear_path, generator)
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
        # Functions, not modules: calling a module costs as much as a small product.
        first = self.first
        packed = _product(first.bias, x, first.weight)  # (n_samples, n_hidden + n_linear)
        if not self.n_hidden:
            return packed
        activation = ACTIVATIONS[self.activation].function
        hidden, start = packed, self.last.bias
        if self.has_linear_path:
            hidden, start = packed.split([self.n_hidden, self.n_out], dim=1)
        hidden = activation(hidden)
        for layer in self.middle:
            hidden = activation(_product(layer.bias, hidden, layer.weight))
        return _product(start, hidden, self.last.weight)

    @torch.no_grad()
    def pullback(self, x: Tensor) -> tuple[Tensor, Pullback]:
        """Map rows, and return how gradients go back: the chain rule by hand.

        It gives what autograd gives, with half of its cost for small layers and batches.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_in)
            Input.

        Returns
        -------
        y : Tensor of shape (n_samples, n_out)
            Output.
        pull : callable
            Maps (gradient of `y`, whether that of `x` is wanted) to the gradient of `x`, or None,
            and those of the parameters, in the order of :meth:`parameters`.
        """
        first, n_hidden = self.first, self.n_hidden
        packed = torch.addmm(first.bias, x, first.weight.t())
        if not n_hidden:
            return packed, lambda grad, wanted: (
                grad @ first.weight if wanted else None,
                _linear_grads(first, x, grad),
            )
        activation, backward = ACTIVATIONS[self.activation]
        before = [packed[:, :n_hidden]]
        after = [activation(before[0])]
        for layer in self.middle:
            before.append(torch.addmm(layer.bias, after[-1], layer.weight.t()))
            after.append(activation(before[-1]))
        start = packed[:, n_hidden:] if self.has_linear_path else self.last.bias
        output = torch.addmm(start, after[-1], self.last.weight.t())

        def pull(grad: Tensor, wanted: bool) -> tuple[Tensor | None, list[Tensor]]:
            inner, grads = grad @ self.last.weight, _linear_grads(self.last, after[-1], grad)
            for i in range(len(self.middle), 0, -1):
                inner, layer = backward(inner, before[i], after[i]), self.middle[i - 1]
                grads = _linear_grads(layer, after[i - 1], inner) + grads
                inner = inner @ layer.weight
            inner = backward(inner, before[0], after[0])
            if self.has_linear_path:
                inner = torch.cat([inner, grad], dim=1)
            outer = inner @ first.weight if wanted else None
            return outer, _linear_grads(first, x, inner) + grads

        return output, pull

    @torch.no_grad()
    def start_linear(self, weight: Tensor, bias: Tensor) -> None:
        """Start as the linear map ``weight @ x + bias``: `f` is zero at first.

        Parameters
        ----------
        weight : Tensor of shape (n, n_in), n <= n_out
            First rows of `A`; further rows keep their random start, so that they can learn.
        bias : Tensor of shape (n_out,)
            The bias `b`.
        """
        rows = slice(self.n_hidden, self.n_hidden + len(weight))
        self.first.weight[rows] = weight
        self.first.bias[self.n_hidden :] = bias
        if self.n_hidden:
            self.last.weight.zero_()

    @torch.no_grad()
    def silence_outputs(self, outputs: Tensor, constants: Tensor | float = 0.0) -> None:
        """Let some outputs start as constants, whatever the input.

        Parameters
        ----------
        outputs : Tensor of bool of shape (n_out,)
            Which ones. A target that is always the constant gives them no gradient: they stay so.
        constants : Tensor of shape (n_silenced,) or float, default=0.0
            Their values.
        """
        for layer in self._output_layers():
            layer.weight[-self.n_out :][outputs] = 0.0
            if layer.bias is not None:
                layer.bias[-self.n_out :][outputs] = constants

    def _output_layers(self) -> list[nn.Linear]:
        """Layers whose last `n_out` rows add up to the output; one of them has a bias."""
        layers = [self.first] if self.has_linear_path else []
        return layers + ([self.last] if self.n_hidden else [])

    @torch.no_grad()
    def take_inputs(self, places: Tensor) -> None:
        """Take other columns: each where `places` says, or new where it says -1.

        Parameters
        ----------
        places : Tensor of int of shape (n_in,)
            For each column of `x`, which it was before. A new one changes nothing at first.
        """
        take_columns(self.first, places)

    @torch.no_grad()
    def give_outputs(self, places: Tensor, bias: Tensor) -> None:
        """Give other columns: each as `places` says, or a new constant where it says -1.

        Parameters
        ----------
        places : Tensor of int of shape (n_out,)
            For each column of `y`, which it was before.
        bias : Tensor of shape (n_out,)
            The constants of new columns.
        """
        known, n_before, self.n_out = places >= 0, self.n_out, len(places)
        for layer in self._output_layers():
            n_kept = layer.out_features - n_before  # the rows of the hidden layer, in the first
            rows = layer.weight.new_zeros(self.n_out, layer.in_features)
            rows[known] = layer.weight[n_kept:][places[known]]
            layer.weight = nn.Parameter(torch.cat([layer.weight[:n_kept], rows]))
            layer.out_features = n_kept + self.n_out
            if layer.bias is not None:
                values = bias.to(layer.bias)
                values[known] = layer.bias[n_kept:][places[known]]
                layer.bias = nn.Parameter(torch.cat([layer.bias[:n_kept], values]))

    @torch.no_grad()
    def compensate_input(self, scale: Tensor, shift: Tensor, masks: Tensor | None = None) -> None:
        """Keep the output when ``scale * x + shift`` takes the place of `x`, in new units of `x`.

        Parameters
        ----------
        scale, shift : Tensor of shape (n_in,)
            ``x_old = scale * x_new + shift``.
        masks : Tensor of int of shape (n_in,), default=None
            For each column the one that is 1 where its value is missing, and was and is 0; -1
            where there is none.
        """
        self.first.bias.add_(self.first.weight @ shift)
        compensate_weight(self.first.weight, scale, shift, masks)

    @torch.no_grad()
    def compensate_output(self, scale: Tensor, shift: Tensor) -> None:
        """Give the output in other units.

        Parameters
        ----------
        scale, shift : Tensor of shape (n_out,)
            ``y_new = scale * y_old + shift``.
        """
        for layer in self._output_layers():
            layer.weight[-self.n_out :] *= scale[:, None]
            if layer.bias is not None:
                layer.bias[-self.n_out :] = scale * layer.bias[-self.n_out :] + shift


def _product(start: Tensor, x: Tensor, weight: Tensor) -> Tensor:
    x, weight = aligned(x, weight)
    return torch.addmm(start, x, weight.t())


def _linear_grads(layer: nn.Linear, x: Tensor, grad: Tensor) -> list[Tensor]:
    """Gradients of the parameters of a linear layer."""
    weight = grad.t() @ x
    return [weight] if layer.bias is None else [weight, grad.sum(0)]


def take_columns(layer: nn.Linear, places: Tensor) -> None:
    """Let a first layer take other columns; see :meth:`SkipMLP.take_inputs`."""
    known = places >= 0
    weight = layer.weight.new_zeros(layer.out_features, len(places))
    weight[:, known] = layer.weight[:, places[known]]
    layer.weight = nn.Parameter(weight)
    layer.in_features = len(places)


def compensate_weight(weight: Tensor, scale: Tensor, shift: Tensor, masks: Tensor | None) -> None:
    """Move weights (..., n_out, n_in) to new units; see :meth:`SkipMLP.compensate_input`."""
    if masks is not None:
        masked = masks >= 0
        weight.index_add_(-1, masks[masked], -weight[..., masked] * shift[masked])
    weight.mul_(scale)


def linear(n_in: int, n_out: int, bias: bool, generator: torch.Generator) -> nn.Linear:
    """A linear layer with torch's usual start, drawn from `generator` and not from global state."""
    layer = nn.utils.skip_init(nn.Linear, n_in, n_out, bias=bias, dtype=torch.float32)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(uniform(parameter.shape, n_in, generator))
    return layer


def uniform(shape: Sequence[int], n_in: int, generator: torch.Generator) -> Tensor:
    """Initial weights as torch's own layers of `n_in` inputs have them."""
    bound = 1 / math.sqrt(max(n_in, 1))
    return torch.empty(*shape, dtype=torch.float32).uniform_(-bound, bound, generator=generator)
