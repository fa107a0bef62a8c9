"""Maps: codes of auto-encoders that keep the neighbours of rows."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.manifold import trustworthiness
from skorch.callbacks import EarlyStopping

from skae import AutoEncoder, DenoisingAE

X = load_digits().data[:600]
KWARGS = {"lr": 3e-3, "max_epochs": 20, "early_stopping": False, "tol": 0, "random_state": 0}


@pytest.mark.parametrize("Estimator", [AutoEncoder, DenoisingAE])
def test_neighbours_are_kept_and_rows_come_back(Estimator):
    plain = Estimator(2, **KWARGS).fit(X)
    params = {**KWARGS, "max_epochs": 150}  # as many steps as the other has
    near = Estimator(2, neighborhood_weight=1.0, batch_size=300, **params).fit(X)
    kept = [trustworthiness(X, ae.transform(X), n_neighbors=10) for ae in (plain, near)]
    assert kept[1] > kept[0] + 0.01
    error = np.mean((near.inverse_transform(near.transform(X)) - X) ** 2)
    assert error < X.var(axis=0).mean()


def test_the_same_seed_gives_the_same_map():
    maps = [
        AutoEncoder(2, neighborhood_weight=1.0, max_epochs=2, random_state=3).fit_transform(X)
        for _ in range(2)
    ]
    np.testing.assert_array_equal(*maps)


def test_weight_zero_is_plain():
    maps = [
        AutoEncoder(2, max_epochs=2, random_state=0, **weight).fit_transform(X)
        for weight in ({}, {"neighborhood_weight": 0})
    ]
    np.testing.assert_array_equal(*maps)


def test_mixed_tables_with_missing_cells_have_maps():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"size": rng.normal(size=80), "colour": rng.choice(["red", "blue", "green"], 80)}
    )
    frame.loc[::7, "size"] = np.nan
    frame.loc[::5, "colour"] = None
    ae = AutoEncoder(2, neighborhood_weight=1.0, max_epochs=3, random_state=0)
    weight = rng.integers(0, 3, 80)
    codes = ae.fit(frame, sample_weight=weight).transform(frame)
    assert np.isfinite(codes).all()
    assert list(ae.inverse_transform(codes).columns) == ["size", "colour"]
    ae.partial_fit(frame)
    assert np.isfinite(ae.transform(frame)).all()


def test_a_map_has_layers_epochs_and_a_rate_of_its_own():
    stop = EarlyStopping("train_loss", patience=1, threshold=1e9, sink=lambda text: None)
    ae = AutoEncoder(2, neighborhood_weight=1.0, callbacks=[stop], random_state=0).fit(X)
    assert ae.net_.max_epochs == 1500
    plain = AutoEncoder(max_epochs=0).fit(X)
    assert ae.net_.lr > plain.net_.lr
    assert len(ae.module_.encoder.middle) > len(plain.module_.encoder.middle)


def test_a_map_keeps_its_last_weights_and_does_not_warn(recwarn):
    params = {"neighborhood_weight": 1.0, "max_epochs": 5, "random_state": 0, "contamination": 0.1}
    ae = AutoEncoder(2, n_iter_no_change=1, **params).fit(X)
    assert ae.n_iter_ == ae.best_epoch_ == 5
    assert not recwarn.list


@pytest.mark.parametrize("Estimator", [AutoEncoder, DenoisingAE])
def test_the_weight_may_change_under_warm_start(Estimator):
    params = {"max_epochs": 3, "early_stopping": False, "tol": 0, "random_state": 0}
    codes = []
    for first, then in [(0, 0), (0, 1), (1, 1), (1, 0)]:
        ae = Estimator(2, batch_size=256, lr=1e-3, warm_start=True, **params)
        ae.set_params(neighborhood_weight=first, hidden_layer_sizes=(64,)).fit(X)
        codes.append(ae.set_params(neighborhood_weight=then).fit(X).transform(X))
    assert np.abs(codes[1] - codes[0]).max() > 1e-3
    assert np.abs(codes[3] - codes[2]).max() > 1e-3


@pytest.mark.parametrize("contamination", [0.1, "auto"])
def test_a_map_holds_out_rows_for_the_threshold_alone(contamination):
    params = {"max_epochs": 2, "contamination": contamination, "random_state": 0}
    first, second = (
        AutoEncoder(2, neighborhood_weight=1.0, early_stopping=early_stopping, **params).fit(X)
        for early_stopping in (True, False)
    )
    np.testing.assert_array_equal(first.transform(X), second.transform(X))
    assert ("valid_loss" in first.history_) == (contamination == "auto")


def test_an_own_learning_rate_is_taken():
    ae = AutoEncoder(2, neighborhood_weight=1.0, lr=0.01, max_epochs=1).fit(X)
    assert ae.net_.lr == 0.01


def test_many_rows_have_fewer_epochs():
    ae = AutoEncoder(2, neighborhood_weight=1.0)
    epochs = [ae._n_epochs(n_rows) for n_rows in (100, 1024, 10_000, 100_000)]
    assert epochs == sorted(epochs, reverse=True)
    assert epochs[-1] == 25


def test_the_weight_is_not_negative():
    with pytest.raises(ValueError, match="neighborhood_weight"):
        AutoEncoder(2, neighborhood_weight=-1).fit(X)
