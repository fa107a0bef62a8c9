"""What a network sees of an encoded row: numbers, masks, one-hot columns and embeddings."""

import math

import numpy as np
import torch
from torch import Tensor, nn

from skae.utils import TableSchema

# A categorical column with more classes than this is embedded: one-hot columns would outgrow the
# rest of the first layer.
MOST_ONE_HOT_CLASSES = 32
LARGEST_EMBEDDING = 32
# A column that hardly varies is not blown up to unit variance.
SMALLEST_VARIANCE = 0.01

Label = tuple[int, object]


class TableInput(nn.Module):
    """Encoded rows to the columns that the first layer multiplies.

    Every column of the table has variance 1 in sum over its columns here: numbers are scaled
    already, a boolean and the one-hot columns of a category are centred and divided by a common
    factor, embeddings are drawn that way. A missing cell becomes zeros, the mean, and numbers say
    so in a mask column of their own.

    Parameters
    ----------
    schema : TableSchema
        The columns.
    generator : torch.Generator
        Source of the first embeddings.
    masks_all : bool, default=False
        Whether every number, boolean and datetime has a mask column; else those that training
        saw missing.
    like : TableInput, default=None
        The input of an earlier schema, of which this one is a longer version: embeddings stay.

    Attributes
    ----------
    labels : list of tuple
        What each output column is: (column of the table, part of it).
    """

    source: Tensor
    offset: Tensor
    scale: Tensor
    hot_source: Tensor
    hot_code: Tensor
    mask_source: Tensor
    mask_of_inputs: Tensor

    def __init__(
        self,
        schema: TableSchema,
        generator: torch.Generator,
        masks_all: bool = False,
        like: "TableInput | None" = None,
    ):
        super().__init__()
        self.masks_all = masks_all
        first = np.searchsorted(schema.encoded_features, np.arange(schema.n_features)).tolist()
        numbers, hot, masks, labels = [], [], [], []
        self.embedded: dict[int, int] = {}  # column of the table -> place in an encoded row
        self.embeddings = nn.ModuleList()
        for i, column in enumerate(schema.columns):
            if column.kind == "categorical":
                if column.n_classes > MOST_ONE_HOT_CLASSES and (like is None or i in like.embedded):
                    self.embedded[i] = first[i]
                    self.embeddings.append(_embedding(column.n_classes, generator))
                else:
                    hot += _one_hot(i, first[i], column)
                continue
            offset, scale = (0.0, 1.0)
            if column.kind == "boolean":
                offset = float(column.frequencies[1])
                scale = math.sqrt(max(offset * (1 - offset), SMALLEST_VARIANCE))
            for part in range(column.width):
                numbers.append(((i, part), first[i] + part, offset, scale))
            if masks_all or column.has_missing:
                masks.append(((i, "missing"), first[i]))
        labels = [entry[0] for entry in [*numbers, *hot]]
        self.n_values = len(labels)
        self.labels: list[Label] = labels + [entry[0] for entry in masks]
        for i, embedding in zip(self.embedded, self.embeddings, strict=True):
            self.labels += [(i, ("embedding", j)) for j in range(embedding.embedding_dim)]
        self._register("source", [entry[1] for entry in numbers], torch.long)
        self._register("hot_source", [entry[1] for entry in hot], torch.long)
        self._register("hot_code", [entry[4] for entry in hot], torch.float32)
        self._register("mask_source", [entry[1] for entry in masks], torch.long)
        self._register("offset", [entry[2] for entry in [*numbers, *hot]], torch.float32)
        self._register("scale", [entry[3] for entry in [*numbers, *hot]], torch.float32)
        mask_of = {entry[0][0]: self.n_values + j for j, entry in enumerate(masks)}
        masked = [mask_of.get(i, -1) for i, _ in labels] + [-1] * (self.n_out - self.n_values)
        self._register("mask_of_inputs", masked, torch.long)
        if like is not None:
            self._take_over(like)

    def _register(self, name, values, dtype):
        self.register_buffer(name, torch.tensor(values, dtype=dtype), persistent=False)

    @torch.no_grad()
    def _take_over(self, like: "TableInput") -> None:
        """Keep what the network has learned to read: centres, scales and embeddings."""
        places = places_in(self.labels[: self.n_values], like.labels[: like.n_values])
        known = places >= 0
        self.offset[known] = like.offset[places[known]].to(self.offset)
        self.scale[known] = like.scale[places[known]].to(self.scale)
        for i, embedding in zip(self.embedded, self.embeddings, strict=True):
            old = like.embeddings[list(like.embedded).index(i)].weight
            n_same = min(len(old), len(embedding.weight)) - 1  # the last row is for missing cells
            embedding.weight[:n_same] = old[:n_same]

    @property
    def n_out(self) -> int:
        """Columns that it gives."""
        return len(self.labels)

    def of_numbers(self, scale: Tensor, shift: Tensor) -> tuple[Tensor, Tensor]:
        """Maps of encoded columns as maps of the inputs.

        Parameters
        ----------
        scale, shift : Tensor of shape (n_encoded,)
            ``x_old = scale * x_new + shift``, for each column of an encoded row.

        Returns
        -------
        scale, shift : Tensor of shape (n_out,)
            The same for each input; masks, one-hot columns and embeddings stay.
        """
        n_others = self.n_out - len(self.source)
        # Of a boolean scale is 1 and shift 0, so that its own centre and scale make no difference.
        return (
            torch.cat([scale[self.source], scale.new_ones(n_others)]),
            torch.cat([shift[self.source], shift.new_zeros(n_others)]),
        )

    def values(self, x: Tensor) -> Tensor:
        """Numbers and one-hot columns, centred, NaN where a cell is missing.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_encoded)
            Encoded rows.

        Returns
        -------
        Tensor of shape (n_samples, n_values)
            The first columns of the output, before NaN becomes zero.
        """
        values = x[:, self.source]
        if len(self.hot_source):
            codes = x[:, self.hot_source]
            hot = (codes == self.hot_code).to(x.dtype)
            values = torch.cat([values, torch.where(torch.isnan(codes), codes, hot)], dim=1)
        return (values - self.offset) / self.scale

    def forward(self, x: Tensor) -> Tensor:
        """Turn encoded rows into what the first layer takes.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_encoded)
            Encoded rows.

        Returns
        -------
        Tensor of shape (n_samples, n_out)
            Finite values.
        """
        columns = [torch.nan_to_num(self.values(x), nan=0.0)]
        if len(self.mask_source):
            columns.append(torch.isnan(x[:, self.mask_source]).to(x.dtype))
        for (_, place), embedding in zip(self.embedded.items(), self.embeddings, strict=True):
            columns.append(embedding(_places(x[:, place], embedding)))
        return torch.cat(columns, dim=1) if len(columns) > 1 else columns[0]

    def gradients(self, x: Tensor, grad: Tensor) -> list[Tensor]:
        """Gradients of the embeddings.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_encoded)
            Encoded rows.
        grad : Tensor of shape (n_samples, n_out)
            Gradient of the output.

        Returns
        -------
        list of Tensor
            One a parameter, in the order of :meth:`parameters`.
        """
        grads, stop = [], self.n_out - sum(e.embedding_dim for e in self.embeddings)
        for (_, place), embedding in zip(self.embedded.items(), self.embeddings, strict=True):
            start, stop = stop, stop + embedding.embedding_dim
            codes = _places(x[:, place], embedding)
            n_rows, padding = embedding.num_embeddings, embedding.padding_idx
            grads.append(
                torch.ops.aten.embedding_dense_backward(
                    grad[:, start:stop].contiguous(), codes, n_rows, padding, False
                )
            )
        return grads


def _one_hot(i, place, column):
    """Label, place, mean, scale and code of each one-hot column of a category."""
    p = column.frequencies
    scale = math.sqrt(max((p * (1 - p)).sum(), SMALLEST_VARIANCE))
    return [
        (class_label(i, code, column.n_known), place, float(share), scale, code)
        for code, share in enumerate(p)
    ]


def class_label(i: int, code: int, n_known: int) -> Label:
    """Label of a class of a categorical column, which stays when classes are added."""
    return (i, code if code < n_known else "other")


def _embedding(n_classes: int, generator: torch.Generator) -> nn.Embedding:
    """One vector a class; the last, zero, is for missing and unseen values."""
    width = min(LARGEST_EMBEDDING, math.ceil(math.sqrt(n_classes)))
    weight = torch.empty(n_classes + 1, width).normal_(std=width**-0.5, generator=generator)
    weight[-1] = 0.0
    return nn.Embedding.from_pretrained(weight, freeze=False, padding_idx=n_classes)


def _places(codes: Tensor, embedding: nn.Embedding) -> Tensor:
    last = embedding.num_embeddings - 1
    return torch.nan_to_num(codes, nan=last).clamp(max=last).long()


def places_in(labels: list[Label], earlier: list[Label]) -> Tensor:
    """Where each label stood in an earlier list; -1 for a new one.

    Parameters
    ----------
    labels, earlier : list of tuple
        Labels of columns.

    Returns
    -------
    Tensor of int of shape (len(labels),)
        Positions.
    """
    place = {label: i for i, label in enumerate(earlier)}
    return torch.tensor([place.get(label, -1) for label in labels])
