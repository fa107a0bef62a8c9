"""Unpaired translation of digits by CycleGAN: does a translated digit stay the same digit?

The digits of scikit-learn, pixels in [0, 1], 30 % of the rows held out. Every second one of the
others is domain A, as it is; the rest is domain B: inverted, turned by 90 degrees or thickened
(grey dilation). Held-out digits of A are translated to B and back. Classes are those that a support
vector machine sees which learned from the rows of B, real ones, none of them translated: the share
that is kept, beside the share that it gets right of held-out digits that are really transformed,
and that of digits that are not translated. The error of a cycle is a mean over pixels, for A and
for B. The start is what ``max_epochs=0`` gives. Means over seeds of the split and the estimator;
"least" is that of the worst seed.

    python docs/benchmarks/cyclegan.py [--quick] [--seeds N] [--set KEY=VALUE ...]
"""

import argparse
import time

import numpy as np
from _data import overrides, table_header, table_row
from scipy.ndimage import grey_dilation
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

from skae import CycleGAN

TRANSFORMATIONS = {
    "inverted": lambda images: 1 - images,
    "turned": lambda images: np.rot90(images, axes=(1, 2)),
    "thickened": lambda images: grey_dilation(images, size=(1, 2, 2)),
}


def rows_of(images):
    """Flatten images."""
    return np.ascontiguousarray(images).reshape(len(images), -1)


def measure(transformation, seed, params):
    """Shares of kept classes, errors of cycles, seconds of the fit."""
    images, labels = load_digits().images / 16, load_digits().target
    train, test = train_test_split(np.arange(len(images)), test_size=0.3, random_state=seed)
    a, b = train[::2], train[1::2]
    digits, transformed = rows_of(images), rows_of(transformation(images))
    classifier = SVC(C=10).fit(transformed[b], labels[b])
    X, domain = np.concatenate([digits[a], transformed[b]]), np.repeat(["A", "B"], [len(a), len(b)])
    started = CycleGAN(random_state=seed, **{**params, "max_epochs": 0}).fit(X, domain)
    start = time.perf_counter()
    translator = CycleGAN(random_state=seed, **params).fit(X, domain)
    seconds = time.perf_counter() - start

    def kept(rows):
        return classifier.score(rows, labels[test])

    back = translator.transform(translator.inverse_transform(transformed[test]))
    return (
        kept(transformed[test]),
        kept(digits[test]),
        kept(started.transform(digits[test])),
        kept(translator.transform(digits[test])),
        np.square(translator.reconstruct(digits[test]) - digits[test]).mean(),
        np.square(back - transformed[test]).mean(),
        seconds,
    )


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one seed, few epochs")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--set", nargs="+", metavar="KEY=VALUE", default=[], help="parameters")
    options = parser.parse_args()
    n_seeds = 1 if options.quick else options.seeds
    table_header(
        "B", "really B", "not translated", "start", "CycleGAN", "least", "cycle A", "cycle B", "s"
    )
    for name, transformation in TRANSFORMATIONS.items():
        runs = [measure(transformation, seed, overrides(options)) for seed in range(n_seeds)]
        right, plain, start, kept, *rest = np.mean(runs, axis=0)
        table_row(name, right, plain, start, kept, np.min(runs, axis=0)[3], *rest)


if __name__ == "__main__":
    main()
