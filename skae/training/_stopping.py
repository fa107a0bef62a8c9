"""When to stop, and which epoch to keep."""

import copy
import math

from skorch.callbacks import Callback

from skae.training._net import StopTraining

# Held-out rows are few in a small table. An epoch replaces the start (PCA) only if it beats it
# there by this many standard errors of the paired difference: on shared/data/adbench, five seeds of
# seven small tables, without it 2 to 3 of 70 fits end worse than PCA on fresh rows, with it none.
STANDARD_ERRORS = 3.0


class BestWeights(Callback):
    """Stop when the loss stands still; optionally go back to the best epoch, epoch 0 included.

    Parameters
    ----------
    patience : int
        Epochs without improvement that end the training.
    tol : float
        Relative improvement that counts as one.
    restore : bool
        Whether held-out rows judge, and the best weights come back at the end; else the training
        loss judges, and the last weights stay.
    start_competes : bool
        Whether the weights of the start are kept unless training beats them clearly.

    Attributes
    ----------
    best_epoch_ : int
        Epochs trained when the loss was lowest.
    """

    best_state_: tuple  # weights, and what the optimisers remembered there

    def __init__(self, patience, tol, restore, start_competes):
        self.patience = patience
        self.tol = tol
        self.restore = restore
        self.start_competes = start_competes

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        """Take the start as the best so far."""
        self.start_epoch_ = len(net.history)
        self.best_epoch_, self.best_loss_ = self.start_epoch_, math.inf
        self.mark_, self.n_stalled_ = math.inf, 0
        self.improved_ = self.diverged_ = False
        if self.restore:
            self.valid_weight_ = X.valid.weight
            self.start_losses_ = net.validation_losses(X.valid)
            self._keep(net, self.start_epoch_, self._mean(self.start_losses_), self.start_losses_)
            self.start_state_ = self.best_state_
            self.mark_ = self.best_loss_

    def on_epoch_end(self, net, **kwargs):
        """Compare; stop where nothing moves any more."""
        row = net.history[-1]
        loss = row["valid_loss" if self.restore else "train_loss"]
        if self.restore and loss < self.best_loss_:
            self._keep(net, row["epoch"], loss, net.valid_losses_)
        if math.isinf(self.mark_):
            self.mark_ = loss
        elif loss < self.mark_ - self.tol * abs(self.mark_):
            self.mark_, self.n_stalled_, self.improved_ = loss, 0, True
        else:
            self.n_stalled_ += 1
        self.diverged_ = not math.isfinite(loss)
        if self.diverged_ or self.stalled_:
            raise StopTraining

    def on_train_end(self, net, X=None, y=None, **kwargs):
        """Bring the best weights back."""
        self.last_epoch_ = len(net.history)
        if not self.restore:
            return
        if self.start_competes and not self._clearly_better_than_start():
            self.best_epoch_, self.best_state_ = self.start_epoch_, self.start_state_
        weights, moments = self.best_state_
        net.module_.load_state_dict(weights)
        net.set_moments(moments)  # the last ones belong to other weights
        self.last_epoch_ = self.best_epoch_
        del self.best_state_, self.start_state_, self.best_losses_, self.start_losses_
        del self.valid_weight_

    @property
    def kept_start_(self):
        """Whether the weights are those of the start of a first fit."""
        return self.last_epoch_ == 0

    @property
    def stalled_(self):
        """Whether patience is at its end."""
        return self.n_stalled_ >= self.patience

    @property
    def still_improving_(self):
        """Whether the epochs ended before the patience, at a loss better than the start's."""
        return self.improved_ and not self.stalled_

    def _keep(self, net, epoch, loss, losses):
        self.best_epoch_, self.best_loss_ = epoch, loss
        self.best_losses_ = losses
        self.best_state_ = (copy.deepcopy(net.module_.state_dict()), net.moments())

    def _clearly_better_than_start(self):
        """Paired comparison on the held-out rows."""
        gain = self.start_losses_ - self.best_losses_
        mean = self._mean(gain)
        variance = self._mean((gain - mean) ** 2)
        n_rows = len(gain)
        if n_rows < 2:
            return False
        return mean > STANDARD_ERRORS * math.sqrt(variance / (n_rows - 1))

    def _mean(self, values):
        if self.valid_weight_ is None:
            return values.mean().item()
        return ((values * self.valid_weight_).sum() / self.valid_weight_.sum()).item()
