"""Learning rates that change from epoch to epoch."""

import math

from skorch.callbacks import Callback, LRScheduler

from skae.training._callbacks import clone_callbacks

WARM_UP = 0.1


class Schedule(Callback):
    """Learning rates times a factor that depends on how much of the training is done.

    Parameters
    ----------
    n_epochs : int
        Epochs of the training.
    """

    def __init__(self, n_epochs):
        self.n_epochs = n_epochs

    def factor(self, done):
        """Share of the learning rate, from that of the epochs that is done."""
        raise NotImplementedError

    def on_train_begin(self, net, **kwargs):
        """Remember the learning rates, which are the highest ones."""
        self.first_epoch_ = len(net.history)
        self.groups_ = [
            (group, group["lr"])
            for name in net._optimizers
            for group in getattr(net, f"{name}_").param_groups
        ]

    def on_epoch_begin(self, net, **kwargs):
        """Set the learning rates of the epoch: those of its middle."""
        done = (len(net.history) - self.first_epoch_ - 0.5) / self.n_epochs
        for group, lr in self.groups_:
            group["lr"] = lr * self.factor(done)

    def on_train_end(self, net, **kwargs):
        """Put the learning rates back."""
        for group, lr in self.groups_:
            group["lr"] = lr
        del self.groups_


class OneCycle(Schedule):
    """A linear rise over the first tenth of the epochs, then half a cosine down to zero.

    References
    ----------
    Smith & Topin, "Super-Convergence", 2018; Loshchilov & Hutter, "SGDR", ICLR 2017, equation 5.
    """

    def factor(self, done):
        """Rise, then fall; see :class:`Schedule`."""
        return min(1.0, done / WARM_UP) * (1 + math.cos(math.pi * done)) / 2


class LinearDecay(Schedule):
    """Constant over the first half of the epochs, then linearly down to zero.

    References
    ----------
    Zhu et al., "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks",
    ICCV 2017, section 4.
    """

    def factor(self, done):
        """Stay, then fall; see :class:`Schedule`."""
        return min(1.0, 2 * (1 - done))


class WarmUp(Callback):
    """A penalty that rises linearly from 0: the objective's `warmth`.

    Parameters
    ----------
    n_epochs : int
        Epochs until it is 1.

    References
    ----------
    Bowman et al., "Generating Sentences from a Continuous Space", CoNLL 2016, section 3.1.
    """

    def __init__(self, n_epochs):
        self.n_epochs = n_epochs

    def on_train_begin(self, net, **kwargs):
        """Count from here."""
        self.first_epoch_ = len(net.history)

    def on_epoch_begin(self, net, **kwargs):
        """Set the factor of the epoch."""
        done = len(net.history) - self.first_epoch_ - 1
        net.criterion_.warmth.fill_(min(1.0, done / self.n_epochs))

    def on_train_end(self, net, **kwargs):
        """Leave it warm."""
        net.criterion_.warmth.fill_(1.0)


def annealing(callbacks, n_epochs, schedule=OneCycle):
    """Let the learning rate follow a schedule, unless callbacks of the user's change it.

    Parameters
    ----------
    callbacks : None or list
        As for :func:`clone_callbacks`.
    n_epochs : int
        Epochs of the training.
    schedule : type, default=OneCycle
        A :class:`Schedule`.

    Returns
    -------
    list of Callback
        The schedule, or nothing where one of `callbacks` is an LRScheduler.
    """
    items = clone_callbacks(callbacks)
    items = [item[1] if isinstance(item, tuple) else item for item in items]
    has_schedule = any(isinstance(item, LRScheduler) for item in items)
    return [] if has_schedule else [schedule(n_epochs)]
