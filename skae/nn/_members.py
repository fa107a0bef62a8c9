"""Many small auto-encoders, computed at once by batched products."""

import itertools
from collections.abc import Callable, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from skae.nn._activations import ACTIVATIONS
from skae.nn._autoencoder import AutoEncoderModule
from skae.nn._mlp import Pullback, compensate_weight, uniform
from skae.nn._products import aligned


class MemberLinear(nn.Module):
    """A linear layer of each member, with a random part of the connections.

    As many connections are drawn as there are, with replacement, so that about 63 % are there.

    Parameters
    ----------
    n_members, n_in, n_out : int
        Members, and columns of the input and output of each.
    generator : torch.Generator
        Source of connections and initial weights.

    References
    ----------
    Chen, Sathe, Aggarwal & Turaga, "Outlier Detection with Autoencoder Ensembles", SDM 2017,
    section 3.1.
    """

    connected: Tensor

    def __init__(self, n_members: int, n_in: int, n_out: int, generator: torch.Generator):
        super().__init__()
        shape = (n_members, n_out, n_in)
        self.register_buffer("connected", _connections(shape, generator))
        self.weight = nn.Parameter(uniform(shape, n_in, generator) * self.connected)
        self.bias = nn.Parameter(uniform((n_members, 1, n_out), n_in, generator))

    def forward(self, x: Tensor) -> Tensor:
        """Map the rows of each member, (n_members, n_samples, n_in)."""
        x, weight = aligned(x, self.weight * self.connected)  # for autograd, too
        return torch.baddbmm(self.bias, x, weight.mT)

    def product(self, x: Tensor) -> Tensor:
        """The same where gradients are by hand, and bits may depend on where a row stands."""
        return torch.baddbmm(self.bias, x, self.weight.mT)

    def gradients(self, x: Tensor, grad: Tensor) -> list[Tensor]:
        """Gradients of weight and bias; connections that are not there stay zero."""
        return [torch.bmm(grad.mT, x).mul_(self.connected), grad.sum(dim=1, keepdim=True)]


class MemberMLP(nn.Module):
    """A multi-layer perceptron of each member.

    Parameters
    ----------
    n_members, n_in, n_out : int
        Members, and columns of the input and output of each.
    hidden_layer_sizes : sequence of int
        Units of each hidden layer.
    activation : str
        Name of the non-linearity of the hidden layers.
    generator : torch.Generator
        Source of connections and initial weights.
    """

    def __init__(
        self,
        n_members: int,
        n_in: int,
        n_out: int,
        hidden_layer_sizes: Sequence[int],
        activation: str,
        generator: torch.Generator,
    ):
        super().__init__()
        self.n_members = n_members
        self.activation = activation
        pairs = itertools.pairwise([n_in, *hidden_layer_sizes, n_out])
        layers = nn.ModuleList([MemberLinear(n_members, n, m, generator) for n, m in pairs])
        self.layers = cast("Sequence[MemberLinear]", layers)

    def forward(self, x: Tensor) -> Tensor:
        """Map the rows of each member.

        Parameters
        ----------
        x : Tensor of shape (n_members, n_samples, n_in)
            Input.

        Returns
        -------
        Tensor of shape (n_members, n_samples, n_out)
            Output.
        """
        function = ACTIVATIONS[self.activation].function
        *hidden, last = self.layers
        for layer in hidden:
            x = function(layer(x))
        return last(x)

    @torch.no_grad()
    def pullback(self, x: Tensor) -> tuple[Tensor, Pullback]:
        """Map rows, and return how gradients go back; see :meth:`SkipMLP.pullback`."""
        function, backward = ACTIVATIONS[self.activation]
        *hidden, last = self.layers
        before, after = [], [x]
        for layer in hidden:
            before.append(layer.product(after[-1]))
            after.append(function(before[-1]))

        def pull(grad: Tensor, wanted: bool) -> tuple[Tensor | None, list[Tensor]]:
            grads: list[Tensor] = []
            for i, layer in reversed([*enumerate(self.layers)]):
                if layer is not last:
                    grad = backward(grad, before[i], after[i + 1])
                grads = layer.gradients(after[i], grad) + grads
                if i > 0 or wanted:
                    grad = torch.bmm(grad, layer.weight)
            return grad if wanted else None, grads

        return last.product(after[-1]), pull

    @torch.no_grad()
    def start_outputs(self, bias: Tensor) -> None:
        """Let all members start near the same constants, (n_out,)."""
        self.layers[-1].bias.add_(bias)

    @torch.no_grad()
    def silence_outputs(self, outputs: Tensor) -> None:
        """Let some outputs be zero for every input; see :meth:`SkipMLP.silence_outputs`."""
        last = self.layers[-1]
        last.weight[:, outputs] = 0.0
        last.bias[:, :, outputs] = 0.0

    @torch.no_grad()
    def take_inputs(self, places: Tensor) -> None:
        """Take other columns; see :meth:`SkipMLP.take_inputs`. New ones are connected to all."""
        first, known = self.layers[0], places >= 0
        shape = (*first.weight.shape[:2], len(places))
        weight, connected = first.weight.new_zeros(shape), first.connected.new_ones(shape)
        weight[:, :, known] = first.weight[:, :, places[known]]
        connected[:, :, known] = first.connected[:, :, places[known]]
        first.weight, first.connected = nn.Parameter(weight), connected

    @torch.no_grad()
    def give_outputs(self, places: Tensor, bias: Tensor) -> None:
        """Give other columns; see :meth:`SkipMLP.give_outputs`. New ones are connected to all."""
        last, known, old = self.layers[-1], places >= 0, places[places >= 0]
        shape = (self.n_members, len(places), last.weight.shape[2])
        weight, connected = last.weight.new_zeros(shape), last.connected.new_ones(shape)
        weight[:, known], connected[:, known] = last.weight[:, old], last.connected[:, old]
        values = bias.to(last.bias).expand(self.n_members, 1, -1).clone()
        values[:, :, known] = last.bias[:, :, old]
        last.weight, last.bias = nn.Parameter(weight), nn.Parameter(values)
        last.connected = connected

    @torch.no_grad()
    def compensate_input(self, scale: Tensor, shift: Tensor, masks: Tensor | None = None) -> None:
        """Keep the output in new units of `x`; see :meth:`SkipMLP.compensate_input`."""
        first = self.layers[0]
        first.bias.add_((first.weight @ shift)[:, None])
        compensate_weight(first.weight, scale, shift, masks)
        # a mask is connected where its value is
        first.connected.copy_(torch.maximum(first.connected, (first.weight != 0).float()))

    @torch.no_grad()
    def compensate_output(self, scale: Tensor, shift: Tensor) -> None:
        """Give the output in other units; see :meth:`SkipMLP.compensate_output`."""
        last = self.layers[-1]
        last.weight.mul_(scale[:, None])
        last.bias.mul_(scale).add_(shift)


class MemberEncoder(MemberMLP):
    """Members that see the same rows; their codes stand side by side."""

    def forward(self, x: Tensor) -> Tensor:
        """Encode rows.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_in)
            Rows.

        Returns
        -------
        Tensor of shape (n_samples, n_members * n_out)
            Codes.
        """
        codes = super().forward(x.expand(self.n_members, -1, -1))
        return codes.transpose(0, 1).flatten(1)


class MemberDecoder(MemberMLP):
    """Members that each decode the code of their own."""

    def forward(self, z: Tensor) -> Tensor:
        """Decode codes.

        Parameters
        ----------
        z : Tensor of shape (n_samples, n_members * n_in)
            Codes, side by side.

        Returns
        -------
        Tensor of shape (n_samples, n_out)
            Mean of the outputs of all members.
        """
        return self.each(z).mean(dim=0)

    def each(self, z: Tensor) -> Tensor:
        """Decode codes.

        Parameters
        ----------
        z : Tensor of shape (n_samples, n_members * n_in)
            Codes, side by side.

        Returns
        -------
        Tensor of shape (n_members, n_samples, n_out)
            Outputs of each member.
        """
        return super().forward(z.unflatten(1, (self.n_members, -1)).transpose(0, 1))


class MembersAutoEncoder(AutoEncoderModule):
    """Auto-encoders that learn side by side.

    Parameters
    ----------
    encoder : MemberEncoder
        Encodes.
    decoder : MemberDecoder
        Decodes.
    inputs : TableInput, default=None
        As for :class:`AutoEncoderModule`.
    """

    encoder: MemberEncoder
    decoder: MemberDecoder
    aligns_products = has_pullback = True

    def each(self, x: Tensor) -> Tensor:
        """Encode and decode rows.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_prepared)
            Prepared rows.

        Returns
        -------
        Tensor of shape (n_members, n_samples, n_outputs)
            Outputs of each member.
        """
        return self.decoder.each(self.encode(x))

    def pullback(self, x: Tensor) -> tuple[Tensor, Callable[[Tensor], list[Tensor]]]:
        """Encode and decode rows, and return how gradients go back.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_prepared)
            Prepared rows.

        Returns
        -------
        output : Tensor of shape (n_members, n_samples, n_outputs)
            Outputs of each member.
        pull : callable
            As that of :meth:`AutoEncoderModule.pullback`.
        """
        seen = self.seen(x).expand(self.encoder.n_members, -1, -1)
        embeds = self.inputs is not None and len(self.inputs.embeddings) > 0
        code, pull_encoder = self.encoder.pullback(seen)
        output, pull_decoder = self.decoder.pullback(code)

        def pull(grad: Tensor) -> list[Tensor]:
            code_grad, decoder_grads = pull_decoder(grad, True)
            seen_grad, grads = pull_encoder(cast("Tensor", code_grad), embeds)
            if self.inputs is not None and seen_grad is not None:
                grads = self.inputs.gradients(x, seen_grad.sum(dim=0)) + grads
            return grads + decoder_grads

        return output, pull


def _connections(shape: tuple[int, int, int], generator: torch.Generator) -> Tensor:
    """1 where a connection was drawn at least once, else 0."""
    n_members, n_out, n_in = shape
    drawn = torch.randint(n_out * n_in, (n_members, n_out * n_in), generator=generator)
    connected = torch.zeros(n_members, n_out * n_in, dtype=torch.float32)
    return connected.scatter_(1, drawn, 1.0).view(shape)
