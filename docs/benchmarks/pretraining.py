"""Few labels: what an auto-encoder of all rows is worth to a classifier of 20 or 100 of them.

Tables with true classes: the digits of scikit-learn, and of mixed/ penguins (species), adult
(income above 50 000) and diamonds (cut), of the last two 1 000 random rows. 30 % of the rows are
held out; of the others 20 or 100 have a label (at least one a class, else at random) and all teach
the auto-encoders. Accuracy on the held-out rows, means over seeds of split, labels and fits.

"Rows" are standardised numbers and one-hot words (pixels as they are, from 0 to 16), missing
numbers the mean; LR is logistic regression (of codes, on standardised ones), 1-NN the nearest
labelled row. "Neighbours" is DenoisingAE with `neighborhood_weight=1`, 100 epochs of
two hidden layers. Auto-encoders have codes of 8 columns, MaskedAE as many as there are; noise is
0.3 deviations (pixels divided by 16: 0.1). A second table has the gain of SelfSupervisedClassifier
over LR on the same codes, on the same labels, with its standard error over seeds.

    python docs/benchmarks/pretraining.py [--quick] [--seeds N] [--tables NAME ...]
"""

import argparse
import sys
import time
import warnings
from collections import defaultdict

import numpy as np
from _data import load_mixed, table_header, table_row
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier

from skae import AutoEncoder, DenoisingAE, MaskedAE, SelfSupervisedClassifier
from skae.exceptions import CalibrationWarning

N_LABELLED = (20, 100)
MOST_ROWS = 1_000
CODES = 8
CLASSES = {"penguins": "species", "adult-train": "income", "diamonds": "cut"}
MAP = {
    "neighborhood_weight": 1,
    "hidden_layer_sizes": (256, 128),
    "batch_size": 256,
    "max_epochs": 100,
    "early_stopping": False,
    "tol": 0,
    "contamination": 0.1,
}
TUNED = ("DenoisingAE", "neighbours")


def load(name):
    """Rows and classes."""
    if name == "digits":
        X, y = load_digits(return_X_y=True)
        return X / 16, y
    frame = load_mixed(name)
    frame = frame.sample(min(MOST_ROWS, len(frame)), random_state=0)
    y = np.unique(frame.pop(CLASSES[name]), return_inverse=True)[1]
    return frame, y


def as_numbers(name):
    """What makes numbers of rows for classifiers that take nothing else."""
    if name == "digits":
        return FunctionTransformer(lambda X: X * 16)
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    return make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_exclude="number")),
        sparse_threshold=0,
    )


def autoencoders(name, seed, quick):
    """Auto-encoders by name."""
    is_image = name == "digits"
    params = {"random_state": seed, "scaler": None if is_image else "standard"}
    noisy = {**params, "noise_level": 0.1 if is_image else 0.3}
    limits = {"max_epochs": 2} if quick else {}
    return {
        "AutoEncoder": AutoEncoder(CODES, **{**params, **limits}),
        "MaskedAE": MaskedAE(**{**params, **limits}),
        "DenoisingAE": DenoisingAE(CODES, **{**noisy, **limits}),
        "neighbours": DenoisingAE(CODES, **{**noisy, **MAP, **limits}),
    }


def regression():
    """Logistic regression on standardised columns."""
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))


def few_labels(y, n_labelled, seed):
    """Classes of some rows, -1 of the others; each class has one."""
    rng = np.random.default_rng(seed)
    first = [rng.choice(np.flatnonzero(y == k)) for k in np.unique(y)]
    others = rng.permutation(np.setdiff1d(np.arange(len(y)), first))
    few = np.full(len(y), -1)
    chosen = [*first, *others[: n_labelled - len(first)]]
    few[chosen] = y[chosen]
    return few


def of_rows(rows, test_rows, few, y_test):
    """Accuracies without an auto-encoder, by candidate."""
    labelled = few >= 0
    plain = {
        "rows, LR": LogisticRegression(max_iter=2000),
        "rows, 1-NN": KNeighborsClassifier(1),
        "rows, gradient boosting": GradientBoostingClassifier(random_state=0),
    }
    scores = {
        name: model.fit(rows[labelled], few[labelled]).score(test_rows, y_test)
        for name, model in plain.items()
    }
    peers = {
        "rows, self-training LR": SelfTrainingClassifier(LogisticRegression(max_iter=2000)),
        "rows, LabelSpreading": LabelSpreading("knn", n_neighbors=10),
    }
    for name, model in peers.items():
        scores[name] = model.fit(rows, few).score(test_rows, y_test)
    return scores


def of_codes(name, codes, test_codes, few, y_test):
    """Accuracies of classifiers of codes, by candidate."""
    labelled = few >= 0
    models = {"LR": regression(), "1-NN": KNeighborsClassifier(1)}
    return {
        f"{name}, {what}": model.fit(codes[labelled], few[labelled]).score(test_codes, y_test)
        for what, model in models.items()
    }


def fine_tuned(name, autoencoder, train, test, few, y_test, seed, quick):
    """Accuracy of the fine-tuned encoder, by candidate."""
    limits = {"max_epochs": 2} if quick else {}
    classifier = SelfSupervisedClassifier(FrozenEstimator(autoencoder), random_state=seed, **limits)
    return {f"{name}, fine-tuned": classifier.fit(train, few).score(test, y_test)}


def measure(name, seed, quick):
    """Accuracies of one split, by (candidate, labelled rows)."""
    X, y = load(name)
    train, test, y_train, y_test = train_test_split(
        X, y, test_size=0.3, random_state=seed, stratify=y
    )
    numbers = as_numbers(name).fit(train)
    rows, test_rows = numbers.transform(train), numbers.transform(test)
    labels = {n: few_labels(y_train, n, seed) for n in N_LABELLED}
    pca = PCA(min(CODES, rows.shape[1])).fit(rows)
    scores = defaultdict(dict)
    for n, few in labels.items():
        scores[n] |= of_rows(rows, test_rows, few, y_test)
        scores[n] |= of_codes("PCA", pca.transform(rows), pca.transform(test_rows), few, y_test)
    for what, autoencoder in autoencoders(name, seed, quick).items():
        autoencoder.fit(train)
        codes, test_codes = autoencoder.transform(train), autoencoder.transform(test)
        for n, few in labels.items():
            scores[n] |= of_codes(what, codes, test_codes, few, y_test)
            if what in TUNED:
                scores[n] |= fine_tuned(what, autoencoder, train, test, few, y_test, seed, quick)
    return scores


def main():
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one seed, few epochs")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--tables", nargs="+", default=["digits", *CLASSES], metavar="NAME")
    options = parser.parse_args()
    n_seeds = 1 if options.quick else options.seeds
    warnings.simplefilter("ignore", ConvergenceWarning)
    warnings.simplefilter("ignore", CalibrationWarning)
    warnings.filterwarnings("ignore", "invalid value", RuntimeWarning)  # LabelSpreading's islands

    gains = []
    table_header("table", "candidate", *(f"{n} labels" for n in N_LABELLED))
    for name in options.tables:
        start = time.process_time()
        runs = [measure(name, seed, options.quick) for seed in range(n_seeds)]
        for what in runs[0][N_LABELLED[0]]:
            means = [np.mean([run[n][what] for run in runs]) for n in N_LABELLED]
            table_row(name, what, *(f"{mean:.3f}" for mean in means))
        seconds = (time.process_time() - start) / n_seeds
        print(f"{name}: {seconds:.0f} CPU seconds a seed", file=sys.stderr, flush=True)
        gains += [(name, what, runs) for what in TUNED]
    print()
    table_header("table", "codes", *(f"gain, {n} labels" for n in N_LABELLED))
    for name, what, runs in gains:
        table_row(name, what, *(gain(what, runs, n) for n in N_LABELLED))


def gain(what, runs, n_labelled):
    """Accuracy of the fine-tuned encoder above LR on the same codes, and its standard error."""
    of_seeds = [run[n_labelled] for run in runs]
    gains = np.array([of[f"{what}, fine-tuned"] - of[f"{what}, LR"] for of in of_seeds])
    error = gains.std(ddof=1) / np.sqrt(len(gains)) if len(gains) > 1 else np.nan
    return f"{gains.mean():+.3f} ± {error:.3f}"


if __name__ == "__main__":
    main()
