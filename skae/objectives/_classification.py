"""A classifier that learns from rows with and without a label."""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from skae.nn import CodeClassifier
from skae.objectives._base import Batch, Objective


class ConsistentClassification(Objective):
    r"""Cross-entropy of labelled rows, and between a row and its corrupted copy.

    .. math:: -\log p(y_i \mid \tilde x_i) - \lambda \sum_c p(c \mid x_j) \log p(c \mid \tilde x_j)

    averaged over labelled rows `i` and rows `j` of any kind, :math:`\tilde x` being corrupted; the
    classes of the clean row are taken as given.

    Parameters
    ----------
    consistency_weight : float
        :math:`\lambda`.

    Attributes
    ----------
    warmth : Tensor of shape ()
        Factor of :math:`\lambda`, for a weight that rises: predictions are poor at first.

    References
    ----------
    Laine & Aila, "Temporal Ensembling for Semi-Supervised Learning", ICLR 2017, section 2.1 (the
    loss, with a squared distance, and the rising weight); Xie et al., "Unsupervised Data
    Augmentation for Consistency Training", NeurIPS 2020, equation 1 (the divergence).
    """

    warmth: Tensor

    def __init__(self, consistency_weight: float):
        super().__init__()
        self.consistency_weight = consistency_weight
        self.register_buffer("warmth", torch.ones((), dtype=torch.float32), persistent=False)

    def forward(self, module: nn.Module, batch: Batch) -> Tensor:
        """Loss of the classifier; see :meth:`Objective.forward`.

        Parameters
        ----------
        module : CodeClassifier
            The network.
        batch : Batch
            Inputs of shape (n_samples, 2, n_prepared): a labelled row and one of any kind, both
            corrupted and prepared. Targets of shape (n_samples, 2, n_encoded + 1): both as they
            are, encoded, and in the last column the class, from 0. Weights, if any, of shape
            (n_samples, 2).

        Returns
        -------
        Tensor of shape ()
            Lower is better.
        """
        module = cast("CodeClassifier", module)
        labelled, other = batch.inputs.unbind(1)
        classes = batch.targets[:, 0, -1].long()
        loss = _cross_entropy(module(labelled), classes, batch.weight, 0)
        if not self.consistency_weight:
            return loss
        clean = module.prepare(batch.targets[:, 1, :-1])
        with torch.no_grad():
            given = module(clean).softmax(dim=1)
        inconsistency = _cross_entropy(module(other), given, batch.weight, 1)
        return loss + self.consistency_weight * self.warmth * inconsistency


def _cross_entropy(logits: Tensor, classes: Tensor, weight: Tensor | None, of_pair: int) -> Tensor:
    """Mean over the rows, those of one side of the pairs, by weight."""
    if weight is None:
        return F.cross_entropy(logits, classes)
    return (F.cross_entropy(logits, classes, reduction="none") * weight[:, of_pair]).mean()
