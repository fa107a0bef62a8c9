"""Jacobians by the chain rule."""

import pytest
import torch

from skae.nn import ACTIVATIONS, SkipMLP, jacobian


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
