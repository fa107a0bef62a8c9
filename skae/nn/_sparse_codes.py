"""Auto-encoders whose codes go through a function of their own."""

import torch
from torch import Tensor, nn

from skae.nn._autoencoder import AutoEncoderModule
from skae.nn._table_input import TableInput


class TopCodes(nn.Module):
    """Keeps the codes of each row that are farthest from 0, and sets the others to 0.

    Parameters
    ----------
    n_active : int
        How many are kept.
    """

    def __init__(self, n_active: int):
        super().__init__()
        self.n_active = n_active

    def forward(self, code: Tensor) -> Tensor:
        """Map codes (n_samples, n_components) to sparse ones."""
        kept = code.abs().topk(self.n_active, dim=1).indices
        return torch.zeros_like(code).scatter(1, kept, code.gather(1, kept))


class SparseAutoEncoder(AutoEncoderModule):
    """An auto-encoder with a function between what the encoder gives and the code.

    Parameters
    ----------
    encoder, decoder, inputs
        As for :class:`AutoEncoderModule`.
    sparsifier : nn.Module
        Maps what the encoder gives to codes, both (n_samples, n_components).
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        sparsifier: nn.Module,
        inputs: TableInput | None = None,
    ):
        super().__init__(encoder, decoder, inputs)
        self.sparsifier = sparsifier

    def encode_seen(self, seen: Tensor) -> Tensor:
        """Sparse codes; see :meth:`AutoEncoderModule.encode_seen`."""
        return self.sparsifier(super().encode_seen(seen))

    @property
    def has_pullback(self) -> bool:
        """False: gradients come from autograd."""
        return False
