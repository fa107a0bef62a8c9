"""A linear classifier of codes."""

import torch
from torch import Tensor, nn

from skae.nn._autoencoder import AutoEncoderModule


class CodeClassifier(nn.Module):
    """The encoder of an auto-encoder, and a linear layer that tells classes by the code.

    Parameters
    ----------
    autoencoder : AutoEncoderModule
        Its decoder takes no part.
    weight : Tensor of shape (n_classes, n_codes)
        The linear layer as it starts.
    bias : Tensor of shape (n_classes,)
        Its bias.
    """

    def __init__(self, autoencoder: AutoEncoderModule, weight: Tensor, bias: Tensor):
        super().__init__()
        self.autoencoder = autoencoder
        n_classes, n_codes = weight.shape
        self.head = nn.utils.skip_init(nn.Linear, n_codes, n_classes, dtype=torch.float32)
        with torch.no_grad():
            self.head.weight.copy_(weight)
            self.head.bias.copy_(bias)

    def prepare(self, x: Tensor) -> Tensor:
        """Make encoded rows what :meth:`forward` takes; see :meth:`AutoEncoderModule.prepare`."""
        return self.autoencoder.prepare(x)

    def forward(self, x: Tensor) -> Tensor:
        """Logarithms of the odds of the classes, up to a constant a row.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_prepared)
            Prepared rows.

        Returns
        -------
        Tensor of shape (n_samples, n_classes)
            What softmax makes probabilities of.
        """
        return self.head(self.autoencoder.encode(x))
