"""Convolutional and fully connected auto-encoders of images, and PCA.

Held-out mean squared error, per pixel in [0, 1], and CPU seconds of the fit: the digits of
scikit-learn, 26_optdigits (both 8 x 8) and sprites of 24 x 24 pixels with known factors; 30 % of
the rows held out. Pixels are all in the same units, so that nothing is scaled (`scaler=None`); all
else are defaults, but where the table says so. Means over seeds of the split. (24_mnist is no
image: ADBench has 100 features of it.)

    python docs/benchmarks/images.py [--quick] [--seeds N] [--sizes K ...]
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

from skae import AutoEncoder
from skae.datasets import make_sprites
from skae.exceptions import CalibrationWarning

NETWORKS = {
    "fully connected": lambda shape: {},
    "convolutional": lambda shape: {"input_shape": shape},
    "convolutional, lr=1e-3": lambda shape: {"input_shape": shape, "lr": 1e-3},
}


def tables(n_sprites):
    """Images in [0, 1] by name, and their shapes."""
    yield "digits", load_digits().data / 16, (1, 8, 8)
    yield "26_optdigits", load_protocol().load_table("26_optdigits")[0] / 16, (1, 8, 8)
    sprites = make_sprites(n_sprites, image_size=24, random_state=0)[0]
    yield "sprites", sprites.reshape(n_sprites, -1).astype(float), (1, 24, 24)


def measure(n_components, train, test, settings):
    """Held-out error and CPU seconds of the fit."""
    start = time.process_time()
    model = AutoEncoder(n_components, scaler=None, **settings).fit(train)
    return np.mean((model.reconstruct(test) - test) ** 2), time.process_time() - start


def pca_error(n_components, train, test):
    """Held-out error of PCA."""
    pca = PCA(n_components).fit(train)
    return np.mean((pca.inverse_transform(pca.transform(test)) - test) ** 2)


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one seed, one size, two epochs")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--sprites", type=int, default=1000)
    parser.add_argument("--sizes", type=int, nargs="+", default=[2, 8])
    options = parser.parse_args()
    limits = {}
    if options.quick:
        options.seeds, options.sprites, options.sizes, limits = 1, 200, [8], {"max_epochs": 2}
    warnings.simplefilter("ignore", ConvergenceWarning)
    warnings.simplefilter("ignore", CalibrationWarning)
    table_header("images", "codes", "network", "MSE", "of PCA", "CPU seconds")
    for name, X, shape in tables(options.sprites):
        seeds = range(options.seeds)
        splits = [train_test_split(X, test_size=0.3, random_state=seed) for seed in seeds]
        for k in options.sizes:
            linear = np.mean([pca_error(k, *split) for split in splits])
            for network, settings in NETWORKS.items():
                runs = [
                    measure(k, *split, {**settings(shape), **limits, "random_state": seed})
                    for seed, split in zip(seeds, splits, strict=True)
                ]
                error, seconds = np.mean(runs, axis=0)
                table_row(name, k, network, error, linear, seconds)


if __name__ == "__main__":
    main()
