"""What estimators with a discriminator of codes share."""

import torch

from skae.base import layer_sizes
from skae.nn import SkipMLP
from skae.training import make_generator

_DISCRIMINATOR = 102  # the stream of random numbers that makes its first weights


def documented_discriminator(sizes):
    """Text of the parameter of the discriminator, whose default is `sizes`."""
    return f"""discriminator_layer_sizes : array-like of int, default={sizes}
        Units of the hidden layers of the discriminator. Its optimizer has the settings of that of
        the auto-encoder, unless `net_params` has others, as in
        ``{{"discriminator_optimizer__lr": 1e-4}}``."""


def code_discriminator(n_components, sizes, seed):
    """Make a network that judges codes.

    Parameters
    ----------
    n_components : int
        Columns of a code.
    sizes : array-like of int
        Units of its hidden layers.
    seed : int
        The seed of the fit.

    Returns
    -------
    SkipMLP
        Maps (n_samples, n_components) to (n_samples, 1).

    Raises
    ------
    ValueError
        If a size is not a positive integer.
    """
    sizes = layer_sizes("discriminator_layer_sizes", sizes)
    generator = make_generator(torch.device("cpu"), seed, _DISCRIMINATOR)
    return SkipMLP(n_components, 1, sizes, "relu", True, generator)
