"""What the terms of SparseAE, ContractiveAE and RegularizedAE do: what their defaults come from.

The digits of scikit-learn, 30 % of the rows held out. Each row of the result is an estimator with
settings; means over seeds of split and estimator, on held-out rows:

- error: mean squared error of digits over 16;
- 5-NN: accuracy of nearest neighbours in the codes;
- noisy 5-NN: the same, of rows with normal noise of half of a column's deviation;
- active: codes of a row that are not 0;
- effective: how many codes of a row count, (sum of sizes)^2 / sum of squares;
- C2ST: how well gradient boosting tells decoded draws of a Gaussian mixture on the codes (10
  components) from held-out rows, with the same rounding; 0.5 is best, only for few codes;
- seconds of the fit, of processor time.

    python docs/benchmarks/variants.py [--quick] [--seeds N] [--only NAME ...]
"""

import argparse
import time
import warnings

import numpy as np
from _data import table_header, table_row
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

import skae
from skae.exceptions import CalibrationWarning
from skae.metrics import classifier_two_sample_test

LARGEST = 16
NOISE = 0.5
MOST_SAMPLED_CODES = 16
CANDIDATES = [
    ("AutoEncoder", {}),
    ("AutoEncoder", {"n_components": 16}),
    *(("SparseAE", {"n_active": k}) for k in (4, 8, 16)),
    ("SparseAE", {"n_components": 128, "n_active": 8}),
    *(("SparseAE", {"sparsity": "l1", "sparsity_weight": w}) for w in (0.01, 0.1, 1.0)),
    *(("SparseAE", {"sparsity": "kl", "sparsity_weight": w}) for w in (0.1, 1.0)),
    *(("ContractiveAE", {"contraction_weight": w}) for w in (0.01, 0.1, 1.0)),
    *(
        ("RegularizedAE", {"regularization": name, "decoder_weight": w})
        for name in ("gradient", "spectral", "l2")
        for w in (0.01, 0.1)
    ),
    ("RegularizedAE", {"decoder_weight": 0.0}),
]


def measure(name, params, seed):
    """All numbers of one fit."""
    X, y = load_digits(return_X_y=True)
    train, test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=seed)
    start = time.process_time()
    ae = getattr(skae, name)(random_state=seed, **params).fit(train)
    seconds = time.process_time() - start
    codes, test_codes = ae.transform(train), ae.transform(test)
    error = np.square((ae.reconstruct(test) - test) / LARGEST).mean()
    neighbors = KNeighborsClassifier(5).fit(codes, y_train)
    noise = np.random.default_rng(seed).normal(scale=NOISE * train.std(axis=0), size=test.shape)
    noisy = neighbors.score(ae.transform(test + noise), y_test)
    sizes = np.abs(test_codes)
    active = (sizes > 0).sum(axis=1).mean()
    effective = (sizes.sum(axis=1) ** 2 / np.square(sizes).sum(axis=1)).mean()
    told = sampled(ae, codes, test, seed)
    right = neighbors.score(test_codes, y_test)
    return error, right, noisy, active, effective, told, seconds


def sampled(ae, codes, test, seed):
    """Accuracy of telling decoded draws of a mixture from rows; NaN for many codes."""
    if codes.shape[1] > MOST_SAMPLED_CODES:
        return np.nan
    mixture = GaussianMixture(10, reg_covar=1e-4, random_state=seed).fit(codes)
    rows = ae.inverse_transform(mixture.sample(len(test))[0])
    rows = np.clip(np.round(rows), 0, LARGEST)
    return classifier_two_sample_test(test, rows, random_state=seed)


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one seed, defaults only")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these estimators")
    options = parser.parse_args()
    candidates = [c for c in CANDIDATES if not options.only or c[0] in options.only]
    if options.quick:
        names = dict.fromkeys(name for name, _ in candidates)
        candidates, options.seeds = [(name, {"max_epochs": 5}) for name in names], 1
    warnings.simplefilter("ignore", CalibrationWarning)
    warnings.simplefilter("ignore", ConvergenceWarning)

    table_header(
        "estimator", "error", "5-NN", "noisy 5-NN", "active", "effective", "C2ST", "seconds"
    )
    for name, params in candidates:
        means = np.mean([measure(name, params, seed) for seed in range(options.seeds)], axis=0)
        settings = ", ".join(f"{key}={value!r}" for key, value in params.items())
        table_row(f"`{name}({settings})`", *means)


if __name__ == "__main__":
    main()
