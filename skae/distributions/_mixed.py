"""The likelihood of a row of mixed columns: one density a kind of column."""

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from skae.distributions._likelihoods import Likelihood
from skae.utils import TableSchema

# The loss of a category is divided by the entropy of the column, at least by this (nats): then a
# value of frequency 1 % counts at most like a deviation of 3.
SMALLEST_ENTROPY = 0.5
# Rare classes start with logits that follow PCA no faster than if they had this frequency.
SMALLEST_START_FREQUENCY = 0.05


class MixedColumns(Likelihood):
    r"""Columns of several kinds, balanced, with missing cells left out.

    A number has the loss `numbers`; a boolean the cross-entropy of one logit, a Bernoulli; a
    category that of one logit a class, a categorical distribution. Cross-entropies are divided by
    the entropy of the column, :math:`\max(H_j, 0.5)` nats: the best constant prediction then
    costs 1 in every column, as it does for squared error in a standardised number, so that 200
    categories do not drown a number. A datetime is the mean over its parts. A missing cell costs 0.
    A value that was never seen, in a column whose training had no rare values, costs
    :math:`\log(n + 1)` nats, the surprise of something new after `n` cells.

    Parameters
    ----------
    schema : TableSchema
        The columns; targets are encoded rows.
    numbers : Likelihood
        The loss of numbers and of the parts of datetimes.

    Attributes
    ----------
    labels : list of tuple
        What each output is: (column of the table, part of it), as in :class:`skae.nn.TableInput`.
    """

    def __init__(self, schema: TableSchema, numbers: Likelihood):
        self.schema = schema
        self.numbers = numbers
        columns = schema.columns
        first = np.searchsorted(schema.encoded_features, np.arange(schema.n_features)).tolist()
        of = {kind: [i for i, c in enumerate(columns) if c.kind == kind] for kind in _KINDS}
        number_parts = [
            (i, part)
            for i, c in enumerate(columns)
            if c.kind in ("numeric", "datetime")
            for part in range(c.width)
        ]
        # Columns of equally many classes stand side by side, so that one softmax serves them all.
        sizes = sorted({columns[i].n_classes for i in of["categorical"]})
        groups = [
            (size, [i for i in of["categorical"] if columns[i].n_classes == size]) for size in sizes
        ]
        self.labels = [*number_parts, *((i, 0) for i in of["boolean"])]
        self._groups = []
        for size, members in groups:
            self._groups.append((size, len(members)))
            for i in members:
                n_known = columns[i].n_known
                self.labels += [(i, c if c < n_known else "other") for c in range(size)]
        cells = [*number_parts, *((i, 0) for i in of["boolean"])]
        cells += [(i, 0) for _, members in groups for i in members]
        self._n_numbers, self._n_booleans = len(number_parts), len(of["boolean"])
        self._cpu = {
            "first": torch.tensor(first),
            "place": torch.tensor([first[i] + part for i, part in cells]),
            "feature": torch.tensor([i for i, _ in cells]),
            "weight": torch.tensor([_cell_weight(columns[i]) for i, _ in cells]),
            "surprise": torch.tensor([math.log1p(columns[i].n_seen) for i, _ in cells]),
            "n_known": torch.tensor([columns[i].n_known for i, _ in cells]),
        }
        self._moved: dict[torch.device, dict[str, Tensor]] = {}

    def __eq__(self, other):
        return self is other

    __hash__ = object.__hash__

    def __getstate__(self):
        return {**vars(self), "_moved": {}}

    @property
    def identity_link(self) -> bool:  # type: ignore[override]
        """Whether the decoder's output is the reconstruction: numbers only, with such a loss."""
        return self.numbers.identity_link and self._n_numbers == len(self.labels)

    @property
    def support(self) -> tuple[float, float]:  # type: ignore[override]
        """Lowest and highest value that a (scaled) number may take."""
        return self.numbers.support

    def _on(self, device: torch.device) -> dict[str, Tensor]:
        if device not in self._moved:
            self._moved[device] = {name: t.to(device) for name, t in self._cpu.items()}
        return self._moved[device]

    def _parts(self, values: Tensor, sizes: list[int]) -> tuple[Tensor, Tensor, list[Tensor]]:
        numbers, booleans, *groups = values.split(
            [self._n_numbers, self._n_booleans, *sizes], dim=1
        )
        return numbers, booleans, groups

    def _split_output(self, output: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Numbers, logits of booleans, and logits (n_samples, n_columns, n_classes) by size."""
        sizes = [size * count for size, count in self._groups]
        numbers, booleans, groups = self._parts(output, sizes)
        shaped = [
            g.unflatten(1, (count, size))
            for g, (size, count) in zip(groups, self._groups, strict=True)
        ]
        return numbers, booleans, shaped

    def _split_target(self, target: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor, list[Tensor]]]:
        """Which cells are there, and their values by kind, zero where they are missing."""
        cells = target[:, self._on(target.device)["place"]]
        missing = torch.isnan(cells)
        counts = [count for _, count in self._groups]
        return ~missing, self._parts(torch.where(missing, 0.0, cells), counts)

    def nll(self, output, target, reduction="none"):
        """Loss of each column of the table; see :meth:`Likelihood.nll`.

        Parameters
        ----------
        output : Tensor of shape (n_samples, n_outputs)
            What the decoder's last layer gives, in the order of `labels`.
        target : Tensor of shape (n_samples, n_encoded)
            Encoded rows.
        reduction : {"none", "mean"}
            Whether to average over all cells, missing ones included.

        Returns
        -------
        Tensor of shape (n_samples, n_features), or () for ``"mean"``
            Lower is more likely.
        """
        known = self._on(target.device)
        present, (numbers, booleans, codes) = self._split_target(target)
        number_output, boolean_logits, logits = self._split_output(output)
        losses = [self.numbers.nll(number_output, numbers)]
        losses.append(
            F.binary_cross_entropy_with_logits(boolean_logits, booleans, reduction="none")
        )
        start = self._n_numbers + self._n_booleans
        for code, logit in zip(codes, logits, strict=True):
            stop = start + code.shape[1]
            log_p = torch.log_softmax(logit, dim=2)
            place = code.long().clamp(max=logit.shape[2] - 1)
            loss = -log_p.gather(2, place[:, :, None])[:, :, 0]
            losses.append(torch.where(code < logit.shape[2], loss, known["surprise"][start:stop]))
            start = stop
        weighted = torch.cat(losses, dim=1) * known["weight"] * present
        if reduction == "mean":
            return weighted.sum() / (len(target) * self.schema.n_features)
        by_feature = weighted.new_zeros(len(target), self.schema.n_features)
        return by_feature.index_add(1, known["feature"], weighted)

    def gradient(self, output, target):
        """Derivative of the sum of :meth:`nll`; see :meth:`Likelihood.gradient`."""
        known = self._on(target.device)
        present, (numbers, booleans, codes) = self._split_target(target)
        number_output, boolean_logits, logits = self._split_output(output)
        weight = known["weight"] * present
        cell_weights = self._parts(weight, [count for _, count in self._groups])
        grads = [
            self.numbers.gradient(number_output, numbers) * cell_weights[0],
            (torch.sigmoid(boolean_logits) - booleans) * cell_weights[1],
        ]
        for code, logit, by_cell in zip(codes, logits, cell_weights[2], strict=True):
            classes = torch.arange(logit.shape[2], device=code.device)
            error = torch.softmax(logit, dim=2) - (code[:, :, None] == classes).to(logit.dtype)
            by_cell = by_cell * (code < logit.shape[2])  # nothing to learn from unseen values
            grads.append((error * by_cell[:, :, None]).flatten(1))
        return torch.cat(grads, dim=1)

    def n_cells(self, target):
        """Rows times columns of the table; see :meth:`Likelihood.n_cells`."""
        return len(target) * self.schema.n_features

    def shares(self, output, target):
        """Loss of each column of the table, over the number of those that are not missing."""
        losses = self.nll(output, target)
        present = ~torch.isnan(target[:, self._on(target.device)["first"]])
        return losses / present.sum(dim=1, keepdim=True).clamp(min=1)

    def row_loss(self, output, target):
        """Mean loss of the columns that are not missing; 0 where all are."""
        return self.shares(output, target).sum(dim=1)

    def of_numbers(self, scale, shift):
        """See :meth:`Likelihood.of_numbers`; logits stay."""
        place = self._on(scale.device)["place"][: self._n_numbers]
        n_logits = len(self.labels) - self._n_numbers
        return (
            torch.cat([scale[place], scale.new_ones(n_logits)]),
            torch.cat([shift[place], shift.new_zeros(n_logits)]),
        )

    def log_frequencies(self):
        """Logits of the classes as frequent as in training, (n_outputs,); 0 for numbers."""
        return torch.tensor([self._logit(i, part) for i, part in self.labels])

    def _logit(self, i, part):
        column = self.schema.columns[i]
        if column.kind == "boolean":
            p = min(max(column.frequencies[1], 1e-3), 1 - 1e-3)
            return math.log(p / (1 - p))
        if column.kind == "categorical":
            return math.log(max(column.frequencies[-1 if part == "other" else part], 1e-6))
        return 0.0

    def mean(self, output):
        """Encoded rows of a decoder output: numbers, probabilities, codes of the likeliest value.

        The bucket of rare values stands for none of them: it is taken only where there is no known
        value.
        """
        known = self._on(output.device)
        numbers, boolean_logits, logits = self._split_output(output)
        cells = [self.numbers.mean(numbers), torch.sigmoid(boolean_logits)]
        start = self._n_numbers + self._n_booleans
        for logit in logits:
            stop, classes = (
                start + logit.shape[1],
                torch.arange(logit.shape[2], device=logit.device),
            )
            bucket = classes >= known["n_known"][start:stop, None].clamp(min=1)
            cells.append(logit.masked_fill(bucket, -math.inf).argmax(dim=2).to(output.dtype))
            start = stop
        encoded = output.new_empty(len(output), self.schema.n_encoded)
        encoded[:, known["place"]] = torch.cat(cells, dim=1)
        return encoded

    def linear_start(self, mean, loadings, inputs=None):
        """Start of the decoder's linear path; see :meth:`Likelihood.linear_start`.

        Logits start at the frequencies, and follow the axes as far as a first-order expansion of
        the logarithm goes.
        """
        place = {label: j for j, label in enumerate(inputs.labels[: inputs.n_values])}
        weight = torch.zeros(len(self.labels), loadings.shape[1])
        bias = self.log_frequencies()
        for output, (i, part) in enumerate(self.labels):
            column, j = self.schema.columns[i], place.get((i, part))
            if column.kind in ("numeric", "datetime"):
                bias[output] = self.numbers.output_for_mean(mean[j])
                weight[output] = float(self.numbers.identity_link) * loadings[j]
            elif j is not None:
                p = column.frequencies[
                    {"other": -1}.get(part, 1 if column.kind == "boolean" else part)
                ]
                slope = 1 / max(
                    p * (1 - p) if column.kind == "boolean" else p, SMALLEST_START_FREQUENCY
                )
                weight[output] = slope * inputs.scale[j] * loadings[j]
        return weight, bias


_KINDS = ("numeric", "boolean", "categorical", "datetime")


def _cell_weight(column):
    if column.kind in ("boolean", "categorical"):
        return 1 / max(column.entropy, SMALLEST_ENTROPY)
    return 1 / column.width
