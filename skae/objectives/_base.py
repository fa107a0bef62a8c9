"""The interface between a training loop and what it minimises."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
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
        Weights of the rows, 1 on average over the whole table; (n_samples, 2) of pairs of rows.
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
    parameters : sequence of Parameter
        What this phase updates; all others stay as they are.
    gradients : callable or None
        Maps (module, Batch) to the loss and the gradients of `parameters`, where there is a faster
        way than autograd.
    """

    name: str
    loss: Callable[[nn.Module, Batch], Tensor]
    parameters: Sequence[nn.Parameter]
    gradients: Callable[[nn.Module, Batch], tuple[Tensor, list[Tensor]]] | None = None

    def value_and_grad(
        self, module: nn.Module, batch: Batch, parameters: Sequence[nn.Parameter]
    ) -> tuple[Tensor, Sequence[Tensor]]:
        """Loss of a batch and its gradients.

        Parameters
        ----------
        module : nn.Module
            The network.
        batch : Batch
            The rows.
        parameters : sequence of Parameter
            Those of `self.parameters` that are not frozen; one that the loss does not depend on has
            gradient zero.

        Returns
        -------
        loss : Tensor of shape ()
            Detached.
        grads : sequence of Tensor
            One a parameter.
        """
        if self.gradients is not None and len(parameters) == len(self.parameters):
            return self.gradients(module, batch)
        with torch.enable_grad():  # wherever the caller turned gradients off
            loss = self.loss(module, batch)
        grads = torch.autograd.grad(loss, parameters, allow_unused=True, materialize_grads=True)
        return loss.detach(), grads


class Objective(nn.Module):
    """A scalar to minimise over the parameters of a module.

    Adversarial objectives return several phases, which alternate within each step; networks of
    their own (a discriminator) are submodules of the objective.
    """

    def take_networks(self, earlier: "Objective") -> None:
        """Go on with the networks of an objective that was minimised before.

        Parameters
        ----------
        earlier : Objective
            Which may have other weights and numbers.
        """
        for name, network in earlier.named_children():
            if [*network.parameters()]:
                setattr(self, name, network)

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
