"""How well anomalies are found, by code size and noise: what the defaults were chosen with.

ROC AUC on the tables of adbench under both protocols of protocol.py: one-class (trained on normal
rows) and unsupervised (trained on all rows). Each row of the result is one detector: an estimator
with a rule for the size of the code, and for DenoisingAE a noise and its level; beside them
IsolationForest and the reconstruction error of PCA under the same rules. The means are over
tables; `worst` is the lowest AUC of any table.

    python docs/benchmarks/n_components_auto.py [--quick] [--tables NAME ...] [--jobs N]
        [--rules auto d/4 d/2 sqrt log2 1 2 pca90 kaiser ...]
        [--noise default gaussian:0.1 swap:0.2 ...] [--set KEY=VALUE ...]
        [--estimators AutoEncoder DenoisingAE PCA IsolationForest] [--seeds N] [--by-table]
"""

import warnings
from collections import defaultdict
from functools import partial

import _data
import numpy as np
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import average_precision_score, roc_auc_score

import skae
from skae.exceptions import CalibrationWarning

PROTOCOLS = ("one-class", "unsupervised")
ESTIMATORS = ("AutoEncoder", "DenoisingAE", "PCA", "IsolationForest")


def code_size(rule, Z):
    """Size of the code for standardised rows Z: a rule, or a number."""
    n_features = Z.shape[1]
    if rule.startswith("d/"):
        return max(1, round(n_features / float(rule[2:])))
    if rule == "sqrt":
        return round(n_features**0.5)
    if rule == "log2":
        return max(1, round(np.log2(n_features)))
    if rule == "kaiser":  # axes with more variance than a column
        return max(1, int((_variances(Z) > 1).sum()))
    if rule.startswith("pca"):  # axes that make up so many per cent of the variance
        share = np.cumsum(_variances(Z)) / _variances(Z).sum()
        return 1 + int(np.searchsorted(share, float(rule[3:]) / 100))
    return min(int(rule), n_features)


def _variances(Z):
    return np.linalg.svd(Z - Z.mean(axis=0), compute_uv=False) ** 2 / len(Z)


def detectors(args):
    """Yield (name, rule, noise) of each row of the result."""
    for name in args.estimators:
        rules = ["-"] if name == "IsolationForest" else args.rules
        noises = args.noise if name == "DenoisingAE" else ["-"]
        yield from ((name, rule, noise) for rule in rules for noise in noises)


def make_scorer(name, rule, noise, train, seed, params):
    """Fit; return a function of rows, higher is more normal."""
    if name == "IsolationForest":
        return IsolationForest(random_state=seed).fit(train).score_samples
    if name == "PCA":
        size = code_size("d/4" if rule == "auto" else rule, train)
        pca = PCA(min(size, *train.shape)).fit(train)
        return lambda Z: -np.square(pca.inverse_transform(pca.transform(Z)) - Z).mean(axis=1)
    size = "auto" if rule == "auto" else code_size(rule, train)
    params = {"random_state": seed, **params}
    if ":" in noise:
        kind, level = noise.split(":")
        params |= {"noise": kind, "noise_level": float(level)}
    return getattr(skae, name)(size, **params).fit(train).score_samples


def score_table(table, X, y, args, params):
    """Return {(detector, protocol): (ROC AUC, average precision)}, means over seeds."""
    protocol = _data.load_protocol()
    warnings.simplefilter("ignore", ConvergenceWarning)
    warnings.simplefilter("ignore", CalibrationWarning)
    scores = defaultdict(list)
    for seed in range(args.seeds):
        for which in PROTOCOLS:
            train, test, labels = protocol.split(X, y, seed, which)
            for detector in detectors(args):
                outlying = -make_scorer(*detector, train, seed, params)(test)
                auc = roc_auc_score(labels, outlying)
                scores[detector, which].append((auc, average_precision_score(labels, outlying)))
    return table, {key: np.mean(values, axis=0) for key, values in scores.items()}


def main():
    """Print, by table if asked for, and then the means."""
    options = _data.parser(__doc__)
    options.add_argument("--rules", nargs="+", default=["auto"])
    options.add_argument("--noise", nargs="+", default=["default"])
    options.add_argument("--estimators", nargs="+", default=ESTIMATORS, choices=ESTIMATORS)
    options.add_argument("--seeds", type=int, default=1)
    options.add_argument("--by-table", action="store_true")
    args = options.parse_args()
    work = partial(score_table, args=args, params=_data.overrides(args))
    columns = ("estimator", "code", "noise")
    if args.by_table:
        _data.table_header("table", *columns, *(f"{which} AUC" for which in PROTOCOLS))
    results = defaultdict(list)
    for table, scores in _data.each_table(work, args):
        for key, values in scores.items():
            results[key].append(values)
        if args.by_table:
            for detector in detectors(args):
                aucs = [scores[detector, which][0] for which in PROTOCOLS]
                _data.table_row(table, *detector, *aucs)
    n_tables = len(next(iter(results.values())))
    print(f"\nMeans over {n_tables} tables:\n")
    measures = [f"{which} {name}" for which in PROTOCOLS for name in ("AUC", "precision", "worst")]
    _data.table_header(*columns, *measures)
    for detector in detectors(args):
        cells = []
        for which in PROTOCOLS:
            auc, precision = np.transpose(results[detector, which])
            cells += [auc.mean(), precision.mean(), auc.min()]
        _data.table_row(*detector, *cells)


if __name__ == "__main__":
    main()
