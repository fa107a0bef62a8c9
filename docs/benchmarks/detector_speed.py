"""Time of `AutoEncoderDetector.score_samples`, beside nearest neighbours.

The rows are 100 000 × 30 and follow eight factors; both are fitted on 10 000 others. The peer is
the mean distance to the 5 nearest of these, by scikit-learn.

    python docs/benchmarks/detector_speed.py [--quick] [--threads N]
"""

from functools import partial

import _timing
import numpy as np
from sklearn.neighbors import NearestNeighbors

from skae import AutoEncoderDetector


def rows_of_factors(n_rows, seed):
    """Return rows of 30 columns that follow 8 factors, and noise."""
    mixing = np.random.default_rng(0).normal(size=(8, 30))
    rng = np.random.default_rng([seed, 1])
    return rng.normal(size=(n_rows, 8)) @ mixing + 0.3 * rng.normal(size=(n_rows, 30))


def score(scorer, X):
    """Score; return the number of rows."""
    scorer(X)
    return len(X)


def measure(quick):
    """Print the rows of the table."""
    n_rows, rounds = (10_000, 2) if quick else (100_000, 5)
    train, X = rows_of_factors(10_000, 0), rows_of_factors(n_rows, 1)
    index = NearestNeighbors(n_neighbors=5).fit(train)
    params = {"random_state": 0, "device": "cpu"}
    works = {
        "5-NN": lambda rows: index.kneighbors(rows)[0].mean(axis=1),
        "default": AutoEncoderDetector(**params).fit(train).score_samples,
        "novelty=True": AutoEncoderDetector(novelty=True, **params).fit(train).score_samples,
    }
    candidates = {
        name: partial(_timing.timed, partial(score, scorer, X)) for name, scorer in works.items()
    }
    rates = _timing.interleaved(candidates, rounds)
    for name in ("default", "novelty=True"):
        ratio = rates["5-NN"] / rates[name]
        _timing.report(f"time to score, {name} / 5-NN", ratio, "≤ 0.3 ×")


if __name__ == "__main__":
    _timing.main(measure, __doc__, thread_counts=(1,))
