"""How well generated rows are told from real ones, and whether a classifier can learn from them.

Half of each table trains, the other half is what generated rows are compared with: digits of
scikit-learn, and tables of adbench/ cut to 6 000 rows. Measures: the accuracy of gradient boosting
that tells generated from held-out rows (C2ST, 0.5 is perfect) and the copy ratio, on columns of
unit variance. With `--classes`: the accuracy of gradient boosting trained on generated rows, one
model a class, on the 30 % of the rows that are held out then (TSTR), beside that of one trained on
real ones. adbench has no other classes than normal (0) and anomaly (1).

Peers: the Gaussian mixture on the columns themselves that C2ST likes best, of several numbers of
components and two kinds of covariance, its draws clipped to the range of training and, where all
values are integers, rounded; and the same mixture with `match_columns`, the third step of
GenerativeModel.

    python docs/benchmarks/generation.py [--quick] [--tables NAME ...] [--seeds N]
        [--models NAME ...] [--classes]
"""

import argparse
import time
import warnings

import numpy as np
from _data import load_protocol, table_header, table_row
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skae import VAE, DenoisingAE
from skae.exceptions import CalibrationWarning
from skae.generation import GenerativeModel
from skae.generation._quantiles import QuantileMatching
from skae.metrics import classifier_two_sample_test, copy_ratio, train_on_synthetic_accuracy

TABLES = ("digits", "30_satellite", "10_cover", "28_pendigits")
MOST_ROWS = 6000
COMPONENTS = (4, 16, 64)
MODELS = {
    "GenerativeModel()": {},
    "kernel density": {"sampler": "kernel_density"},
    "autoregressive flow": {"sampler": "autoregressive_flow"},
    "two-stage VAE": {"sampler": "two_stage_vae"},
    "VAE, prior": {"estimator": VAE(), "sampler": "prior"},
    "VAE, mixture": {"estimator": VAE()},
    "DenoisingAE, mixture": {"estimator": DenoisingAE()},
    "no noise": {"add_noise": False},
    "no matching": {"match_columns": False},
    "decoder alone": {"add_noise": False, "match_columns": False},
}


def load(name):
    """Rows and classes of a table."""
    X, y = load_digits(return_X_y=True) if name == "digits" else load_protocol().load_table(name)
    if len(X) > MOST_ROWS:
        keep = np.random.default_rng(0).permutation(len(X))[:MOST_ROWS]
        X, y = X[keep], y[keep]
    return X, y


def split(X, y, seed, test_size=0.5):
    """Rows for training and rows held out, and the classes of both."""
    return train_test_split(X, y, test_size=test_size, random_state=seed, stratify=y)


class Mixture:
    """A Gaussian mixture on columns of unit variance, a peer of GenerativeModel."""

    def __init__(self, n_components, covariance_type, rounded, seed, matched=False):
        self.settings = {
            "n_components": n_components,
            "covariance_type": covariance_type,
            "reg_covar": 1e-3,
            "random_state": seed,
        }
        self.rounded, self.matched = rounded, matched

    def fit(self, X):
        """Learn from rows."""
        self.scaler = StandardScaler().fit(X)
        self.mixture = GaussianMixture(**self.settings).fit(self.scaler.transform(X))
        self.low, self.high = X.min(axis=0), X.max(axis=0)
        if self.matched:
            self.matching = QuantileMatching(X, self.mixture.sample(10_000)[0])
        return self

    def sample(self, n_samples, random_state=None):
        """Draw rows."""
        drawn = self.mixture.sample(n_samples)[0]
        if self.matched:
            return self.matching.inverse_transform(drawn)
        rows = np.clip(self.scaler.inverse_transform(drawn), self.low, self.high)
        return np.rint(rows) if self.rounded else rows


def measured(model, train, held_out, seed):
    """C2ST, copy ratio and seconds of a fit."""
    start = time.perf_counter()
    rows = model.fit(train).sample(len(held_out), random_state=seed)
    seconds = time.perf_counter() - start
    scale = train.std(axis=0) + 1e-9
    copies = copy_ratio(rows / scale, train / scale, held_out / scale)
    return classifier_two_sample_test(held_out, rows, random_state=seed), copies, seconds


def mixtures(X, seed, quick):
    """The peers, by name."""
    rounded = bool((np.rint(X) == X).all())
    return {
        f"mixture, {n} {kind}": Mixture(n, kind, rounded, seed)
        for n in (COMPONENTS[:2] if quick else COMPONENTS)
        for kind in ("full", "diag")
    }


def best_mixture(train, held_out, quick):
    """Name, and measures by seed of the split, of the mixture of lowest C2ST in the first split."""
    rows = mixtures(train, 0, quick)
    results = {name: measured(model, train, held_out, 0) for name, model in rows.items()}
    return min(results, key=lambda name: results[name][0])


def compare(name, options):
    """Print the rows of a table: each model, means over the splits."""
    X, y = load(name)
    halves = [split(X, y, seed) for seed in range(options.seeds)]
    if "mixture" in options.models:
        best = best_mixture(*halves[0][:2], options.quick)
        runs = []
        for seed, (train, held_out, *_) in enumerate(halves):
            model = mixtures(X, seed, options.quick)[best]
            runs.append(measured(model, train, held_out, seed))
        report(name, f"best {best}", runs)
        _, n_components, kind = best.replace(",", "").split()
        matched = [
            measured(Mixture(int(n_components), kind, False, seed, True), train, held_out, seed)
            for seed, (train, held_out, *_) in enumerate(halves)
        ]
        report(name, f"{best}, matched columns", matched)
    for label in (label for label in MODELS if label in options.models):
        runs = [
            measured(GenerativeModel(**MODELS[label], random_state=seed), train, held_out, seed)
            for seed, (train, held_out, *_) in enumerate(halves)
        ]
        report(name, label, runs)


def report(name, label, runs):
    """Print one row."""
    c2st, copies, seconds = np.transpose(runs)
    table_row(name, label, f"{c2st.mean():.3f}", f"{c2st.min():.3f} – {c2st.max():.3f}",
              f"{copies.mean():.2f}", f"{seconds.mean():.0f}")  # fmt: skip


def teach(name, options):
    """Print the row of a table: accuracy on held-out rows, learned from generated and real ones."""
    X, y = load(name)
    runs = []
    for seed in range(options.seeds):
        train, held_out, labels, held_out_labels = split(X, y, seed, test_size=0.3)
        parts = []
        for label in np.unique(labels):
            rows = train[labels == label]
            model = GenerativeModel(random_state=seed).fit(rows)
            parts.append(model.sample(options.times * len(rows), random_state=seed))
        classes = np.repeat(np.unique(labels), [len(part) for part in parts])
        pair = [(np.concatenate(parts), classes), (train, labels)]
        runs.append(
            [
                train_on_synthetic_accuracy(*learned, held_out, held_out_labels, random_state=seed)
                for learned in pair
            ]
        )
    synthetic, real = np.transpose(runs)
    table_row(name, f"{synthetic.mean():.3f}", f"{synthetic.min():.3f} – {synthetic.max():.3f}",
              f"{real.mean():.3f}")  # fmt: skip


def main():
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="digits, one seed, few mixtures")
    parser.add_argument("--tables", nargs="+", default=TABLES)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--models", nargs="+", default=["mixture", *MODELS])
    parser.add_argument("--classes", action="store_true", help="TSTR instead of C2ST")
    parser.add_argument("--times", type=int, default=4, help="generated rows a real one, for TSTR")
    options = parser.parse_args()
    if options.quick:
        options.tables, options.seeds = ["digits"], 1
    for kind in (CalibrationWarning, ConvergenceWarning):
        warnings.simplefilter("ignore", kind)

    if options.classes:
        table_header("table", "TSTR", "range", "learned from real rows")
    else:
        table_header("table", "model", "C2ST", "range", "copy ratio", "seconds")
    for name in options.tables:
        (teach if options.classes else compare)(name, options)


if __name__ == "__main__":
    main()
