"""Disentanglement of variational auto-encoders: whether single codes are single factors of sprites.

Sprites of 16 x 16 pixels: three shapes, six sizes, ten angles, eight places along each axis. 6 000
random ones train each estimator, all 11 520 are coded, in 10 codes. All estimators have the same
network, Bernoulli density of pixels and number of epochs, and the weights of their terms by
default, but where the table says so. Each row of the result is an estimator: mutual information
gap (MIG), its range over seeds, the score of FactorVAE, and the cross-entropy of reconstructions in
nats an image, of which lower is better; means over seeds of the rows and the fit.

    python docs/benchmarks/disentanglement.py [--quick] [--seeds N] [--epochs N]
        [--estimators NAME ...]
"""

import argparse
import time
import warnings

import numpy as np
from _data import table_header, table_row
from scipy.special import xlogy
from sklearn.exceptions import ConvergenceWarning

from skae import DIPVAE, VAE, BetaTCVAE, FactorVAE
from skae.datasets import make_sprites
from skae.exceptions import CalibrationWarning
from skae.metrics import factor_vae_score, mutual_information_gap

LEVELS = {"image_size": 16, "n_rotations": 10, "n_positions": 8}
ESTIMATORS = {
    "VAE": (VAE, {}),
    "VAE, beta=4": (VAE, {"beta": 4.0}),
    "DIPVAE": (DIPVAE, {}),
    "FactorVAE": (FactorVAE, {}),
    "BetaTCVAE": (BetaTCVAE, {}),
}
SETTINGS = {
    "hidden_layer_sizes": (128, 128),
    "init": "random",
    "loss": "log_loss",
    "scaler": None,
    "lr": 1e-3,
    "batch_size": 128,
    "early_stopping": False,
}


def cross_entropy(images, reconstructions):
    """Mean over rows, in nats."""
    given = np.clip(reconstructions, 1e-6, 1 - 1e-6)
    cells = xlogy(images, given) + xlogy(1 - images, 1 - given)
    return -cells.sum(axis=1).mean()


def measure(cls, settings, n_train, seed):
    """MIG, score of FactorVAE, cross-entropy, CPU seconds of the fit: a tuple of floats."""
    train, _ = make_sprites(n_train, random_state=seed, **LEVELS)
    images, factors = make_sprites(None, **LEVELS)
    start = time.process_time()
    model = cls(10, random_state=seed, **SETTINGS, **settings).fit(train)
    seconds = time.process_time() - start
    codes = model.transform(images)
    return (
        mutual_information_gap(codes, factors),
        factor_vae_score(codes, factors, random_state=seed),
        cross_entropy(images, model.inverse_transform(codes)),
        seconds,
    )


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one seed, few rows, two epochs")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--estimators", nargs="+", default=[*ESTIMATORS], choices=[*ESTIMATORS])
    options = parser.parse_args()
    n_train = 6000
    if options.quick:
        options.seeds, options.epochs, n_train = 1, 2, 500
    warnings.simplefilter("ignore", ConvergenceWarning)
    warnings.simplefilter("ignore", CalibrationWarning)
    table_header("estimator", "MIG", "range", "FactorVAE score", "cross-entropy", "CPU seconds")
    for name in options.estimators:
        cls, settings = ESTIMATORS[name]
        limits = {**settings, "max_epochs": options.epochs}
        runs = [measure(cls, limits, n_train, seed) for seed in range(options.seeds)]
        gaps, votes, entropies, seconds = np.transpose(runs)
        spread = f"{gaps.min():.3f} to {gaps.max():.3f}"
        table_row(name, gaps.mean(), spread, votes.mean(), entropies.mean(), seconds.mean())


if __name__ == "__main__":
    main()
