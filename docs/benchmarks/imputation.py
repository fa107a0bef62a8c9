"""Filling missing cells: `MaskedAE` beside the imputers of scikit-learn.

Of each table 20 % and 50 % of the cells are hidden completely at random; what fills them is judged
by the root mean squared error of numbers, in standard deviations of their column, and by the
share of categories that are right, both the mean over seeds. A table is ranked by its error, one
with categories by the mean of its ranks by error and by right categories. Cells that were missing
before stay so and count for nothing.

`MaskedAE` takes the table as it is. The imputers get what a careful user would give them: numbers
standardised, categories as indicators that are missing together, decoded to the largest; what
`IterativeImputer` fills is kept within the range that was seen, which means never leave. For
`IterativeImputer` (at most 10 rounds of `BayesianRidge`) each category lacks the indicator of its
commonest value, which is one minus the others: with all of them the indicators explain each other,
and it never leaves its start. The imputers take turns at each table, rate and seed, and a ratio of
times is formed within each.

At most 5 000 rows and 200 000 numbers and indicators a table, drawn at random: `KNNImputer` takes
the square of the rows, `IterativeImputer` the cube of the columns, and so 17_InternetAds (1 555
columns) is left out.

    python docs/benchmarks/imputation.py [--quick] [--tables NAME ...] [--rates RATE ...]
        [--seeds N] [--csv FILE] [--set KEY=VALUE ...] [--jobs N]
"""

import time
import warnings
from functools import partial
from itertools import product
from pathlib import Path

import _data
import numpy as np
import pandas as pd
from scipy.stats import rankdata
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer

from skae import MaskedAE
from skae.exceptions import CalibrationWarning

MOST_ROWS, MOST_VALUES = 5_000, 200_000
TOO_WIDE = ["17_InternetAds"]
# Where the time of a fit is compared with that of `IterativeImputer`.
MANY_COLUMNS, MANY_ROWS = 30, 2_000
SCORES = {"error": "mean", "share_right": "mean", "seconds": "median"}  # over the seeds


class Indicators:
    """Numbers standardised, and an indicator for each category, or for each but the commonest."""

    def __init__(self, frame, drop_commonest):
        self.frame, self.drop_commonest = frame, drop_commonest
        self.numbers = frame.select_dtypes("number").columns
        self.categories = {name: self._values(name) for name in frame if name not in self.numbers}
        self.mean = frame[self.numbers].mean()
        self.deviation = frame[self.numbers].std(ddof=0).replace(0, 1)

    def _values(self, name):
        """Categories, the commonest first."""
        return self.frame[name].value_counts().index[int(self.drop_commonest) :]

    def encoded(self):
        """Return an array, NaN where a cell is missing."""
        blocks = [(self.frame[self.numbers] - self.mean) / self.deviation]
        for name, values in self.categories.items():
            column = self.frame[name].to_numpy()[:, None]
            indicators = (column == values.to_numpy()).astype(float)
            indicators[self.frame[name].isna()] = np.nan
            blocks.append(indicators)
        return np.hstack(blocks)

    def decoded(self, filled):
        """Return the frame that an array without missing cells stands for."""
        decoded = filled[:, : len(self.numbers)] * self.deviation.to_numpy() + self.mean.to_numpy()
        decoded = pd.DataFrame(decoded, columns=self.numbers, index=self.frame.index)
        at = len(self.numbers)
        for name, values in self.categories.items():
            indicators = filled[:, at : at + len(values)]
            at += len(values)
            if self.drop_commonest:
                commonest = self.frame[name].value_counts().index[:1]
                values = values.append(commonest)
                indicators = np.column_stack([indicators, 1 - indicators.sum(axis=1)])
            decoded[name] = values.to_numpy()[indicators.argmax(axis=1)]
        return decoded


def by_indicators(frame, imputer):
    """Fill a frame by an imputer of numbers."""
    indicators = Indicators(frame, drop_commonest=False)
    return indicators.decoded(imputer.fit_transform(indicators.encoded()))


def iterative(frame):
    """Fill a frame by `IterativeImputer`, which stays within the range of what is there."""
    indicators = Indicators(frame, drop_commonest=True)
    encoded = indicators.encoded()
    low, high = np.nanmin(encoded, axis=0), np.nanmax(encoded, axis=0)
    imputer = IterativeImputer(random_state=0, min_value=low, max_value=np.nextafter(high, np.inf))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # ten rounds are what it is given
        return indicators.decoded(imputer.fit_transform(encoded))


def masked(frame, **params):
    """Fill a frame by `MaskedAE`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CalibrationWarning)  # no threshold is needed
        return MaskedAE(**{"random_state": 0, **params}).fit(frame).impute(frame)


def imputers(params):
    """Return functions that fill a frame, by name."""
    return {
        "MaskedAE": partial(masked, **params),
        "IterativeImputer": iterative,
        "KNNImputer": partial(by_indicators, imputer=KNNImputer()),
        "mean": partial(by_indicators, imputer=SimpleImputer()),
    }


def sample(frame, seed):
    """Return some rows of a table."""
    n_indicators = sum(frame.select_dtypes(exclude="number").nunique())
    n_values = frame.select_dtypes("number").shape[1] + n_indicators
    n_rows = min(len(frame), MOST_ROWS, MOST_VALUES // n_values)
    return frame.sample(n_rows, random_state=seed).reset_index(drop=True)


def judged(filled, frame, hidden):
    """Return the error of hidden numbers, and the share of hidden categories that are right."""
    numbers = frame.select_dtypes("number").columns
    deviation = frame[numbers].std(ddof=0)
    error = ((filled[numbers] - frame[numbers]) / deviation.where(deviation > 0)).where(hidden)
    right = [
        (filled[name] == frame[name])[hidden[name] & frame[name].notna()]
        for name in frame.columns.difference(numbers)
    ]
    share_right = pd.concat(right).mean() if right else np.nan
    return np.sqrt(np.nanmean(np.square(error.to_numpy(float)))), share_right


def measured(frame, rate, seed, params):
    """Return the results at one hiding of cells, a row an imputer."""
    frame = sample(frame, seed)
    drawn = np.random.default_rng(seed).random(frame.shape) < rate
    hidden = pd.DataFrame(drawn, index=frame.index, columns=frame.columns)
    rows = []
    for imputer, fill in imputers({"random_state": seed, **params}).items():
        start = time.perf_counter()
        filled = fill(frame.mask(hidden))
        seconds = time.perf_counter() - start
        rows.append((*frame.shape, rate, seed, imputer, *judged(filled, frame, hidden), seconds))
    return pd.DataFrame(rows, columns=["rows", "columns", "rate", "seed", "imputer", *SCORES])


def compare(name, X, y, rates, seeds, params, csv):
    """Return the results on a table; those that are in the file are taken from there."""
    frame = X if isinstance(X, pd.DataFrame) else pd.DataFrame(X).add_prefix("x")
    known = pd.read_csv(csv) if csv and csv.exists() else None
    # what is loaded at the first fit counts for no table
    masked(sample(frame, 0)[:200], max_epochs=50, n_iter_no_change=1, tol=0.9)
    results = []
    for rate, seed in product(rates, range(seeds)):
        if known is not None:
            case = known.query("table == @name and rate == @rate and seed == @seed")
        if known is None or case.empty:
            case = measured(frame, rate, seed, params)
            case.insert(0, "table", name)
            if csv:
                case.to_csv(csv, mode="a", header=not csv.exists(), index=False)
        results.append(case)
    return pd.concat(results)


def ranks(scores):
    """Return the ranks of the imputers, 1 the best."""
    by_error = rankdata(scores.error.round(4))
    if scores.share_right.isna().any():
        return by_error
    return (by_error + rankdata(-scores.share_right.round(4))) / 2


def cell(error, share_right, seconds):
    """Return one result as text."""
    right = "" if np.isnan(share_right) else f" / {share_right:.3f}"
    return f"{error:.3f}{right} ({seconds:.1f} s)"


def main():
    """Print a row a table and rate, then average ranks and the ratio of times."""
    options = _data.parser(__doc__)
    options.add_argument("--rates", nargs="+", type=float, default=[0.2, 0.5])
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument(
        "--csv", type=Path, help="append each result to this file, skip those that are there"
    )
    args = options.parse_args()
    params = _data.overrides(args)
    names = list(imputers(params))
    seeds = 1 if args.quick else args.seeds
    print("error / share of right categories (seconds)\n")
    _data.table_header("table", "hidden", *names)
    work = partial(compare, rates=args.rates, seeds=seeds, params=params, csv=args.csv)
    all_ranks, ratios = [], []
    for results in _data.each_table(work, args, mixed=_data.MIXED_TABLES, without=TOO_WIDE):
        for (name, n_rows, n_columns, rate), case in results.groupby(
            ["table", "rows", "columns", "rate"]
        ):
            shape = f"{name}, {n_rows} × {n_columns}"
            scores = case.groupby("imputer").agg(SCORES).loc[names]
            _data.table_row(shape, f"{rate:.0%}", *(cell(*row) for row in scores.to_numpy()))
            all_ranks.append(ranks(scores))
            if n_columns >= MANY_COLUMNS and n_rows >= MANY_ROWS:
                seconds = case.pivot(index="seed", columns="imputer", values="seconds")
                ratio = seconds.MaskedAE / seconds.IterativeImputer
                spread = f"{ratio.min():.2f} – {ratio.max():.2f}"
                ratios.append((shape, f"{rate:.0%}", f"{ratio.median():.2f}", spread, "≤ 0.5"))
    print()
    _data.table_header("measure", *names)
    _data.table_row("average rank", *np.mean(all_ranks, axis=0))
    print()
    _data.table_header(
        "time of MaskedAE / IterativeImputer", "hidden", "median", "spread", "to reach"
    )
    for row in ratios:
        _data.table_row(*row)


if __name__ == "__main__":
    main()
