"""The perceptron with a linear path equals one that is put together of separate parts."""

import itertools
import pickle

import pytest
import torch
from torch import nn

from skae.nn import ACTIVATIONS, SkipMLP

LAYERS = {
    "relu": nn.ReLU(),
    "tanh": nn.Tanh(),
    "silu": nn.SiLU(),
    "gelu": nn.GELU(),
    "elu": nn.ELU(),
    "logistic": nn.Sigmoid(),
    "identity": nn.Identity(),
}
SIZES = [(), (6,), (6, 4), (3, 7, 5)]
N_IN, N_OUT = 5, 3
every_shape = pytest.mark.parametrize(
    ("sizes", "skip"),
    list(itertools.product(SIZES, [True, False])),
    ids=lambda value: str(value).replace(" ", ""),
)


def _generator(seed=0):
    return torch.Generator().manual_seed(seed)


def _mlp(sizes, skip, activation="silu", seed=0):
    return SkipMLP(N_IN, N_OUT, sizes, activation, skip, _generator(seed)).double()


def _rows(n=11, n_in=N_IN):
    return torch.randn(n, n_in, generator=_generator(1), dtype=torch.float64)


class Unpacked(nn.Module):
    """The same weights in layers of their own: ``linear(x) + perceptron(x)``."""

    def __init__(self, mlp, sizes, skip, activation):
        super().__init__()
        n_hidden = sizes[0] if sizes else 0
        weight, bias = mlp.first.weight, mlp.first.bias
        self.linear = self.perceptron = None
        if skip or not sizes:
            self.linear = _layer(weight[n_hidden:], bias[n_hidden:])
        if sizes:
            layers = [_layer(weight[:n_hidden], bias[:n_hidden]), LAYERS[activation]]
            for layer in mlp.middle:
                layers += [_layer(layer.weight, layer.bias), LAYERS[activation]]
            layers.append(_layer(mlp.last.weight, mlp.last.bias))
            self.perceptron = nn.Sequential(*layers)

    def forward(self, x):
        return sum(part(x) for part in (self.linear, self.perceptron) if part is not None)


def _layer(weight, bias):
    layer = nn.Linear(weight.shape[1], len(weight), bias=bias is not None, dtype=weight.dtype)
    with torch.no_grad():
        layer.weight.copy_(weight)
        if bias is not None:
            layer.bias.copy_(bias)
    return layer


@every_shape
@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_it_is_a_linear_map_plus_a_perceptron(sizes, skip, activation):
    mlp, x = _mlp(sizes, skip, activation), _rows()
    torch.testing.assert_close(mlp(x), Unpacked(mlp, sizes, skip, activation)(x))


@every_shape
def test_it_has_the_parameters_of_a_linear_map_plus_a_perceptron_with_one_bias(sizes, skip):
    mlp = _mlp(sizes, skip)
    widths = [N_IN, *sizes, N_OUT]
    n_perceptron = sum(n * m + m for n, m in itertools.pairwise(widths)) if sizes else 0
    n_linear = N_IN * N_OUT + N_OUT if skip or not sizes else 0
    shared = N_OUT if n_perceptron and n_linear else 0
    assert sum(p.numel() for p in mlp.parameters()) == n_perceptron + n_linear - shared


@every_shape
@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@pytest.mark.parametrize("wanted", [True, False])
def test_the_pullback_is_that_of_autograd(sizes, skip, activation, wanted):
    mlp, x = _mlp(sizes, skip, activation), _rows().requires_grad_()
    y = mlp(x)
    upstream = torch.cos(y.detach())
    expected = torch.autograd.grad(y, [x, *mlp.parameters()], upstream)
    output, pull = mlp.pullback(x.detach())
    grad_x, grads = pull(upstream, wanted)
    torch.testing.assert_close(output, y.detach())
    torch.testing.assert_close(grads, list(expected[1:]))
    if wanted:
        torch.testing.assert_close(grad_x, expected[0])
    else:
        assert grad_x is None


@pytest.mark.parametrize("sizes", SIZES)
def test_it_can_start_as_any_linear_map(sizes):
    mlp, x = _mlp(sizes, True), _rows()
    weight = torch.randn(N_OUT, N_IN, generator=_generator(2), dtype=torch.float64)
    bias = torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64)
    mlp.start_linear(weight, bias)
    torch.testing.assert_close(mlp(x), x @ weight.T + bias, atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("sizes", SIZES)
def test_a_linear_start_leaves_further_outputs_random(sizes):
    mlp, x = _mlp(sizes, True), _rows()
    rest = mlp.first.weight[-2:].clone()
    weight = torch.ones(1, N_IN, dtype=torch.float64)
    mlp.start_linear(weight, torch.zeros(N_OUT, dtype=torch.float64))
    torch.testing.assert_close(mlp(x), x @ torch.cat([weight, rest]).T)
    assert rest.abs().min() > 0


@pytest.mark.parametrize("sizes", SIZES[1:])
def test_after_a_linear_start_the_perceptron_learns(sizes):
    mlp, x = _mlp(sizes, True), _rows(64)
    mlp.start_linear(torch.zeros(N_OUT, N_IN).double(), torch.zeros(N_OUT).double())
    before = [p.detach().clone() for p in mlp.parameters()]
    optimizer = torch.optim.SGD(mlp.parameters(), lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        (mlp(x) - x[:, :N_OUT].abs()).square().mean().backward()
        optimizer.step()
    for old, new in zip(before, mlp.parameters(), strict=True):
        assert not torch.equal(old, new)


@every_shape
def test_silenced_outputs_are_zero_and_the_others_as_before(sizes, skip):
    mlp, x = _mlp(sizes, skip), _rows()
    silent = torch.tensor([True, False, True])
    expected = mlp(x).detach().clone()
    expected[:, silent] = 0.0
    mlp.silence_outputs(silent)
    torch.testing.assert_close(mlp(x), expected, atol=0, rtol=0)


@every_shape
@pytest.mark.parametrize("optimizer", [torch.optim.Adam, torch.optim.RMSprop])
def test_silenced_outputs_stay_silent_while_the_others_learn(sizes, skip, optimizer):
    mlp, x = _mlp(sizes, skip), _rows()
    silent = torch.tensor([True, False, True])
    mlp.silence_outputs(silent)
    optimizer, start = optimizer(mlp.parameters(), lr=0.01), mlp(x).detach()
    for _ in range(5):
        optimizer.zero_grad()
        (mlp(x) - x[:, :N_OUT] * ~silent).square().mean().backward()
        optimizer.step()
    assert not mlp(x)[:, silent].any()
    assert not torch.isclose(mlp(x), start)[:, ~silent].any()


@every_shape
def test_new_units_of_the_input_are_compensated(sizes, skip):
    mlp, x = _mlp(sizes, skip), _rows()
    expected = mlp(x).detach()
    scale = torch.tensor([2.0, 0.1, -3.0, 1.0, 1e3], dtype=torch.float64)
    shift = torch.tensor([0.0, 5.0, -1.0, 1e3, 0.5], dtype=torch.float64)
    mlp.compensate_input(scale, shift)
    torch.testing.assert_close(mlp((x - shift) / scale), expected)


@every_shape
def test_the_output_is_given_in_new_units(sizes, skip):
    mlp, x = _mlp(sizes, skip), _rows()
    expected = mlp(x).detach()
    scale = torch.tensor([2.0, 0.1, -3.0], dtype=torch.float64)
    shift = torch.tensor([1.0, 0.0, 1e3], dtype=torch.float64)
    mlp.compensate_output(scale, shift)
    torch.testing.assert_close(mlp(x), expected * scale + shift)


@every_shape
def test_new_units_of_an_input_with_a_mask_leave_missing_cells_as_they_were(sizes, skip):
    # columns 3 and 4 are 1 where columns 0 and 2 are missing, and these are 0 in whatever units
    mlp, x = _mlp(sizes, skip), _rows()
    x[:, 3:] = 0.0
    x[:4, 0], x[:4, 3] = 0.0, 1.0
    x[2:7, 2], x[2:7, 4] = 0.0, 1.0
    expected = mlp(x).detach()
    scale = torch.tensor([2.0, 0.1, -3.0, 1.0, 1.0], dtype=torch.float64)
    shift = torch.tensor([1.0, 5.0, -1.0, 0.0, 0.0], dtype=torch.float64)
    mlp.compensate_input(scale, shift, torch.tensor([3, -1, 4, -1, -1]))
    moved = (x - shift) / scale
    moved[:4, 0], moved[2:7, 2] = 0.0, 0.0
    torch.testing.assert_close(mlp(moved), expected)


@every_shape
def test_columns_that_share_a_mask_are_compensated_together(sizes, skip):
    mlp, x = _mlp(sizes, skip), _rows()
    x[:, 4] = 0.0
    x[:5, :2], x[:5, 4] = 0.0, 1.0
    expected = mlp(x).detach()
    scale = torch.tensor([2.0, 0.1, 1.0, 1.0, 1.0], dtype=torch.float64)
    shift = torch.tensor([1.0, 5.0, 0.0, 0.0, 0.0], dtype=torch.float64)
    mlp.compensate_input(scale, shift, torch.tensor([4, 4, -1, -1, -1]))
    moved = (x - shift) / scale
    moved[:5, :2] = 0.0
    torch.testing.assert_close(mlp(moved), expected)


@every_shape
def test_inputs_are_taken_from_where_they_were_and_new_ones_change_nothing(sizes, skip):
    mlp, x = _mlp(sizes, skip), _rows()
    expected = mlp(x).detach()
    places = torch.tensor([4, -1, 0, 2, 1, 3, -1])
    mlp.take_inputs(places)
    taken = torch.randn(len(x), len(places), dtype=torch.float64, generator=_generator(5))
    taken[:, places >= 0] = x[:, places[places >= 0]]
    torch.testing.assert_close(mlp(taken), expected)
    assert mlp.first.in_features == len(places)


@every_shape
def test_an_input_may_be_taken_twice(sizes, skip):
    mlp, x = _mlp(sizes, skip), _rows()
    expected = mlp(x).detach()
    mlp.take_inputs(torch.tensor([0, 1, 2, 3, 4, 4]))
    taken = torch.cat([x[:, :4], 0.3 * x[:, 4:], 0.7 * x[:, 4:]], dim=1)
    torch.testing.assert_close(mlp(taken), expected)


@every_shape
def test_outputs_are_given_from_where_they_were_and_new_ones_are_constants(sizes, skip):
    mlp, x = _mlp(sizes, skip), _rows()
    expected = mlp(x).detach()
    places, bias = torch.tensor([2, -1, 0, 1, 2, -1]), torch.arange(6.0)
    mlp.give_outputs(places, bias)
    given = mlp(x)
    known = places >= 0
    torch.testing.assert_close(given[:, known], expected[:, places[known]])
    constants = bias[~known].double().expand(len(x), -1)
    torch.testing.assert_close(given[:, ~known], constants)
    assert torch.equal(bias, torch.arange(6.0))


@every_shape
def test_after_new_inputs_and_outputs_everything_learns_and_pulls_back(sizes, skip):
    mlp = _mlp(sizes, skip)
    mlp.take_inputs(torch.tensor([0, 1, -1, 2, 3, 4]))
    mlp.give_outputs(torch.tensor([0, -1, 1, 2]), torch.zeros(4))
    x = _rows(n_in=6)
    upstream = torch.cos(mlp(x).detach())
    expected = torch.autograd.grad(mlp(x), list(mlp.parameters()), upstream)
    output, pull = mlp.pullback(x)
    torch.testing.assert_close(output, mlp(x).detach())
    torch.testing.assert_close(pull(upstream, False)[1], list(expected))
    optimizer = torch.optim.SGD(mlp.parameters(), lr=0.1)
    before = [p.detach().clone() for p in mlp.parameters()]
    mlp(x).square().mean().backward()
    optimizer.step()
    for old, new in zip(before, mlp.parameters(), strict=True):
        assert not torch.equal(old, new)


@every_shape
def test_the_start_depends_on_the_generator_only(sizes, skip):
    state = torch.get_rng_state()
    first, again, other = (_mlp(sizes, skip, seed=seed) for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), state)
    for a, b, c in zip(first.parameters(), again.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)
        assert not torch.isclose(a, c).any()


@every_shape
def test_the_start_has_the_distribution_of_torchs_own_layers(sizes, skip):
    wide = tuple(64 * size for size in sizes)
    mlp = SkipMLP(100, 80, wide, "relu", skip, _generator())
    for layer in [m for m in mlp.modules() if isinstance(m, nn.Linear)]:
        twin = nn.Linear(layer.in_features, layer.out_features)
        bound = layer.in_features**-0.5
        assert layer.weight.abs().max() <= bound
        assert layer.weight.abs().max() > 0.99 * bound
        torch.testing.assert_close(layer.weight.std(), twin.weight.std(), rtol=0.05, atol=0)


@every_shape
def test_a_row_gives_the_same_bits_wherever_it_stands(sizes, skip):
    mlp = _mlp(sizes, skip).float()
    x = torch.randn(64, N_IN, generator=_generator(1))
    for step in (1, 2, 3, 4, 31):
        assert torch.equal(mlp(x.roll(step, 0)), mlp(x).roll(step, 0))


@every_shape
def test_it_pickles(sizes, skip):
    mlp, x = _mlp(sizes, skip), _rows()
    assert torch.equal(pickle.loads(pickle.dumps(mlp))(x), mlp(x))


@pytest.mark.parametrize("sizes", SIZES)
def test_one_input_and_one_output_do(sizes):
    mlp = SkipMLP(1, 1, sizes, "tanh", True, _generator())
    assert mlp(torch.zeros(1, 1)).shape == (1, 1)
