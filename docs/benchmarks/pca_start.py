"""Time until an auto-encoder reaches PCA's held-out error, with and without the start from PCA.

Digits (pixels / 16, not standardised), a code of 8, 70 % of the rows to train on. The clock runs
from the call of `fit` to the first epoch after which the error on the held-out 30 % is no larger
than that of PCA with as many components; the time to measure the error is taken out. The start
itself does not count, though it is as good as PCA up to rounding.

    python docs/benchmarks/pca_start.py [--quick] [--threads N]
"""

import time
import warnings
from functools import partial

import _timing
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from skorch.callbacks import Callback

from skae import AutoEncoder

N_COMPONENTS = 8


class StopAtError(Callback):
    """Stop the training, and the clock, at an error on held-out rows."""

    def __init__(self, X, error):
        self.X = X
        self.error = error

    def on_train_begin(self, net, **kwargs):
        """Nothing was spent on judging yet."""
        self.judging_ = 0.0
        self.reached_at_ = np.nan

    @torch.no_grad()
    def on_epoch_begin(self, net, **kwargs):
        """Judge what the epochs before it, or the start, have reached."""
        start = time.perf_counter()
        rows = torch.from_numpy(self.X)
        error = (net.module_(rows) - rows).square().mean().item()
        if error <= self.error * (1 + 1e-6):  # PCA itself, but for rounding
            self.reached_at_ = start - self.judging_
            raise KeyboardInterrupt  # skorch's way to stop
        self.judging_ += time.perf_counter() - start


def time_to_reach(error, X, X_held_out, **params):
    """Return seconds and epochs."""
    start = time.perf_counter()
    estimator = AutoEncoder(
        N_COMPONENTS,
        scaler=None,
        max_epochs=1000,
        early_stopping=False,
        contamination=0.1,
        callbacks=[StopAtError(X_held_out, error)],
        device="cpu",
        **params,
    ).fit(X)
    (_, callback) = estimator.net_.callbacks_[0]
    return callback.reached_at_ - start, estimator.n_iter_


def measure(quick):
    """Print the rows of the table."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    digits = load_digits().data.astype(np.float32) / 16
    X, X_held_out = train_test_split(digits, test_size=0.3, random_state=0)
    pca = PCA(N_COMPONENTS).fit(X)
    reconstructed = pca.inverse_transform(pca.transform(X_held_out))
    error = float(np.square(reconstructed - X_held_out).mean())
    works = {
        f"init={init!r}": partial(time_to_reach, error, X, X_held_out, init=init, random_state=0)
        for init in ("pca", "random")
    }
    results = _timing.interleaved(works, rounds=1 if quick else 7)
    for name, result in results.items():
        seconds, epochs = result.T
        _timing.report(f"seconds to PCA's error {error:.4f}, {name}", seconds, unit=" s")
        _timing.report(f"epochs to PCA's error, {name}", epochs, unit=" epochs")
    seconds = {name: result[:, 0] for name, result in results.items()}
    ratio = seconds["init='pca'"] / seconds["init='random'"]
    _timing.report("time to PCA's error, init='pca' / init='random'", ratio, "≤ 0.2 ×")


if __name__ == "__main__":
    _timing.main(measure, __doc__)
