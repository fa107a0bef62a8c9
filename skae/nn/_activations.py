"""Non-linearities with their derivatives."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

_aten = torch.ops.aten


class Activation(NamedTuple):
    """An element-wise function and how gradients go back through it.

    Attributes
    ----------
    function : callable
        Maps a tensor to one of the same shape.
    backward : callable
        Maps (gradient of the output, input, output) to the gradient of the input; itself
        differentiable.
    """

    function: Callable[[Tensor], Tensor]
    backward: Callable[[Tensor, Tensor, Tensor], Tensor]


def _silu_backward(grad: Tensor, x: Tensor) -> Tensor:
    if not torch.is_grad_enabled():
        return _aten.silu_backward(grad, x)
    gate = torch.sigmoid(x)  # torch's kernel has no derivative itself
    return grad * gate * (1 + x * (1 - gate))


ACTIVATIONS = {
    "relu": Activation(torch.relu, lambda g, x, y: _aten.threshold_backward(g, y, 0)),
    "tanh": Activation(torch.tanh, lambda g, x, y: _aten.tanh_backward(g, y)),
    "silu": Activation(F.silu, lambda g, x, y: _silu_backward(g, x)),
    "gelu": Activation(F.gelu, lambda g, x, y: _aten.gelu_backward(g, x)),
    "elu": Activation(F.elu, lambda g, x, y: _aten.elu_backward(g, 1, 1, 1, False, x)),
    "logistic": Activation(torch.sigmoid, lambda g, x, y: _aten.sigmoid_backward(g, y)),
    "identity": Activation(lambda x: x, lambda g, x, y: g),
}
