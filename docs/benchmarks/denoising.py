"""Noisy rows in, clean rows out: DenoisingAE beside PCA.

Values of the digits of scikit-learn (divided by 16) and of 28_pendigits lie in [0, 1]; normal noise
with a standard deviation of 0.5, half of that range, is added to held-out rows (30 %). Everything
is fitted to clean training rows, and restores the same noisy rows; figures are peak signal-to-noise
ratios in decibels, of the range 1, means over seeds of split and noise. PCA has the number of
components that is best on the held-out rows. DenoisingAE knows the level of the noise
(`noise_level=0.5, scaler=None`); all else are defaults, but where the table says so.

    python docs/benchmarks/denoising.py [--quick] [--seeds N]
"""

import argparse
import time
import warnings

import numpy as np
from _data import load_protocol, table_header, table_row
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from skorch.callbacks import LRScheduler
from torch.optim.lr_scheduler import OneCycleLR

from skae import DenoisingAE
from skae.exceptions import CalibrationWarning
from skae.metrics import peak_signal_noise_ratio

LEVEL = 0.5
# Strong noise, new in every epoch, cannot be learned by heart: long training pays.
ANNEALED = {
    "batch_size": 64,
    "max_epochs": 800,
    "n_iter_no_change": 800,
    "callbacks": [
        LRScheduler(OneCycleLR, max_lr=1e-3, total_steps=800, pct_start=0.1, cycle_momentum=False)
    ],
}


def psnr(clean, restored):
    """Decibels, of values in [0, 1]."""
    return peak_signal_noise_ratio(clean, restored, data_range=1.0)


def best_pca(train, test, noisy):
    """Decibels of the best number of components."""
    components = PCA().fit(train)
    codes = (noisy - components.mean_) @ components.components_.T
    return max(
        psnr(test, codes[:, :k] @ components.components_[:k] + components.mean_)
        for k in range(1, train.shape[1] + 1)
    )


def measure(settings, train, test, noisy, seed):
    """Decibels and CPU seconds of DenoisingAE."""
    start = time.process_time()
    model = DenoisingAE(noise_level=LEVEL, scaler=None, random_state=seed, **settings).fit(train)
    return psnr(test, model.reconstruct(noisy)), time.process_time() - start


def candidates(n_features):
    """Settings by name; the digits are images, too."""
    yield "perceptron", {}
    wide = {"n_components": n_features // 2, "lr": 1e-3}
    yield "perceptron, code of half the columns", {"n_components": n_features // 2}
    deep = {**wide, "hidden_layer_sizes": (256, 256)}
    yield "the same, two layers of 256, lr=1e-3", deep
    if n_features == 64:  # four times as many rows would take half an hour
        yield "the same, annealed over 800 epochs", {**deep, **ANNEALED}
        yield "convolutional", {"input_shape": (1, 8, 8)}
        yield "convolutional, code of 32, lr=1e-3", {**wide, "input_shape": (1, 8, 8)}


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one seed, few epochs")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    limits = {"max_epochs": 2} if options.quick else {}
    n_seeds = 1 if options.quick else options.seeds
    warnings.simplefilter("ignore", ConvergenceWarning)
    warnings.simplefilter("ignore", CalibrationWarning)
    tables = {
        "digits": load_digits().data / 16,
        "28_pendigits": load_protocol().load_table("28_pendigits")[0],
    }
    table_header("table", "DenoisingAE", "dB", "over the noisy rows", "over PCA", "CPU seconds")
    for name, X in tables.items():
        splits = []
        for seed in range(n_seeds):
            train, test = train_test_split(X, test_size=0.3, random_state=seed)
            noise = np.random.default_rng(seed).normal(scale=LEVEL, size=test.shape)
            splits.append((train, test, test + noise))
        before = np.array([psnr(test, noisy) for _, test, noisy in splits])
        linear = np.array([best_pca(*split) for split in splits])
        for what, settings in candidates(X.shape[1]):
            runs = [
                measure({**settings, **limits}, *split, seed) for seed, split in enumerate(splits)
            ]
            reached, seconds = np.transpose(runs)
            gains = (reached - before).mean(), (reached - linear).mean()
            table_row(name, what, reached.mean(), *gains, seconds.mean())


if __name__ == "__main__":
    main()
