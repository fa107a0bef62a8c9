"""Error of held-out digits that are kept in 24 bits a row, by quantiser, beside k-means.

The digits of scikit-learn over 16, 30 % of the rows held out (seed 0). Each row of the result is a
quantiser of `VQVAE`, all else its default but without a scaler, or k-means on the pixels: product
k-means on groups of pixels in their order, residual k-means on what the stages before left over.
Mean squared error of a pixel: mean over seeds of the fit, and range; of `VQVAE` with 0, 1 (the
default) and 2 sweeps of its search for better integers. Means over the integers of the share of
their values that training rows have, and of the perplexity over the number of values. Seconds of
the fit, and of `transform` of the held-out rows.

    python docs/benchmarks/quantisation.py [--quick] [--seeds N] [--set KEY=VALUE ...]
"""

import time

import numpy as np
from _data import overrides, parser, table_header, table_row
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skae import VQVAE
from skae.vector_quantized import FiniteScalarQuantizer, ResidualQuantizer, VectorQuantizer

# Components and quantiser: 24 bits each.
QUANTIZERS = [
    (8, FiniteScalarQuantizer()),
    (12, FiniteScalarQuantizer(4)),
    (24, FiniteScalarQuantizer(2)),
    (24, VectorQuantizer(256, n_groups=3)),
    (24, VectorQuantizer(64, n_groups=4)),
    (16, ResidualQuantizer(256, n_stages=3)),
    (16, ResidualQuantizer(64, n_stages=4)),
    (16, ResidualQuantizer(16, n_stages=6)),
]
# Codebooks, and values of each: 24 bits.
SHAPES = [(3, 256), (4, 64), (6, 16)]
SWEEPS = (0, 1, 2)


def product_k_means(train, test, n_codebooks, n_values, seed):
    """Rows of centres, a codebook for each group of columns."""
    groups = np.array_split(np.arange(train.shape[1]), n_codebooks)
    kmeans = [KMeans(n_values, n_init=4, random_state=seed).fit(train[:, g]) for g in groups]
    parts = [k.cluster_centers_[k.predict(test[:, g])] for k, g in zip(kmeans, groups, strict=True)]
    return np.hstack(parts)


def residual_k_means(train, test, n_codebooks, n_values, seed):
    """Sums of centres, each codebook for what the ones before left over."""
    restored = np.zeros_like(test)
    for _ in range(n_codebooks):
        kmeans = KMeans(n_values, n_init=4, random_state=seed).fit(train)
        train = train - kmeans.cluster_centers_[kmeans.predict(train)]
        restored += kmeans.cluster_centers_[kmeans.predict(test - restored)]
    return restored


def mean_and_range(values):
    """A cell of the table."""
    return f"{np.mean(values):.4f} ({min(values):.4f} to {max(values):.4f})"


def measure(vqvae, train, test):
    """Errors by number of sweeps; use, relative perplexity, seconds of the fit and of transform."""
    start = time.perf_counter()
    vqvae.fit(train)
    fitted = time.perf_counter()
    vqvae.set_params(n_sweeps=1).transform(test)
    seconds = fitted - start, time.perf_counter() - fitted
    errors = [_error(vqvae.set_params(n_sweeps=n).reconstruct(test), test) for n in SWEEPS]
    n_values = vqvae.module_.quantizer.codebook_size
    return errors, (vqvae.codebook_usage_.mean(), vqvae.perplexity_.mean() / n_values, *seconds)


def _error(restored, rows):
    return np.square(restored - rows).mean()


def main():
    """Print the table."""
    options = parser(__doc__.split("\n")[0])
    options.add_argument("--seeds", type=int, default=3, help="of the fit")
    args = options.parse_args()
    seeds = range(1 if args.quick else args.seeds)
    train, test = train_test_split(load_digits().data / 16, test_size=0.3, random_state=0)
    sweeps = [f"sweeps: {n}" for n in SWEEPS]
    table_header("components", "quantiser", *sweeps, "use", "perplexity", "fit", "transform")
    for method in (product_k_means, residual_k_means):
        for shape in SHAPES:
            errors = [_error(method(train, test, *shape, seed), test) for seed in seeds]
            name = f"{method.__name__}, {shape[0]} of {shape[1]}".replace("_k_", " k-")
            table_row("", name, mean_and_range(errors), *[""] * 6)
    for n_components, quantizer in QUANTIZERS:
        params = {"quantizer": quantizer, "scaler": None, **overrides(args)}
        runs = [
            measure(VQVAE(n_components, random_state=seed, **params), train, test) for seed in seeds
        ]
        errors, others = (np.array(values) for values in zip(*runs, strict=True))
        table_row(
            n_components, quantizer, *map(mean_and_range, errors.T), *others.mean(axis=0).round(3)
        )


if __name__ == "__main__":
    main()
