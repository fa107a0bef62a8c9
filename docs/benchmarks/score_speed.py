"""Rows scored per second by `score_samples`, beside a bare forward pass of torch and PyOD.

The network is 30-64-8-64-30, the rows are float32. skae checks the rows, scales them, runs the
network and the linear paths and averages the squared error. The bare pass is the plain network and
the error under `torch.inference_mode`, over the whole table at once or over blocks of 1 024 rows,
without any of the rest.

    python docs/benchmarks/score_speed.py [--quick] [--threads N]
"""

from functools import partial

import _timing
import torch
from fit_speed import N_COMPONENTS, N_HIDDEN, make_table, plain_network, pyod_auto_encoder

from skae import AutoEncoder

ROWS = [  # peer, to reach
    ("torch, whole table", "≥ 1.0 ×"),
    ("torch, blocks of 1 024", "≥ 0.6 ×"),
    ("PyOD decision_function", "≥ 10 ×"),
]


@torch.inference_mode()
def score_torch(network, X, block_rows):
    """Squared error of each row, nothing else."""
    for rows in torch.from_numpy(X).split(block_rows):
        (network(rows) - rows).square().mean(dim=1)
    return len(X)


def score(scorer, X):
    """Score; return the number of rows."""
    return len(scorer(X))


def measure(quick):
    """Print the rows of the table."""
    n_rows, rounds = (20_000, 2) if quick else (400_000, 9)
    X, network = make_table(n_rows), plain_network()
    settings = {"hidden_layer_sizes": (N_HIDDEN,), "max_epochs": 1, "early_stopping": False}
    estimator = AutoEncoder(
        N_COMPONENTS, **settings, contamination=0.1, device="cpu", random_state=0
    ).fit(X[:10_000])
    pyod = pyod_auto_encoder(batch_size=256, epochs=1)
    pyod.fit(X[:10_000])
    works = {
        "skae": partial(score, estimator.score_samples, X),
        "torch, whole table": partial(score_torch, network, X, n_rows),
        "torch, blocks of 1 024": partial(score_torch, network, X, 1024),
        "PyOD decision_function": partial(score, pyod.decision_function, X[: n_rows // 10]),
    }
    candidates = {name: partial(_timing.timed, work) for name, work in works.items()}
    rates = _timing.interleaved(candidates, rounds)
    for name, values in rates.items():
        _timing.report(f"scoring, {name}", values, unit=" rows/s")
    for peer, to_reach in ROWS:
        _timing.report(f"skae score_samples / {peer}", rates["skae"] / rates[peer], to_reach)


if __name__ == "__main__":
    _timing.main(measure, __doc__)
