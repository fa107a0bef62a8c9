"""MemAE: what the memory keeps, and what it does not rebuild."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from skae import AutoEncoder, MemoryAE
from tests.estimators import fit, mixed_table, quick, table


def _clusters(n_samples, seed=0):
    """Rows around four of the corners of a cube of eight."""
    rng = np.random.default_rng(seed)
    corners = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], dtype=float)
    return corners[rng.integers(4, size=n_samples)] + 0.1 * rng.normal(size=(n_samples, 3))


def test_what_is_not_typical_is_not_rebuilt_though_the_code_has_room_for_it():
    normal, odd = _clusters(600), -_clusters(200, seed=1)
    X, y = np.vstack([_clusters(200, seed=2), odd]), np.repeat([0, 1], 200)
    params = {"n_components": 3, "max_epochs": 60}
    auc = {
        cls: roc_auc_score(y, -fit(quick(cls, **params), normal).score_samples(X))
        for cls in (AutoEncoder, MemoryAE)
    }
    assert auc[MemoryAE] > 0.95
    assert auc[AutoEncoder] < 0.7  # it has learned the identity


def test_the_code_is_a_mixture_of_the_memory():
    X = table()
    fitted = fit(quick(MemoryAE, n_components=3, memory_size=7), X)
    rows = torch.as_tensor(fitted._encoder.encode(X))
    with torch.no_grad():
        weights = fitted.module_.address(rows).double().numpy()
    items = fitted.module_.memory.items.detach().double().numpy()
    assert items.shape == (7, 3)
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(fitted.transform(X), weights @ items, rtol=1e-4, atol=1e-5)


def test_a_memory_of_one_item_rebuilds_every_row_alike():
    X = table()
    fitted = fit(quick(MemoryAE, memory_size=1, shrink_threshold=0.5), X)
    rebuilt = fitted.reconstruct(X)
    np.testing.assert_allclose(rebuilt, np.broadcast_to(rebuilt[0], X.shape), rtol=1e-6)


def test_a_larger_entropy_weight_makes_weights_fewer():
    X = table(400)
    entropies = []
    for entropy_weight in (0.0, 1.0):
        fitted = fit(
            quick(MemoryAE, entropy_weight=entropy_weight, max_epochs=30, early_stopping=False), X
        )
        with torch.no_grad():
            w = fitted.module_.address(torch.as_tensor(fitted._encoder.encode(X)))
        entropies.append(torch.special.entr(w).sum(1).mean().item())
    assert entropies[1] < 0.95 * entropies[0]


def test_a_threshold_above_all_weights_leaves_one_code_and_still_fits():
    X = mixed_table()
    fitted = fit(quick(MemoryAE, shrink_threshold=50.0), X)
    assert not fitted.transform(X).any()
    assert np.isfinite(fitted.score_samples(X)).all()


@pytest.mark.parametrize("n_samples", [1, 2, 9])
def test_fewer_rows_than_items_are_enough(n_samples):
    X = table(n_samples)
    assert np.isfinite(fit(quick(MemoryAE), X).score_samples(X)).all()


def test_weights_of_the_memory_are_learned_beside_own_modules():
    X = table()
    linear = torch.nn.Linear
    start, end = (
        fit(quick(MemoryAE, encoder=linear, decoder=linear, max_epochs=n), X) for n in (0, 3)
    )
    assert not torch.equal(start.module_.memory.items, end.module_.memory.items)


@pytest.mark.parametrize(
    ("name", "bad"), [("memory_size", 0), ("shrink_threshold", -1.0), ("entropy_weight", -0.1)]
)
def test_a_value_out_of_range_names_the_parameter(name, bad):
    with pytest.raises(ValueError, match=name):
        fit(quick(MemoryAE, **{name: bad}), table())
