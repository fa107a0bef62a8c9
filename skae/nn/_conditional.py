"""A decoder that is told some columns of the rows."""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from skae.nn._mlp import SkipMLP
from skae.nn._table_input import TableInput
from skae.nn._variational import VariationalAutoEncoder


class ConditionalAutoEncoder(VariationalAutoEncoder):
    """A variational auto-encoder whose decoder takes codes and some of what the encoder sees.

    Parameters
    ----------
    encoder, n_components, n_scales, inputs
        As for :class:`VariationalAutoEncoder`; there has to be a :class:`TableInput`.
    decoder : nn.Module
        Maps (n_samples, n_components + n_condition) to (n_samples, n_outputs).
    given : sequence of int
        Columns of the table that the decoder is told.

    Attributes
    ----------
    condition : Tensor of int of shape (n_condition,)
        Where they stand in what the encoder sees.
    """

    condition: Tensor

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        n_components: int,
        n_scales: int,
        inputs: TableInput,
        given: Sequence[int],
    ):
        super().__init__(encoder, decoder, n_components, n_scales, inputs)
        self.given = list(given)
        self.register_buffer("condition", inputs.places_of(self.given), persistent=False)

    def joined(self, code: Tensor, seen: Tensor) -> Tensor:
        """Codes of a posterior, followed by the condition as the encoder sees it.

        See :meth:`VariationalAutoEncoder.joined`.
        """
        condition = seen.index_select(1, self.condition)
        return torch.cat([code, condition.expand(*code.shape[:-1], -1)], dim=-1)

    def with_given(self, encoded: Tensor, code: Tensor) -> Tensor:
        """Put the condition that a code holds into encoded rows.

        Parameters
        ----------
        encoded : Tensor of shape (n_samples, n_encoded)
            Rows that were decoded.
        code : Tensor of shape (n_samples, n_components + n_condition)
            What they were decoded from.

        Returns
        -------
        Tensor of shape (n_samples, n_encoded)
            The same rows with the given cells; the mean, or the most frequent class, in the place
            of a missing one.
        """
        inputs = cast("TableInput", self.inputs)
        seen = code.new_zeros(len(code), inputs.n_out)
        seen[:, self.condition] = code[:, self.n_components :]
        return inputs.put_back(encoded, seen, self.given)

    @torch.no_grad()
    def compensate_input(self, scale: Tensor, shift: Tensor, masks: Tensor | None = None) -> None:
        """Move the decoder's condition along; see :meth:`SkipMLP.compensate_input`."""
        super().compensate_input(scale, shift, masks)
        if not self.given:  # a decoder of images takes no other columns
            return
        place = {j: self.n_components + k for k, j in enumerate(self.condition.tolist())}
        mask_of = [-1] * len(scale) if masks is None else masks.tolist()
        kept = [-1] * self.n_components  # codes stay, and have no masks
        cast("SkipMLP", self.decoder).compensate_input(
            torch.cat([scale.new_ones(self.n_components), scale[self.condition]]),
            torch.cat([shift.new_zeros(self.n_components), shift[self.condition]]),
            self.condition.new_tensor(kept + [place.get(mask_of[j], -1) for j in place]),
        )

    @torch.no_grad()
    def take_inputs(self, places: Tensor) -> None:
        """Let the decoder take a condition of other columns; see :meth:`SkipMLP.take_inputs`."""
        super().take_inputs(places)
        if not self.given:
            return
        before = {j: self.n_components + k for k, j in enumerate(self.condition.tolist())}
        self.condition = cast("TableInput", self.inputs).places_of(self.given).to(self.condition)
        origins = [before.get(j, -1) for j in places[self.condition.cpu()].tolist()]
        codes = list(range(self.n_components))
        cast("SkipMLP", self.decoder).take_inputs(self.condition.new_tensor(codes + origins))
