"""What a network sees of an encoded row: numbers, masks, one-hot columns and embeddings."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from skae.nn._gaussian_fill import GaussianFill
from skae.utils import Column, TableSchema

# A categorical column with more classes than this is embedded: one-hot columns would outgrow the
# rest of the first layer.
MOST_ONE_HOT_CLASSES = 32
LARGEST_EMBEDDING = 32
# A column that hardly varies is not blown up to unit variance.
SMALLEST_VARIANCE = 0.01

Label = tuple[int, object]


class TableInput(nn.Module):
    """Encoded rows to the columns that the first layer multiplies, in two steps.

    :meth:`prepare` does what depends on no parameter, for a whole block of rows; the module itself
    looks embeddings up, batch by batch.

    Every column of the table has variance 1 in sum over its columns here: numbers are scaled
    already, a boolean, the one-hot columns of a category and the parts of a datetime are divided by
    a common factor, embeddings are drawn that way. Classes are centred. A missing cell becomes
    zeros, the mean, and numbers say so in a mask column of their own.

    Parameters
    ----------
    schema : TableSchema
        The columns.
    generator : torch.Generator
        Source of the first embeddings.
    masks_all : bool, default=False
        Whether every column of the table has a mask column; else the numbers, booleans and
        datetimes that training saw missing.
    like : TableInput, default=None
        The input of an earlier schema, of which this one is a longer version: what it knew stays as
        it was, and a class that has become known starts as the bucket that it was part of.

    Attributes
    ----------
    labels : list of tuple
        What each output column is: (column of the table, part of it).
    fill : GaussianFill or None
        What missing numbers and classes are replaced by, where it is not the mean.
    """

    source: Tensor
    offset: Tensor
    scale: Tensor
    hot_code: Tensor
    last_embedding: Tensor
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
        self.fill: GaussianFill | None = None
        columns, first = schema.columns, schema.first_parts.tolist()
        embedded = [i for i, column in enumerate(columns) if _is_embedded(i, column, like)]
        masked = [i for i, column in enumerate(columns) if _has_mask(column, masks_all)]
        values = [
            value
            for i in range(len(columns))
            if i not in embedded
            for value in _values(i, first[i], columns[i])
        ]
        values.sort(key=lambda value: value.is_class)  # numbers first
        self.n_values = len(values)
        self.embedded = {i: first[i] for i in embedded}  # column -> place in an encoded row
        self.n_known = {i: columns[i].n_known for i in embedded}
        embeddings = [_embedding(i, columns[i], generator, like) for i in embedded]
        self.embeddings = cast("Sequence[nn.Embedding]", nn.ModuleList(embeddings))
        self.labels: list[Label] = [value.label for value in values]
        self.labels += [(i, "missing") for i in masked]
        for i, embedding in zip(embedded, embeddings, strict=True):
            self.labels += [(i, ("embedding", j)) for j in range(embedding.embedding_dim)]
        self._register("source", [value.place for value in values], torch.long)
        self._register("offset", [value.offset for value in values], torch.float32)
        self._register("scale", [value.scale for value in values], torch.float32)
        self._register("hot_code", [v.code for v in values if v.is_class], torch.float32)
        last = [embedding.num_embeddings - 1 for embedding in embeddings]  # of missing cells
        self._register("last_embedding", last, torch.float32)
        self._register("mask_source", [first[i] for i in masked], torch.long)
        mask = {i: self.n_values + j for j, i in enumerate(masked)}
        masks = [mask.get(value.label[0], -1) for value in values]
        self._register("mask_of_inputs", masks + [-1] * (self.n_out - self.n_values), torch.long)
        if like is not None:
            self._take_over(like)

    def _register(self, name, values, dtype):
        self.register_buffer(name, torch.tensor(values, dtype=dtype), persistent=False)

    @torch.no_grad()
    def _take_over(self, like: "TableInput") -> None:
        """Read values as before; a class that is new is not centred, so that others see nothing."""
        labels, earlier = self.labels[: self.n_values], like.labels[: like.n_values]
        places, origins = places_in(labels, earlier), origins_in(labels, earlier)
        old, known = places >= 0, origins >= 0
        self.scale[known] = like.scale[origins[known]].to(self.scale)
        self.offset.zero_()[old] = like.offset[places[old]].to(self.offset)
        self.fill = None if like.fill is None else like.fill.of_columns(places)

    @property
    def n_out(self) -> int:
        """Columns that it gives."""
        return len(self.labels)

    def move(self, scale: Tensor, shift: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Go on with encoded columns in new units.

        Parameters
        ----------
        scale, shift : Tensor of shape (n_encoded,)
            ``x_old = scale * x_new + shift``, for each column of an encoded row.

        Returns
        -------
        scale, shift : Tensor of shape (n_out,)
            The same for each input; masks, one-hot columns and embeddings stay.
        masks : Tensor of int of shape (n_out,) or None
            Mask column of each input, where a missing cell becomes zero in whatever units.
        """
        # Booleans, too, have scale 1 and shift 0, so that their centres make no difference.
        n_numbers = self.n_values - len(self.hot_code)
        source, n_others = self.source[:n_numbers], self.n_out - n_numbers
        scale = torch.cat([scale[source], scale.new_ones(n_others)])
        shift = torch.cat([shift[source] / self.scale[:n_numbers], shift.new_zeros(n_others)])
        if self.fill is None:
            return scale, shift, self.mask_of_inputs
        self.fill = self.fill.moved(scale[: self.n_values], shift[: self.n_values])
        return scale, shift, None

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
        values = x.index_select(1, self.source)
        hot = values[:, self.n_values - len(self.hot_code) :]
        # 1 where the code is that of the class, else 0, NaN where it is missing: without comparing
        hot.copy_(1 - hot.sub_(self.hot_code).abs_().clamp_(max=1))
        return values.sub_(self.offset).div_(self.scale)

    def numbers(self, values: Tensor) -> Tensor:
        """Undo :meth:`values` for all that is no one-hot column.

        Parameters
        ----------
        values : Tensor of shape (n_samples, n_values)
            As :meth:`values` gives them.

        Returns
        -------
        Tensor of shape (n_samples, n_numbers)
            Columns ``source[:n_numbers]`` of an encoded row.
        """
        n_numbers = self.n_values - len(self.hot_code)
        return values[:, :n_numbers] * self.scale[:n_numbers] + self.offset[:n_numbers]

    def places_of(self, columns: Sequence[int]) -> Tensor:
        """Where the outputs that stem from some columns of the table are.

        Parameters
        ----------
        columns : sequence of int
            Columns of the table.

        Returns
        -------
        Tensor of int of shape (n_places,)
            Positions in `labels`, ascending.
        """
        chosen = {int(i) for i in columns}
        return torch.tensor([k for k, (i, _) in enumerate(self.labels) if i in chosen]).long()

    def put_back(self, encoded: Tensor, seen: Tensor, columns: Sequence[int]) -> Tensor:
        """Cells of some columns from what the network sees of them; the way back.

        Parameters
        ----------
        encoded : Tensor of shape (n_samples, n_encoded)
            Encoded rows.
        seen : Tensor of shape (n_samples, n_out)
            As :meth:`forward` gives them; only the columns count.
        columns : sequence of int
            Columns of the table.

        Returns
        -------
        Tensor of shape (n_samples, n_encoded)
            The encoded rows with these cells: the number, or the class that is nearest; the mean,
            or the most frequent class, for a missing one and the bucket of rare ones.
        """
        encoded, n_numbers = encoded.clone(), self.n_values - len(self.hot_code)
        places = self.places_of(columns).to(seen.device)
        plain = places[places < n_numbers]
        encoded[:, self.source[plain]] = self.numbers(seen[:, : self.n_values])[:, plain]
        for i in columns:
            cell, codes = self._class_codes(i, seen, n_numbers)
            if cell is not None:
                encoded[:, cell] = codes
        return encoded

    def _class_codes(self, i: int, seen: Tensor, n_numbers: int) -> tuple[int | None, Tensor]:
        """Place of a categorical column in an encoded row, and the codes of its cells."""
        own = self.places_of([i])
        if i in self.embedded:
            embedding = self.embeddings[list(self.embedded).index(i)]
            code = torch.cdist(seen[:, own], embedding.weight).argmin(dim=1)
            # others are rare or missing; the most frequent has code 0
            code = code.where(code < self.n_known[i], 0)
            return self.embedded[i], code.to(seen.dtype)
        known = [k for k in own.tolist() if n_numbers <= k < self.n_values]
        known = [k for k in known if self.labels[k][1] != "other"]
        if not known:
            return None, seen
        shares = seen[:, known] * self.scale[known] + self.offset[known]
        codes = self.hot_code[[k - n_numbers for k in known]]
        return int(self.source[known[0]]), codes[shares.argmax(dim=1)]

    @torch.no_grad()
    def prepare(self, x: Tensor) -> Tensor:
        """Do all that does not depend on parameters, of many rows at once.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_encoded)
            Encoded rows.

        Returns
        -------
        Tensor of shape (n_samples, n_prepared)
            Values, masks, and for each embedded column the row of its embedding.
        """
        masks = x.index_select(1, self.mask_source)
        masks = masks.sub_(masks).nan_to_num_(nan=1.0)  # NaN - NaN is NaN; comparing is slower
        codes = x[:, list(self.embedded.values())]
        codes = torch.fmin(codes, self.last_embedding)  # of NaN and a number the number
        return torch.cat([self.filled(x), masks, codes], dim=1)

    def forward(self, prepared: Tensor) -> Tensor:
        """Embed what is to be embedded.

        Parameters
        ----------
        prepared : Tensor of shape (n_samples, n_prepared)
            As :meth:`prepare` returns them.

        Returns
        -------
        Tensor of shape (n_samples, n_out)
            What the first layer takes: finite values.
        """
        if not self.embedded:
            return prepared
        embedded = [embedding(codes) for embedding, codes in self._embedded(prepared)]
        return torch.cat([prepared[:, : -len(embedded)], *embedded], dim=1)

    def masks(self, prepared: Tensor) -> Tensor:
        """Mask columns of prepared rows, (n_samples, n_masks): 1 where a cell is missing."""
        return prepared[:, self.n_values : self.n_values + len(self.mask_source)]

    @property
    def n_prepared(self) -> int:
        """Columns of prepared rows."""
        return self.n_values + len(self.mask_source) + len(self.embedded)

    def filled(self, x: Tensor) -> Tensor:
        """Numbers and one-hot columns as the network sees them.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_encoded)
            Encoded rows.

        Returns
        -------
        Tensor of shape (n_samples, n_values)
            The first columns of the output.
        """
        values = self.values(x)
        zeros = values.nan_to_num(nan=0.0)
        return zeros if self.fill is None else self.fill(zeros, torch.isnan(values))

    def _embedded(self, prepared: Tensor) -> Iterator[tuple[nn.Embedding, Tensor]]:
        """Embeddings and the rows of them that cells take."""
        codes = prepared[:, self.n_prepared - len(self.embedded) :].long().t()
        return zip(self.embeddings, codes, strict=True)

    def gradients(self, prepared: Tensor, grad: Tensor) -> list[Tensor]:
        """Gradients of the embeddings.

        Parameters
        ----------
        prepared : Tensor of shape (n_samples, n_prepared)
            As :meth:`prepare` returns them.
        grad : Tensor of shape (n_samples, n_out)
            Gradient of the output.

        Returns
        -------
        list of Tensor
            One a parameter, in the order of :meth:`parameters`.
        """
        grads, stop = [], self.n_values + len(self.mask_source)
        for embedding, codes in self._embedded(prepared):
            start, stop = stop, stop + embedding.embedding_dim
            part, n_rows = grad[:, start:stop].contiguous(), embedding.num_embeddings
            grads.append(
                torch.ops.aten.embedding_dense_backward(part, codes, n_rows, n_rows - 1, False)
            )
        return grads


class _Value(NamedTuple):
    """One input: ``(x - offset) / scale``, of a cell or of whether its code is that of a class."""

    label: Label
    place: int  # in an encoded row
    offset: float
    scale: float
    is_class: bool = False
    code: int = -1


def _values(i: int, place: int, column: Column) -> list[_Value]:
    """Inputs of a column that is not embedded."""
    p = column.frequencies
    if column.kind == "categorical":
        scale = math.sqrt(max((p * (1 - p)).sum(), SMALLEST_VARIANCE))
        return [
            _Value((i, part), place, float(p[code]), scale, True, code)
            for code, part in enumerate(column.parts)
        ]
    if column.kind == "boolean":
        scale = math.sqrt(max(p[0] * p[1], SMALLEST_VARIANCE))
        return [_Value((i, 0), place, float(p[1]), scale)]
    scale = math.sqrt(column.variance)
    return [_Value((i, part), place + part, 0.0, scale) for part in range(column.width)]


def _is_embedded(i: int, column: Column, like: TableInput | None) -> bool:
    """Whether a column is embedded; one that was not stays as it was."""
    return column.n_classes > MOST_ONE_HOT_CLASSES and (like is None or i in like.embedded)


def _has_mask(column: Column, masks_all: bool) -> bool:
    """Whether missing cells need a column that says so; those of a category are all zeros."""
    return masks_all or (column.has_missing and column.kind != "categorical")


def _embedding(
    i: int, column: Column, generator: torch.Generator, like: TableInput | None
) -> nn.Embedding:
    """One vector a class; the last, zero, is for missing and unseen values."""
    n_classes = column.n_classes
    width = min(LARGEST_EMBEDDING, math.ceil(math.sqrt(n_classes)))
    if like is None:
        weight = torch.empty(n_classes, width, dtype=torch.float32)
        weight.normal_(std=width**-0.5, generator=generator)
    else:  # classes that were not known were read as the bucket, or as the last where there is none
        earlier = like.embeddings[list(like.embedded).index(i)].weight.detach()
        weight = earlier[torch.arange(n_classes).clamp(max=like.n_known[i])]
    weight = torch.cat([weight, weight.new_zeros(1, weight.shape[1])])
    return nn.Embedding.from_pretrained(weight, freeze=False, padding_idx=n_classes)


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
    place = {label: k for k, label in enumerate(earlier)}
    return torch.tensor([place.get(label, -1) for label in labels], dtype=torch.long)


def origins_in(labels: list[Label], earlier: list[Label]) -> Tensor:
    """Where each label comes from: a new class of a category, from the bucket that it was part of.

    Parameters
    ----------
    labels, earlier : list of tuple
        Labels of columns.

    Returns
    -------
    Tensor of int of shape (len(labels),)
        Positions in the earlier list; -1 for anything else that is new.
    """
    bucket = {i: k for k, (i, part) in enumerate(earlier) if part == "other"}
    places = places_in(labels, earlier)
    origins = torch.tensor([bucket.get(i, -1) for i, _ in labels], dtype=torch.long)
    return torch.where(places < 0, origins, places)
