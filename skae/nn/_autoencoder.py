"""Encoder and decoder, one after the other."""

import copy
import threading
from collections.abc import Callable

import torch
from torch import Tensor, nn

# torch's layers draw their first weights from process-wide generators. While a user's module is
# built these are seeded and then restored; one fit at a time, so that concurrent fits stay apart.
_GLOBAL_RNG = threading.Lock()


class AutoEncoderModule(nn.Module):
    """The composition of an encoder and a decoder.

    Parameters
    ----------
    encoder : nn.Module
        Maps (n_samples, n_features) to (n_samples, n_components).
    decoder : nn.Module
        Maps (n_samples, n_components) to (n_samples, n_features).
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module):
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def forward(self, x: Tensor) -> Tensor:
        """Encode and decode rows.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            Scaled rows.

        Returns
        -------
        Tensor of shape (n_samples, n_features)
            The decoder's output.
        """
        return self.decoder(self.encoder(x))


def build_user_module(
    blueprint: nn.Module | Callable[[int, int], nn.Module],
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
        with _GLOBAL_RNG, torch.random.fork_rng():
            torch.manual_seed(seed)
            module = blueprint(n_in, n_out)
    if not isinstance(module, nn.Module):
        raise TypeError(
            f"{argument} must be an nn.Module, or return one when called with (n_in, n_out). "
            f"Got {type(module).__name__} instead."
        )
    module = module.float()
    try:
        with torch.no_grad():
            shape = tuple(module.cpu().eval()(torch.zeros(2, n_in)).shape)
    except RuntimeError as error:
        raise ValueError(
            f"{argument} cannot take rows of {n_in} columns, shape (2, {n_in}): {error}"
        ) from error
    if len(shape) != 2 or shape[0] != 2 or n_out not in (None, shape[1]):
        wanted = "(n, n_components)" if n_out is None else f"(n, {n_out})"
        raise ValueError(
            f"{argument} must map shape (n, {n_in}) to {wanted}. "
            f"It gave {shape} for an input of shape (2, {n_in})."
        )
    return module.train(), shape[1]
