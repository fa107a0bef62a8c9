"""Members that are computed at once: what each would be alone, with a part of the connections."""

import math

import pytest
import torch
from torch import nn

from skae.nn import ACTIVATIONS, MemberDecoder, MemberEncoder, MembersAutoEncoder

N_MEMBERS, N_IN, N_CODE = 4, 7, 3
every_size = pytest.mark.parametrize("sizes", [(), (8,), (8, 5)], ids=str)
X = torch.randn(20, N_IN, generator=torch.Generator().manual_seed(1))


def _network(sizes=(8,), activation="silu"):
    g = torch.Generator().manual_seed(0)
    encoder = MemberEncoder(N_MEMBERS, N_IN, N_CODE, sizes, activation, g)
    decoder = MemberDecoder(N_MEMBERS, N_CODE, N_IN, sizes[::-1], activation, g)
    return MembersAutoEncoder(encoder, decoder)


def _alone(mlp, member, rows):
    """The perceptron of one member, by the layers of torch."""
    *hidden, last = mlp.layers
    for layer in hidden:
        rows = nn.functional.linear(rows, layer.weight[member], layer.bias[member, 0])
        rows = ACTIVATIONS[mlp.activation].function(rows)
    return nn.functional.linear(rows, last.weight[member], last.bias[member, 0])


@every_size
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_each_member_is_what_it_would_be_alone(sizes, activation):
    network = _network(sizes, activation)
    codes, outputs = network.encode(X), network.each(X)
    for member in range(N_MEMBERS):
        code = _alone(network.encoder, member, X)
        columns = slice(N_CODE * member, N_CODE * (member + 1))
        torch.testing.assert_close(codes[:, columns], code)
        torch.testing.assert_close(outputs[member], _alone(network.decoder, member, code))
    torch.testing.assert_close(network(X), outputs.mean(dim=0))


@every_size
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_by_hand_are_those_of_autograd(sizes, activation):
    network = _network(sizes, activation)
    upstream = torch.cos(network.each(X).detach())
    expected = torch.autograd.grad(network.each(X), list(network.parameters()), upstream)
    output, pull = network.pullback(X)
    torch.testing.assert_close(output, network.each(X).detach())
    for actual, wanted in zip(pull(upstream), expected, strict=True):
        torch.testing.assert_close(actual, wanted)


def test_the_gradient_of_the_input_is_that_of_autograd():
    encoder, x = _network().encoder, X.expand(N_MEMBERS, -1, -1)
    upstream = torch.ones(N_MEMBERS, len(X), N_CODE)
    rows = x.clone().requires_grad_()
    codes = super(MemberEncoder, encoder).forward(rows)
    torch.testing.assert_close(
        encoder.pullback(x)[1](upstream, True)[0], torch.autograd.grad(codes, rows, upstream)[0]
    )


def test_about_63_percent_of_the_connections_are_there_and_others_in_each_member():
    g = torch.Generator().manual_seed(0)
    layer = MemberEncoder(5, 60, 40, (), "relu", g).layers[0]
    shares = layer.connected.mean(dim=(1, 2))
    torch.testing.assert_close(shares, torch.full((5,), 1 - math.exp(-1)), rtol=0.03, atol=0)
    assert torch.equal(layer.weight != 0, layer.connected == 1)
    assert not torch.equal(layer.connected[0], layer.connected[1])


@every_size
def test_new_units_of_input_and_output_are_compensated(sizes):
    network, rows = _network(sizes), X.clone()
    rows[:, 6] = (torch.arange(20) % 2).float()  # says where column 0 is missing
    rows[:, 0] *= 1 - rows[:, 6]
    codes, outputs = network.encode(rows), network(rows)
    scale, shift = torch.full((N_IN,), 2.0), torch.arange(float(N_IN))
    scale[6], shift[6], shift[0] = 1.0, 0.0, 3.0
    network.encoder.compensate_input(scale, shift, torch.tensor([6, *[-1] * 6]))
    moved = (rows - shift) / scale
    moved[:, 0] *= 1 - rows[:, 6]
    torch.testing.assert_close(network.encode(moved), codes, rtol=1e-4, atol=1e-5)
    network.decoder.compensate_output(scale, shift)
    torch.testing.assert_close(network(moved), outputs * scale + shift, rtol=1e-4, atol=1e-4)


@every_size
def test_columns_are_taken_and_given_from_where_they_were(sizes):
    network = _network(sizes)
    expected = network(X)
    places = torch.tensor([3, -1, 0, 1, 2, 4, 5, 6])
    network.encoder.take_inputs(places)
    rows = torch.ones(20, 8)
    rows[:, places >= 0] = X[:, places[places >= 0]]
    torch.testing.assert_close(network(rows), expected)
    network.decoder.give_outputs(places, torch.arange(8.0))
    given = network(rows)
    torch.testing.assert_close(given[:, places >= 0], expected[:, places[places >= 0]])
    torch.testing.assert_close(given[:, 1], torch.ones(20))
    grads = network.pullback(rows)[1](torch.ones(N_MEMBERS, 20, 8))
    assert [g.shape for g in grads] == [p.shape for p in network.parameters()]


def test_outputs_can_be_silenced_and_start_near_constants():
    network = _network()
    before = network(X)
    network.decoder.start_outputs(torch.full((N_IN,), 5.0))
    torch.testing.assert_close(network(X), before + 5)
    network.decoder.silence_outputs(torch.arange(N_IN) == 2)
    assert not network.each(X)[:, :, 2].any()
    torch.testing.assert_close(network(X)[:, 3], before[:, 3] + 5)


def test_a_row_has_the_same_bits_wherever_it_stands():
    network, x = (
        _network((16,)),
        torch.randn(1024, N_IN, generator=torch.Generator().manual_seed(2)),
    )
    with torch.no_grad():
        assert torch.equal(network.each(x).flip(1), network.each(x.flip(0)))
