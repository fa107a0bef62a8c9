"""The interface between a training loop and what it minimises."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from torch import Tensor, nn


class Batch(NamedTuple):
    """Rows that are trained on together.

    Attributes
    ----------
    inputs : Tensor of shape (n_samples, n_features)
        What the encoder sees; corrupted rows in a denoising auto-encoder.
    targets : Tensor of shape (n_samples, n_features)
        What the decoder's output is compared with.
    weight : Tensor of shape (n_samples,) or None
        Weights of the rows, 1 on average over the whole table.
    """

    inputs: Tensor
    targets: Tensor
    weight: Tensor | None


class Phase(NamedTuple):
    """One update within a training step: a loss and the parameters that lower it.

    Attributes
    ----------
    name : str
        Name of the optimiser: ``net_.<name>_``.
    loss : callable
        Maps (module, Batch) to a scalar.
    parameters : iterable of Parameter
        What this phase updates; all others stay as they are.
    """

    name: str
    loss: Callable[[nn.Module, Batch], Tensor]
    parameters: Iterable[nn.Parameter]


class Objective(nn.Module):
    """A scalar to minimise over the parameters of a module.

    Adversarial objectives return several phases, which alternate within each step; networks of
    their own (a discriminator) are submodules of the objective.
    """

    def forward(self, module: nn.Module, batch: Batch) -> Tensor:
        """Loss of a batch, averaged over its rows.

        Parameters
        ----------
        module : nn.Module
            The network.
        batch : Batch
            The rows.

        Returns
        -------
        Tensor of shape ()
            Lower is better.
        """
        raise NotImplementedError

    def per_row(self, module: nn.Module, batch: Batch) -> Tensor:
        """Loss of each row, unweighted, by which held-out rows judge an epoch.

        Parameters
        ----------
        module : nn.Module
            The network, in evaluation mode.
        batch : Batch
            The rows.

        Returns
        -------
        Tensor of shape (n_samples,)
            Lower is better.
        """
        raise NotImplementedError

    def phases(self, module: nn.Module) -> list[Phase]:
        """List the updates of one training step, in order.

        Parameters
        ----------
        module : nn.Module
            The network.

        Returns
        -------
        list of Phase
            One phase over all parameters, unless a subclass says otherwise.
        """
        return [Phase("optimizer", self, [*module.parameters(), *self.parameters()])]
