"""A memory of codes, and the auto-encoder that decodes only what it holds."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from skae.nn._autoencoder import AutoEncoderModule
from skae.nn._products import aligned
from skae.nn._table_input import TableInput

MemoryPullback = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
# Codes and items shorter than this have no direction.
SHORTEST = 1e-8


class Memory(nn.Module):
    r"""Replaces a code by a mixture of remembered codes, those that point where it points.

    A code `z` addresses the items :math:`m_1 … m_N` by a softmax of cosines,
    :math:`w_i \propto \exp(z^\top m_i / \|z\| \|m_i\|)`. Weights of at most the threshold
    :math:`\lambda` become 0 and the others are made to sum to 1 again:
    :math:`\hat w_i = w_i [w_i > \lambda] / \sum_j w_j [w_j > \lambda]`. The new code is
    :math:`\hat z = \sum_i \hat w_i m_i`, and 0 where no weight is above the threshold.

    Parameters
    ----------
    n_items : int
        Number of items `N`.
    n_components : int
        Columns of a code.
    threshold : float
        The threshold :math:`\lambda`. The largest weight is at least ``1 / n_items``.
    generator : torch.Generator
        Source of the first items: normal, as whitened codes are.

    References
    ----------
    Gong et al., "Memorizing Normality to Detect Anomaly: Memory-augmented Deep Autoencoder for
    Unsupervised Anomaly Detection", ICCV 2019, equations 3 to 7. Equation 7 divides by
    :math:`|w_i - \lambda| + \epsilon`, so that it is this but for the :math:`\epsilon`.
    """

    def __init__(
        self, n_items: int, n_components: int, threshold: float, generator: torch.Generator
    ):
        super().__init__()
        self.threshold = threshold
        items = torch.randn(n_items, n_components, generator=generator, dtype=torch.float32)
        self.items = nn.Parameter(items)

    def address(self, z: Tensor) -> Tensor:
        """Weights of the items.

        Parameters
        ----------
        z : Tensor of shape (n_samples, n_components)
            Codes.

        Returns
        -------
        Tensor of shape (n_samples, n_items)
            Each row sums to 1, or is 0.
        """
        return self._weights(_direction(z), _direction(self.items))

    def read(self, weights: Tensor) -> Tensor:
        """Mixtures of the items.

        Parameters
        ----------
        weights : Tensor of shape (n_samples, n_items)
            As :meth:`address` gives them.

        Returns
        -------
        Tensor of shape (n_samples, n_components)
            Codes.
        """
        # as a layer has its weights: otherwise bits depend on where a row stands
        return _product(weights, self.items.t().contiguous())

    def forward(self, z: Tensor) -> Tensor:
        """Replace codes by what the memory has of them.

        Parameters
        ----------
        z : Tensor of shape (n_samples, n_components)
            Codes.

        Returns
        -------
        Tensor of the same shape
            Mixtures of items.
        """
        return self.read(self.address(z))

    @torch.no_grad()
    def pullback(self, z: Tensor) -> tuple[Tensor, Tensor, MemoryPullback]:
        """Address and read the memory, and return how gradients go back.

        Parameters
        ----------
        z : Tensor of shape (n_samples, n_components)
            Codes.

        Returns
        -------
        code : Tensor of shape (n_samples, n_components)
            Mixtures of items.
        weights : Tensor of shape (n_samples, n_items)
            Weights of the items.
        pull : callable
            Maps the gradients of `code` and `weights` to those of `z` and of the items.
        """
        z_direction, item_direction = _direction(z), _direction(self.items)
        weights = self._weights(z_direction, item_direction)

        def pull(code_grad: Tensor, weights_grad: Tensor) -> tuple[Tensor, Tensor]:
            grad = weights_grad + code_grad @ self.items.t()
            # What is left of the softmax is the softmax over the items that are left.
            grad = weights * (grad - (weights * grad).sum(1, keepdim=True))
            z_grad = _direction_backward(grad @ item_direction, z, z_direction)
            items_grad = _direction_backward(grad.t() @ z_direction, self.items, item_direction)
            return z_grad, items_grad.addmm(weights.t(), code_grad)

        return self.read(weights), weights, pull

    def _weights(self, z_direction: Tensor, item_direction: Tensor) -> Tensor:
        weights = torch.softmax(_product(z_direction, item_direction), dim=1)
        weights = weights.masked_fill(weights <= self.threshold, 0.0)
        return F.normalize(weights, p=1.0, dim=1)


class MemoryAutoEncoder(AutoEncoderModule):
    """An encoder, a memory, a decoder: the code is what the memory makes of the encoder's output.

    Parameters
    ----------
    encoder, decoder, inputs
        As for :class:`AutoEncoderModule`.
    memory : Memory
        Between the two.
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        memory: Memory,
        inputs: TableInput | None = None,
    ):
        super().__init__(encoder, decoder, inputs)
        self.memory = memory

    def address(self, x: Tensor) -> Tensor:
        """Weights of the items of the memory.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_prepared)
            Prepared rows.

        Returns
        -------
        Tensor of shape (n_samples, n_items)
            Each row sums to 1, or is 0.
        """
        return self.memory.address(super().encode(x))

    def encode(self, x: Tensor) -> Tensor:
        """Encode rows; see :meth:`AutoEncoderModule.encode`."""
        return self.memory.read(self.address(x))

    def memory_pullback(
        self, x: Tensor
    ) -> tuple[Tensor, Tensor, Callable[[Tensor, Tensor], list[Tensor]]]:
        """Encode and decode rows, and return how gradients go back, where :attr:`has_pullback`.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_prepared)
            Prepared rows.

        Returns
        -------
        output : Tensor of shape (n_samples, n_outputs)
            The decoder's output.
        weights : Tensor of shape (n_samples, n_items)
            Weights of the items.
        pull : callable
            Maps the gradients of `output` and `weights` to those of the parameters, in the order
            of :meth:`parameters`.
        """
        z, pull_encoder = self._encoder_pullback(x)
        code, weights, pull_memory = self.memory.pullback(z)
        output, pull_decoder = self._decoder_pullback(code)

        def pull(output_grad: Tensor, weights_grad: Tensor) -> list[Tensor]:
            code_grad, decoder_grads = pull_decoder(output_grad)
            z_grad, items_grad = pull_memory(code_grad, weights_grad)
            return [*pull_encoder(z_grad), *decoder_grads, items_grad]

        return output, weights, pull

    def pullback(self, x: Tensor) -> tuple[Tensor, Callable[[Tensor], list[Tensor]]]:
        """See :meth:`AutoEncoderModule.pullback`."""
        output, weights, pull = self.memory_pullback(x)
        return output, lambda grad: pull(grad, torch.zeros_like(weights))


def _direction(vectors: Tensor) -> Tensor:
    return F.normalize(vectors, dim=1, eps=SHORTEST)


def _direction_backward(grad: Tensor, vectors: Tensor, direction: Tensor) -> Tensor:
    """Gradient of vectors, of that of their directions."""
    length = vectors.norm(dim=1, keepdim=True).clamp_(min=SHORTEST)
    return (grad - direction * (direction * grad).sum(1, keepdim=True)).div_(length)


def _product(x: Tensor, weight: Tensor) -> Tensor:
    x, weight = aligned(x, weight)
    return x @ weight.t()
