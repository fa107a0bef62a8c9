"""Squared error of held-out images from few codes: AutoEncoder, PCA, kernel PCA.

Pixels are divided by their largest value, and nothing else is scaled. The first split is that of
`train_test_split(test_size=0.3, random_state=0)`, further seeds shuffle otherwise and give
AutoEncoder another `random_state`. Tables larger than `--rows` are subsampled, alike for all, as
kernel PCA needs the square of the rows. Kernel PCA (RBF) has the best of several gammas and alphas
on the held-out rows: chosen in its favour. Means over seeds, and seconds of a fit of AutoEncoder.

    python docs/benchmarks/dimension_reduction.py [--quick] [--tables digits 24_mnist 26_optdigits]
        [--seeds N] [--rows N] [--sizes K ...] [--set KEY=VALUE ...]
"""

import time
from itertools import product

import numpy as np
from _data import load_protocol, overrides, parser, table_header, table_row
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA, KernelPCA
from sklearn.model_selection import train_test_split

from skae import AutoEncoder

TABLES = ("digits", "24_mnist", "26_optdigits")
GAMMAS, ALPHAS = (0.25, 1, 4), (0.001, 0.03)  # gammas: over the number of pixels


def pixels(name):
    """Rows of a table, from 0 to 1."""
    X = load_digits().data if name == "digits" else load_protocol().load_table(name)[0]
    return X / X.max()


def splits(X, n_seeds, n_rows):
    """Training and held-out rows for each seed."""
    for seed in range(n_seeds):
        if len(X) > n_rows:
            rows = np.random.default_rng(seed).choice(len(X), n_rows, replace=False)
        else:
            rows = np.arange(len(X))
        yield train_test_split(X[rows], test_size=0.3, random_state=seed)


def error(estimator, train, test):
    """Mean squared error of held-out rows."""
    estimator.fit(train)
    return np.mean((estimator.inverse_transform(estimator.transform(test)) - test) ** 2)


def kernel_pca_error(k, train, test):
    """That of the best kernel PCA."""
    return min(
        error(
            KernelPCA(
                k,
                kernel="rbf",
                gamma=gamma / train.shape[1],
                alpha=alpha,
                fit_inverse_transform=True,
                eigen_solver="randomized",
                random_state=0,
            ),
            train,
            test,
        )
        for gamma, alpha in product(GAMMAS, ALPHAS)
    )


def measure(k, seed, train, test, params):
    """Errors of PCA, kernel PCA and AutoEncoder, and its seconds."""
    peers = error(PCA(k), train, test), kernel_pca_error(k, train, test)
    start = time.perf_counter()
    ours = error(AutoEncoder(k, scaler=None, random_state=seed, **params), train, test)
    return *peers, ours, time.perf_counter() - start


def main():
    """Print the table."""
    options = parser(__doc__.split("\n")[0])
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--rows", type=int, default=3000)
    options.add_argument("--sizes", type=int, nargs="+", default=[2, 8, 16])
    args = options.parse_args()
    if args.quick:
        args.tables, args.seeds = ["digits"], 1
    table_header("table", "codes", "PCA", "kernel PCA", "AutoEncoder", "worst seed", "seconds")
    for name, k in product(args.tables or TABLES, args.sizes):
        rows = splits(pixels(name), args.seeds, args.rows)
        runs = [measure(k, seed, *split, overrides(args)) for seed, split in enumerate(rows)]
        pca, kernel_pca, ours, seconds = np.mean(runs, axis=0)
        table_row(name, k, pca, kernel_pca, ours, np.max(runs, axis=0)[2], seconds)


if __name__ == "__main__":
    main()
