"""Rows trained per second by a whole `fit`, beside a plain torch loop, PyOD and MLPRegressor.

The network is 30-64-8-64-30, the table has 50 000 rows, there are 20 epochs of Adam, the batch has
256 or 64 rows. skae's `fit` is the default one (scaler, start from PCA, linear paths, threshold)
without early stopping; only the rows that it trains on count, not those that it holds out for the
threshold. Peers do no less and no more than they have to:

- torch: the same layers, a loop over shuffled slices of a tensor, default Adam;
- PyOD: `AutoEncoder` with the same layers, no dropout, no batch norm, no weight decay; it
  standardises and computes a threshold, as skae does;
- scikit-learn: `MLPRegressor` fitted to reproduce X (ReLU), in float32.

With compile=True the time to compile (what the first epoch takes above a later one) is left out of
the rate and reported apart, once without any cache of the compiler.

    python docs/benchmarks/fit_speed.py [--quick] [--threads N]
"""

import math
import os
import tempfile
import time
import warnings
from functools import partial

import _timing
import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor
from torch import nn

from skae import AutoEncoder
from skae.base import MOST_HELD_OUT_ROWS
from skae.utils import import_optional

N_FEATURES, N_HIDDEN, N_COMPONENTS = 30, 64, 8
ROWS = [  # ours, peer, batch size, to reach
    ("skae", "torch", 256, "≥ 1.5 ×"),
    ("skae linear_skip=False", "torch", 256, "≥ 1.5 ×"),
    ("skae", "PyOD", 256, "≥ 10 ×"),
    ("skae", "MLPRegressor", 256, "≥ 1.2 ×"),
    ("skae", "torch", 64, "≥ 1.7 ×"),
    ("skae linear_skip=False", "torch", 64, ""),
    ("skae compile=True", "torch", 64, "≥ 5 ×"),
    ("skae", "PyOD", 64, ""),
    ("skae", "MLPRegressor", 64, ""),
    ("skae compile=True", "MLPRegressor", 64, "≥ 2 ×"),
]


def make_table(n_rows):
    """Eight factors and noise."""
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(n_rows, N_COMPONENTS)) @ rng.normal(size=(N_COMPONENTS, N_FEATURES))
    return (factors + rng.normal(size=factors.shape)).astype(np.float32)


def plain_network():
    """The network as anyone would write it."""
    return nn.Sequential(
        nn.Linear(N_FEATURES, N_HIDDEN),
        nn.ReLU(),
        nn.Linear(N_HIDDEN, N_COMPONENTS),
        nn.Linear(N_COMPONENTS, N_HIDDEN),
        nn.ReLU(),
        nn.Linear(N_HIDDEN, N_FEATURES),
    )


def fit_torch(X, batch_size, epochs):
    """A loop as anyone would write it, without a DataLoader."""
    X = torch.from_numpy(X)
    network, loss_function = plain_network(), nn.MSELoss()
    optimizer = torch.optim.Adam(network.parameters())
    for _ in range(epochs):
        for rows in torch.randperm(len(X)).split(batch_size):
            batch = X[rows]
            optimizer.zero_grad()
            loss = loss_function(network(batch), batch)
            loss.backward()
            optimizer.step()
    return len(X) * epochs


def pyod_auto_encoder(batch_size, epochs):
    """PyOD's AutoEncoder, relieved of all that skae does not do."""
    return import_optional("pyod.models.auto_encoder", extra="bench").AutoEncoder(
        hidden_neuron_list=[N_HIDDEN, N_COMPONENTS],
        batch_norm=False,
        dropout_rate=0,
        preprocessing=True,  # standardises, as skae does
        optimizer_params={},
        epoch_num=epochs,
        batch_size=batch_size,
        device=torch.device("cpu"),
        verbose=0,
    )


def fit_pyod(X, batch_size, epochs):
    """PyOD's `fit`."""
    pyod_auto_encoder(batch_size, epochs).fit(X)
    return len(X) // batch_size * batch_size * epochs  # it drops the last batch


def fit_sklearn(X, batch_size, epochs):
    """scikit-learn's network, kept from stopping early."""
    network = MLPRegressor(
        hidden_layer_sizes=(N_HIDDEN, N_COMPONENTS, N_HIDDEN),
        batch_size=batch_size,
        max_iter=epochs,
        n_iter_no_change=epochs + 1,
    )
    network.fit(X, X)
    return len(X) * epochs


def fit_skae(X, batch_size, epochs, **params):
    """Fit; return the estimator."""
    settings = {"hidden_layer_sizes": (N_HIDDEN,), "early_stopping": False, "random_state": 0}
    settings |= {"batch_size": batch_size, "max_epochs": epochs, "device": "cpu"}
    return AutoEncoder(N_COMPONENTS, **settings, **params).fit(X)


def rows_trained(estimator, n_rows):
    """Rows times epochs, without those held out for the threshold."""
    n_held_out = min(math.ceil(estimator.validation_fraction * n_rows), MOST_HELD_OUT_ROWS)
    return (n_rows - n_held_out) * estimator.n_iter_


def skae_rows(X, batch_size, epochs, **params):
    """Fit; return the rows trained."""
    return rows_trained(fit_skae(X, batch_size, epochs, **params), len(X))


def compiled_fit(X, batch_size, epochs):
    """Fit; return the rate without the time to compile, and that time."""
    start = time.perf_counter()
    estimator = fit_skae(X, batch_size, epochs, compile=True)
    elapsed = time.perf_counter() - start
    seconds = estimator.history_["seconds"].to_numpy()[1:]
    compiling = seconds[0] - np.median(seconds[1:])
    return rows_trained(estimator, len(X)) / (elapsed - compiling), compiling


def measure(quick):
    """Print the rows of the table."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    n_rows, epochs, rounds = (10_000, 3, 1) if quick else (50_000, 20, 5)
    X = make_table(n_rows)
    with tempfile.TemporaryDirectory() as cache:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = cache
        compiling = compiled_fit(X, 64, epochs)[1]
        rates = {size: rates_of(X, size, epochs, rounds) for size in (256, 64)}
    for size, of in rates.items():
        for name, values in of.items():
            _timing.report(f"{name}, batch {size}", values, unit=" rows/s")
    for ours, peer, size, to_reach in ROWS:
        ratio = rates[size][ours] / rates[size][peer]
        _timing.report(f"{ours} / {peer}, batch {size}", ratio, to_reach)
    _timing.report("compile=True, batch 64: time to compile", compiling, "≤ 30 s", " s")
    plain, compiled = (np.median(rates[64][ours]) for ours in ("skae", "skae compile=True"))
    break_even = compiling / (1 / plain - 1 / compiled)
    _timing.report("compile=True, batch 64: pays off from", break_even, "", " rows trained")


def rates_of(X, batch_size, epochs, rounds):
    """Rates of all candidates at one batch size."""
    peers = {"torch": fit_torch, "PyOD": fit_pyod, "MLPRegressor": fit_sklearn}
    works = {name: partial(fit, X, batch_size, epochs) for name, fit in peers.items()}
    works["skae"] = partial(skae_rows, X, batch_size, epochs)
    works["skae linear_skip=False"] = partial(skae_rows, X, batch_size, epochs, linear_skip=False)
    candidates = {name: partial(_timing.timed, work) for name, work in works.items()}
    if batch_size == 64:
        candidates["skae compile=True"] = lambda: compiled_fit(X, batch_size, epochs)[0]
    return _timing.interleaved(candidates, rounds)


if __name__ == "__main__":
    _timing.main(measure, __doc__)
