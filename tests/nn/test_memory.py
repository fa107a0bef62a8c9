"""The memory: addressing, shrinkage, gradients."""

import numpy as np
import pytest
import torch

from skae.nn import Memory, MemoryAutoEncoder, SkipMLP, TableInput
from tests.schemas import encoded_rows, random_schema


def _generator():
    return torch.Generator().manual_seed(0)


def _codes(n_samples=40, n_components=3):
    return torch.randn(n_samples, n_components, generator=_generator())


def _memory(threshold=1.0, n_items=20):
    return Memory(n_items, 3, threshold / n_items, _generator())


def _paper_weights(z, items, threshold, epsilon=1e-12):
    """Equations 4 to 7 of the paper, written row by row."""
    weights = np.empty((len(z), len(items)))
    for row, code in enumerate(z):
        lengths = np.linalg.norm(code) * np.linalg.norm(items, axis=1)
        similarity = np.exp(items @ code / lengths)
        w = similarity / similarity.sum()
        w = np.maximum(w - threshold, 0) * w / (np.abs(w - threshold) + epsilon)
        weights[row] = w / np.abs(w).sum()
    return weights


@pytest.mark.parametrize("threshold", [0.0, 0.5, 1.0, 1.3])
def test_weights_and_codes_are_those_of_the_paper(threshold):
    memory, z = _memory(threshold), _codes()
    items = memory.items.detach().double().numpy()
    expected = _paper_weights(z.double().numpy(), items, threshold / 20)
    with torch.no_grad():
        np.testing.assert_allclose(memory.address(z), expected, rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(memory(z), expected @ items, rtol=1e-4, atol=1e-6)


def test_a_threshold_leaves_few_items():
    counts = [(_memory(t).address(_codes()) > 0).sum(1).float().mean() for t in (0.0, 1.0, 1.5)]
    assert counts[0] == 20
    assert counts[0] > counts[1] > counts[2] > 0


def test_only_the_direction_of_a_code_counts():
    memory = _memory()
    torch.testing.assert_close(memory(_codes()), memory(7.5 * _codes()))


def test_where_no_weight_is_above_the_threshold_the_code_is_zero_and_teaches_nothing():
    memory, z = _memory(threshold=10.0), _codes()
    assert torch.equal(memory(z), torch.zeros_like(z))
    _, weights, pull = memory.pullback(z)
    for grad in pull(torch.ones_like(z), torch.ones_like(weights)):
        assert torch.equal(grad, torch.zeros_like(grad))


def test_a_code_of_zeros_has_no_direction_and_finite_gradients():
    memory, z = _memory(threshold=0.0), torch.zeros(2, 3)
    torch.testing.assert_close(memory.address(z), torch.full((2, 20), 1 / 20))
    _, weights, pull = memory.pullback(z)
    assert all(torch.isfinite(grad).all() for grad in pull(z + 1, torch.ones_like(weights)))


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_gradients_are_those_of_autograd(threshold):
    memory, z = _memory(threshold), _codes().requires_grad_()
    weights = memory.address(z)
    code = memory.read(weights)
    grads = torch.randn(code.shape, generator=_generator()), torch.randn(weights.shape)
    expected = torch.autograd.grad((code, weights), (z, memory.items), grads)
    by_hand_code, by_hand_weights, pull = memory.pullback(z)
    torch.testing.assert_close(by_hand_code, code.detach())
    torch.testing.assert_close(by_hand_weights, weights.detach())
    for actual, wanted in zip(pull(*grads), expected, strict=True):
        torch.testing.assert_close(actual, wanted, rtol=1e-4, atol=1e-6)


def test_gradients_of_the_network_are_those_of_autograd_on_mixed_rows():
    schema = random_schema(0)
    inputs, rows = TableInput(schema, _generator()), encoded_rows(schema, 30).float()
    encoder = SkipMLP(inputs.n_out, 3, (8,), "silu", True, _generator())
    decoder = SkipMLP(3, 5, (8,), "silu", True, _generator())
    module = MemoryAutoEncoder(encoder, decoder, _memory(), inputs)
    prepared = module.prepare(rows)
    output, pull = module.pullback(prepared)
    torch.testing.assert_close(output, module(prepared).detach())
    grads = torch.autograd.grad(module(prepared).sum(), [*module.parameters()])
    for actual, wanted in zip(pull(torch.ones_like(output)), grads, strict=True):
        torch.testing.assert_close(actual, wanted, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("n_components", range(1, 18))
def test_a_row_has_the_same_bits_wherever_it_stands(n_components):
    memory = Memory(100, n_components, 1 / 100, _generator())
    z = _codes(1024, n_components)
    with torch.inference_mode():
        assert torch.equal(memory(z).flip(0), memory(z.flip(0)))
