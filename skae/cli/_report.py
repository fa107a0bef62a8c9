"""The words of the command line: errors, notes, progress and the report."""

import sys
import time
from contextlib import contextmanager


class CommandError(Exception):
    """The command cannot go on; the message says why, in one line, to the person who typed it."""


def counted(number, thing):
    """Return "1 row" or "2 rows"."""
    return f"{number} {thing}" + ("s" if number != 1 else "")


# ---- on stderr ----


@contextmanager
def progress_line(text, quiet=False):
    """Keep one line on stderr: `text`, then what the yielded function is told, then the seconds.

    On a terminal the line is rewritten at every call; elsewhere only the last call is printed, so
    that a log gets one line.
    """
    live = not quiet and sys.stderr.isatty()
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


def report(job, scored, top, comparison):
    """Return the report of `skae detect` as text.

    Parameters
    ----------
    job : Job
        What was asked.
    scored : Scored
        What was found.
    top : int
        How many anomalies to list.
    comparison : list of (str, float, float)
        Detector, ROC AUC, average precision; empty where no label is known.
    """
    parts = [list(job.about), _summary(job, scored), _top_table(job, scored, top)]
    if comparison:
        parts.append(_comparison_table(job, comparison))
    return "\n\n".join("\n".join(lines) for lines in parts if lines)


def _summary(job, scored):
    n_rows, n_flagged = len(scored.scores), int(scored.flagged.sum())
    return _aligned(
        [
            ("rows", f"{n_rows} scored, trained on {len(job.train)}"),
            ("columns", f"{job.features.shape[1]}"),
            ("threshold", f"{_short(scored.threshold)} (an anomaly has a lower score)"),
            ("flagged", f"{n_flagged} ({n_flagged / n_rows:.1%})"),
        ]
    )


def _top_table(job, scored, top):
    strangest = scored.strangest[:top]
    if not len(strangest):
        return []
    header = ["row", "score", "flagged", "label", "because of column = value (share of the score)"]
    rows = [header, *(_top_row(job, scored, row) for row in strangest)]
    if job.labels is None:
        rows = [(*row[:3], row[4]) for row in rows]
    return ["Top anomalies, lowest score first:", *_aligned(rows, right=2)]


def _top_row(job, scored, row):
    values = job.features.iloc[row]
    why = [f"{name} = {_short(values[name])} ({share:.0%})" for name, share in scored.reasons[row]]
    return (
        str(job.features.index[row]),
        _short(scored.scores[row]),
        "yes" if scored.flagged[row] else "no",
        "anomaly" if job.labels is not None and job.labels[row] else "normal",
        ", ".join(why),
    )


def _short(number):
    return f"{number + 0.0:.4g}"  # + 0.0 drops the sign of -0.0


def _comparison_table(job, comparison):
    rows = [(name, f"{auc:.3f}", f"{precision:.3f}") for name, auc, precision in comparison]
    anomalies = counted(int(job.labels.sum()), "row")
    title = f"Against the labels (anomaly: {job.label_meaning}, {anomalies}):"
    return [title, *_aligned([("detector", "ROC AUC", "average precision"), *rows])]


def _aligned(rows, right=0):
    """Lay out rows of cells in columns, the first `right` of them flush right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(_padded(row, widths, right)).rstrip() for row in rows]


def _padded(row, widths, right):
    for place, (cell, width) in enumerate(zip(row, widths, strict=True)):
        yield cell.rjust(width) if place < right else cell.ljust(width)
