"""Dropout that draws from a generator of its own."""

import torch
from torch import Tensor, nn


class SeededDropout(nn.Module):
    """Dropout as :class:`torch.nn.Dropout`, but from an explicit generator.

    torch's layer draws from the process-wide generator: it would disturb the caller's random numbers
    and mix those of two fits that run at once.

    Parameters
    ----------
    p : float
        Probability of a zero.
    generator : torch.Generator
        Source of randomness.
    """

    def __init__(self, p: float, generator: torch.Generator):
        super().__init__()
        self.p, self.generator = p, generator

    def forward(self, x: Tensor) -> Tensor:
        """Drop and rescale while training; the identity otherwise.

        Parameters
        ----------
        x : Tensor
            Input.

        Returns
        -------
        Tensor of the same shape
            Output.
        """
        if not self.training or self.p == 0:
            return x
        keep = torch.rand(x.shape, generator=self.generator, device=x.device) >= self.p
        return x * keep / max(1 - self.p, torch.finfo(x.dtype).tiny)

    def __getstate__(self):
        # A generator belongs to one fit; its state is no part of what was learned.
        return {**self.__dict__, "generator": None}


def seed_dropout(module: nn.Module, generator: torch.Generator) -> None:
    """Give every dropout layer inside `module` the generator of this fit, in place.

    Parameters
    ----------
    module : nn.Module
        A module of the user's, already copied.
    generator : torch.Generator
        Source of randomness, on the device of the training.
    """
    for parent in list(module.modules()):
        for name, child in list(parent._modules.items()):  # a shared layer under each of its names
            if isinstance(child, nn.Dropout):
                setattr(parent, name, SeededDropout(child.p, generator))
            elif isinstance(child, SeededDropout):
                child.generator = generator
