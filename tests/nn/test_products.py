"""Linear layers of any module: the same values, and the same bits wherever a row stands."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from skae.nn import AlignedProducts
from skae.nn._products import aligned

WIDTHS = [(1, 1), (2, 3), (6, 8), (30, 8), (37, 5), (64, 8), (70, 15), (30, 64)]
every_width = pytest.mark.parametrize(("n_in", "n_out"), WIDTHS)


def _rows(n_in, dtype=torch.float32):
    return torch.randn(1024, n_in, generator=torch.Generator().manual_seed(0), dtype=dtype)


@every_width
def test_the_product_is_the_same(n_in, n_out):
    x, layer = _rows(n_in, torch.float64), nn.Linear(n_in, n_out).double()
    longer, weight = aligned(x, layer.weight)
    torch.testing.assert_close(longer @ weight.T, x @ layer.weight.T)
    with AlignedProducts():
        inside = [layer(x), F.linear(x, weight=layer.weight, bias=layer.bias)]
    for y in inside:
        torch.testing.assert_close(y, layer(x))


@every_width
def test_a_row_gives_the_same_bits_wherever_it_stands(n_in, n_out):
    module = nn.Sequential(nn.Linear(n_in, n_out), nn.SiLU(), nn.Linear(n_out, 3)).eval()
    x = _rows(n_in)
    with torch.inference_mode(), AlignedProducts():
        whole = module(x)
        for step in (1, 2, 3, 500):
            assert torch.equal(module(x.roll(step, 0)), whole.roll(step, 0))


def test_other_layers_and_gradients_are_left_alone():
    module = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 2)).double()
    x = _rows(6, torch.float64)
    expected = torch.autograd.grad(module(x).square().sum(), list(module.parameters()))
    with AlignedProducts():
        grads = torch.autograd.grad(module(x).square().sum(), list(module.parameters()))
    torch.testing.assert_close(grads, expected)


@pytest.mark.parametrize("n_in", [3, 6, 7, 9])
def test_gradients_of_a_row_have_the_same_bits_at_any_place(n_in):
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(1024, n_in, generator=generator)
    weight = torch.randn(64, n_in, generator=generator)
    upstream = torch.randn(1024, 64, generator=generator)

    def gradient(x, grad):
        x = x.clone().requires_grad_()
        return torch.autograd.grad(F.linear(*aligned(x, weight)), x, grad)[0]

    turned = gradient(rows.flip(0), upstream.flip(0))
    assert torch.equal(gradient(rows, upstream), turned.flip(0))


@pytest.mark.parametrize("n_in", [3, 5, 7, 8, 13])
@pytest.mark.parametrize("n_out", [4, 16, 20, 64])
def test_double_precision_has_the_same_bits_at_any_place_too(n_in, n_out):
    rows = _rows(n_in, torch.float64)
    weight = torch.randn(n_out, n_in, generator=torch.Generator().manual_seed(1)).double()
    product = F.linear(*aligned(rows, weight))
    for step in (1, 2, 3, 17):
        assert torch.equal(F.linear(*aligned(rows.roll(step, 0), weight)), product.roll(step, 0))
