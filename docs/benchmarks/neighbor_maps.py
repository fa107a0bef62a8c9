"""Maps of digits in two columns that keep the neighbours of rows.

Digits / 16, 30 % of the rows held out. Trustworthiness of 10 neighbours of the training rows and
of the held-out ones, accuracy of 5 nearest neighbours of held-out rows on the map, held-out squared
error of what comes back. t-SNE has no place for held-out rows and takes no row back; its map is of
the training rows. Means over seeds; seconds of a fit.

    python docs/benchmarks/neighbor_maps.py [--quick] [--seeds N] [--maps NAME ...]
"""

import argparse
import time
import warnings

import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE, trustworthiness
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

from skae import AutoEncoder, DenoisingAE

LONG = {
    "scaler": None,
    "hidden_layer_sizes": (256, 128),
    "early_stopping": False,
    "tol": 0,
    "max_epochs": 400,
}
MAPS = {
    "PCA": lambda seed: PCA(2),
    "t-SNE": lambda seed: TSNE(random_state=seed),
    "AutoEncoder": lambda seed: AutoEncoder(2, scaler=None, random_state=seed),
    "AutoEncoder, weight 1": lambda seed: AutoEncoder(
        2, neighborhood_weight=1, scaler=None, random_state=seed
    ),
    "DenoisingAE, weight 1, 400 epochs": lambda seed: DenoisingAE(
        2, neighborhood_weight=1, noise_level=0.2, random_state=seed, **LONG
    ),
}


def measure(estimator, train, test, y_train, y_test):
    """Trustworthiness of training and held-out rows, accuracy, error, seconds."""
    start = time.perf_counter()
    codes = estimator.fit_transform(train)
    seconds = time.perf_counter() - start
    kept = trustworthiness(train, codes, n_neighbors=10)
    if not hasattr(estimator, "transform"):
        return kept, np.nan, np.nan, np.nan, seconds
    places = estimator.transform(test)
    accuracy = KNeighborsClassifier(5).fit(codes, y_train).score(places, y_test)
    error = np.mean((estimator.inverse_transform(places) - test) ** 2)
    return kept, trustworthiness(test, places, n_neighbors=10), accuracy, error, seconds


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one seed, no long fit")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--maps", nargs="+", default=[*MAPS], choices=[*MAPS])
    options = parser.parse_args()
    if options.quick:
        options.seeds, options.maps = 1, options.maps[:3]
    warnings.simplefilter("ignore")

    X, y = load_digits(return_X_y=True)
    print("| map | trustworthiness | held out | accuracy of 5-NN | squared error | seconds |")
    print("|---|---|---|---|---|---|")
    for name in options.maps:
        runs = []
        for seed in range(options.seeds):
            train, test, *labels = train_test_split(X / 16, y, test_size=0.3, random_state=seed)
            runs.append(measure(MAPS[name](seed), train, test, *labels))
        cells = " | ".join(f"{value:.4f}" for value in np.mean(runs, axis=0)[:-1])
        print(f"| {name} | {cells} | {np.mean(runs, axis=0)[-1]:.0f} |", flush=True)


if __name__ == "__main__":
    main()
