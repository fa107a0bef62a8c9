"""A distribution of rows of integers, one after the other."""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot

from skae.nn._made import autoregressive_masks
from skae.nn._mlp import linear
from skae.nn._products import aligned


class TokenPrior(nn.Module):
    r"""Masked autoregressive network: :math:`p(t) = \prod_j p(t_j \mid t_1 … t_{j-1})`.

    One network gives all factors: an output for token `j` is connected, by masks on the weights,
    to the tokens before it only; over one hidden layer and directly. It starts as independent
    tokens of given frequencies.

    Parameters
    ----------
    log_frequencies : Tensor of shape (n_tokens, codebook_size)
        Logarithms of the frequencies of the values of each token.
    n_hidden : int
        Units of the hidden layer.
    generator : torch.Generator
        Source of the initial weights.

    References
    ----------
    Germain, Gregor, Murray & Larochelle, "MADE: Masked Autoencoder for Distribution Estimation",
    ICML 2015, equations 6 to 12.
    """

    hidden_mask: Tensor
    output_mask: Tensor
    direct_mask: Tensor

    def __init__(self, log_frequencies: Tensor, n_hidden: int, generator: torch.Generator):
        super().__init__()
        self.n_tokens, self.codebook_size = log_frequencies.shape
        n_values = log_frequencies.numel()
        self.hidden = linear(n_values, n_hidden, True, generator)
        self.direct = linear(n_values, n_values, True, generator)
        self.output = linear(n_hidden, n_values, False, generator)
        with torch.no_grad():
            self.direct.weight.zero_()
            self.direct.bias.copy_(log_frequencies.flatten())
            self.output.weight.zero_()
        token = torch.arange(self.n_tokens).repeat_interleave(self.codebook_size)
        masks = autoregressive_masks(token, token, [n_hidden]) + autoregressive_masks(token, token)
        for name, mask in zip(("hidden_mask", "output_mask", "direct_mask"), masks, strict=True):
            self.register_buffer(name, mask.float(), persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits of each token, given those before it.

        Parameters
        ----------
        tokens : Tensor of int64 of shape (n_samples, n_tokens)
            Rows of integers.

        Returns
        -------
        Tensor of shape (n_samples, n_tokens, codebook_size)
            Logits.
        """
        x = one_hot(tokens, self.codebook_size).flatten(1).float()
        hidden = torch.relu(_masked(self.hidden, self.hidden_mask, x))
        logits = _masked(self.direct, self.direct_mask, x)
        logits = logits + _masked(self.output, self.output_mask, hidden)
        return logits.unflatten(1, (self.n_tokens, self.codebook_size))

    def log_prob(self, tokens: Tensor) -> Tensor:
        """Logarithm of the probability of rows of integers.

        Parameters
        ----------
        tokens : Tensor of int64 of shape (n_samples, n_tokens)
            Rows of integers.

        Returns
        -------
        Tensor of shape (n_samples,)
            In nats.
        """
        logits = self(tokens)
        return -cross_entropy(logits.mT, tokens, reduction="none").sum(dim=1)

    def sample(self, n_samples: int) -> Tensor:
        """Draw rows of integers, from torch's process-wide generators.

        Parameters
        ----------
        n_samples : int
            How many.

        Returns
        -------
        Tensor of int64 of shape (n_samples, n_tokens)
            Rows of integers.
        """
        tokens = torch.zeros(n_samples, self.n_tokens, dtype=torch.int64)
        tokens = tokens.to(self.direct.weight.device)
        for token in range(self.n_tokens):
            probabilities = self(tokens)[:, token].softmax(dim=1)
            tokens[:, token] = torch.multinomial(probabilities, 1)[:, 0]
        return tokens


def _masked(layer: nn.Linear, mask: Tensor, x: Tensor) -> Tensor:
    x, weight = aligned(x, layer.weight * mask)
    return nn.functional.linear(x, weight, cast("Tensor | None", layer.bias))
