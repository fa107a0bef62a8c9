"""Detectors on real tables: ROC AUC, average precision, seconds to fit and to score.

Two protocols, those of protocol.py: one-class (a random half of the normal rows trains, the rest
and all anomalies are scored) and unsupervised (all rows train and are scored). Defaults
everywhere, no labels used. `--csv` keeps what was measured, one line a detector, table, protocol
and seed, and does not measure it again; `--folder` takes other tables in the same format (.npz
with `X` and `y`, 1 an anomaly).

    python docs/benchmarks/adbench.py [--csv FILE] [--seeds N] [--detectors NAME ...]
        [--folder FOLDER] [--picture FILE] [--quick] [--tables NAME ...] [--jobs N]
"""

import time
import warnings
from functools import partial
from pathlib import Path

import _data
import numpy as np
import pandas as pd
from sklearn.covariance import EllipticEnvelope, LedoitWolf
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, pairwise_distances, roc_auc_score
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
from sklearn.svm import OneClassSVM

from skae import (
    DAGMM,
    AutoEncoder,
    AutoEncoderDetector,
    DeepSVDD,
    DenoisingAE,
    MaskedAE,
    MemoryAE,
    RandNet,
    RobustAE,
)

PROTOCOLS = ("one-class", "unsupervised")
# A covariance of more columns than this takes hours to make robust.
WIDEST_FOR_ROBUST_COVARIANCE = 300
COLUMNS = ["detector", "table", "protocol", "seed", "auc", "precision", "fit", "score"]
N_BOOTSTRAPS = 2_000


class Neighbours:
    """Mean distance to the 5 nearest training rows."""

    def fit(self, X):
        """Remember the rows."""
        self.index = NearestNeighbors(n_neighbors=min(6, len(X))).fit(self._points(X))
        self.n_rows = len(X)
        return self

    def score_samples(self, X):
        """Minus the distance; a row is not its own neighbour."""
        distances = self.index.kneighbors(self._points(X))[0]
        itself = distances[:, :1] == 0
        return -np.where(
            itself, distances[:, 1:].mean(1, keepdims=True), distances[:, :5].mean(1)[:, None]
        )[:, 0]

    def _points(self, X):
        return X


class LinearControl(Neighbours):
    """The same of values and decorrelated values: what covariance alone does for the detector."""

    def fit(self, X):
        """Learn the covariance."""
        covariance = LedoitWolf().fit(X).covariance_
        eigenvalues, axes = np.linalg.eigh(covariance)
        self.whitening = axes / np.sqrt(np.maximum(eigenvalues, 1e-6 * eigenvalues.max()))
        return super().fit(X)

    def _points(self, X):
        return np.hstack([X, 0.5 * X @ self.whitening])


class LeSiNN:
    """Mean distance to the nearest of 8 random training rows, over 50 draws (Pang et al., 2015)."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def fit(self, X):
        """Draw the subsamples."""
        self.samples = [self.rng.choice(len(X), min(8, len(X)), replace=False) for _ in range(50)]
        self.rows = X
        return self

    def score_samples(self, X):
        """Minus the mean over the subsamples; a row is not its own neighbour."""
        nearest = np.zeros(len(X))
        for sample in self.samples:
            distances = pairwise_distances(X, self.rows[sample])
            distances[distances < 1e-6] = np.inf
            nearest += np.nan_to_num(distances.min(axis=1), posinf=0.0)
        return -nearest


class PCAError:
    """Error of reconstruction by as many axes as explain 90 % of the variance."""

    def fit(self, X):
        """Find the axes."""
        self.pca = PCA(0.9).fit(X)
        return self

    def score_samples(self, X):
        """Minus the squared error."""
        return -np.square(X - self.pca.inverse_transform(self.pca.transform(X))).mean(axis=1)


def pyod(module, name, seed=None, **params):
    """Return a detector of PyOD, which scores the other way round."""
    from importlib import import_module

    found = getattr(import_module(f"pyod.models.{module}"), name)(
        **params, **({} if seed is None else {"random_state": seed})
    )
    found.score_samples = lambda X: -found.decision_function(X)
    return found


# Makers of a detector, given a seed and the number of columns.
DETECTORS = {
    "AutoEncoderDetector": lambda seed, d: AutoEncoderDetector(random_state=seed),
    "AutoEncoderDetector(error_weight=0)": lambda seed, d: AutoEncoderDetector(
        random_state=seed, error_weight=0.0
    ),
    "AutoEncoderDetector(novelty=True)": lambda seed, d: AutoEncoderDetector(
        random_state=seed, novelty=True
    ),
    "AutoEncoderDetector(max_epochs=0)": lambda seed, d: AutoEncoderDetector(
        random_state=seed, max_epochs=0
    ),
    "DeepSVDD": lambda seed, d: DeepSVDD(random_state=seed),
    "DAGMM": lambda seed, d: DAGMM(random_state=seed),
    "RandNet": lambda seed, d: RandNet(random_state=seed),
    "RobustAE": lambda seed, d: RobustAE(random_state=seed),
    "MemoryAE": lambda seed, d: MemoryAE(random_state=seed),
    "DenoisingAE": lambda seed, d: DenoisingAE(random_state=seed),
    "AutoEncoder": lambda seed, d: AutoEncoder(random_state=seed),
    "MaskedAE": lambda seed, d: MaskedAE(random_state=seed),
    "5-NN": lambda seed, d: Neighbours(),
    "linear control": lambda seed, d: LinearControl(),
    "LeSiNN": lambda seed, d: LeSiNN(seed),
    "IsolationForest": lambda seed, d: IsolationForest(random_state=seed),
    "LOF": lambda seed, d: LocalOutlierFactor(novelty=True),
    "robust covariance": lambda seed, d: EllipticEnvelope(random_state=seed),
    "OneClassSVM": lambda seed, d: OneClassSVM(),
    "PCA": lambda seed, d: PCAError(),
    "PyOD AutoEncoder": lambda seed, d: pyod("auto_encoder", "AutoEncoder", seed, verbose=0),
    "PyOD VAE": lambda seed, d: pyod("vae", "VAE", seed, verbose=0),
    "PyOD DeepSVDD": lambda seed, d: pyod("deep_svdd", "DeepSVDD", seed, n_features=d, verbose=0),
    "PyOD KNN": lambda seed, d: pyod("knn", "KNN"),
    "PyOD LOF": lambda seed, d: pyod("lof", "LOF"),
    "PyOD ECOD": lambda seed, d: pyod("ecod", "ECOD"),
    "PyOD PCA": lambda seed, d: pyod("pca", "PCA", seed),
    "PyOD IForest": lambda seed, d: pyod("iforest", "IForest", seed),
}


def measure(name, X, y, detectors, seeds, done):
    """Return the lines of a table that are not done yet."""
    lines = []
    for detector in detectors:
        if detector == "robust covariance" and X.shape[1] > WIDEST_FOR_ROBUST_COVARIANCE:
            continue
        for kind in PROTOCOLS:
            for seed in range(seeds):
                if (detector, name, kind, seed) not in done:
                    measured = one(DETECTORS[detector], X, y, kind, seed)
                    lines.append((detector, name, kind, seed, *measured))
    return lines


def one(make, X, y, kind, seed):
    """Return ROC AUC, average precision and the seconds of a fit and of scoring."""
    train, test, labels = _data.load_protocol().split(X, y, seed, kind)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of peers, too: few rows, singular covariances
        start = time.perf_counter()
        detector = make(seed, X.shape[1]).fit(train)
        fitted = time.perf_counter()
        scores = -np.nan_to_num(detector.score_samples(test), posinf=1e30, neginf=-1e30)
        scored = time.perf_counter()
    ranking = roc_auc_score(labels, scores), average_precision_score(labels, scores)
    return *ranking, fitted - start, scored - fitted


def interval(values):
    """Return the 90 % interval of the mean over tables, by bootstrap."""
    draws = np.random.default_rng(0).choice(values, (N_BOOTSTRAPS, len(values)))
    low, high = np.quantile(draws.mean(axis=1), [0.05, 0.95])
    return f"{values.mean():.3f} ({low:.3f} – {high:.3f})"


def summary(results):
    """Print a row a detector: means over the tables, both halves of them, wins and seconds."""
    means = results.groupby(["detector", "protocol", "table"])[COLUMNS[4:]].mean()
    tables = sorted(results["table"].unique(), key=_number)
    halves = [tables[::2], tables[1::2]]
    auc = means["auc"].unstack("table")
    seconds = means[["fit", "score"]].groupby(["detector", "protocol"]).sum()
    _data.table_header(
        "detector", *(f"{kind}: ROC AUC (90 % interval)" for kind in PROTOCOLS), "mean of both",
        "odd / even tables", "average precision", "above 5-NN, one-class", "fit, score (s)",
    )  # fmt: skip
    both = auc.groupby("detector").mean()
    for detector in both.mean(axis=1).sort_values(ascending=False).index:
        per_kind = [interval(auc.loc[detector, kind].dropna().to_numpy()) for kind in PROTOCOLS]
        row = both.loc[detector]
        precision = [means.loc[(detector, kind), "precision"].mean() for kind in PROTOCOLS]
        wins = _wins(auc, detector)
        spent = seconds.loc[detector].sum()
        _data.table_row(
            detector, *per_kind, row.mean(),
            " / ".join(f"{row[[t for t in half if t in row]].mean():.3f}" for half in halves),
            " / ".join(f"{value:.3f}" for value in precision), wins,
            f"{spent['fit']:.0f}, {spent['score']:.0f}",
        )  # fmt: skip


def _wins(auc, detector):
    if ("5-NN", "one-class") not in auc.index:
        return ""
    difference = auc.loc[detector, "one-class"] - auc.loc["5-NN", "one-class"]
    return f"{(difference > 1e-4).sum()} of {difference.notna().sum()}"


def _number(name):
    head = name.split("_")[0]
    return int(head) if head.isdigit() else 0, name


def draw(results, path):
    """Draw the ROC AUC of each detector over the tables as boxes, best median first."""
    import matplotlib.pyplot as plt  # of the extra "bench"

    auc = results.groupby(["protocol", "detector", "table"])["auc"].mean()
    figure, axes = plt.subplots(1, len(PROTOCOLS), figsize=(12, 7), layout="constrained")
    for kind, axis in zip(PROTOCOLS, axes, strict=True):
        boxes = auc.loc[kind].unstack("detector")
        boxes = boxes[boxes.median().sort_values().index]
        values = [boxes[name].dropna() for name in boxes]
        axis.boxplot(values, orientation="horizontal", tick_labels=list(boxes), showmeans=True)
        axis.set(
            title=kind, xlabel="ROC AUC (a table a point, mean of the seeds)", xlim=(0.3, 1.01)
        )
        axis.grid(axis="x", alpha=0.3)
    figure.savefig(path, dpi=110)


def main():
    """Measure what is not measured yet, then print the summary."""
    options = _data.parser(__doc__)
    options.add_argument("--csv", type=Path, help="keep results here, and go on from them")
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--detectors", nargs="+", choices=DETECTORS, default=list(DETECTORS))
    options.add_argument("--folder", type=Path, help="tables, instead of those of adbench/")
    options.add_argument("--picture", type=Path, help="draw the results as boxes (.png, .svg)")
    args = options.parse_args()
    results = pd.DataFrame(columns=COLUMNS)
    if args.csv and args.csv.exists():
        results = pd.read_csv(args.csv)
    done = set(results[COLUMNS[:4]].itertuples(index=False, name=None))
    seeds = 1 if args.quick else args.seeds
    work = partial(measure, detectors=args.detectors, seeds=seeds, done=done)
    lines = list(results.itertuples(index=False, name=None))
    for new in _data.each_table(work, args):
        lines += new
        results = pd.DataFrame(lines, columns=COLUMNS)
        if args.csv:
            results.to_csv(args.csv, index=False)
    summary(results)
    if args.picture:
        draw(results, args.picture)


if __name__ == "__main__":
    main()
