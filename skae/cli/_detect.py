"""``skae detect``: read, train, score, write, report."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

from skae.cli._inputs import check_columns, read_inputs
from skae.cli._labels import anomaly_labels
from skae.cli._peers import peer_scores
from skae.cli._report import CommandError, on_terminal, print_notes, report
from skae.cli._scoring import OUT_COLUMNS, Findings
from skae.cli._tables import check_out, go_through
from skae.cli._training import train
from skae.datasets import ChunkedTable, load_digit_anomalies, one_class_split


class Job(NamedTuple):
    """What was asked: the rows to learn from, the rows to score, and what is known of them."""

    about: list  # lines of text that say what the tables are
    source: str  # what an error calls the rows to score
    chunks: ChunkedTable  # these rows, with all their columns
    features: Callable  # what the detector sees of a chunk
    train: pd.DataFrame | ChunkedTable  # the rows to learn from, with these columns
    n_train: int
    labels: np.ndarray | None = None  # True for an anomaly
    label_meaning: str = ""
    scaler: str = "standard"  # unless --scaler says otherwise
    novelty: bool = False  # whether all rows to learn from are known to be normal


def detect(args):
    """Run ``skae detect`` with parsed arguments.

    Parameters
    ----------
    args : argparse.Namespace
        See ``skae detect --help``.
    """
    job = _embedded_job(args) if args.table is None else _file_job(args)
    detector = _trained(job, args)
    findings = Findings(detector, job, args.top)
    go_through(findings.scored(job.chunks), args.out, on_terminal(args.quiet))
    compared = [] if job.labels is None else _compared(detector, job, findings, args)
    print(report(job, findings, compared))


def _compared(detector, job, findings, args):
    """ROC AUC and average precision of the detector and, where there is memory for it, peers."""
    scores = {type(detector).__name__: np.concatenate(findings.scores)}
    if isinstance(job.train, ChunkedTable):
        too_large = "too large for IsolationForest and PCA, which need their rows in memory"
        print_notes([f"{args.train or args.table}: {too_large}"], args.quiet)
    else:
        scores |= peer_scores(job, detector.scaler, args.seed)
    return [
        (name, roc_auc_score(job.labels, -s), average_precision_score(job.labels, -s))
        for name, s in scores.items()
    ]


# ---- what to learn from and what to score ----


def _embedded_job(args):
    if args.train or args.label:
        raise CommandError("--train and --label need a TABLE to score (see skae detect --help)")
    if args.out:
        check_out(args.out, inputs=[])
    source, name = load_digit_anomalies(), "the embedded table"
    check_columns(source.data.columns, name, args.ignore, "--ignore (write it after TABLE)")
    names = [column for column in source.data.columns if column not in args.ignore]
    if not names:
        raise CommandError(f"{name}: there is no column left to learn from")
    train, test = one_class_split(source.target, random_state=args.seed)
    normal, anomaly = source.target_names
    return Job(
        about=[
            f"{source.title}.",
            f"An anomaly is {source.anomaly}. Half of the {normal} rows train; the other half "
            f"and all {anomaly} rows are scored.",
        ],
        source=name,
        chunks=ChunkedTable([source.data.iloc[test]]),
        features=lambda chunk: chunk[names],
        train=source.data.iloc[train][names],
        n_train=len(train),
        labels=source.target[test] == 1,
        label_meaning=anomaly,
        scaler="none",  # all columns count the same pixels
        novelty=True,
    )


def _file_job(args):
    table, normal, names, notes = read_inputs(args, args.label, OUT_COLUMNS)
    labels, anomaly = None, ""
    if args.label:
        labels, anomaly = anomaly_labels(table.column(args.label), args.table)
    print_notes(notes, args.quiet)
    return Job(
        about=[f"{args.table}: learned from {args.train or 'its own rows'}."],
        source=args.table,
        chunks=table.chunks,
        features=lambda chunk: table.features(chunk, names),
        train=normal.rows(names),
        n_train=normal.n_rows,
        labels=labels,
        label_meaning=f"{args.label} = {anomaly}",
        novelty=args.train is not None,
    )


def _trained(job, args):
    # imports torch: only now, when the files are known to be good
    from skae import AutoEncoderDetector

    limit = {} if args.max_epochs is None else {"max_epochs": args.max_epochs}
    scaler = args.scaler or job.scaler
    detector = AutoEncoderDetector(
        novelty=job.novelty,
        scaler=None if scaler == "none" else scaler,
        contamination=args.contamination,
        random_state=args.seed,
        device=args.device,
        **limit,
    )
    train(detector, job.train, job.n_train, args.quiet)
    return detector
