"""``skae detect``: read, train, score, write, report."""

import warnings
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score

from skae.cli._report import CommandError, counted, print_notes, progress_line, report
from skae.cli._tables import (
    anomaly_labels,
    check_columns,
    check_out,
    numeric_features,
    read_table,
    write_table,
)
from skae.datasets import load_digit_anomalies, one_class_split

N_REASONS = 3
OUT_COLUMNS = ("score", "is_anomaly", "reason")


class Job(NamedTuple):
    """What was asked: the rows to learn from, the rows to score, and what is known of them."""

    about: list  # lines of text that say what the tables are
    table: pd.DataFrame  # as read, for --out
    features: pd.DataFrame  # the numbers of the same rows
    train: pd.DataFrame  # the numbers to learn from, same columns
    labels: np.ndarray | None = None  # True for an anomaly
    label_meaning: str = ""
    scaler: str = "standard"  # unless --scaler says otherwise


class Scored(NamedTuple):
    """What was found."""

    scores: np.ndarray  # lower is stranger
    threshold: float
    flagged: np.ndarray
    strangest: np.ndarray  # row positions, lowest score first
    reasons: dict  # row position -> [(column, share of the score), ...]


def detect(args):
    """Run ``skae detect`` with parsed arguments.

    Parameters
    ----------
    args : argparse.Namespace
        See ``skae detect --help``.
    """
    job = _embedded_job(args) if args.table is None else _file_job(args)
    detector = _trained(job, args)
    scored = _scored(detector, job, args.top)
    if args.out is not None:
        write_table(_out_table(job, scored), args.out)
    comparison = [] if job.labels is None else _comparison(detector, job, scored, args.seed)
    print(report(job, scored, args.top, comparison))


# ---- what to learn from and what to score ----


def _embedded_job(args):
    if args.train or args.label:
        raise CommandError("--train and --label need a TABLE to score (see skae detect --help)")
    if args.out:
        check_out(args.out, inputs=[])
    source, name = load_digit_anomalies(), "the embedded table"
    check_columns(source.data.columns, name, args.ignore, "--ignore (write it after TABLE)")
    features = numeric_features(source.data, name, args.ignore)
    train, test = one_class_split(source.target, random_state=args.seed)
    normal, anomaly = source.target_names
    return Job(
        about=[
            f"{source.title}.",
            f"An anomaly is {source.anomaly}. Half of the {normal} rows train; the other half "
            f"and all {anomaly} rows are scored.",
        ],
        table=source.data.iloc[test],
        features=features.iloc[test],
        train=features.iloc[train],
        labels=source.target[test] == 1,
        label_meaning=anomaly,
        scaler="none",  # all columns count the same pixels
    )


def _file_job(args):
    excluded = {"", *args.ignore, *_given(args.label)}
    if args.out:
        check_out(args.out, inputs=[args.table, *_given(args.train)])
    table = read_table(args.table, text_columns=excluded)
    normal = read_table(args.train, text_columns=excluded) if args.train else table
    _check_names(args, table.columns, normal.columns, excluded)
    labels, anomaly = anomaly_labels(table[args.label], args.table) if args.label else (None, "")
    features = numeric_features(table, args.table, excluded)
    train = numeric_features(normal[features.columns], args.train) if args.train else features
    if len(train) < 2:
        raise CommandError(f"{args.train or args.table}: one row is too few to learn from")
    print_notes(_header_notes(args.table, table.columns), args.quiet)
    return Job(
        about=[f"{args.table}: learned from {args.train or 'its own rows'}."],
        table=table,
        features=features,
        train=train,
        labels=labels,
        label_meaning=f"{args.label} = {anomaly}",
    )


def _given(option):
    return [] if option is None else [option]


def _check_names(args, names, normal_names, excluded):
    """Check the columns that the options name, and that both tables have the same features."""
    check_columns(names, args.table, _given(args.label), "--label")
    check_columns([*names, *normal_names], args.table, args.ignore, "--ignore")
    taken = [name for name in OUT_COLUMNS if name in names]
    if args.out and taken:
        raise CommandError(
            f"{args.table}: has a column {taken[0]!r} already, which --out would write; rename it"
        )
    for path, ours, theirs in [
        (args.train, normal_names, names),
        (args.table, names, normal_names),
    ]:
        lacking = [name for name in theirs if name not in {*ours, *excluded}]
        if lacking:
            raise CommandError(
                f"{path}: lacks column {lacking[0]!r}{_and_more(lacking)} of the other table; "
                "--train needs the columns of TABLE (or --ignore)"
            )


def _and_more(names):
    return f" (and {len(names) - 1} more)" if len(names) > 1 else ""


def _header_notes(path, names):
    if "" in names:
        yield f"{path}: the column without a name is taken as row names, not as a feature"
    if all(map(_is_number, names)) and list(names) != [str(i) for i in range(len(names))]:
        yield f"{path}: its first line holds numbers only; it was taken as the column names"


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


# ---- train and score ----


def _trained(job, args):
    from skae import DenoisingAE  # imports torch: only now, when the files are known to be good

    limit = {} if args.max_epochs is None else {"max_epochs": args.max_epochs}
    scaler = args.scaler or job.scaler
    detector = DenoisingAE(
        scaler=None if scaler == "none" else scaler,
        contamination=args.contamination,
        random_state=args.seed,
        device=args.device,
        **limit,
    )
    n_rows, n_columns = job.train.shape
    text = f"training on {n_rows} rows x {n_columns} columns"
    with warnings.catch_warnings(record=True) as caught, progress_line(text, args.quiet) as say:
        warnings.simplefilter("always")
        if hasattr(detector, "set_callbacks"):  # scikit-learn >= 1.9
            detector.set_callbacks(_EpochCount(say))
        _fit(detector, job.train)
        say(counted(detector.n_iter_, "epoch"))
    notes = [w.message for w in caught if issubclass(w.category, UserWarning)]
    if detector.n_components_ >= n_columns:
        notes.append(f"{counted(n_columns, 'column')}: too few for one to be told from the others")
    print_notes(notes, args.quiet)
    return detector


class _EpochCount:
    """A callback by scikit-learn's protocol that says which epoch it is."""

    def __init__(self, say):
        self.say = say
        self.n_epochs = 0

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
            self.say(f"epoch {self.n_epochs}")


def _fit(detector, train):
    try:
        detector.fit(train)
    except (ValueError, RuntimeError, ArithmeticError) as error:  # no such device, divergence
        raise CommandError(str(error)) from error


def _scored(detector, job, top):
    scores = detector.score_samples(job.features)
    flagged = scores < detector.offset_
    strangest = np.argsort(scores, kind="stable")
    explained = np.union1d(np.flatnonzero(flagged), strangest[:top])
    reasons = _reasons(detector, job.features.iloc[explained]) if len(explained) else []
    return Scored(
        scores=scores,
        threshold=float(detector.offset_),
        flagged=flagged,
        strangest=strangest,
        reasons=dict(zip(explained.tolist(), reasons, strict=True)),
    )


def _reasons(detector, rows):
    """For each row, its `N_REASONS` columns with the largest shares of its score."""
    contributions = detector.feature_contributions(rows)
    total = contributions.sum(axis=1, keepdims=True)
    shares = np.divide(contributions, total, out=np.zeros_like(contributions), where=total != 0)
    largest = np.argsort(-shares, axis=1, kind="stable")[:, :N_REASONS]
    names = rows.columns.to_numpy()
    return [
        [(names[column], row[column]) for column in columns if row[column] > 0]
        for columns, row in zip(largest, shares, strict=True)
    ]


def _out_table(job, scored):
    reasons = [
        ", ".join(f"{name} ({share:.0%})" for name, share in scored.reasons[row]) if flagged else ""
        for row, flagged in enumerate(scored.flagged)
    ]
    values = (scored.scores, scored.flagged, reasons)
    return job.table.assign(**dict(zip(OUT_COLUMNS, values, strict=True)))


# ---- how good is it ----


def _comparison(detector, job, scored, seed):
    """ROC AUC and average precision of the detector and two peers, all on the same split."""
    train, rows = job.train.to_numpy(), job.features.to_numpy()
    n_components = min(detector.n_components_, *train.shape)
    scores = {
        type(detector).__name__: scored.scores,
        "IsolationForest": IsolationForest(random_state=seed).fit(train).score_samples(rows),
        f"PCA reconstruction error ({n_components} components)": -_pca_error(
            train, rows, n_components, detector.scaler, seed
        ),
    }
    return [
        (name, roc_auc_score(job.labels, -s), average_precision_score(job.labels, -s))
        for name, s in scores.items()
    ]


def _pca_error(train, rows, n_components, scaler, seed):
    from skae.preprocessing import TableScaler  # with torch, as the detector

    scaler = TableScaler(scaler).fit(train)
    with np.errstate(invalid="ignore"):  # the ratio of variances, where every row is the same
        pca = PCA(n_components, random_state=seed).fit(scaler.transform(train))
    scaled = scaler.transform(rows)
    return np.mean((scaled - pca.inverse_transform(pca.transform(scaled))) ** 2, axis=1)
