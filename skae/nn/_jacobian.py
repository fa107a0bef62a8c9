"""Exact Jacobians of networks, row by row."""

import torch
from torch import Tensor, nn

from skae.nn._activations import ACTIVATIONS
from skae.nn._mlp import SkipMLP

# Rows whose derivatives are in memory together.
ROWS_AT_ONCE = 256


def squared_gradients(network: nn.Module, x: Tensor) -> Tensor:
    """Squared norm of the gradient of each output by the input, a block of rows at a time.

    Parameters
    ----------
    network, x
        As for :func:`jacobian`.

    Returns
    -------
    Tensor of shape (n_samples, n_out)
        Differentiable by the parameters.
    """
    return torch.cat([jacobian(network, rows).square().sum(2) for rows in x.split(ROWS_AT_ONCE)])


def jacobian(network: nn.Module, x: Tensor) -> Tensor:
    """Derivatives of each output by each input, differentiable by the parameters.

    The chain rule is followed from the side that has fewer columns. Networks other than
    :class:`SkipMLP` take a backward pass for each output.

    Parameters
    ----------
    network : nn.Module
        Maps (n_samples, n_in) to (n_samples, n_out), each row by itself.
    x : Tensor of shape (n_samples, n_in)
        Where.

    Returns
    -------
    Tensor of shape (n_samples, n_out, n_in)
        Exact, whatever the depth.
    """
    if type(network) is not SkipMLP:
        return _by_autograd(network, x)
    if not network.n_hidden:
        return network.first.weight.expand(len(x), -1, -1)
    weights = [network.first.weight[: network.n_hidden]]
    weights += [layer.weight for layer in [*network.middle, network.last]]
    slopes = _slopes(network, x)
    if network.n_out < x.shape[1]:
        product = _from_outputs(weights, slopes)
    else:
        product = _from_inputs(weights, slopes)
    return (
        product + network.first.weight[network.n_hidden :] if network.has_linear_path else product
    )


def _by_autograd(network: nn.Module, x: Tensor) -> Tensor:
    # not torch.func: modules of the user's need not work row by row, as in BatchNorm
    with torch.enable_grad():  # wherever the caller turned gradients off
        x = x if x.requires_grad else x.detach().requires_grad_()
        outputs = network(x).unbind(dim=1)
        rows = [torch.autograd.grad(y.sum(), x, create_graph=True)[0] for y in outputs]
    return torch.stack(rows, dim=1)


def _slopes(network: SkipMLP, x: Tensor) -> list[Tensor]:
    """Derivatives of the activations of each hidden layer, (n_samples, n_units)."""
    (activation, backward), slopes = ACTIVATIONS[network.activation], []
    layers = [(network.first.weight[: network.n_hidden], network.first.bias[: network.n_hidden])]
    layers += [(layer.weight, layer.bias) for layer in network.middle]
    for weight, bias in layers:
        before = nn.functional.linear(x, weight, bias)
        x = activation(before)
        slopes.append(backward(torch.ones_like(x), before, x))
    return slopes


def _from_outputs(weights: list[Tensor], slopes: list[Tensor]) -> Tensor:
    product = weights[-1]  # (n_out, n_units), then (n_samples, n_out, n_units)
    for weight, slope in zip(weights[-2::-1], slopes[::-1], strict=True):
        product = (product * slope[:, None]) @ weight
    return product


def _from_inputs(weights: list[Tensor], slopes: list[Tensor]) -> Tensor:
    product = weights[0]  # (n_units, n_in), then (n_samples, n_units, n_in)
    for weight, slope in zip(weights[1:], slopes, strict=True):
        product = weight @ (product * slope[:, :, None])
    return product
