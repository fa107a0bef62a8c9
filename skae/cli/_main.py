"""Arguments in, exit status out; pandas and torch are imported once they are needed."""

import argparse
import os
import sys
from pathlib import Path

from skae import __version__
from skae.cli._report import CommandError

DETECT = """\
Find the anomalies in a table with an auto-encoder, and say which columns made each of them one.

Without TABLE, an embedded real table is used: handwritten digits, where an anomaly is a zero.
Half of the digits from one to nine train; the others and all zeros are scored.

With TABLE and no --train, the detector is fitted on every row of TABLE and scores the same
rows: anomalies may be among them, as long as they are few. The rows of --train are taken for
normal, all of them."""

FILES = """\
files:
  CSV in UTF-8 with a header line; Parquet, or a folder of .parquet files (both need
  pip install 'skae[parquet]'). CSV is read whole. Parquet that is larger than ten million cells
  is streamed: it may be larger than memory.

  Columns are taken as they come: numbers, true and false, text (each value is a category), dates
  (in CSV where every cell is one, such as 2024-12-31 or 2024-12-31T23:59). Cells may be missing:
  empty, NA, NaN, null, None or ?. A first column without a name (a row index) is no feature. It
  and the columns of {excluded} are carried over to --out letter by letter.
"""

STATUS = """\
exit status: 0 done, 2 bad arguments or files (one line on stderr says which), 130 interrupted."""

DETECT_EXAMPLES = """\
examples:
  skae detect                                     the embedded table
  skae detect sales.csv                           the 10 strangest rows of a table
  skae detect sales.csv --out scored.csv          each row with score, is_anomaly and reason
  skae detect big.parquet --out scored.parquet    the same, chunk by chunk
  skae detect new.csv --train normal.csv          learn from rows known to be normal
  skae detect tests.csv --label defect            compare with labels, never learn from them
  skae detect sales.csv --ignore id note          leave columns out of the features
"""

DETECT_OUT = """\
  --out adds three columns:
    score       of the row; as in scikit-learn, lower is stranger
    is_anomaly  whether the score is below the threshold
    reason      of an anomaly: the columns that made it one, with their shares of the score
"""

IMPUTE = """\
Fill the missing cells of a table with a masked auto-encoder, which predicts each from the rest of
its row. All other cells stay as they are.

Without --train, it learns from TABLE itself: from the cells that are there."""

IMPUTE_EXAMPLES = """\
examples:
  skae impute patients.csv --out filled.csv
  skae impute big.parquet --out filled.parquet    chunk by chunk
  skae impute new.csv --train known.csv --out filled.csv
  skae impute patients.csv --ignore id --out filled.csv
"""

LARGEST_SEED = 2**32 - 1  # that NumPy takes; more than enough for any other number here


class _Parser(argparse.ArgumentParser):
    """Refuses in one line, as everything else here does."""

    def error(self, message):
        raise CommandError(f"{message} (see {self.prog} --help)")


def _at_least(minimum):
    def integer(text):
        if not text.isdecimal() or not minimum <= int(text) <= LARGEST_SEED:
            raise argparse.ArgumentTypeError(f"{text!r} is not an integer of at least {minimum}")
        return int(text)

    return integer


def _contamination(text):
    if text == "auto":
        return text
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 < share <= 0.5:
        raise argparse.ArgumentTypeError(f"{text!r} is neither 'auto' nor a number in (0, 0.5]")
    return share


def _parser():
    parser = _Parser(prog="skae", description="Auto-encoders for tables.")
    parser.add_argument("--version", action="version", version=f"skae {__version__}")
    commands = parser.add_subparsers(metavar="command", required=True)
    _add_detect(commands)
    _add_impute(commands)
    return parser


def _add_detect(commands):
    files = FILES.format(excluded="--label and --ignore")
    detect = commands.add_parser(
        "detect",
        help="find anomalies in a table",
        description=DETECT,
        epilog="\n".join([DETECT_EXAMPLES, files, DETECT_OUT, STATUS]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    detect.set_defaults(run=_run_detect)
    option = detect.add_argument
    option("table", nargs="?", type=Path, metavar="TABLE", help="the rows to score")
    option("--out", type=Path, metavar="FILE", help="write the scored table (.csv or .parquet)")
    option("--train", type=Path, metavar="NORMAL", help="learn from this table, score TABLE")
    option(
        "--label",
        metavar="COLUMN",
        help="a column of two values that says which rows are anomalies; only the report uses it. "
        "Anomalies are: the value that is not 0, false, no, normal or inlier; -1 beside 1; "
        "otherwise the rarer one",
    )
    option(
        "--contamination",
        type=_contamination,
        default="auto",
        metavar="SHARE",
        help="share of the training rows to flag, such as 0.05; by default a threshold that "
        "flags about 1 %% of normal rows",
    )
    option(
        "--scaler",
        choices=("standard", "minmax", "quantile", "none"),
        help="what is done to columns of numbers first (standard; none for the embedded table, "
        "whose columns share one unit)",
    )
    option("--top", type=_at_least(0), default=10, metavar="N", help="anomalies to list (10)")
    _add_training_options(option)


def _add_impute(commands):
    files = FILES.format(excluded="--ignore")
    impute = commands.add_parser(
        "impute",
        help="fill the missing cells of a table",
        description=IMPUTE,
        epilog="\n".join([IMPUTE_EXAMPLES, files, STATUS]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    impute.set_defaults(run=_run_impute)
    option = impute.add_argument
    option("table", type=Path, metavar="TABLE", help="the table to fill")
    option(
        "--out",
        type=Path,
        metavar="FILE",
        required=True,
        help="write the filled table (.csv or .parquet)",
    )
    option("--train", type=Path, metavar="KNOWN", help="learn from this table, fill TABLE")
    _add_training_options(option)


def _add_training_options(option):
    option(
        "--ignore",
        nargs="+",
        action="extend",
        default=[],
        metavar="COLUMN",
        help="columns that are no features (after TABLE)",
    )
    option("--seed", type=_at_least(0), default=0, metavar="N", help="random seed (0)")
    option("--max-epochs", type=_at_least(1), metavar="N", help="train for at most N epochs")
    option("--device", default="auto", help="auto, cpu, cuda, cuda:0, mps (auto)")
    option("--quiet", action="store_true", help="no progress and no notes on stderr")


def _run_detect(args):
    from skae.cli._detect import detect

    detect(args)


def _run_impute(args):
    from skae.cli._impute import impute

    impute(args)


def main(argv=None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : list of str, default=None
        The arguments; None takes them from ``sys.argv``.

    Returns
    -------
    int
        The exit status: 0 done, 2 bad arguments or files, 130 interrupted.
    """
    try:
        args = _parser().parse_args(argv)
        args.run(args)
        sys.stdout.flush()
    except CommandError as error:
        print("skae: error:", *str(error).splitlines(), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("skae: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output left, as in `skae detect | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0
