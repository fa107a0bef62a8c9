"""Log-likelihood of held-out digits under variational auto-encoders, beside probabilistic PCA.

The digits of scikit-learn, integers from 0 to 16 plus uniform noise on [0, 1), 30 % of the rows
held out. Each row of the result is a code size and an estimator with its defaults: mean nats a
held-out row in original units of probabilistic PCA of that size, exact, and of the estimator, the
bound that `score_samples` gives and the importance-weighted estimate of `log_likelihood`; means
over seeds of the split, and the range of the estimate. The best size of probabilistic PCA is the
bar for all.

    python docs/benchmarks/log_likelihood.py [--quick] [--seeds N] [--draws N] [--sizes K ...]
        [--estimators NAME ...]
"""

import argparse
import time
import warnings
from itertools import product

import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from skae import IWAE, VAE, VampPriorVAE
from skae.exceptions import CalibrationWarning

ESTIMATORS = {cls.__name__: cls for cls in (VAE, IWAE, VampPriorVAE)}
PCA_SIZES = (4, 8, 12, 16, 20, 24, 28, 32, 40, 48)


def split(seed):
    """Training and held-out digits, with uniform noise in the place of what rounding took."""
    digits = load_digits().data
    noise = np.random.default_rng(seed).random(digits.shape)
    return train_test_split(digits + noise, test_size=0.3, random_state=seed)


def measure(estimator, train, test, n_draws, seed):
    """Seconds of the fit, bound and estimate in nats a row."""
    start = time.perf_counter()
    estimator.fit(train)
    seconds = time.perf_counter() - start
    estimate = estimator.log_likelihood(test, n_draws, random_state=seed).mean()
    return seconds, estimator.score_samples(test).mean(), estimate


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one seed, one size, few draws")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--draws", type=int, default=5000)
    parser.add_argument("--sizes", type=int, nargs="+", default=[8, 16, 24])
    parser.add_argument("--estimators", nargs="+", default=[*ESTIMATORS], choices=[*ESTIMATORS])
    options = parser.parse_args()
    if options.quick:
        options.seeds, options.draws, options.sizes = 1, 50, [8]
    warnings.simplefilter("ignore", CalibrationWarning)

    splits = [split(seed) for seed in range(options.seeds)]
    pca = {k: np.mean([PCA(k).fit(a).score(b) for a, b in splits]) for k in PCA_SIZES}
    best = max(pca, key=pca.get)
    print(f"Best probabilistic PCA: {best} components, {pca[best]:.1f} nats a row.\n")
    print("| codes | probabilistic PCA | estimator | bound | estimate | range | seconds |")
    print("|---|---|---|---|---|---|---|")
    for k, name in product(options.sizes, options.estimators):
        runs = [
            measure(ESTIMATORS[name](k, random_state=seed), *rows, options.draws, seed)
            for seed, rows in enumerate(splits)
        ]
        seconds, bound, estimate = np.transpose(runs)
        exact = np.mean([PCA(k).fit(train).score(test) for train, test in splits])
        print(
            f"| {k} | {exact:.1f} | {name} | {bound.mean():.1f} | {estimate.mean():.1f} "
            f"| {estimate.min():.1f} to {estimate.max():.1f} | {seconds.mean():.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
