"""The robust auto-encoder: what it has beside the laws of all estimators."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone

from skae import AutoEncoder, RobustAE
from skae.nn import SparseSplit
from tests.estimators import TABLES, assert_same_bits, fit, outputs, table

tables = pytest.mark.parametrize("make", TABLES.values(), ids=TABLES)
norms = pytest.mark.parametrize("sparsity", ["cells", "rows"])


def robust(**params):
    """An estimator that fits in a moment."""
    quick = {"max_epochs": 5, "contamination": 0.1, "random_state": 0, "device": "cpu"}
    return RobustAE(**{**quick, **params})


def _low_rank_and_sparse(n_samples=400):
    """Rows of rank 2, and gross errors in a hundredth of the cells."""
    rng = np.random.default_rng(0)
    low = rng.normal(size=(n_samples, 2)) @ rng.normal(size=(2, 8))
    sparse = np.where(rng.random(low.shape) < 0.01, rng.choice([-15.0, 15.0], low.shape), 0.0)
    return low, sparse


def test_a_low_rank_table_and_its_gross_errors_are_told_apart():
    low, sparse = _low_rank_and_sparse()
    X = low + sparse
    fitted = robust(n_components=2, sparsity_weight=0.3, max_epochs=100, n_proximal_steps=20).fit(X)
    found, rest = fitted.decompose(X)
    np.testing.assert_allclose(found + rest, X, rtol=1e-5, atol=1e-5)
    assert (np.abs(rest[sparse != 0]) > 5).mean() > 0.95
    assert (np.abs(rest[sparse == 0]) < 1).mean() > 0.98
    plain = AutoEncoder(2, random_state=0, device="cpu").fit(X).reconstruct(X)
    error = [np.abs(part - low)[sparse != 0].mean() for part in (found, plain)]
    assert error[0] < 0.5 * error[1]


@pytest.mark.parametrize("by_row", [False, True])
def test_the_split_is_a_fixed_point_of_the_proximal_step(by_row):
    generator = torch.Generator().manual_seed(0)
    axes = torch.linalg.qr(torch.randn(6, 2, generator=generator)).Q
    x, weight = 3 * torch.randn(40, 6, generator=generator), 0.4
    split = SparseSplit(torch.ones(6, dtype=torch.bool), weight, by_row, 5_000)

    def rebuild(rows):
        return rows @ axes @ axes.T

    sparse = x - split(rebuild, x)
    error = x - rebuild(x - sparse)
    if by_row:
        length = error.norm(dim=1, keepdim=True)
        expected = error * (1 - weight * 6**0.5 / length).clamp(min=0)
    else:
        expected = error.sign() * (error.abs() - weight).clamp(min=0)
    np.testing.assert_allclose(sparse, expected, atol=1e-3)


@norms
def test_a_large_weight_gives_the_plain_auto_encoder(sparsity):
    X = table()
    own = fit(robust(sparsity=sparsity, sparsity_weight=1e6), X)
    settings = {"max_epochs": 5, "contamination": 0.1, "random_state": 0, "device": "cpu"}
    plain = fit(AutoEncoder(**settings), X)
    np.testing.assert_allclose(own.reconstruct(X), plain.reconstruct(X), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(own.score_samples(X), plain.score_samples(X), rtol=1e-4, atol=1e-6)
    assert not own.decompose(X)[1].any()


@norms
def test_the_score_is_the_error_beside_what_is_rebuilt_of_the_low_part(sparsity):
    X = table()
    fitted = fit(robust(sparsity=sparsity, sparsity_weight=0.2, scaler=None), X / X.std(axis=0))
    rows = X / X.std(axis=0)
    error = np.square(fitted.reconstruct(rows) - rows).mean(axis=1)
    np.testing.assert_allclose(-fitted.score_samples(rows), error, rtol=1e-4)


@norms
@tables
def test_every_kind_of_table_works(make, sparsity):
    X = make(200)
    fitted = fit(robust(sparsity=sparsity, sparsity_weight=0.3), X)
    shares = fitted.feature_contributions(X)
    np.testing.assert_allclose(shares.sum(axis=1), fitted.score_samples(X), rtol=1e-5)
    assert (shares[pd.isna(X)] == 0).all()
    low, sparse = fitted.decompose(X)
    assert type(low) is type(X)
    assert (pd.isna(low) == pd.isna(X)).to_numpy().all() if isinstance(X, pd.DataFrame) else True
    assert not np.isnan(np.asarray(sparse, dtype=float)).any()


@norms
@tables
def test_the_same_seed_gives_the_same_bits_and_a_copy_too(make, sparsity):
    X = make()
    params = {"sparsity": sparsity, "sparsity_weight": 0.3, "warm_start": True}
    first, second = (fit(robust(**params), X) for _ in range(2))
    assert_same_bits(outputs(first, X), outputs(second, X))
    copied = pickle.loads(pickle.dumps(first))
    assert_same_bits(outputs(first, X), outputs(copied, X))


@norms
def test_a_weight_is_the_row_so_many_times(sparsity):
    X, counts = table(), np.random.default_rng(3).integers(0, 4, size=80)
    params = {"sparsity": sparsity, "sparsity_weight": 0.3, "init": "random"}
    estimator = robust(**params, batch_size=1_000, early_stopping=False)
    weighted = fit(clone(estimator), X, sample_weight=counts)
    repeated = fit(clone(estimator), np.repeat(X, counts, axis=0))
    np.testing.assert_allclose(
        weighted.score_samples(X), repeated.score_samples(X), rtol=1e-3, atol=1e-4
    )


def test_far_rows_score_lower_the_farther_they_are():
    X = table()
    far = X[:1] + 10.0 ** np.arange(2, 9)[:, None] * X.std(axis=0)
    assert (np.diff(fit(robust(), X).score_samples(far)) < 0).all()
