import numpy as np
import pytest
import torch

from skae.objectives._divergences import SCALES, maximum_mean_discrepancy


def _normal(n, d, seed):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _kernel(x, y):
    return sum(2 * len(x) * s / (2 * len(x) * s + np.sum((x - y) ** 2)) for s in SCALES)


def test_agrees_with_sums_over_pairs():
    x, y = _normal(5, 3, 0).numpy(), _normal(4, 3, 1).numpy() + 1

    def within(z):
        return np.mean([_kernel(a, b) for i, a in enumerate(z) for j, b in enumerate(z) if i != j])

    expected = within(x) + within(y) - 2 * np.mean([_kernel(a, b) for a in x for b in y])
    assert maximum_mean_discrepancy(*map(torch.tensor, (x, y))).item() == pytest.approx(expected)


def test_is_zero_in_expectation_for_one_distribution():
    values = [
        maximum_mean_discrepancy(_normal(10, 2, i), _normal(12, 2, 1000 + i)).item()
        for i in range(400)
    ]
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(len(values))


def test_gradient_is_finite_and_draws_samples_together():
    first = (_normal(50, 2, 0) + 2).requires_grad_()
    maximum_mean_discrepancy(first, _normal(50, 2, 1)).backward()
    assert torch.isfinite(first.grad).all()
    assert (first.grad.mean(0) > 0).all()


def test_one_row_is_refused():
    with pytest.raises(ValueError, match="1 and 3 rows"):
        maximum_mean_discrepancy(_normal(1, 2, 0), _normal(3, 2, 1))
