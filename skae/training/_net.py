"""The skorch net: fit loop, callbacks and optimisers are skorch's, the epoch is a tight loop."""

import copy
import math
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, PrintLog
from torch import Tensor

from skae.exceptions import CompilationWarning
from skae.nn import isolated_rng
from skae.objectives import Batch, Objective
from skae.training._batches import RowSource, split_batch
from skae.training._compile import CompiledSteps
from skae.training._updates import make_update

# What one fit needs and the trained net does not: some of it does not pickle.
SCRATCH = (
    "_compiled",
    "_compiled_for",
    "_compiles",
    "_phases",
    "_updates",
    "_hooked",
    "_lowest",
    "valid_losses_",
)
BATCH_HOOKS = ("on_batch_begin", "on_batch_end", "on_grad_computed")
# Rows whose inputs are made together.
PREPARED_ROWS = 2**14
# Held-out rows that are judged together.
VALIDATION_BLOCK_ROWS = 2**13


class TrainingData(NamedTuple):
    """What `AutoEncoderNet.fit` takes in the place of `X`.

    Attributes
    ----------
    rows : RowSource
        Rows to train on.
    generator : torch.Generator
        Order of the rows and corruption, on the device of training.
    corrupt : callable or None
        Maps (rows, generator=...) to corrupted rows.
    valid : Batch or None
        Held-out rows that judge each epoch; their inputs are prepared.
    prepare : callable or None
        Maps (corrupted) rows to what the network takes.
    """

    rows: RowSource
    generator: torch.Generator
    corrupt: Callable[..., Tensor] | None = None
    valid: Batch | None = None
    prepare: Callable[[Tensor], Tensor] | None = None


class TrainingBlocks:
    """The shuffled blocks of one epoch, as batches in waiting.

    Parameters
    ----------
    data : TrainingData
        Where the rows come from.
    batch_size : int
        Rows of a batch; blocks are multiples of it.
    """

    def __init__(self, data: TrainingData, batch_size: int):
        self.data = data
        self.batch_size = batch_size

    def __len__(self):
        return len(self.data.rows)

    def __iter__(self) -> Iterator[Batch]:
        generator, corrupt = self.data.generator, self.data.corrupt
        for rows, weight in self.data.rows.shuffled(generator, self.batch_size):
            inputs = rows if corrupt is None else corrupt(rows, generator=generator)
            yield from self._prepared(Batch(inputs, rows, weight))

    def _prepared(self, block: Batch) -> Iterator[Batch]:
        """Prepare the inputs of a block, piece by piece: one-hot columns are many."""
        if self.data.prepare is None:
            yield block
            return
        size = max(1, PREPARED_ROWS // self.batch_size) * self.batch_size
        for piece in split_batch(block, size):
            yield piece._replace(inputs=self.data.prepare(piece.inputs))


class StopTraining(Exception):
    """A callback asked to stop."""


class AutoEncoderNet(NeuralNet):
    """A skorch net that trains on blocks of tensors with an `Objective` as its criterion.

    skorch fetches and notifies row by row and batch by batch; this net takes whole blocks, cuts
    batches out of them as views, keeps the loss on the device until the epoch ends, and calls
    per-batch hooks only where a callback has one. Several phases (adversarial training) alternate
    within a step, each with an optimiser of its own.

    Parameters
    ----------
    module, criterion : nn.Module
        The network and an `Objective`, both instances.
    compile_steps : bool, default=False
        Whether several whole steps are compiled into one call.
    **kwargs
        As for :class:`skorch.NeuralNet`.
    """

    def __init__(self, module, criterion, *, compile_steps=False, **kwargs):
        super().__init__(module, criterion, train_split=None, **kwargs)
        self.compile_steps = compile_steps

    @property
    def _default_callbacks(self):
        # Losses and times are recorded by the epoch itself.
        return [("print_log", PrintLog())] if self.verbose else []

    def __getstate__(self):
        """Save modules once: skorch has the trained ones as parameters, too."""
        state = super().__getstate__()
        same = [
            name
            for name in self._modules + self._criteria
            if state.get(name) is vars(self).get(f"{name}_")
        ]
        return {name: value for name, value in state.items() if name not in same}

    def __setstate__(self, state):
        super().__setstate__(state)
        for name in self._modules + self._criteria:
            self.__dict__.setdefault(name, self.__dict__.get(f"{name}_"))

    def initialize_optimizer(self, triggered_directly=None):
        """Make an optimiser for each phase of the objective."""
        for phase in self.criterion_.phases(self.module_):
            named = [(str(i), parameter) for i, parameter in enumerate(phase.parameters)]
            args, kwargs = self.get_params_for_optimizer("optimizer", named)
            own = self.get_params_for(phase.name)  # as in discriminator_optimizer__lr=1e-4
            optimizer = self.optimizer(*args, **kwargs | own)
            for group in optimizer.param_groups:  # torch's schedulers ask for it when they resume
                group["initial_lr"] = group["lr"]
            setattr(self, f"{phase.name}_", optimizer)
        return self

    def get_split_datasets(self, X, y=None, **fit_params):
        """Return the two data sets of `TrainingData`: they were split before."""
        return TrainingBlocks(X, self.batch_size), X.valid

    def get_iterator(self, dataset, training=False):
        """Return the data set: it knows how to iterate."""
        return dataset

    def fit_loop(self, X, y=None, epochs=None, **fit_params):
        """Run the epochs, as skorch does, until a callback stops them.

        Parameters
        ----------
        X : TrainingData
            Rows, held-out rows and randomness.
        y : None
            Ignored.
        epochs : int, default=None
            Number of epochs; None for ``max_epochs``.
        **fit_params : dict
            Passed to skorch.

        Returns
        -------
        AutoEncoderNet
            Itself.
        """
        self._compiled: CompiledSteps | None = None
        self._compiled_for: list[int] = []
        self.interrupted_ = False
        self._lowest = {name: self._lowest_so_far(name) for name in ("train_loss", "valid_loss")}
        try:
            return super().fit_loop(X, y, epochs, **fit_params)
        except StopTraining:
            return self
        except KeyboardInterrupt:  # the user's: skorch would swallow it, the estimator re-raises it
            self.interrupted_ = True
            return self
        finally:
            for name in SCRATCH:
                self.__dict__.pop(name, None)

    def notify(self, method_name, **cb_kwargs):
        """Call a hook of all callbacks; skorch's way to stop training is a KeyboardInterrupt."""
        try:
            super().notify(method_name, **cb_kwargs)
        except KeyboardInterrupt:
            if method_name in (
                "on_train_begin",
                "on_train_end",
            ):  # outside of the epochs: the user's
                raise
            raise StopTraining from None

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        """Judge the network as it starts; skorch's own history begins with epoch 1."""
        if not self.history:
            self.start_: dict[str, float] = {"epoch": 0}
            if X.valid is not None:
                self.start_["valid_loss"] = self._mean_validation_loss(X.valid)

    def on_epoch_begin(self, net, **kwargs):
        """Open a row of the history."""
        super().on_epoch_begin(net, **kwargs)
        self._epoch_start = time.perf_counter()

    def on_batch_begin(self, net, batch=None, training=False, **kwargs):
        """Record nothing: batches have rows in the history only where a callback asks."""

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params):
        """Train on all blocks, or judge the held-out rows.

        Parameters
        ----------
        iterator : TrainingBlocks, Batch or None
            The data set; None does nothing.
        training : bool
            Which of the two.
        prefix : str
            "train" or "valid".
        step_fn : callable
            Ignored: blocks are cut into steps here.
        **fit_params : dict
            Ignored.
        """
        if not training:
            if iterator is not None:
                self._record_loss("valid_loss", self._mean_validation_loss(iterator))
            self.history.record("seconds", time.perf_counter() - self._epoch_start)
            return
        self._set_training(True)
        self._prepare_steps()
        total = torch.zeros((), dtype=torch.float32, device=iterator.data.generator.device)
        with self._own_random_numbers(iterator.data.generator):
            for block in iterator:
                total += self._train_block(block)
        loss = total.item() / len(iterator)
        if not self._hooked:  # skorch's callbacks expect an epoch to have a batch
            self.history.new_batch()
            self.history.record_batch("train_loss", loss)
        self._record_loss("train_loss", loss)

    def _own_random_numbers(self, generator: torch.Generator) -> AbstractContextManager[None]:
        """Isolate modules of the user's; networks that need no autograd draw nothing."""
        if all(phase.gradients is not None for phase in self._phases):
            return nullcontext()
        return isolated_rng(generator.initial_seed() + len(self.history))

    def _prepare_steps(self) -> None:
        """Collect, once an epoch, what every step needs; callbacks may have changed any of it."""
        self._hooked = [cb for _, cb in self.callbacks_ if _has_batch_hooks(cb)]
        self._phases = self.criterion_.phases(self.module_)
        self._updates = []
        for phase in self._phases:
            trainable = [p for p in phase.parameters if p.requires_grad]
            self._updates.append(make_update(getattr(self, f"{phase.name}_"), trainable))
        self._compiles = self.compile_steps and not self._hooked
        if self.compile_steps and self._hooked and len(self.history) == 1:
            names = ", ".join(type(callback).__name__ for callback in self._hooked)
            warnings.warn(
                f"compile=True is ignored: {names} must be called at every batch.",
                CompilationWarning,
                stacklevel=2,
            )

    def _train_block(self, block: Batch) -> Tensor:
        """Train on one block; return the sum over its rows of the losses."""
        total = torch.zeros((), dtype=torch.float32, device=block.targets.device)
        if self._compiles:
            block, compiled_total = self._train_compiled(block)
            total += compiled_total
        if len(block.targets):
            step = self._hooked_step if self._hooked else self.train_step
            for batch in split_batch(block, self.batch_size):
                total.add_(step(batch)["loss"], alpha=len(batch.targets))
        return total

    def _train_compiled(self, block: Batch) -> tuple[Batch, Tensor]:
        """Train on the longest part of a block that compiled calls can take; return the rest."""
        total = torch.zeros((), dtype=torch.float32, device=block.targets.device)
        parameters = [id(p) for update in self._updates for p in update.parameters]
        if self._compiled is None or self._compiled_for != parameters:  # a callback may freeze some
            self._compiled_for = parameters
            self._compiled = CompiledSteps(
                self.module_, self._phases, self._updates, self.batch_size
            )
        size = self._compiled.rows_per_call
        head = len(block.targets) // size * size
        for start in range(0, head, size):
            total += self._compiled(_cut(block, start, start + size), self._updates)
        return _cut(block, head, len(block.targets)), total

    def train_step(self, batch: Batch, **fit_params: Any) -> dict[str, Tensor]:
        """Update each phase's parameters once.

        Parameters
        ----------
        batch : Batch
            Rows.
        **fit_params : dict
            Ignored.

        Returns
        -------
        dict
            ``loss``: that of the first phase, detached.
        """
        losses = []
        for phase, update in zip(self._phases, self._updates, strict=True):
            loss, grads = phase.value_and_grad(self.module_, batch, update.parameters)
            update(self._hooked_grads(update, grads, batch) if self._hooked else grads)
            losses.append(loss)
        return {"loss": losses[0]}

    def _hooked_grads(self, update, grads, batch):
        """Let callbacks see and change the gradients, where they look for them."""
        for parameter, grad in zip(update.parameters, grads, strict=True):
            parameter.grad = grad
        named = list(self.get_all_learnable_params())
        self.notify("on_grad_computed", named_parameters=named, batch=batch, training=True)
        grads = [parameter.grad for parameter in update.parameters]
        for parameter in update.parameters:
            parameter.grad = None
        return grads

    def _hooked_step(self, batch: Batch) -> dict[str, Tensor]:
        """One step as stock skorch makes it: with a row in the history and all notifications."""
        self.history.new_batch()
        pair = (batch.inputs, batch.targets)
        self.notify("on_batch_begin", batch=pair, training=True)
        step = self.train_step(batch)
        self.history.record_batch("train_loss", step["loss"].item())
        self.history.record_batch("train_batch_size", len(batch.targets))
        self.notify("on_batch_end", batch=pair, training=True, y_pred=None, **step)
        return step

    @torch.no_grad()
    def validation_losses(self, valid: Batch) -> Tensor:
        """Judge held-out rows, without corruption.

        Parameters
        ----------
        valid : Batch
            Held-out rows.

        Returns
        -------
        Tensor of float64 of shape (n_samples,)
            Loss of each row.
        """
        self._set_training(False)
        rows = range(0, len(valid.targets), VALIDATION_BLOCK_ROWS)
        blocks = [_cut(valid, start, start + VALIDATION_BLOCK_ROWS) for start in rows]
        losses = [self.criterion_.per_row(self.module_, block) for block in blocks]
        return torch.cat(losses).double()

    def _mean_validation_loss(self, valid: Batch) -> float:
        self.valid_losses_ = self.validation_losses(valid)
        weight = torch.ones_like(self.valid_losses_) if valid.weight is None else valid.weight
        return ((self.valid_losses_ * weight).sum() / weight.sum()).item()

    def _record_loss(self, name: str, loss: float) -> None:
        """Record a loss and, for skorch's callbacks, whether it is the best so far."""
        self.history.record(name, loss)
        self.history.record(f"{name}_best", loss < self._lowest[name])
        self._lowest[name] = min(loss, self._lowest[name])

    def _lowest_so_far(self, name: str) -> float:
        # An earlier call may have had no held-out rows.
        return min((row.get(name, math.inf) for row in self.history), default=math.inf)

    def go_on(self, criterion: Objective, settings: dict[str, Any]) -> None:
        """Minimise another objective, under other settings, from the weights that there are.

        Networks of the objective go on, too, and what the optimisers remember, unless they are of
        another class.

        Parameters
        ----------
        criterion : Objective
            Of the same kind of networks.
        settings : dict
            As for the constructor.
        """
        criterion.take_networks(self.criterion_)
        states = self._optimizer_states() if settings["optimizer"] is self.optimizer else None
        self.__dict__.pop("optimizer__weight_decay", None)  # not every optimiser knows it
        self.__dict__.update(settings, criterion=criterion, criterion_=criterion.to(self.device))
        self.initialize_optimizer()
        if states is not None:
            self.set_moments(states)  # no copies: the optimisers that had them are gone

    def _optimizer_states(self) -> list[dict]:
        return [getattr(self, f"{name}_").state for name in self._optimizers]

    def moments(self) -> list[dict]:
        """Copy what each optimiser remembers of earlier gradients."""
        states = self._optimizer_states()
        return [{of: copy.deepcopy(values) for of, values in state.items()} for state in states]

    def set_moments(self, moments: list[dict]) -> None:
        """Let optimisers remember what `moments` gave; learning rates stay as they are."""
        for state, remembered in zip(self._optimizer_states(), moments, strict=True):
            state.clear()
            state.update(remembered)

    def drop_optimizers(self) -> None:
        """Leave out what only further training needs: saved, it is three times the network."""
        for name in tuple(self._optimizers):
            delattr(self, f"{name}_")

    def move_to(self, device: torch.device) -> None:
        """Move modules and the state of optimisers.

        Parameters
        ----------
        device : torch.device
            Where to.
        """
        for name in self._modules + self._criteria:
            getattr(self, f"{name}_").to(device)
        for name in self._optimizers:
            for state in getattr(self, f"{name}_").state.values():
                for key, value in state.items():
                    state[key] = value.to(device) if isinstance(value, Tensor) else value
        self.device = str(device)


def _cut(block: Batch, start: int, stop: int) -> Batch:
    """Rows of a block; inputs that are the targets stay the same tensor."""
    targets = block.targets[start:stop]
    inputs = targets if block.inputs is block.targets else block.inputs[start:stop]
    return Batch(inputs, targets, None if block.weight is None else block.weight[start:stop])


def _has_batch_hooks(callback: Callback) -> bool:
    return any(getattr(type(callback), hook) is not getattr(Callback, hook) for hook in BATCH_HOOKS)
