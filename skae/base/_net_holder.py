"""An estimator that holds a skorch net."""

import copy

import torch
from sklearn.exceptions import NotFittedError

from skae.training import clone_callbacks


class NetHolder:
    """What every estimator with a `net_` has: training, the history, saving."""

    @property
    def module_(self):
        """The torch module that was trained, on scaled float32 rows."""
        return self.net_.module_

    @property
    def history_(self):
        """One row an epoch, a DataFrame; row 0 is the start. Scores of callbacks are columns."""
        if not hasattr(self, "net_"):
            raise NotFittedError(f"This {type(self).__name__} has no history_: call fit first.")
        import pandas as pd  # not needed by anything else here, and slow to import

        rows = [self.net_.start_, *self.net_.history]
        names = dict.fromkeys(["epoch", "train_loss", "valid_loss", "seconds"])
        for row in rows:
            names |= {name: None for name in row if name != "batches" and name[-5:] != "_best"}
        rows = [{name: row.get(name) for name in names} for row in rows]
        return pd.DataFrame(rows).astype({"epoch": int}).dropna(axis=1, how="all")

    def _train_net(self, data, own_callbacks, epochs=None):
        """Run the loop; own callbacks come last, after those of the user have seen an epoch."""
        self.net_.callbacks = [*clone_callbacks(self.callbacks), *own_callbacks]
        self.net_.initialize_callbacks()
        self.net_.partial_fit(data, epochs=epochs)
        self._finish_training(own_callbacks)

    def _finish_training(self, own_callbacks):
        """Check what the loop left, and drop what belongs to this fit only."""
        net = self.net_
        self.n_iter_ = len(net.history)
        net.callbacks = None
        net.callbacks_ = [pair for pair in net.callbacks_ if pair[1] not in own_callbacks]
        net._set_training(False)
        if net.interrupted_:
            raise KeyboardInterrupt
        if not all(torch.isfinite(p).all() for p in self.module_.parameters()):
            raise FloatingPointError(
                f"Training diverged: weights are not finite after {self.n_iter_} epochs. "
                f"Lower lr (it is {net.lr:g}), or scale the data."
            )

    def __getstate__(self):
        """Tensors are saved on the CPU."""
        state = super().__getstate__()
        if "net_" in state and torch.device(self.net_.device).type != "cpu":
            state = {**state, "net_": copy.deepcopy(self.net_)}
            state["net_"].move_to(torch.device("cpu"))
        return state
