"""How an auto-encoder is fitted."""

import copy
import warnings
from functools import partial
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval, StrOptions
from torch import nn

from skae.base._applying import FittedAutoEncoder
from skae.distributions import LOSS_NAMES, Likelihood, MixedColumns, get_likelihood
from skae.exceptions import CalibrationWarning
from skae.nn import TableInput, origins_in
from skae.objectives import Batch, Reconstruction
from skae.preprocessing import SCALER_NAMES, TableEncoder
from skae.training import (
    OPTIMIZERS,
    ArrayTable,
    AutoEncoderNet,
    BestWeights,
    StreamTable,
    TrainingData,
    make_generator,
    resolve_device,
    sklearn_callbacks,
)
from skae.utils import CallbackSupportMixin, check_weight, drawn_seed, with_callbacks

# Held-out rows judge epochs and calibrate the threshold; more of them would tell nothing new.
MOST_HELD_OUT_ROWS = 100_000
# Calibration scores that are remembered for p-values and other thresholds: few enough that a saved
# estimator is small.
MOST_CALIBRATION_SCORES = 10_000
# The same in partial_fit: some times what a false-alarm rate of 1 % needs, few enough that those of
# an older network fade out.
MOST_STREAMED_SCORES = 2_000
# Statistics of what a trained network makes of its rows are those of at most so many.
MOST_SAMPLED_ROWS = 100_000
# A scaler that moved by more than this share gives scores of another kind.
NOTICEABLE_RESCALING = 0.05
# One seed a fit, and from it a stream for each purpose.
_SPLIT, _MODULE, _TRAINING = range(3)
# What net_params must not touch, beside the parameters that the estimator has itself.
NET_PARAMS_OF_OURS = {"module", "criterion", "train_split", "dataset", "callbacks"}
NET_PARAMS_OF_OURS |= {"optimizer__lr", "optimizer__weight_decay"}


class BaseAutoEncoder(CallbackSupportMixin, FittedAutoEncoder):
    """Transformer, outlier detector and neural network in one.

    A subclass stores its parameters in `__init__` and says in `_build_module` which network it is;
    it may add a corruption (`_corruption`) or another objective (`_objective`).
    """

    _parameter_constraints: dict = {
        "n_components": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "loss": [StrOptions(set(LOSS_NAMES)), Likelihood],
        "scaler": [StrOptions(set(SCALER_NAMES)), None],
        "categorical_features": [StrOptions({"from_dtype"}), "array-like"],
        "max_categories": [Interval(Integral, 1, None, closed="left")],
        "missing_marks": [list, tuple, set, frozenset],
        "optimizer": [StrOptions(set(OPTIMIZERS)), callable],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "max_epochs": [Interval(Integral, 0, None, closed="left")],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, 1, closed="left")],
        "contamination": [StrOptions({"auto"}), Interval(Real, 0, 0.5, closed="right")],
        "false_alarm_rate": [Interval(Real, 0, 1, closed="neither")],
        "warm_start": ["boolean"],
        "callbacks": [list, tuple, None],
        "net_params": [dict, None],
        "compile": ["boolean"],
        "device": [str, torch.device],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    # Parameters that a network keeps: it was made with them.
    _kept_names = frozenset(
        {
            *("input_shape", "hidden_layer_sizes", "activation", "linear_skip", "init"),
            *("encoder", "decoder", "loss", "scaler", "categorical_features", "max_categories"),
            *("missing_marks", "net_params"),
        }
    )

    # ---- fitting ----

    @with_callbacks
    def fit(self, X, y=None, sample_weight=None):
        """Train on the rows of a table.

        Parameters
        ----------
        X : {DataFrame, array-like, ChunkedTable} of shape (n_samples, n_features)
            A data frame of pandas or polars with numbers, booleans, text, categories and datetimes;
            an array of numbers; or a table in chunks: :class:`skae.datasets.ParquetTable`,
            :class:`skae.datasets.ChunkedTable`, a Table or Dataset of pyarrow. Cells may be missing
            (NaN, None, NA, and the `missing_marks`). A memory map larger than 256 MB, and a table
            in chunks, is never loaded whole.
        y : None
            Ignored; present for scikit-learn.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight 2 counts as the same row twice: in the loss, the scaler, the start from PCA and
            the threshold. Only proportions matter.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If `X` or a parameter cannot be used; the message says what would be.

        Warns
        -----
        ConvergenceWarning
            If `max_epochs` ended the training while the loss was still falling; not where nothing
            else can end it, under ``early_stopping=False`` and ``tol=0``.
        CalibrationWarning
            If ``contamination="auto"`` has too few held-out rows for its false-alarm rate.
        """
        self._validate_params()
        continued = self.warm_start and self.__sklearn_is_fitted__()
        X, sample_weight = self._check_training_data(X, sample_weight, reset=not continued)
        if continued:
            self._continue(len(X))
        else:
            self._start(X, sample_weight)
        table = self._fit_table(X, sample_weight)
        if continued:
            self._tolerate_missing(table)
        else:
            self._build(table)
        stopping, n_before = self._stopping(table), self.n_iter_
        so_far = partial(self._fitted_so_far, table)
        n_epochs = self._n_epochs(len(table))
        with sklearn_callbacks(self, X.original, n_epochs, so_far) as bridge:
            self._train(table, [*bridge, *self._schedule(n_epochs), stopping], n_epochs)
            self.best_epoch_ = stopping.last_epoch_
            self._finish(table, start_was_kept=stopping.kept_start_)
        if stopping.diverged_:
            warnings.warn(
                f"The loss was not finite after {self.n_iter_} epochs; the weights are those of "
                f"epoch {self.best_epoch_}. Lower lr (it is {self.net_.lr:g}).",
                ConvergenceWarning,
                stacklevel=3,  # past `with_callbacks`
            )
        elif self._ran_out(stopping, n_before):
            warnings.warn(
                f"Training ended after max_epochs={self.max_epochs} epochs, while the loss was "
                "still falling. Raise max_epochs, lr or tol.",
                ConvergenceWarning,
                stacklevel=3,  # past `with_callbacks`
            )
        return self

    def _ran_out(self, stopping, n_before):
        """Whether the epochs ended too early; not where their number is all that ends them."""
        stops_by_itself = self.early_stopping or self.tol > 0
        ended = self.n_iter_ - n_before == self.max_epochs
        return stopping.still_improving_ and stops_by_itself and ended

    def partial_fit(self, X, y=None, sample_weight=None):
        """Train one epoch on more rows.

        The statistics of an affine scaler ("standard", "minmax") follow all rows seen so far; the
        first and last layers are compensated, so that the network stays the same function of
        original units. A category that has become frequent gets inputs and outputs of its own, and
        a column whose first cell is missing its mask; with new layers the optimizer begins anew.
        Other scalers keep the statistics of the first call; networks with a module of the user's,
        and those under ``loss="log_loss"``, keep all of them. The threshold is that of the last
        2000 calibration scores, those of earlier chunks (or of `fit`) included.

        Parameters
        ----------
        X : {DataFrame, array-like, ChunkedTable} of shape (n_samples, n_features)
            More rows.
        y : None
            Ignored; present for scikit-learn.
        sample_weight : array-like of shape (n_samples,), default=None
            As in :meth:`fit`.

        Returns
        -------
        self : object
            The estimator.
        """
        self._validate_params()
        first = not hasattr(self, "net_")
        X, sample_weight = self._check_training_data(X, sample_weight, reset=first)
        if first:
            self._start(X, sample_weight)
        else:
            self._continue(len(X))
            self._follow(X, sample_weight)
        table = self._fit_table(X, sample_weight, stream=self.n_iter_)
        if first:
            self._build(table)
        else:
            self._tolerate_missing(table)
        self._train(table, [], epochs=1)
        self.best_epoch_ = self.n_iter_
        self._calibrate(table, with_earlier=True)
        return self

    def _check_training_data(self, X, sample_weight, reset):
        table = self._check_table(X, reset)
        if sample_weight is not None:  # else rows need not be counted yet
            sample_weight = check_weight(sample_weight, len(table))
        return table, sample_weight

    def _start(self, X, sample_weight):
        """Everything that comes before the rows are split: seed, kinds and scales of columns."""
        vars(self).pop("offset_", None)  # a fit that fails leaves an estimator that is not fitted
        self._kept = self._kept_parameters()
        self._seed = drawn_seed(self.random_state)
        self._device = resolve_device(self.device)
        self._check_scaler()
        self._encoder = TableEncoder(
            scaler=self.scaler,
            categorical_features=self.categorical_features,
            max_categories=self.max_categories,
            missing_marks=self.missing_marks,
            dtype=np.float32,
        )
        X.fit(self._encoder, sample_weight, self.verbose)
        self._choose_columns()
        self._likelihood = self._table_likelihood()
        self._calibration = np.empty((0, 2))
        self._starts_from_pca = False
        self.n_iter_ = 0

    def _choose_columns(self):
        """Check parameters that name columns, once these are known."""

    def _table_likelihood(self):
        """Return the loss of a row: that of its numbers alone, where there is nothing else."""
        numbers, schema = get_likelihood(self.loss), self._encoder.schema_
        return MixedColumns(schema, numbers) if self._needs_inputs() else numbers

    def _table_input(self, like=None):
        """Return what turns an encoded row into numbers, or None where it is made of them."""
        if not self._needs_inputs():
            return None
        schema = self._encoder.schema_
        return TableInput(schema, self._module_generator(), self._hides_cells, like)

    def _widths(self, inputs):
        """Columns that the encoder takes, and that the decoder gives."""
        if inputs is None:
            return (self._encoder.schema_.n_encoded,) * 2
        return inputs.n_out, len(self._likelihood.labels)

    def _silence_constants(self, decoder):
        """Let columns that are constant in training have outputs of zero, their mean."""
        if get_likelihood(self.loss).identity_link:
            constant = torch.from_numpy(self._encoder.constant_)
            decoder.silence_outputs(self._likelihood.of_numbers(constant, constant)[1])

    _hides_cells = False  # whether training hides cells, so that every column needs a mask

    def _needs_inputs(self):
        return self._hides_cells or not self._encoder.schema_.is_plain

    def _fit_table(self, X, sample_weight, stream=0):
        """Split the rows; see `FitTable`."""
        held_out = self._held_out_rows(len(X), sample_weight, stream)
        if X.in_chunks:
            table = StreamTable(
                X.values, self._encoder.transform, sample_weight, held_out, self.verbose > 0
            )
        else:
            table = ArrayTable(X.encoded(self._encoder), sample_weight, held_out)
        self._check_support(table)
        return table

    def _build(self, table):
        """Make the network; rows that are held out take no part in its start either."""
        module = self._build_module(*table.start_rows(with_held_out=False))
        self.net_ = self._build_net(module, len(table))

    def _continue(self, n_rows):
        """Go on with the network of an earlier fit, under the current parameters."""
        self._check_kept()
        vars(self).pop("offset_", None)
        self._take_device()
        self.net_.go_on(self._objective(), self._settings(n_rows))

    def _take_device(self):
        """Go where `device` says: what was copied or restored has its network on the CPU."""
        self._device = resolve_device(self.device)
        self.net_.move_to(self._device)

    def _kept_parameters(self):
        """Parameters that a network keeps, by name; those of an estimator among them, too."""
        params, kept = self.get_params(), self._kept_names
        return {name: params[name] for name in params if name.partition("__")[0] in kept}

    def _check_kept(self):
        """Refuse other values of parameters than those of the network that goes on."""
        if self.n_components not in ("auto", self.n_components_):
            raise self._cannot_go_on("n_components", self.n_components_)
        for name, value in sorted(self._kept_parameters().items()):
            kept = self._kept.get(name)
            if not _same_value(value, kept):
                raise self._cannot_go_on(name, kept)

    def _cannot_go_on(self, name, kept):
        value = self.get_params()[name]
        return ValueError(
            f"{name}={value!r}, but the network that goes on was made with {kept!r}. "
            f"Set {name} back, or fit with warm_start=False."
        )

    def _tolerate_missing(self, table):
        """Let a network that never saw a missing cell take the mean in its place."""
        if table.has_missing and self.module_.inputs is None:
            self._take_layout(*self._missing_layout())

    def _take_layout(self, inputs, likelihood):
        self._likelihood = likelihood
        self.net_.criterion_.set_likelihood(likelihood)
        self.module_.inputs = None if inputs is None else inputs.to(self._device)

    def _learning_rate(self):
        """Learning rate of a fit."""
        return self.lr

    def _n_epochs(self, n_rows):
        """Most epochs of a fit."""
        return self.max_epochs

    def _schedule(self, n_epochs):
        """Return callbacks that change the learning rate."""
        return []

    def _sample(self, rows, weight):
        """Rows that count, evenly spaced where there are very many, and their weights."""
        weight = np.ones(len(rows.X)) if weight is None else weight
        counting = np.flatnonzero(weight)
        chosen = counting[:: -(-len(counting) // MOST_SAMPLED_ROWS)]
        return rows._replace(X=rows.X[chosen]), weight[chosen]

    def _rows_per_step(self, n_rows):
        if self.batch_size != "auto":
            return self.batch_size
        # A small table needs more steps an epoch than it has rows for large batches.
        rows = 2 ** np.floor(np.log2(max(n_rows / 32, 1)))
        return int(np.clip(rows, self._fewest_rows_a_step, 256))

    _fewest_rows_a_step = 32

    def _steps_an_epoch(self, n_rows):
        return max(1, round(n_rows / self._rows_per_step(n_rows)))  # as `split_batch` does

    def _check_scaler(self):
        """Refuse a scaler that leaves the range for which the loss is defined."""
        low, high = get_likelihood(self.loss).support
        if self.scaler in ("standard", "quantile") and not (np.isinf(low) and np.isinf(high)):
            raise ValueError(
                f"loss={self.loss!r} is for values in [{low:g}, {high:g}], and "
                f"scaler={self.scaler!r} leaves that range. "
                "Use scaler='minmax', scaler=None for data within the range, or another loss."
            )

    def _check_support(self, table):
        """Refuse unscaled values for which the loss is not defined, before any work."""
        low, high = self._likelihood.support
        if self.scaler is not None or (np.isinf(low) and np.isinf(high)):
            return
        numbers = self._encoder.schema_.encoded_positions("numeric")
        for _, rows in table.blocks():
            values = rows.encode(rows.X)[:, numbers]
            lowest, highest = np.fmin.reduce(values, axis=None), np.fmax.reduce(values, axis=None)
            if lowest < low or highest > high:
                raise ValueError(
                    f"loss={self.loss!r} is for values in [{low:g}, {high:g}], and with "
                    f"scaler=None X has values from {lowest:g} to {highest:g}. "
                    "Use scaler='minmax' or another loss."
                )

    def _build_module(self, rows, sample_weight) -> nn.Module:
        """Return the network, on the CPU, as it starts.

        Parameters
        ----------
        rows : EncodedRows
            What the start may depend on.
        sample_weight : ndarray of shape (n_samples,) or None
            Zero for rows that it must not depend on.
        """
        raise NotImplementedError

    def _module_generator(self):
        return make_generator(torch.device("cpu"), self._seed, _MODULE)

    def _refit_start(self, rows, sample_weight):
        """Let a network that is still as it started start from all rows instead."""

    def _objective(self):
        """Return what is minimised."""
        return Reconstruction(self._likelihood)

    def _corruption(self):
        """Return a function (rows, generator) that corrupts training rows, or None."""

    def _code_positions(self):
        """Columns of an encoded row that hold codes, to be swapped; None where there are none."""
        codes = self._encoder.schema_.encoded_positions("boolean", "categorical")
        return torch.as_tensor(codes, device=self._device) if len(codes) else None

    def _settings(self, n_rows):
        """What the net is told, and told anew when it goes on."""
        settings = {
            "optimizer": OPTIMIZERS.get(self.optimizer, self.optimizer),
            "lr": self._learning_rate(),
            "max_epochs": self._n_epochs(n_rows),
            "batch_size": self._rows_per_step(n_rows),
            "device": str(self._device),
            "compile_steps": self.compile,
            "verbose": self.verbose,
        }
        if self.weight_decay or isinstance(self.optimizer, str):  # others may not know it
            settings["optimizer__weight_decay"] = self.weight_decay
        return settings

    def _build_net(self, module, n_rows):
        """Wrap the network into a skorch net with the training parameters."""
        params, extra = self._settings(n_rows), self.net_params or {}
        ours = params.keys() | NET_PARAMS_OF_OURS
        if taken := sorted(name for name in extra if name in ours or name.startswith("iterator_")):
            raise ValueError(
                f"net_params must not name {', '.join(taken)}: {type(self).__name__} has "
                "parameters of its own for these, or sets them itself."
            )
        net = AutoEncoderNet(module, self._objective(), **params, **extra)
        return net.initialize()

    def _held_out_rows(self, n_rows, sample_weight, stream=0):
        """Mask of rows that take no part in training: they judge epochs and calibrate."""
        held_out = np.zeros(n_rows, dtype=bool)
        rows = np.arange(n_rows) if sample_weight is None else np.flatnonzero(sample_weight)
        if (self._judges_epochs or self.contamination == "auto") and len(rows) > 1:
            n_held_out = int(np.ceil(self.validation_fraction * len(rows)))
            n_held_out = min(n_held_out, len(rows) - 1, MOST_HELD_OUT_ROWS)
            generator = make_generator(torch.device("cpu"), self._seed, _SPLIT, stream)
            chosen = torch.randperm(len(rows), generator=generator)[:n_held_out].numpy()
            held_out[rows[chosen]] = True
        return held_out

    def _train(self, table, own_callbacks, epochs=None):
        self._train_net(self._training_data(table), own_callbacks, epochs)

    def _training_data(self, table):
        device, valid = self._device, None
        if self.early_stopping and table.held_out.any():
            values = torch.from_numpy(table.held_out_rows.X).to(device)
            weight = table.weight_of(table.held_out)
            weight = None if weight is None else torch.as_tensor(weight, device=device)
            valid = self._valid_batch(values, weight)
        return TrainingData(
            rows=table.training_rows(device),
            generator=make_generator(device, self._seed, _TRAINING, self.n_iter_),
            corrupt=self._corruption(),
            valid=valid,
            prepare=None if self.module_.inputs is None else self.module_.prepare,
        )

    def _valid_batch(self, values, weight):
        """What judges an epoch; the same in each, so that losses compare."""
        return Batch(self.module_.prepare(values), values, weight)

    @property
    def _judges_epochs(self):
        """Whether held-out rows tell the best epoch."""
        return self.early_stopping

    def _stopping(self, table):
        return BestWeights(
            patience=self.n_iter_no_change,
            tol=self.tol,
            restore=self._judges_epochs and table.held_out.any(),
            start_competes=self.n_iter_ == 0 and self._starts_from_pca,
        )

    def _fitted_so_far(self, table):
        """Attributes of an estimator whose training ended here; made where a callback asks."""
        net = copy.copy(self.net_)
        module = copy.deepcopy(self.module_).eval()
        vars(net).update(module_=module, callbacks_=[], callbacks=None)
        snapshot = copy.copy(self)
        snapshot.net_, snapshot.n_iter_ = net, len(net.history)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CalibrationWarning)  # fit itself gives it, once
            snapshot._calibrate(table)
        before = vars(self)
        return {k: value for k, value in vars(snapshot).items() if before.get(k) is not value}

    # ---- streams ----

    def _follow(self, X, sample_weight):
        """Let the encoder follow new rows, and the network stay the same function of raw units."""
        encoder, decoder = self.module_.encoder, self.module_.decoder
        follow = hasattr(encoder, "compensate_input") and hasattr(decoder, "compensate_output")
        if not (follow and get_likelihood(self.loss).identity_link):
            return
        offset, scale = self._encoder.offset_, self._encoder.scale_
        X.fit(self._encoder, sample_weight, self.verbose, further=True)
        new_offset, new_scale = self._encoder.offset_, self._encoder.scale_
        if np.abs(new_scale / scale - 1).max() > NOTICEABLE_RESCALING:
            self._calibration = np.empty((0, 2))
        self._grow()

        def tensor(values):
            return torch.as_tensor(values, dtype=torch.float32, device=self._device)

        # x_old = ratio * x_new + shift, for each column of an encoded row
        ratio, shift = tensor(new_scale / scale), tensor((new_offset - offset) / scale)
        inputs = self.module_.inputs
        if inputs is None:
            self.module_.compensate_input(ratio, shift)
        else:
            self.module_.compensate_input(*inputs.move(ratio, shift))
        outputs = self._likelihood.of_numbers(1 / ratio, -shift / ratio)
        self.module_.compensate_output(*outputs)

    def _grow(self):
        """Give new categories, and columns that are missing for the first time, their places."""
        if not self._needs_inputs():
            return
        before, labels = self.module_.inputs, self._layout_labels()
        inputs, likelihood = self._table_input(like=before), self._table_likelihood()
        self._take_layout(inputs, likelihood)
        new_labels = self._layout_labels()
        if new_labels == labels:
            self.module_.inputs = before  # the optimizer knows its parameters
            return
        (old_in, old_out), (new_in, new_out) = labels, new_labels
        self.module_.take_inputs(origins_in(new_in, old_in))
        places = origins_in(new_out, old_out)
        self.module_.decoder.give_outputs(places, likelihood.log_frequencies())
        self.net_.initialize_optimizer()

    def _layout_labels(self):
        """Labels of what goes into the encoder and of what comes out of the decoder."""
        plain = [(i, 0) for i in range(self._encoder.schema_.n_features)]
        inputs, likelihood = self.module_.inputs, self._likelihood
        return (
            plain if inputs is None else inputs.labels,
            likelihood.labels if isinstance(likelihood, MixedColumns) else plain,
        )

    # ---- the threshold ----

    def _finish(self, table, start_was_kept):
        """Calibrate; where nothing was trained, held-out rows then join the start.

        The threshold is that of the start without them: scores of rows that took part in it would
        be too good, and fresh rows be flagged too often.
        """
        if self.contamination == "auto":
            self._calibrate(table)
        # A warm start goes on to judge by the same held-out rows: they must stay out.
        if start_was_kept and table.held_out.any() and not self.warm_start:
            self._refit_start(*table.start_rows(with_held_out=True))
        if self.contamination != "auto":
            self._calibrate(table)

    def _calibrate(self, table, with_earlier=False):
        """Set `offset_`: from held-out rows at a false-alarm rate, or from a share of all rows."""
        if self.contamination == "auto" and table.held_out.any():
            rows, scores = np.flatnonzero(table.held_out), self._score(table.held_out_rows)
        else:
            blocks = [(rows, self._score(block)) for rows, block in table.blocks()]
            rows, scores = map(np.concatenate, zip(*blocks, strict=True))
        weight = np.ones(len(rows)) if table.weight is None else table.weight[rows]
        scored = np.column_stack([scores, weight])
        earlier = self._calibration if with_earlier else scored[:0]
        n_spread = min(len(scored), MOST_CALIBRATION_SCORES)  # evenly: the table may be sorted
        spread = scored[np.linspace(0, len(scored) - 1, n_spread).astype(int)]
        n_kept = MOST_STREAMED_SCORES if with_earlier else MOST_CALIBRATION_SCORES
        self._calibration = np.concatenate([earlier, spread])[-n_kept:]
        self.offset_ = self._threshold(np.concatenate([earlier, scored]), self.contamination)


def _same_value(value, other):
    """Whether two values of a parameter are equal; an estimator's own are compared one by one."""
    if isinstance(value, BaseEstimator):
        return type(value) is type(other)
    return value is other or np.array_equal(value, other)
