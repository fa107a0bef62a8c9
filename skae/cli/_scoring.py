"""One pass over a table: every row gets a score, an anomaly its reason, and the strangest stay."""

from typing import NamedTuple

import numpy as np

from skae.cli._tables import naming

N_REASONS = 3
OUT_COLUMNS = ("score", "is_anomaly", "reason")


class StrangeRow(NamedTuple):
    """A row for the report."""

    name: str  # its label in the index: the position, or what the table says
    score: float
    is_flagged: bool
    is_anomaly: bool | None  # as the label says, where there is one
    reasons: list  # (column, value, expected, share of the score), the largest share first


class Findings:
    """What was found in the rows that went by.

    Parameters
    ----------
    detector : estimator
        Scores rows.
    job : Job
        What was asked.
    top : int
        How many of the strangest rows to keep.

    Attributes
    ----------
    n_rows, n_flagged : int
        Rows that went by, and anomalies among them.
    strangest : list of StrangeRow
        Lowest score first; of equal scores the earlier row.
    scores : list of ndarray
        Of each chunk, where there are labels to compare with.
    """

    def __init__(self, detector, job, top):
        self.detector, self.job, self.top = detector, job, top
        self.n_rows = self.n_flagged = 0
        self.strangest, self.scores = [], []

    @property
    def threshold(self):
        """An anomaly has a lower score."""
        return float(self.detector.offset_)

    def scored(self, chunks):
        """Return a table with `OUT_COLUMNS`, which are found while it is read."""
        score, is_anomaly, reason = OUT_COLUMNS
        columns = {
            score: self._score,  # first: it finds the others, too
            is_anomaly: lambda chunk: self._flagged,
            reason: lambda chunk: self._words,
        }
        return chunks.assign(**columns)

    def _score(self, chunk):
        """Score a chunk, and note what is to be known of it: once, for all three columns."""
        rows = self.job.features(chunk)
        with naming(self.job.source):
            scores = self.detector.score_samples(rows)
        self._flagged = scores < self.threshold
        chosen = self._chosen(scores)
        explained = np.union1d(np.flatnonzero(self._flagged), chosen[chosen >= 0])
        reasons = dict(zip(explained.tolist(), self._reasons(rows.iloc[explained]), strict=True))
        kept = iter(self.strangest)  # those that stay are the first of them
        self.strangest = [
            next(kept) if place < 0 else self._strange_row(rows, scores, place, reasons[place])
            for place in chosen.tolist()
        ]
        self._words = _in_words(reasons, self._flagged)
        self.n_rows += len(scores)
        self.n_flagged += int(self._flagged.sum())
        if self.job.labels is not None:
            self.scores.append(scores)
        return scores

    def _chosen(self, scores):
        """Places in a chunk of the strangest rows so far; -1 for each that came before."""
        before = np.array([row.score for row in self.strangest])
        order = np.argsort(np.concatenate([before, scores]), kind="stable")[: self.top]
        return np.maximum(order - len(before), -1)

    def _strange_row(self, rows, scores, place, reasons):
        labels = self.job.labels
        return StrangeRow(
            name=str(rows.index[place]),
            score=float(scores[place]),
            is_flagged=bool(self._flagged[place]),
            is_anomaly=None if labels is None else bool(labels[self.n_rows + place]),
            reasons=reasons,
        )

    def _reasons(self, rows):
        """For each row, its `N_REASONS` columns with the largest shares of its score."""
        if not len(rows):
            return []
        cells = self.detector.explain(rows, N_REASONS)
        cells = list(cells.itertuples(index=False, name=None))
        n_cells = len(cells) // len(rows)
        return [
            [cell for cell in cells[start : start + n_cells] if cell[-1] > 0]
            for start in range(0, len(cells), n_cells)
        ]


def _in_words(reasons, flagged):
    """The reason of each flagged row as text; of the others none."""
    words = [""] * len(flagged)
    for place in np.flatnonzero(flagged).tolist():
        words[place] = ", ".join(f"{name} ({share:.0%})" for name, _, _, share in reasons[place])
    return words
