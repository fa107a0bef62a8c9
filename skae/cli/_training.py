"""Training, with what a person at a terminal wants to see of it."""

import sys
import time
import warnings
from contextlib import redirect_stdout

from skae.cli._report import CommandError, counted, on_terminal, print_notes, progress_line
from skae.datasets import ChunkedTable


def train(estimator, rows, n_rows, quiet, unimportant=()):
    """Fit an estimator; show how far it is, and print its warnings as notes.

    Parameters
    ----------
    estimator : estimator
        Is fitted.
    rows : DataFrame or ChunkedTable
        What it learns from.
    n_rows : int
        How many.
    quiet : bool
        Whether to print nothing.
    unimportant : tuple of type, default=()
        Warnings that are no notes.
    """
    text = f"training on {n_rows} rows x {len(rows.columns)} columns"
    is_streamed = isinstance(rows, ChunkedTable)
    with (
        warnings.catch_warnings(record=True) as caught,
        progress_line(text, quiet, live=not is_streamed) as say,
    ):
        warnings.simplefilter("always")
        if is_streamed:  # bars for every pass over the rows
            estimator.set_params(verbose=int(on_terminal(quiet)))
        elif hasattr(estimator, "set_callbacks"):  # scikit-learn >= 1.9
            estimator.set_callbacks(_EpochCount(say, n_rows))
        _fit(estimator, rows)
        say(counted(estimator.n_iter_, "epoch"))
    notes = [w for w in caught if issubclass(w.category, UserWarning)]
    print_notes([w.message for w in notes if not issubclass(w.category, unimportant)], quiet)


def _fit(estimator, rows):
    try:
        with redirect_stdout(sys.stderr):  # stdout is for the report
            estimator.fit(rows)
    except (ValueError, RuntimeError, ArithmeticError, OSError) as error:  # no such device, ...
        raise CommandError(str(error)) from error


class _EpochCount:
    """A callback by scikit-learn's protocol that says which epoch it is, and how fast it goes."""

    def __init__(self, say, n_rows):
        self.say, self.n_rows = say, n_rows
        self.start, self.n_epochs = time.perf_counter(), 0

    def setup(self, estimator, context):
        """Do nothing."""

    def teardown(self, estimator, context):
        """Do nothing."""

    def on_fit_task_begin(self, estimator, context):
        """Do nothing."""

    def on_fit_task_end(self, estimator, context):
        """Count an epoch; the whole fit, the only other task, has no parent."""
        if context.parent is not None:
            self.n_epochs += 1
            rate = self.n_epochs * self.n_rows / (time.perf_counter() - self.start)
            self.say(f"epoch {self.n_epochs}, {rate:,.0f} rows/s")
