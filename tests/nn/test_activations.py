"""Non-linearities: their values and derivatives."""

import pytest
import torch
from torch import nn

from skae.nn import ACTIVATIONS

LAYERS = {
    "relu": nn.ReLU(),
    "tanh": nn.Tanh(),
    "silu": nn.SiLU(),
    "gelu": nn.GELU(),
    "elu": nn.ELU(),
    "logistic": nn.Sigmoid(),
    "identity": nn.Identity(),
}
X = torch.linspace(-6, 6, 81, dtype=torch.float64)


def test_each_activation_is_compared_here():
    assert set(ACTIVATIONS) == set(LAYERS)


@pytest.mark.parametrize("name", LAYERS)
def test_the_function_is_torchs(name):
    torch.testing.assert_close(ACTIVATIONS[name].function(X), LAYERS[name](X))


@pytest.mark.parametrize("name", LAYERS)
def test_the_derivative_is_that_of_autograd(name):
    x = X.clone().requires_grad_()
    upstream = torch.cos(X)
    y = LAYERS[name](x)
    (expected,) = torch.autograd.grad(y, x, upstream)
    torch.testing.assert_close(ACTIVATIONS[name].backward(upstream, X, y.detach()), expected)
