"""The words of the command line: errors, notes, progress and the report."""

import sys
import time
from contextlib import contextmanager
from numbers import Real

# What is expected is zero where it is smaller, relative to the value.
LEAST_SHOWN = 1e-4
SHOWN_CHARACTERS = 40  # of a cell


class CommandError(Exception):
    """The command cannot go on; the message says why, in one line, to the person who typed it."""


def counted(number, thing):
    """Return "1 row" or "2 rows"."""
    return f"{number} {thing}" + ("s" if number != 1 else "")


# ---- on stderr ----


def on_terminal(quiet):
    """Whether to show what changes: only to a person who looks on."""
    return not quiet and sys.stderr.isatty()


@contextmanager
def progress_line(text, quiet, live=True):
    """Keep one line on stderr: `text`, then what the yielded function is told, then the seconds.

    On a terminal the line is rewritten at every call; elsewhere, or where it is not to be `live`,
    only the last call is printed, so that a log gets one line.
    """
    live = live and on_terminal(quiet)
    start, last = time.perf_counter(), "stopped"

    def update(state):
        nonlocal last
        last = state
        if live:
            _rewrite(f"{text}: {state}")

    if live:
        _rewrite(text)
    try:
        yield update
        last = f"{last}, {time.perf_counter() - start:.1f} s"
    finally:
        if live:
            _rewrite(f"{text}: {last}\n")
        elif not quiet:
            print(f"{text}: {last}", file=sys.stderr)


def _rewrite(line):
    print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)


def print_notes(messages, quiet=False):
    """Print each distinct message once, on one line of stderr."""
    lines = dict.fromkeys(" ".join(str(message).split()) for message in messages)
    if not quiet:
        print("".join(f"note: {line}\n" for line in lines), end="", file=sys.stderr)


# ---- the report ----


def report(job, findings, compared):
    """Return the report of `skae detect` as text.

    Parameters
    ----------
    job : Job
        What was asked.
    findings : Findings
        What was found.
    compared : list of (str, float, float)
        Detector, ROC AUC, average precision; empty where no label is known.
    """
    parts = [list(job.about), _summary(job, findings), _top_table(job, findings.strangest)]
    if compared:
        parts.append(_comparison_table(job, compared))
    return "\n\n".join("\n".join(lines) for lines in parts if lines)


def _summary(job, findings):
    n_rows, n_flagged = findings.n_rows, findings.n_flagged
    return aligned(
        [
            ("rows", f"{n_rows} scored, trained on {job.n_train}"),
            ("columns", f"{len(job.train.columns)}"),
            ("threshold", f"{_short(findings.threshold)} (an anomaly has a lower score)"),
            ("flagged", f"{n_flagged} ({n_flagged / n_rows:.1%})"),
        ]
    )


def _top_table(job, strangest):
    if not strangest:
        return []
    header = [
        "row",
        "score",
        "flagged",
        "label",
        "because of column = value, expected (share of the score)",
    ]
    rows = [header, *map(_top_row, strangest)]
    if job.labels is None:
        rows = [(*row[:3], row[4]) for row in rows]
    return ["Top anomalies, lowest score first:", *aligned(rows, right=2)]


def _top_row(row):
    why = [_reason(*cell) for cell in row.reasons]
    return (
        row.name,
        _short(row.score),
        "yes" if row.is_flagged else "no",
        "anomaly" if row.is_anomaly else "normal",
        ", ".join(why),
    )


def _reason(name, value, expected, share):
    if _is_number(value) and abs(expected) < LEAST_SHOWN * abs(value):
        expected = 0.0  # 7.5e-07 beside 8 says no more
    value, expected = _shown(value), _shown(expected)
    instead = "" if value == expected else f" instead of {expected}"
    return f"{name} = {value}{instead} ({share:.0%})"


def _is_number(value):
    return isinstance(value, Real) and not isinstance(value, bool)


def _shown(value):
    return _short(value) if _is_number(value) else " ".join(str(value).split())[:SHOWN_CHARACTERS]


def _short(number):
    return f"{number + 0.0:.4g}"  # + 0.0 drops the sign of -0.0


def _comparison_table(job, compared):
    rows = [(name, f"{auc:.3f}", f"{precision:.3f}") for name, auc, precision in compared]
    anomalies = counted(int(job.labels.sum()), "row")
    title = f"Against the labels (anomaly: {job.label_meaning}, {anomalies}):"
    return [title, *aligned([("detector", "ROC AUC", "average precision"), *rows])]


def aligned(rows, right=0):
    """Lay out rows of cells in columns, the first `right` of them flush right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(_padded(row, widths, right)).rstrip() for row in rows]


def _padded(row, widths, right):
    for place, (cell, width) in enumerate(zip(row, widths, strict=True)):
        yield cell.rjust(width) if place < right else cell.ljust(width)
