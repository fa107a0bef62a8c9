"""Filling missing cells: `MaskedAE` beside the imputers of scikit-learn.

Of each table 20 % and 50 % of the cells are hidden completely at random; what fills them is judged
by the root mean squared error of numbers, in standard deviations of their column, and by the
share of categories that are right. A table is ranked by its error, one with categories by the
mean of its ranks by error and by right categories.

`MaskedAE` takes the table as it is. The imputers get what a careful user would give them: numbers
standardised, categories as indicators that are missing together, decoded to the largest; what
`IterativeImputer` fills is kept within the range that was seen. For `IterativeImputer` (at most 10
rounds of `BayesianRidge`) each category lacks the indicator of its commonest value, which is one
minus the others: with all of them the indicators explain each other, and it never leaves its start.

At most 5 000 rows and 200 000 cells a table, drawn at random: `KNNImputer` takes the square of the
rows, `IterativeImputer` the cube of the columns, and so 17_InternetAds (1 555 columns) is left out.

    python docs/benchmarks/imputation.py [--quick] [--tables NAME ...] [--rates RATE ...]
        [--set KEY=VALUE ...] [--jobs N]
"""

import time
import warnings
from functools import partial

import _data
import numpy as np
import pandas as pd
from scipy.stats import rankdata
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer

from skae import MaskedAE
from skae.exceptions import CalibrationWarning

MOST_ROWS, MOST_CELLS = 5_000, 200_000
TOO_WIDE = ["17_InternetAds"]
# Where the time of a fit is compared with that of `IterativeImputer`.
MANY_COLUMNS, MANY_ROWS = 30, 2_000


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


def sample(X):
    """Return some rows of a table as a frame."""
    frame = X if isinstance(X, pd.DataFrame) else pd.DataFrame(X).add_prefix("x")
    n_rows = min(len(frame), MOST_ROWS, MOST_CELLS // frame.shape[1])
    return frame.sample(n_rows, random_state=0).reset_index(drop=True)


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


def compare(name, X, y, rates, params):
    """Return for each rate: name, shape, rate and results, one row an imputer."""
    frame = sample(X)
    # what is loaded at the first fit counts for no table
    masked(frame[:200], max_epochs=50, n_iter_no_change=1, tol=0.9)
    results = []
    for rate in rates:
        drawn = np.random.default_rng(0).random(frame.shape) < rate
        hidden = pd.DataFrame(drawn, index=frame.index, columns=frame.columns)
        rows = []
        for fill in imputers(params).values():
            start = time.perf_counter()
            filled = fill(frame.mask(hidden))
            seconds = time.perf_counter() - start
            rows.append((*judged(filled, frame, hidden), seconds))
        results.append((name, frame.shape, rate, np.array(rows)))
    return results


def ranks(result):
    """Return the ranks of the imputers, 1 the best."""
    error, share_right, _ = result.T
    by_error = rankdata(np.round(error, 4))
    return by_error if np.isnan(share_right).any() else (by_error + rankdata(-share_right)) / 2


def cell(error, share_right, seconds):
    """Return one result as text."""
    right = "" if np.isnan(share_right) else f" / {share_right:.3f}"
    return f"{error:.3f}{right} ({seconds:.1f} s)"


def main():
    """Print a row a table and rate, then average ranks and the ratio of times."""
    options = _data.parser(__doc__)
    options.add_argument("--rates", nargs="+", type=float, default=[0.2, 0.5])
    args = options.parse_args()
    params = _data.overrides(args)
    names = list(imputers(params))
    print("error / share of right categories (seconds)\n")
    _data.table_header("table", "hidden", *names)
    work = partial(compare, rates=args.rates, params=params)
    all_ranks, ratios = [], []
    tables = _data.each_table(work, args, mixed=_data.MIXED_TABLES, without=TOO_WIDE)
    for name, (n_rows, n_columns), rate, result in (row for rows in tables for row in rows):
        shape = f"{name}, {n_rows} × {n_columns}"
        _data.table_row(shape, f"{rate:.0%}", *(cell(*row) for row in result))
        all_ranks.append(ranks(result))
        if n_columns >= MANY_COLUMNS and n_rows >= MANY_ROWS:
            ratios.append((shape, f"{rate:.0%}", result[0, 2] / result[1, 2]))
    print()
    _data.table_header("measure", *names)
    _data.table_row("average rank", *np.mean(all_ranks, axis=0))
    print()
    _data.table_header("time of MaskedAE / IterativeImputer", "hidden", "ratio", "to reach")
    for row in ratios:
        _data.table_row(*row, "≤ 0.5")


if __name__ == "__main__":
    main()
