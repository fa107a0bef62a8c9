"""The contract that every auto-encoder of skae keeps."""

import copy
import warnings
from contextlib import nullcontext
from functools import partial
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    OutlierMixin,
    TransformerMixin,
)
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.utils import check_array, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data
from torch import nn

from skae.distributions import LOSS_NAMES, Likelihood, get_likelihood
from skae.exceptions import CalibrationWarning
from skae.metrics import contamination_threshold, false_alarm_threshold
from skae.nn import AlignedProducts, SkipMLP
from skae.objectives import Batch, Reconstruction
from skae.preprocessing import SCALER_NAMES, TableScaler
from skae.training import (
    OPTIMIZERS,
    AutoEncoderNet,
    BestWeights,
    TrainingData,
    clone_callbacks,
    make_generator,
    map_rows,
    resolve_device,
    scaled_rows,
    sklearn_callbacks,
    training_rows,
)
from skae.utils import CallbackSupportMixin, frame_like, with_callbacks

FALSE_ALARM_RATE = 0.01
# Held-out rows judge epochs and calibrate the threshold; more of them would tell nothing new.
MOST_HELD_OUT_ROWS = 100_000
# Calibration scores that partial_fit remembers: some times what the false-alarm rate needs, and few
# enough that those of an older network fade out.
MOST_REMEMBERED_SCORES = 2_000
# A scaler that moved by more than this share gives scores of another kind.
NOTICEABLE_RESCALING = 0.05
# One seed a fit, and from it a stream for each purpose.
_SPLIT, _MODULE, _TRAINING = range(3)
# What net_params must not touch, beside the parameters that the estimator has itself.
NET_PARAMS_OF_OURS = {"module", "criterion", "train_split", "dataset", "callbacks"}
NET_PARAMS_OF_OURS |= {"optimizer__lr", "optimizer__weight_decay"}
FLOAT_TYPES = (np.float64, np.float32)


class BaseAutoEncoder(
    CallbackSupportMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    OutlierMixin,
    BaseEstimator,
):
    """Transformer, outlier detector and neural network in one.

    A subclass stores its parameters in `__init__` and says in `_build_module` which network it is;
    it may add a corruption (`_corruption`) or another objective (`_objective`).
    """

    _parameter_constraints: dict = {
        "n_components": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "loss": [StrOptions(set(LOSS_NAMES)), Likelihood],
        "scaler": [StrOptions(set(SCALER_NAMES)), None],
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
        "warm_start": ["boolean"],
        "callbacks": [list, tuple, None],
        "net_params": [dict, None],
        "compile": ["boolean"],
        "device": [str, torch.device],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    # ---- fitting ----

    @with_callbacks
    def fit(self, X, y=None, sample_weight=None):
        """Train on the rows of a table.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_features)
            Finite numbers. A memory map larger than 256 MB is never loaded whole.
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
            If `max_epochs` ended the training while the loss was still falling.
        CalibrationWarning
            If ``contamination="auto"`` has too few held-out rows for its false-alarm rate.
        """
        self._validate_params()
        continued = self.warm_start and hasattr(self, "net_")
        X, sample_weight = self._check_training_data(X, sample_weight, reset=not continued)
        if continued:
            self._continue(X)
        else:
            self._start(X, sample_weight)
        held_out = self._held_out_rows(X, sample_weight)
        if not continued:
            self._build(X, sample_weight, held_out)
        stopping, n_before = self._stopping(held_out), self.n_iter_
        so_far = partial(self._fitted_so_far, X, sample_weight, held_out)
        with sklearn_callbacks(self, X, self.max_epochs, so_far) as bridge:
            self._train(X, sample_weight, held_out, [*bridge, stopping])
            self.best_epoch_ = stopping.last_epoch_
            self._finish(X, sample_weight, held_out, start_was_kept=stopping.kept_start_)
        if stopping.diverged_:
            warnings.warn(
                f"The loss was not finite after {self.n_iter_} epochs; the weights are those of "
                f"epoch {self.best_epoch_}. Lower lr (it is {self.lr:g}).",
                ConvergenceWarning,
                stacklevel=3,  # past `with_callbacks`
            )
        elif stopping.still_improving_ and self.n_iter_ - n_before == self.max_epochs:
            warnings.warn(
                f"Training ended after max_epochs={self.max_epochs} epochs, while the loss was "
                "still falling. Raise max_epochs, lr or tol.",
                ConvergenceWarning,
                stacklevel=3,  # past `with_callbacks`
            )
        return self

    def partial_fit(self, X, y=None, sample_weight=None):
        """Train one epoch on more rows.

        The statistics of an affine scaler ("standard", "minmax") follow all rows seen so far; the
        first and last layers are compensated, so that the network stays the same function of
        original units. Other scalers, and those of networks with a module of the user's, keep the
        statistics of the first call; so do those under ``loss="log_loss"``. The threshold is that
        of the last 2000 calibration scores, those of earlier chunks (or of `fit`) included.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_features)
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
            self._continue(X)
            self._move_scaler(X, sample_weight)
        held_out = self._held_out_rows(X, sample_weight, stream=self.n_iter_)
        if first:
            self._build(X, sample_weight, held_out)
        self._train(X, sample_weight, held_out, [], epochs=1)
        self.best_epoch_ = self.n_iter_
        self._calibrate(X, sample_weight, held_out, with_earlier=True)
        return self

    def _check_training_data(self, X, sample_weight, reset):
        if reset:  # of any kind, where scikit-learn's feature_names_in_ holds strings only
            self._columns = getattr(X, "columns", None)
        X = validate_data(self, X, reset=reset, dtype=FLOAT_TYPES)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(
                sample_weight, X, dtype=np.float64, ensure_non_negative=True
            )
            if not sample_weight.any():
                raise ValueError("sample_weight is zero for every row. At least one has to count.")
        return X, sample_weight

    def _start(self, X, sample_weight):
        """Everything that comes before the rows are split: seed, loss, scaler."""
        vars(self).pop("offset_", None)  # a fit that fails leaves an estimator that is not fitted
        self._seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        self._device = resolve_device(self.device)
        self._likelihood = get_likelihood(self.loss)
        self._scaler = TableScaler(self.scaler).fit(X, sample_weight)
        self._check_support(X)
        self._remembered_scores = np.empty((0, 2))
        self._starts_from_pca = False
        self.n_iter_ = 0

    def _build(self, X, sample_weight, held_out):
        """Make the network; rows that are held out take no part in its start either."""
        if held_out.any():
            sample_weight = np.where(held_out, 0.0, 1.0 if sample_weight is None else sample_weight)
        module = self._build_module(X, sample_weight)
        self.net_ = self._build_net(module, len(X))

    def _continue(self, X):
        """Go on with the network of an earlier fit, under the current parameters."""
        if self.n_components not in ("auto", self.n_components_):
            raise ValueError(
                f"n_components={self.n_components!r}, but the network that goes on has "
                f"{self.n_components_}. Set warm_start=False, or n_components back."
            )
        vars(self).pop("offset_", None)
        self._check_support(X)
        self._device = resolve_device(self.device)
        self.net_.move_to(self._device)
        self.net_.set_params(
            lr=self.lr,
            optimizer__weight_decay=self.weight_decay,
            max_epochs=self.max_epochs,
            batch_size=self._rows_per_step(len(X)),
            verbose=self.verbose,
        )
        self.net_.compile_steps = self.compile

    def _rows_per_step(self, n_rows):
        if self.batch_size != "auto":
            return self.batch_size
        # A small table needs more steps an epoch than it has rows for large batches.
        return int(np.clip(2 ** np.floor(np.log2(max(n_rows / 32, 1))), 32, 256))

    def _check_support(self, X):
        """Refuse values for which the loss is not defined, before any work."""
        low, high = self._likelihood.support
        if np.isinf(low) and np.isinf(high):
            return
        loss = f"loss={self.loss!r} is for values in [{low:g}, {high:g}]"
        if self.scaler in ("standard", "quantile"):
            raise ValueError(
                f"{loss}, and scaler={self.scaler!r} leaves that range. "
                "Use scaler='minmax', scaler=None for data within the range, or another loss."
            )
        if self.scaler is None and (X.min() < low or X.max() > high):
            raise ValueError(
                f"{loss}, and with scaler=None X has values from {X.min():g} to {X.max():g}. "
                "Use scaler='minmax' or another loss."
            )

    def _build_module(self, X, sample_weight) -> nn.Module:
        """Return the network, on the CPU, as it starts."""
        raise NotImplementedError

    def _module_generator(self):
        return make_generator(torch.device("cpu"), self._seed, _MODULE)

    def _refit_start(self, X, sample_weight):
        """Let a network that is still as it started start from all rows instead."""

    def _objective(self):
        """Return what is minimised."""
        return Reconstruction(self._likelihood)

    def _corruption(self):
        """Return a function (rows, generator) that corrupts training rows, or None."""

    def _build_net(self, module, n_rows):
        """Wrap the network into a skorch net with the training parameters."""
        optimizer = OPTIMIZERS.get(self.optimizer, self.optimizer)
        params = {
            "optimizer": optimizer,
            "lr": self.lr,
            "max_epochs": self.max_epochs,
            "batch_size": self._rows_per_step(n_rows),
            "device": str(self._device),
            "compile_steps": self.compile,
            "verbose": self.verbose,
        }
        if self.weight_decay:
            params["optimizer__weight_decay"] = self.weight_decay
        extra = self.net_params or {}
        ours = params.keys() | NET_PARAMS_OF_OURS
        if taken := sorted(name for name in extra if name in ours or name.startswith("iterator_")):
            raise ValueError(
                f"net_params must not name {', '.join(taken)}: {type(self).__name__} has "
                "parameters of its own for these, or sets them itself."
            )
        net = AutoEncoderNet(module, self._objective(), **params, **extra)
        return net.initialize()

    def _held_out_rows(self, X, sample_weight, stream=0):
        """Mask of rows that take no part in training: they judge epochs and calibrate."""
        held_out = np.zeros(len(X), dtype=bool)
        rows = np.arange(len(X)) if sample_weight is None else np.flatnonzero(sample_weight)
        if (self.early_stopping or self.contamination == "auto") and len(rows) > 1:
            n_held_out = int(np.ceil(self.validation_fraction * len(rows)))
            n_held_out = min(n_held_out, len(rows) - 1, MOST_HELD_OUT_ROWS)
            generator = make_generator(torch.device("cpu"), self._seed, _SPLIT, stream)
            chosen = torch.randperm(len(rows), generator=generator)[:n_held_out].numpy()
            held_out[rows[chosen]] = True
        return held_out

    def _train(self, X, sample_weight, held_out, own_callbacks, epochs=None):
        """Run the loop; own callbacks come last, after those of the user have seen an epoch."""
        data = self._training_data(X, sample_weight, held_out)
        self.net_.callbacks = [*clone_callbacks(self.callbacks), *own_callbacks]
        self.net_.initialize_callbacks()
        self.net_.partial_fit(data, epochs=epochs)
        self._finish_training(own_callbacks)

    def _training_data(self, X, sample_weight, held_out):
        device, transform = self._device, self._scaler.transform
        valid = None
        if self.early_stopping and held_out.any():
            values = scaled_rows(X, transform, np.flatnonzero(held_out)).to(device)
            weight = None
            if sample_weight is not None:
                weight = torch.as_tensor(sample_weight[held_out], device=device)
            valid = Batch(values, values, weight)
        rows = ~held_out
        if sample_weight is not None:
            rows &= sample_weight > 0
            sample_weight = sample_weight / sample_weight[rows].mean()
        return TrainingData(
            rows=training_rows(X, transform, rows, sample_weight, device),
            generator=make_generator(device, self._seed, _TRAINING, self.n_iter_),
            corrupt=self._corruption(),
            valid=valid,
        )

    def _stopping(self, held_out):
        return BestWeights(
            patience=self.n_iter_no_change,
            tol=self.tol,
            restore=self.early_stopping and held_out.any(),
            start_competes=self.n_iter_ == 0 and self._starts_from_pca,
        )

    def _fitted_so_far(self, X, sample_weight, held_out):
        """Attributes of an estimator whose training ended here; made where a callback asks."""
        net = copy.copy(self.net_)
        module = copy.deepcopy(self.module_).eval()
        vars(net).update(module_=module, callbacks_=[], callbacks=None)
        snapshot = copy.copy(self)
        snapshot.net_, snapshot.n_iter_ = net, len(net.history)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CalibrationWarning)  # fit itself gives it, once
            snapshot._calibrate(X, sample_weight, held_out)
        return {name: getattr(snapshot, name) for name in ("net_", "n_iter_", "offset_")}

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
                f"Lower lr (it is {self.lr:g}), or scale the data (scaler={self.scaler!r})."
            )

    def _move_scaler(self, X, sample_weight):
        """Let the scaler follow new rows, and the network stay the same function of raw units."""
        encoder, decoder = self.module_.encoder, self.module_.decoder
        ours = isinstance(encoder, SkipMLP) and isinstance(decoder, SkipMLP)
        if not (ours and self._scaler.can_move and self._likelihood.identity_link):
            return
        offset, scale = self._scaler.offset_, self._scaler.scale_
        self._scaler.partial_fit(X, sample_weight)
        new_offset, new_scale = self._scaler.offset_, self._scaler.scale_
        if np.abs(new_scale / scale - 1).max() > NOTICEABLE_RESCALING:
            self._remembered_scores = np.empty((0, 2))

        def tensor(values):
            return torch.as_tensor(values, dtype=torch.float32, device=self._device)

        encoder.compensate_input(tensor(new_scale / scale), tensor((new_offset - offset) / scale))
        decoder.compensate_output(
            tensor(scale / new_scale), tensor((offset - new_offset) / new_scale)
        )

    def _finish(self, X, sample_weight, held_out, start_was_kept):
        """Calibrate; where nothing was trained, held-out rows then join the start.

        The threshold is that of the start without them: scores of rows that took part in it would
        be too good, and fresh rows be flagged too often.
        """
        if self.contamination == "auto":
            self._calibrate(X, sample_weight, held_out)
        # A warm start goes on to judge by the same held-out rows: they must stay out.
        if start_was_kept and held_out.any() and not self.warm_start:
            self._refit_start(X, sample_weight)
        if self.contamination != "auto":
            self._calibrate(X, sample_weight, held_out)

    def _calibrate(self, X, sample_weight, held_out, with_earlier=False):
        """Set `offset_`: from held-out rows at a false-alarm rate, or from a share of all rows."""
        auto = self.contamination == "auto"
        rows = held_out if auto and held_out.any() else np.ones(len(X), dtype=bool)
        if sample_weight is not None:
            rows = rows & (sample_weight > 0)
        rows = np.flatnonzero(rows)
        weight = np.ones(len(rows)) if sample_weight is None else sample_weight[rows]
        scored = np.column_stack([self._score(X, rows), weight])
        earlier = self._remembered_scores if with_earlier else scored[:0]
        n_spread = min(len(scored), MOST_REMEMBERED_SCORES)  # evenly: the table may be sorted
        spread = scored[np.linspace(0, len(scored) - 1, n_spread).astype(int)]
        self._remembered_scores = np.concatenate([earlier, spread])[-MOST_REMEMBERED_SCORES:]
        scores, weight = np.concatenate([earlier, scored]).T
        if auto:
            self.offset_ = false_alarm_threshold(scores, FALSE_ALARM_RATE, weight)
        else:
            self.offset_ = contamination_threshold(scores, self.contamination, weight)

    # ---- transformer ----

    def transform(self, X):
        """Encode rows.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_features)
            Rows in original units.

        Returns
        -------
        ndarray of shape (n_samples, n_components), or a DataFrame after `set_output`
            Codes, of the float type of `X`.
        """
        X = self._check_rows(X)
        codes = self._map(X, self._scaler.transform, self.module_.encoder, self.n_components_)
        return codes.astype(X.dtype, copy=False)

    def inverse_transform(self, X):
        """Decode codes.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_components)
            Codes.

        Returns
        -------
        ndarray or DataFrame of shape (n_samples, n_features)
            Rows in the units that `fit` saw; a DataFrame where `X` is one.
        """
        check_is_fitted(self)
        codes = check_array(X, dtype=FLOAT_TYPES, input_name="X")
        if codes.shape[1] != self.n_components_:
            raise ValueError(
                f"X has {codes.shape[1]} columns, but inverse_transform takes codes of "
                f"n_components_={self.n_components_} columns, as transform returns them."
            )
        scaled = self._map(codes, _as_float32, self._decode, self.n_features_in_)
        return self._in_original_units(X, scaled, codes.dtype)

    def reconstruct(self, X):
        """Encode and decode rows: what the auto-encoder makes of them.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_features)
            Rows in original units.

        Returns
        -------
        ndarray or DataFrame of shape (n_samples, n_features)
            Rows in original units; a DataFrame where `X` is one.
        """
        rows = self._check_rows(X)
        scaled = self._map(
            rows,
            self._scaler.transform,
            lambda x: self._decode(self.module_.encoder(x)),
            self.n_features_in_,
        )
        return self._in_original_units(X, scaled, rows.dtype)

    def _decode(self, codes):
        return self._likelihood.mean(self.module_.decoder(codes))

    def _in_original_units(self, like, scaled, dtype):
        values = self._scaler.inverse_transform(scaled).astype(dtype, copy=False)
        names = self._columns
        if names is None:
            names = np.array([f"x{i}" for i in range(self.n_features_in_)], dtype=object)
        return frame_like(like, values, names)

    # ---- outlier detector ----

    def score_samples(self, X):
        """Score rows by how well they are reconstructed; higher is more normal.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_features)
            Rows in original units.

        Returns
        -------
        ndarray of float64 of shape (n_samples,)
            Minus the mean over the features of the loss, in scaled units.
        """
        return self._score(self._check_rows(X))

    def _score(self, X, rows=None):
        def loss(x):
            return self._likelihood.nll(self.module_(x), x).mean(dim=1, keepdim=True)

        losses = self._map(X, self._scaler.transform, loss, 1, rows=rows)
        return -losses[:, 0].astype(np.float64)

    def feature_contributions(self, X):
        """Say how much each feature contributes to the score of each row.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_features)
            Rows in original units.

        Returns
        -------
        ndarray of float64 of shape (n_samples, n_features)
            Each row sums to its :meth:`score_samples`; the most negative entry is the feature that
            makes the row an outlier.
        """

        def losses(x):
            return self._likelihood.nll(self.module_(x), x)

        X = self._check_rows(X)
        values = self._map(X, self._scaler.transform, losses, self.n_features_in_)
        return -values.astype(np.float64) / self.n_features_in_

    def decision_function(self, X):
        """Score rows relative to the threshold.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_features)
            Rows in original units.

        Returns
        -------
        ndarray of float64 of shape (n_samples,)
            ``score_samples(X) - offset_``; negative is an outlier.
        """
        return self.score_samples(X) - self.offset_

    def predict(self, X):
        """Tell outliers from normal rows.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_features)
            Rows in original units.

        Returns
        -------
        ndarray of int of shape (n_samples,)
            -1 for outliers, +1 for normal rows.
        """
        # Not `< 0` for outliers: what has no number as its score is not normal either.
        return np.where(self.decision_function(X) >= 0, 1, -1)

    def score(self, X, y=None, sample_weight=None):
        """Mean of :meth:`score_samples`, so that a grid search needs no scorer.

        It favours larger codes: with as many components as features nothing is lost. To choose
        `n_components`, give the search a scorer of what comes after (the classifier's accuracy), or
        compare at one code size.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_features)
            Rows in original units.
        y : None
            Ignored; present for scikit-learn.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the mean.

        Returns
        -------
        float
            Higher is better; 0 is perfect for squared, absolute and Huber loss.
        """
        scores = self.score_samples(X)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, scores, ensure_non_negative=True)
        return float(np.average(scores, weights=sample_weight))

    # ---- what was learned ----

    @property
    def module_(self):
        """The torch module: `module_.encoder` and `module_.decoder`, on scaled float32 rows."""
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

    @property
    def _n_features_out(self):
        return self.n_components_

    def _check_rows(self, X):
        check_is_fitted(self)
        return validate_data(self, X, reset=False, dtype=FLOAT_TYPES)

    def _map(self, X, prepare, function, n_outputs, rows=None):
        device = torch.device(self.net_.device)
        ours = getattr(self.module_, "has_pullback", False)  # these align their products themselves
        with nullcontext() if ours else AlignedProducts():
            return map_rows(function, X, prepare, n_outputs, device, rows)

    def __sklearn_is_fitted__(self):
        return hasattr(self, "offset_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def __getstate__(self):
        state = super().__getstate__()
        if "net_" in state and torch.device(self.net_.device).type != "cpu":
            state = {**state, "net_": copy.deepcopy(self.net_)}
            state["net_"].move_to(torch.device("cpu"))
        return state


def _as_float32(codes):
    return np.ascontiguousarray(codes, dtype=np.float32)
