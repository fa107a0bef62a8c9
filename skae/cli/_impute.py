"""``skae impute``: read, train, fill, write."""

from collections import Counter

import pandas as pd

from skae.cli._inputs import read_inputs
from skae.cli._report import aligned, counted, on_terminal, print_notes
from skae.cli._tables import go_through, naming
from skae.cli._training import train
from skae.exceptions import CalibrationWarning


def impute(args):
    """Run ``skae impute`` with parsed arguments.

    Parameters
    ----------
    args : argparse.Namespace
        See ``skae impute --help``.
    """
    inputs = read_inputs(args)
    print_notes(inputs.notes, args.quiet)
    filling = Filling(_trained(inputs, args), inputs)
    go_through(inputs.table.chunks.map(filling.fill), args.out, on_terminal(args.quiet))
    print(_report(args, inputs, filling))


def _trained(inputs, args):
    from skae import MaskedAE  # imports torch: the files are known to be good

    limit = {} if args.max_epochs is None else {"max_epochs": args.max_epochs}
    imputer = MaskedAE(random_state=args.seed, device=args.device, **limit)
    rows = inputs.normal.rows(inputs.features)
    train(imputer, rows, inputs.normal.n_rows, args.quiet, unimportant=(CalibrationWarning,))
    return imputer


class Filling:
    """Fills the chunks of a table, and counts by column.

    Parameters
    ----------
    imputer : estimator
        Fitted.
    inputs : Inputs
        The table, and which columns are filled.

    Attributes
    ----------
    missing, filled : Counter
        Cells that were missing, and how many of them are filled.
    """

    def __init__(self, imputer, inputs):
        self.imputer, self.inputs = imputer, inputs
        self.missing, self.filled = Counter(), Counter()

    def fill(self, chunk):
        """Return a chunk with its missing cells filled; all others stay as they are."""
        table, names = self.inputs.table, self.inputs.features
        before = table.features(chunk, names)
        with naming(table.path):
            after = self.imputer.impute(before)
        chunk = chunk.copy()
        for name in names:
            n_missing = self._n_missing(before[name])
            if n_missing:
                self.missing[name] += n_missing
                self.filled[name] += n_missing - self._n_missing(after[name])
                chunk[name] = (
                    _like(chunk[name], after[name]) if name in table.dates else after[name]
                )
        return chunk

    def _n_missing(self, column):
        return int((column.isna() | column.isin(self.imputer.missing_marks)).sum())


def _like(texts, dates):
    """Dates that were missing as text, beside those that were there."""
    return texts.fillna(dates.astype(str).where(dates.notna(), pd.NA))


def _report(args, inputs, filling):
    """Return the report of `skae impute` as text."""
    table, normal = inputs.table, inputs.normal
    lines = [
        f"{table.path}: learned from {args.train or 'its own rows'}.",
        "",
        *aligned(
            [
                ("rows", f"{table.n_rows} written to {args.out}, trained on {normal.n_rows}"),
                ("columns", f"{len(inputs.features)}, {len(filling.missing)} with missing cells"),
                ("filled", counted(filling.filled.total(), "cell")),
            ]
        ),
    ]
    if filling.missing:
        cells = [
            (str(filling.missing[name]), str(filling.filled[name]), name)
            for name in inputs.features
            if name in filling.missing
        ]
        lines += ["", *aligned([("missing", "filled", "column"), *cells], right=2)]
    return "\n".join(lines)
