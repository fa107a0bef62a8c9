"""Encoder and decoder, one after the other."""

import copy
from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn

from skae.nn._mlp import SkipMLP
from skae.nn._rng import isolated_rng
from skae.nn._table_input import TableInput


class AutoEncoderModule(nn.Module):
    """The composition of an encoder and a decoder.

    Parameters
    ----------
    encoder : nn.Module
        Maps (n_samples, n_inputs) to (n_samples, n_components).
    decoder : nn.Module
        Maps (n_samples, n_components) to (n_samples, n_outputs).
    inputs : TableInput, default=None
        Makes encoded rows what the encoder takes; None where it takes them as they are: numbers,
        none of them missing.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module, inputs: TableInput | None = None):
        super().__init__()
        self.inputs = inputs
        self.encoder = encoder
        self.decoder = decoder

    def prepare(self, x: Tensor) -> Tensor:
        """Make encoded rows what the other methods take; many rows at once.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_encoded)
            Encoded (scaled) rows.

        Returns
        -------
        Tensor of shape (n_samples, n_prepared)
            The same, where there is no :class:`TableInput`.
        """
        return x if self.inputs is None else self.inputs.prepare(x)

    def seen(self, x: Tensor) -> Tensor:
        """Return what the encoder sees of rows.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_prepared)
            Prepared rows.

        Returns
        -------
        Tensor of shape (n_samples, n_inputs)
            The same, where there is no :class:`TableInput`.
        """
        return x if self.inputs is None else self.inputs(x)

    def encode(self, x: Tensor) -> Tensor:
        """Encode rows.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_prepared)
            Prepared rows.

        Returns
        -------
        Tensor of shape (n_samples, n_components)
            Codes.
        """
        return self.encode_seen(self.seen(x))

    def encode_seen(self, seen: Tensor) -> Tensor:
        """Codes, given what the encoder sees; see :meth:`encode`."""
        return self.encoder(seen)

    def decode(self, code: Tensor) -> Tensor:
        """Decode codes.

        Parameters
        ----------
        code : Tensor of shape (n_samples, n_components)
            Codes.

        Returns
        -------
        Tensor of shape (n_samples, n_outputs)
            What a likelihood takes.
        """
        return self.decoder(code)

    def take_inputs(self, places: Tensor) -> None:
        """Let the encoder take other columns; see :meth:`SkipMLP.take_inputs`."""
        cast("SkipMLP", self.encoder).take_inputs(places)

    def compensate_input(self, scale: Tensor, shift: Tensor, masks: Tensor | None = None) -> None:
        """Let the encoder take rows in other units; see :meth:`SkipMLP.compensate_input`."""
        cast("SkipMLP", self.encoder).compensate_input(scale, shift, masks)

    def compensate_output(self, scale: Tensor, shift: Tensor) -> None:
        """Give the decoder's outputs in other units; see :meth:`SkipMLP.compensate_output`."""
        cast("SkipMLP", self.decoder).compensate_output(scale, shift)

    def forward(self, x: Tensor) -> Tensor:
        """Encode and decode rows.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_prepared)
            Prepared rows.

        Returns
        -------
        Tensor of shape (n_samples, n_outputs)
            The decoder's output.
        """
        return self.decode(self.encode(x))

    @property
    def aligns_products(self) -> bool:
        """Whether all parts give a row the same bits wherever it stands among others."""
        return type(self.encoder) is SkipMLP and type(self.decoder) is SkipMLP

    @property
    def has_pullback(self) -> bool:
        """Whether all parts know their own chain rule."""
        return self.aligns_products

    def pullback(self, x: Tensor) -> tuple[Tensor, Callable[[Tensor], list[Tensor]]]:
        """Encode and decode rows, and return how gradients go back, where :attr:`has_pullback`.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_prepared)
            Prepared rows.

        Returns
        -------
        output : Tensor of shape (n_samples, n_outputs)
            The decoder's output.
        pull : callable
            Maps the gradient of `output` to those of the parameters, in the order of
            :meth:`parameters`.
        """
        code, pull_encoder = self._encoder_pullback(x)
        output, pull_decoder = self._decoder_pullback(code)

        def pull(grad: Tensor) -> list[Tensor]:
            code_grad, decoder_grads = pull_decoder(grad)
            return pull_encoder(code_grad) + decoder_grads

        return output, pull

    def _encoder_pullback(self, x: Tensor) -> tuple[Tensor, Callable[[Tensor], list[Tensor]]]:
        inputs = self.inputs
        code, pull_encoder = cast("SkipMLP", self.encoder).pullback(self.seen(x))
        embeds = inputs is not None and len(inputs.embeddings) > 0

        def pull(code_grad: Tensor) -> list[Tensor]:
            seen_grad, grads = pull_encoder(code_grad, embeds)
            if inputs is None or seen_grad is None:
                return grads
            return inputs.gradients(x, seen_grad) + grads

        return code, pull

    def _decoder_pullback(
        self, code: Tensor
    ) -> tuple[Tensor, Callable[[Tensor], tuple[Tensor, list[Tensor]]]]:
        output, pull_decoder = cast("SkipMLP", self.decoder).pullback(code)

        def pull(grad: Tensor) -> tuple[Tensor, list[Tensor]]:
            code_grad, grads = pull_decoder(grad, True)
            return cast("Tensor", code_grad), grads

        return output, pull

    def with_inputs(self, inputs: TableInput) -> "AutoEncoderModule":
        """Return a network of the same parts that takes its rows otherwise.

        Parameters
        ----------
        inputs : TableInput
            Makes encoded rows what the encoder takes.

        Returns
        -------
        AutoEncoderModule
            Shares all other parts with this one.
        """
        other = copy.copy(self)
        other._modules = dict(self._modules)  # a shallow copy of a module shares them
        other.inputs = inputs
        return other.train(self.training)


def build_user_module(
    blueprint: nn.Module | Callable[..., nn.Module],
    n_in: int,
    n_out: int | None,
    seed: int,
    argument: str,
) -> tuple[nn.Module, int]:
    """Make a module from what the user passed as ``encoder=`` or ``decoder=``, and try it.

    Parameters
    ----------
    blueprint : nn.Module or callable
        A module (copied, never trained itself) or a class or function ``(n_in, n_out) -> module``.
    n_in : int
        Columns that it will be given.
    n_out : int or None
        Columns that it has to return; None to take what it returns.
    seed : int
        Seed of its initial weights, where it draws them.
    argument : str
        Name for error messages.

    Returns
    -------
    module : nn.Module
        A module of this fit's own.
    n_out : int
        Columns that it returns.

    Raises
    ------
    TypeError
        If `blueprint` does not give a module.
    ValueError
        If the module does not map (n, n_in) to (n, n_out).
    """
    if isinstance(blueprint, nn.Module):
        module = copy.deepcopy(blueprint)
    else:
        try:
            with isolated_rng(seed):
                module = blueprint(n_in, n_out)
        except TypeError as error:
            raise TypeError(
                f"{argument} must be an nn.Module, or callable with (n_in, n_out), here "
                f"({n_in}, {n_out}), and return one. Calling it failed: {error}"
            ) from error
    if not isinstance(module, nn.Module):
        raise TypeError(
            f"{argument} must be an nn.Module, or return one when called with (n_in, n_out). "
            f"Got {type(module).__name__} instead."
        )
    module = module.float()
    try:
        with torch.no_grad():
            output = module.cpu().eval()(torch.zeros(2, n_in, dtype=torch.float32))
    except Exception as error:  # whatever a module of the user's may raise
        raise ValueError(
            f"{argument} cannot take rows of {n_in} columns, shape (2, {n_in}): {error}"
        ) from error
    shape = tuple(output.shape) if isinstance(output, Tensor) else ()
    if len(shape) != 2 or shape[0] != 2 or n_out not in (None, shape[1]):
        wanted = "(n, n_components)" if n_out is None else f"(n, {n_out})"
        raise ValueError(
            f"{argument} must map shape (n, {n_in}) to {wanted}. "
            f"It gave {shape or type(output).__name__} for an input of shape (2, {n_in})."
        )
    return module.train(), shape[1]
