"""Cycle-consistent adversarial translation between two domains."""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from skae.nn import Translators
from skae.objectives._base import Batch, Objective, Phase


class RowHistory:
    """Rows that were generated earlier, so that a discriminator does not forget them.

    Parameters
    ----------
    size : int
        Rows that are remembered; 0 for none.

    References
    ----------
    Shrivastava et al., "Learning from Simulated and Unsupervised Images through Adversarial
    Training", CVPR 2017, section 2.3.
    """

    def __init__(self, size: int):
        self.size = size
        self.clear()

    def clear(self) -> None:
        """Forget all rows."""
        self.rows = torch.empty(0, 0)

    def exchange(self, rows: Tensor) -> Tensor:
        """Remember new rows, and return some earlier ones in the place of them.

        Parameters
        ----------
        rows : Tensor of shape (n_samples, n_features)
            New rows.

        Returns
        -------
        Tensor of shape (n_samples, n_features)
            The same while the history fills. Then each of them is, with probability 1/2, another
            one, that was remembered and gives it its place; at most `size` of them.
        """
        if not len(self.rows):
            self.rows = rows[:0]
        n_free = self.size - len(self.rows)
        if n_free:
            self.rows = torch.cat([self.rows, rows[:n_free]])
            return rows
        places = torch.randperm(self.size, device=rows.device)[: len(rows)]
        chosen = torch.rand(len(places), device=rows.device) < 0.5
        old, mixed = self.rows[places], rows.clone()
        self.rows[places] = torch.where(chosen[:, None], rows[: len(places)], old)
        mixed[: len(places)] = torch.where(chosen[:, None], old, rows[: len(places)])
        return mixed


class CycleConsistency(Objective):
    r"""Least-squares adversarial losses, cycles and identities, for rows (a, b) without pairs.

    The translators `G` (from A to B) and `F` (back) lower

    .. math:: (D_B(G(a)) - 1)^2 + (D_A(F(b)) - 1)^2
        + \lambda \left(|F(G(a)) - a| + |G(F(b)) - b|\right)
        + \mu \left(|G(b) - b| + |F(a) - a|\right),

    averaged over rows and columns; then the discriminators lower

    .. math:: \tfrac 1 2 \left[(D_B(b) - 1)^2 + D_B(\tilde b)^2
        + (D_A(a) - 1)^2 + D_A(\tilde a)^2\right]

    where :math:`\tilde a, \tilde b` come from the history of what `F` and `G` made.

    Parameters
    ----------
    discriminator_a, discriminator_b : nn.Module
        Map rows to one or more numbers, near 1 where the rows look real.
    cycle_weight, identity_weight : float
        The weights :math:`\lambda` and :math:`\mu`.
    history_size : int
        Generated rows of each domain that are remembered.

    References
    ----------
    Zhu et al., "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks",
    ICCV 2017, equations 2 and 3, section 4 (least squares, history), section 5.2 (identity); Mao et
    al., "Least Squares Generative Adversarial Networks", ICCV 2017, equation 9.
    """

    def __init__(
        self,
        discriminator_a: nn.Module,
        discriminator_b: nn.Module,
        cycle_weight: float,
        identity_weight: float,
        history_size: int,
    ):
        super().__init__()
        self.discriminator_a = discriminator_a
        self.discriminator_b = discriminator_b
        self.cycle_weight = cycle_weight
        self.identity_weight = identity_weight
        self.history_a = RowHistory(history_size)
        self.history_b = RowHistory(history_size)

    def forward(self, module: nn.Module, batch: Batch) -> Tensor:
        """Loss of the translators; see :meth:`Objective.forward`.

        Parameters
        ----------
        module : Translators
            The translators.
        batch : Batch
            Targets of shape (n_samples, 2, n_features): a row of A and one of B, without relation.

        Returns
        -------
        Tensor of shape ()
            Lower is better.
        """
        module = cast("Translators", module)
        a, b = batch.targets.unbind(1)
        fake_b, fake_a = module.a_to_b(a), module.b_to_a(b)
        self._generated = fake_a.detach(), fake_b.detach()  # the other phase's turn comes next
        loss = _distance(self.discriminator_a(fake_a), 1.0)
        loss = loss + _distance(self.discriminator_b(fake_b), 1.0)
        cycles = F.l1_loss(module.b_to_a(fake_b), a) + F.l1_loss(module.a_to_b(fake_a), b)
        loss = loss + self.cycle_weight * cycles
        if self.identity_weight:
            same = F.l1_loss(module.a_to_b(b), b) + F.l1_loss(module.b_to_a(a), a)
            loss = loss + self.identity_weight * same
        return loss

    def discriminator_loss(self, module: nn.Module, batch: Batch) -> Tensor:
        """Loss of the discriminators, on what the translators made in the same step.

        Parameters
        ----------
        module : Translators
            The translators.
        batch : Batch
            As for :meth:`forward`, which came before.

        Returns
        -------
        Tensor of shape ()
            Lower is better.
        """
        a, b = batch.targets.unbind(1)
        fake_a, fake_b = self._generated
        losses = (
            _distance(self.discriminator_a(a), 1.0),
            _distance(self.discriminator_a(self.history_a.exchange(fake_a)), 0.0),
            _distance(self.discriminator_b(b), 1.0),
            _distance(self.discriminator_b(self.history_b.exchange(fake_b)), 0.0),
        )
        return sum(losses[1:], losses[0]) / 2

    def phases(self, module: nn.Module) -> list[Phase]:
        """Translators and discriminators, in turn; see :meth:`Objective.phases`."""
        discriminators = [*self.discriminator_a.parameters(), *self.discriminator_b.parameters()]
        return [
            Phase("optimizer", self, list(module.parameters())),
            Phase("discriminator_optimizer", self.discriminator_loss, discriminators),
        ]

    def forget(self) -> None:
        """Drop the generated rows, which a trained network does not need."""
        self.history_a.clear()
        self.history_b.clear()
        vars(self).pop("_generated", None)


def _distance(judgement: Tensor, target: float) -> Tensor:
    return (judgement - target).square().mean()
