"""Noise on the rows that a plain auto-encoder sees while training."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from skae import AutoEncoder
from skae.datasets import ChunkedTable
from tests.estimators import fit, quick, table

ALL_ROWS = {"early_stopping": False, "contamination": 0.1, "scaler": None}


def _noise(model, rows):
    corruption = model._corruption()
    return corruption(rows, generator=torch.Generator().manual_seed(0)) - rows


@pytest.mark.parametrize("jitter", [0.5, 2.0])
@pytest.mark.parametrize(("n_rows", "fading"), [(500, 1.0), (4000, 0.5)])
def test_its_unit_is_what_pca_leaves(n_rows, fading, jitter):
    X = table(n_rows, 6)
    model = fit(quick(AutoEncoder, n_components=2, jitter=jitter, max_epochs=0, **ALL_ROWS), X)
    pca = PCA(2).fit(X)
    left = np.sqrt(np.mean((X - pca.inverse_transform(pca.transform(X))) ** 2))
    noise = _noise(model, torch.zeros(20_000, 6))
    np.testing.assert_allclose(noise.std().item(), jitter * fading * left, rtol=0.02)


def test_it_fades_with_all_rows_of_a_table_in_chunks(monkeypatch):
    monkeypatch.setattr("skae.training._table.START_ROWS", 500)  # of which the unit is estimated
    X = table(4000, 6)
    params = {"n_components": 2, "max_epochs": 0, **ALL_ROWS}
    whole, chunked = (
        fit(quick(AutoEncoder, **params), rows)._jitter_unit
        for rows in (X, ChunkedTable([X[:1500], X[1500:]]))
    )
    np.testing.assert_allclose(chunked, whole, rtol=0.1)


def test_without_it_rows_are_as_they_are():
    assert fit(quick(AutoEncoder, jitter=0), table())._corruption() is None


def test_only_numbers_are_shaken():
    X = pd.DataFrame(table(), columns=[*"abcdef"])
    X["word"], X["is"] = np.where(X["a"] > 0, "up", "down"), X["b"] > 0
    model = fit(quick(AutoEncoder), X)
    schema = model._encoder.schema_
    noise = _noise(model, torch.ones(50, schema.n_encoded))
    shaken = np.flatnonzero(noise.abs().sum(dim=0))
    np.testing.assert_array_equal(shaken, schema.encoded_positions("numeric"))


def test_it_may_come_with_a_later_fit():
    model = quick(AutoEncoder, jitter=0, init="random", warm_start=True)
    fit(fit(model, table()).set_params(jitter=0.5), table())
    assert _noise(model, torch.zeros(5, table().shape[1])).all()


@pytest.mark.slow
def test_it_keeps_few_rows_from_being_learned_by_heart():
    train, test = train_test_split(load_digits().data / 16, test_size=0.3, random_state=0)
    errors = [
        np.mean((model.reconstruct(test) - test) ** 2)
        for jitter in (0.9, 0)
        for model in [AutoEncoder(2, scaler=None, jitter=jitter, random_state=0).fit(train)]
    ]
    assert errors[0] < 0.0284 < errors[1]
