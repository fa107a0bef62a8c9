"""The likelihood of a row of mixed columns: one density a kind of column."""

import copy
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Categorical
from torch.nn import functional as F  # noqa: N812

from skae.distributions._likelihoods import Likelihood, LogLoss, SquaredError
from skae.utils import Column, TableSchema

# The loss of a category is divided by the entropy of the column, at least by this (nats): then a
# value of frequency 1 % counts at most like a deviation of 3.
SMALLEST_ENTROPY = 0.5
# Rare classes start with logits that follow PCA no faster than if they had this frequency.
SMALLEST_START_FREQUENCY = 0.05
# A categorical column shares one softmax with a larger one that has at most so many times its
# classes: few calls for little padding.
MOST_PADDING = 4

Label = tuple[int, int | str]


class MixedColumns(Likelihood):
    r"""Columns of several kinds, balanced, with missing cells left out.

    A number has the loss `numbers`; a boolean the cross-entropy of one logit, a Bernoulli; a
    category that of one logit a class, a categorical distribution. Cross-entropies are divided by
    the entropy of the column, :math:`\max(H_j, 0.5)` nats: the best constant prediction then
    costs 1 in every column, as it does for squared error in a standardised number, so that 200
    categories do not drown a number. A datetime is the sum over its parts, divided by their
    variance (of squared errors, if `numbers` is for a bounded range). A missing cell costs 0. A
    value that was never seen, in a column whose training had no rare values, costs
    :math:`\log(n + 1)` nats, the surprise of something new after `n` cells.

    Parameters
    ----------
    schema : TableSchema
        The columns; targets are encoded rows.
    numbers : Likelihood
        The loss of numbers and of the parts of datetimes.
    given : sequence of int, default=()
        Columns that are known beforehand: they cost nothing, and are no cells.

    Attributes
    ----------
    labels : list of tuple
        What each output is: (column of the table, part of it), as in :class:`skae.nn.TableInput`.
    """

    def __init__(self, schema: TableSchema, numbers: Likelihood, given: Sequence[int] = ()):
        self.schema = schema
        self.numbers = numbers
        self._counted = [i for i in range(schema.n_features) if i not in set(given)]
        bounded = not np.isinf(numbers.support).all()
        trends = SquaredError() if bounded else numbers
        self._densities = {"numeric": numbers, "datetime": trends, "boolean": LogLoss()}
        heads = _plain_heads(schema, self._densities) + _class_heads(schema)
        self.labels = [label for head in heads for label in head.labels]
        self._layout = _Layout(schema, heads, self._counted)
        self._moved: dict[torch.device, _Layout] = {}

    def __eq__(self, other):
        return self is other

    __hash__ = object.__hash__

    def __repr__(self):
        return f"{type(self).__name__}({self.schema.n_features} columns, {self.numbers!r})"

    def __getstate__(self):
        return {**vars(self), "_moved": {}}

    @property
    def identity_link(self) -> bool:  # type: ignore[override]
        """Whether the decoder's output is the reconstruction: numbers only, with such a loss."""
        return all(likelihood.identity_link for likelihood in self._layout.likelihoods)

    @property
    def support(self) -> tuple[float, float]:  # type: ignore[override]
        """Lowest and highest value that a (scaled) number may take."""
        return self.numbers.support

    # ---- the loss ----

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
        layout = self._on(target.device)
        values, weight = layout.cells(target)
        parts = layout.parts(output, values)
        losses = [likelihood.nll(part, value) for likelihood, part, value in parts]
        return layout.reduced(torch.cat(losses, dim=1) * weight, reduction)

    def neg_log_density(self, output, target):
        """Without the balance between columns; see :meth:`Likelihood.neg_log_density`."""
        return self._unbalanced("neg_log_density", output, target)

    def least_loss(self, output, target):
        """Sum over the parts of a column; see :meth:`Likelihood.least_loss`."""
        return self._unbalanced("least_loss", output, target)

    def _unbalanced(self, loss: str, output: Tensor, target: Tensor) -> Tensor:
        layout = self._on(target.device)
        values, weight = layout.cells(target)
        parts = layout.parts(output, values)
        losses = [getattr(likelihood, loss)(part, value) for likelihood, part, value in parts]
        return layout.reduced(torch.cat(losses, dim=1) * (weight > 0), "none")

    def n_scales(self, n_outputs):
        """Scales of numbers and datetimes; see :meth:`Likelihood.n_scales`."""
        return sum(self._layout.n_scales)

    def gradient(self, output, target):
        """Derivative of the sum of :meth:`nll`; see :meth:`Likelihood.gradient`."""
        return self.nll_and_gradient(output, target)[1]

    def nll_and_gradient(self, output, target, reduction="none"):
        """Both at once: they share a softmax; see :meth:`Likelihood.nll_and_gradient`."""
        layout = self._on(target.device)
        values, weight = layout.cells(target)
        parts = layout.parts(output, values)
        both = [likelihood.nll_and_gradient(part, value) for likelihood, part, value in parts]
        losses, grads = (torch.cat(tensors, dim=1) for tensors in zip(*both, strict=True))
        grads.mul_(weight.index_select(1, layout.cell_of_output))
        return layout.reduced(losses * weight, reduction), grads

    def n_cells(self, target):
        """Rows times columns that are not given; see :meth:`Likelihood.n_cells`."""
        return len(target) * len(self._counted)

    def shares(self, output, target):
        """Loss of each column of the table, over the number of those that are not missing."""
        return self.nll(output, target) / self._n_present(target)[:, None]

    def row_loss(self, output, target):
        """Mean loss of the columns that are not missing; 0 where all are."""
        return self.nll(output, target).sum(dim=1) / self._n_present(target)

    def _n_present(self, target: Tensor) -> Tensor:
        missing = torch.isnan(target.index_select(1, self._on(target.device).first_counted))
        return (len(self._counted) - missing.sum(dim=1)).clamp(min=1)

    def _on(self, device: torch.device) -> "_Layout":
        if device not in self._moved:
            self._moved[device] = self._layout.to(device)
        return self._moved[device]

    # ---- what the outputs mean ----

    def mean(self, output):
        """Encoded rows of a decoder output: numbers, probabilities, codes of the likeliest value.

        The bucket of rare values stands for none of them: it is taken only where there is no known
        value.
        """
        layout = self._on(output.device)
        parts = zip(layout.likelihoods, layout.outputs(output), strict=True)
        cells = torch.cat([likelihood.mean(part) for likelihood, part in parts], dim=1)
        return cells.index_select(1, layout.order)

    def sample(self, output):
        """Draw encoded rows; never the bucket of rare values; see :meth:`Likelihood.sample`."""
        layout = self._on(output.device)
        parts = zip(layout.likelihoods, layout.outputs(output), strict=True)
        cells = torch.cat([likelihood.sample(part) for likelihood, part in parts], dim=1)
        return cells.index_select(1, layout.order)

    def seen(self, output, inputs=None):
        """See :meth:`Likelihood.seen`."""
        layout = self._on(output.device)
        parts = zip(layout.likelihoods, layout.outputs(output), strict=True)
        values = torch.cat([likelihood.seen(part) for likelihood, part in parts], dim=1)
        place = {label: k for k, label in enumerate(self.labels)}
        places = [place[label] for label in inputs.labels[: inputs.n_values]]
        values = values.index_select(
            1, torch.tensor(places, dtype=torch.long, device=output.device)
        )
        return (values - inputs.offset) / inputs.scale

    def of_numbers(self, scale, shift):
        """See :meth:`Likelihood.of_numbers`; logits stay."""
        n_numbers = len(self.schema.encoded_positions("numeric", "datetime"))  # they come first
        place, n_logits = self._on(scale.device).place[:n_numbers], len(self.labels) - n_numbers
        return (
            torch.cat([scale[place], scale.new_ones(n_logits)]),
            torch.cat([shift[place], shift.new_zeros(n_logits)]),
        )

    def log_frequencies(self):
        """Logits of the classes as frequent as in training, (n_outputs,); 0 for numbers."""
        return _floats([_logit(self.schema.columns[i], part) for i, part in self.labels])

    def linear_start(self, mean, loadings, inputs=None):
        """Start of the decoder's linear path; see :meth:`Likelihood.linear_start`.

        Logits start at the frequencies, and follow the axes as far as a first-order expansion of
        the logarithm goes.
        """
        places = {label: j for j, label in enumerate(inputs.labels[: inputs.n_values])}
        weight = loadings.new_zeros(len(self.labels), loadings.shape[1])
        bias, scale = self.log_frequencies(), inputs.scale.to(loadings)
        mean, loadings = scale * mean, scale[:, None] * loadings
        for output, (i, part) in enumerate(self.labels):
            column, j = self.schema.columns[i], places.get((i, part))
            if column.kind in ("numeric", "datetime"):  # their inputs are divided by a scale only
                likelihood = self._densities[column.kind]
                bias[output] = likelihood.output_for_mean(mean[j])
                weight[output] = float(likelihood.identity_link) * loadings[j]
            elif j is not None:
                weight[output] = _slope(column, part) * loadings[j]
        return weight, bias


class _Head(NamedTuple):
    """Outputs that stand side by side and share a density."""

    likelihood: Likelihood
    labels: list[Label]  # of each output
    cells: list[tuple[int, int]]  # of each loss: column of the table, part of it


def _plain_heads(schema: TableSchema, densities: dict[str, Likelihood]) -> list[_Head]:
    """Kinds of columns that have one output a cell."""
    heads = []
    for kind, likelihood in densities.items():
        columns = [(i, column) for i, column in enumerate(schema.columns) if column.kind == kind]
        cells = [(i, part) for i, column in columns for part in range(column.width)]
        if cells:
            heads.append(_Head(likelihood, [*cells], cells))
    return heads


def _class_heads(schema: TableSchema) -> list[_Head]:
    """Categorical columns, the largest first, in groups of similarly many classes."""
    members = [i for i, column in enumerate(schema.columns) if column.kind == "categorical"]
    groups: list[list[int]] = []
    for i in sorted(members, key=lambda i: -schema.columns[i].n_classes):
        n_most = schema.columns[groups[-1][0]].n_classes if groups else math.inf
        if n_most <= MOST_PADDING * schema.columns[i].n_classes:
            groups[-1].append(i)
        else:
            groups.append([i])
    return [_class_head(schema, group) for group in groups]


def _class_head(schema: TableSchema, group: list[int]) -> _Head:
    columns = [schema.columns[i] for i in group]
    labels = [(i, part) for i in group for part in schema.columns[i].parts]
    return _Head(_Classes(columns), labels, [(i, 0) for i in group])


class _OnADevice:
    """Something that has tensors as attributes."""

    def to(self, device):
        """Return a copy on a device."""
        moved = copy.copy(self)
        for name, value in vars(self).items():
            setattr(moved, name, _moved(value, device))
        return moved


def _moved(value, device):
    if isinstance(value, list):
        return [_moved(item, device) for item in value]
    return value.to(device) if isinstance(value, Tensor | _OnADevice) else value


class _Classes(_OnADevice, Likelihood):
    """Categorical columns, their logits padded to equally many classes for one softmax.

    Parameters
    ----------
    columns : list of Column
        The columns. Outputs are a logit for each class, (n_samples, sum of n_classes); targets are
        codes, (n_samples, n_columns).
    """

    identity_link = False

    def __init__(self, columns: list[Column]):
        n_classes = torch.tensor([column.n_classes for column in columns])
        n_known = torch.tensor([column.n_known for column in columns]).clamp(min=1)
        codes, n_outputs = torch.arange(int(n_classes.max())), int(n_classes.sum())
        self.starts = n_classes.cumsum(0) - n_classes  # of the columns among the outputs
        exists = codes < n_classes[:, None]
        self.shape = tuple(exists.shape)  # (n_columns, n_padded)
        self.spread = torch.where(exists, self.starts[:, None] + codes, n_outputs).flatten()
        self.gathered = torch.nonzero(exists.flatten())[:, 0]
        self.column_of_output = torch.arange(len(columns)).repeat_interleave(n_classes)
        self.last = (n_classes - 1).float()
        self.surprise = _floats([math.log1p(column.n_seen) for column in columns])
        self.never = torch.where(codes < n_known[:, None], 0.0, -math.inf).float()  # the bucket

    def _logits(self, output: Tensor) -> Tensor:
        """Logits of shape (n_samples, n_columns, n_padded)."""
        padded = F.pad(output, (0, 1), value=-math.inf)
        return padded.index_select(1, self.spread).unflatten(1, self.shape)

    def nll(self, output, target, reduction="none"):
        """Cross-entropy in nats, or the surprise of an unseen value."""
        return self._compared(output, target)[0]

    def nll_and_gradient(self, output, target, reduction="none"):
        """Both from one softmax; unseen values teach nothing."""
        losses, log_p, code, seen = self._compared(output, target)
        error = log_p.flatten(1).index_select(1, self.gathered).exp_()
        minus = torch.expm1(log_p.gather(2, code)[:, :, 0])  # p - 1 at the value
        error.scatter_(1, self.starts + code[:, :, 0], minus)
        return losses, error.mul_(seen.to(error.dtype).index_select(1, self.column_of_output))

    def _compared(self, output, target):
        seen = target <= self.last
        code = torch.minimum(target, self.last).long()[:, :, None]
        log_p = torch.log_softmax(self._logits(output), dim=2)
        losses = torch.where(seen, -log_p.gather(2, code)[:, :, 0], self.surprise)
        return losses, log_p, code, seen

    def seen(self, output, inputs=None):
        """Probabilities of the classes, in the order of the outputs."""
        p = torch.softmax(self._logits(output), dim=2)
        return p.flatten(1).index_select(1, self.gathered)

    def sample(self, output):
        """Draw codes of known values."""
        logits = self._logits(output) + self.never
        return Categorical(logits=logits, validate_args=False).sample().to(output.dtype)

    def mean(self, output):
        """Code of the likeliest known value."""
        return (self._logits(output) + self.never).argmax(dim=2).to(output.dtype)


class _Layout(_OnADevice):
    """Where the cells of an encoded row and the outputs of a decoder belong.

    Attributes
    ----------
    place : Tensor of int of shape (n_cells,)
        Column of an encoded row of each loss; `order` is its inverse.
    first_counted : Tensor of int of shape (n_counted,)
        Columns of an encoded row that say whether a cell is missing that is not given.
    feature, weight : Tensor of shape (n_cells,)
        Column of the table, and weight, of each loss.
    cell_of_output : Tensor of int of shape (n_outputs,)
        Which loss depends on an output.
    """

    def __init__(self, schema: TableSchema, heads: list[_Head], counted: list[int]):
        self.likelihoods = [head.likelihood for head in heads]
        self.n_outputs = [len(head.labels) for head in heads]
        self.n_cells = [len(head.cells) for head in heads]
        self.n_scales = [head.likelihood.n_scales(len(head.labels)) for head in heads]
        self.n_features, self.n_counted = schema.n_features, len(counted)
        cells = [cell for head in heads for cell in head.cells]
        first = torch.from_numpy(schema.first_parts)
        self.first_counted = first[counted]
        self.feature = torch.tensor([i for i, _ in cells])
        self.place = first[self.feature] + torch.tensor([part for _, part in cells])
        self.order = torch.argsort(self.place)
        self.weight = _floats([_weight(schema.columns[i]) * (i in counted) for i, _ in cells])
        # of a category all classes, of anything else the very part
        cell = {label: k for k, label in enumerate(cells)}
        labels = [label for head in heads for label in head.labels]
        self.cell_of_output = torch.tensor([cell.get(label, cell[label[0], 0]) for label in labels])

    def cells(self, target: Tensor) -> tuple[Tensor, Tensor]:
        """Values and weights of the cells, (n_samples, n_cells); both 0 where a cell is missing."""
        values = target.index_select(1, self.place)
        # NaN - NaN is NaN; of 0 * NaN compilers make 0, and comparing is slow
        weight = (values - values).add_(self.weight).nan_to_num_(nan=0.0)
        return values.nan_to_num_(nan=0.0), weight

    def parts(self, output: Tensor, values: Tensor) -> Iterator[tuple[Likelihood, Tensor, Tensor]]:
        """Likelihoods, and their parts of outputs and values."""
        values = values.split(self.n_cells, dim=1)
        return zip(self.likelihoods, self.outputs(output), values, strict=True)

    def outputs(self, output: Tensor) -> list[Tensor]:
        """Outputs of each likelihood; scales, where they are learned, come after all others."""
        n_outputs = sum(self.n_outputs)
        parts = output[:, :n_outputs].split(self.n_outputs, dim=1)
        if not sum(self.n_scales):
            return list(parts)
        scales = output[:, n_outputs:].split(self.n_scales, dim=1)
        return [torch.cat(pair, dim=1) for pair in zip(parts, scales, strict=True)]

    def reduced(self, losses: Tensor, reduction: str) -> Tensor:
        """Losses of cells as those of columns, or as their mean over rows and columns."""
        if reduction == "mean":
            return losses.sum() / (len(losses) * self.n_counted)
        by_feature = losses.new_zeros(len(losses), self.n_features)
        return by_feature.index_add(1, self.feature, losses)


def _floats(values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)  # whatever the default is


def _weight(column: Column) -> float:
    """Weight of each loss of a column."""
    if column.kind in ("boolean", "categorical"):
        return 1 / max(column.entropy, SMALLEST_ENTROPY)
    return 1 / column.variance


def _frequency(column: Column, part: int | str) -> float:
    """Share of a class; of a boolean, that of True."""
    if column.kind == "boolean":
        return float(column.frequencies[1])
    return float(column.frequencies[-1 if part == "other" else part])


def _logit(column: Column, part: int | str) -> float:
    """Output for the frequency of a class; 0 for numbers."""
    if column.kind == "boolean":
        return float(torch.logit(_floats([_frequency(column, part)]), eps=1e-3))
    if column.kind == "categorical":
        return math.log(max(_frequency(column, part), 1e-6))
    return 0.0


def _slope(column: Column, part: int | str) -> float:
    """Derivative of the output by the frequency of the class, at the mean."""
    p = _frequency(column, part)
    return 1 / max(p * (1 - p) if column.kind == "boolean" else p, SMALLEST_START_FREQUENCY)
