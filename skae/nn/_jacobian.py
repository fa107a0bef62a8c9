"""Exact Jacobians of networks, row by row."""

import torch
from torch import Tensor, nn
from torch.func import jacrev, vmap

from skae.nn._activations import ACTIVATIONS
from skae.nn._mlp import SkipMLP


def jacobian(network: nn.Module, x: Tensor) -> Tensor:
    """Derivatives of each output by each input, differentiable by the parameters.

    The chain rule is followed from the side that has fewer columns. Networks other than
    :class:`SkipMLP` are left to `torch.func`.

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
        return vmap(jacrev(lambda row: network(row[None])[0]), randomness="different")(x)
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


def _slopes(network: SkipMLP, x: Tensor) -> list[Tensor]:
    """Derivatives of the activations of each hidden layer, (n_samples, n_units)."""
    activation, backward = ACTIVATIONS[network.activation]
    before = nn.functional.linear(x, network.first.weight, network.first.bias)
    before = before[:, : network.n_hidden]
    after = activation(before)
    slopes = [backward(torch.ones_like(before), before, after)]
    for layer in network.middle:
        before = layer(after)
        after = activation(before)
        slopes.append(backward(torch.ones_like(before), before, after))
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
