"""Jacobians by the chain rule."""

import pytest
import torch

from skae.nn import ACTIVATIONS, SkipMLP, jacobian, squared_gradients


def network(n_in, n_out, sizes, activation="tanh", linear_skip=True):
    generator = torch.Generator().manual_seed(0)
    return SkipMLP(n_in, n_out, sizes, activation, linear_skip, generator)


def rows(n_in, n_samples=5):
    return torch.randn(n_samples, n_in, generator=torch.Generator().manual_seed(1))


def by_autograd(net, x):
    each = [torch.autograd.functional.jacobian(lambda v: net(v[None])[0], row) for row in x]
    return torch.stack(each)


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@pytest.mark.parametrize("linear_skip", [True, False])
@pytest.mark.parametrize("sizes", [(), (7,), (7, 6), (8, 7, 6)])
@pytest.mark.parametrize(("n_in", "n_out"), [(5, 2), (2, 5)])
def test_it_is_that_of_autograd(n_in, n_out, sizes, linear_skip, activation):
    net, x = network(n_in, n_out, sizes, activation, linear_skip), rows(n_in)
    torch.testing.assert_close(jacobian(net, x), by_autograd(net, x))


def test_other_networks_are_taken_too():
    net = torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.Tanh(), torch.nn.Linear(6, 2))
    torch.testing.assert_close(jacobian(net, rows(4)), by_autograd(net, rows(4)))


@pytest.mark.parametrize(("n_in", "n_out"), [(5, 2), (2, 5)])
def test_its_norm_has_the_gradient_of_finite_differences(n_in, n_out):
    net = network(n_in, n_out, (4, 3)).double()
    x = rows(n_in).double()
    weight = net.first.weight

    def norm():
        return jacobian(net, x).square().sum()

    (grad,) = torch.autograd.grad(norm(), [weight])
    step = 1e-6
    for i, j in [(0, 0), (1, 1), (4, 0)]:
        with torch.no_grad():
            weight[i, j] += step
            above = norm()
            weight[i, j] -= 2 * step
            below = norm()
            weight[i, j] += step
        assert grad[i, j].item() == pytest.approx((above - below).item() / (2 * step), rel=1e-5)


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_its_norm_has_the_gradient_of_autograd(activation):
    net, x = network(5, 2, (4, 3), activation), rows(5)
    parameters = list(net.parameters())
    by_hand, plain = (
        torch.autograd.grad(
            squared_gradients(n, x).sum(), parameters, allow_unused=True, materialize_grads=True
        )
        for n in (net, torch.nn.Sequential(net))
    )
    torch.testing.assert_close(by_hand, plain)


@pytest.mark.parametrize("wrap", [lambda net: net, torch.nn.Sequential])
def test_one_logistic_layer_has_the_closed_form_of_the_paper(wrap):
    net, x = network(5, 6, (6,), "logistic", linear_skip=False), rows(5)
    with torch.no_grad():
        net.last.weight.copy_(torch.eye(6))
        net.last.bias.zero_()
    h = net(x)
    expected = (h * (1 - h)).square() * net.first.weight.square().sum(dim=1)
    torch.testing.assert_close(squared_gradients(wrap(net), x), expected)


@pytest.mark.parametrize("wrap", [lambda net: net, torch.nn.Sequential])
def test_blocks_make_no_difference_nor_does_where_gradients_are_off(wrap):
    net, x = wrap(network(4, 2, (5,), "silu")), rows(4, n_samples=600)
    with torch.no_grad():
        squares = squared_gradients(net, x)
    torch.testing.assert_close(squares, jacobian(net, x).square().sum(dim=2))


def test_a_network_that_normalises_batches_is_taken_in_training():
    norm = torch.nn.BatchNorm1d(4, affine=False)
    x = rows(4, n_samples=50)
    squares = squared_gradients(norm.eval(), x)
    torch.testing.assert_close(squares, torch.ones(50, 4), rtol=1e-4, atol=1e-4)
    assert torch.isfinite(squared_gradients(norm.train(), x)).all()
