"""The recommended detector."""

import warnings
from functools import partial
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.utils._param_validation import Interval

from skae.base import (
    ATTRIBUTES,
    AUTO_EPOCHS,
    DEFAULTS,
    AutoEpochsMixin,
    EncoderDecoder,
    documented,
)
from skae.distributions import MixedColumns
from skae.nn import corrupt
from skae.objectives import Batch
from skae.outlier_detection._normal_rows import NormalRows
from skae.training import EncodedRows, as_float32, make_generator
from skae.utils import parameters_of

DETECTOR_DEFAULTS = {
    **DEFAULTS,
    "activation": "silu",
    "optimizer": "adamw",
    "lr": 1e-3,
    "weight_decay": 0.01,
    "batch_size": 128,
    "max_epochs": "auto",
    "early_stopping": False,
    "n_iter_no_change": 1000,
    "tol": 0.0,
}
# Steps of a fit under max_epochs="auto"; more than so many epochs help no small table.
N_STEPS, MOST_EPOCHS = 1200, 150
# Units of the code and of the hidden layers: more than most tables have columns. What keeps the
# network from copying its rows is noise.
N_UNITS = 96
AUTO = {
    "n_components": f"one for each column, at most {N_UNITS}",
    "hidden_layer_sizes": f"one layer of {N_UNITS} units",
    "max_epochs": f"""
        "auto" is {N_STEPS} steps, but at most {MOST_EPOCHS} epochs.""",
}
# Largest share of the categories that noise replaces.
MOST_SWAPPED = 0.5
# Rows whose errors are decorrelated, and those that partial_fit remembers.
MOST_NORMAL_ROWS, MOST_EARLIER_ROWS = 10_000, 2_000
# Draws of reference rows, and the share of these that is kept: where anomalies may be among the
# training rows, and under novelty=True.
ROBUST, TRUSTING = (8, 0.7), (1000, 1.0)
# With fewer of them, those that calibrated the threshold join.
FEW_NORMAL_ROWS = 500
_NORMAL_ROWS, _VALID_NOISE = 4, 5  # streams of random numbers beside those of the base


class AutoEncoderDetector(AutoEpochsMixin, EncoderDecoder):
    __doc__ = f"""Anomaly detector: a denoising auto-encoder and the distance to normal rows.

    The network learns to restore rows from normal noise of several levels, one drawn for each row.
    A row is then a point: its (scaled) values, and its errors of reconstruction, decorrelated. Its
    score is minus the expected distance to the nearest of a few randomly drawn training points. So
    it finds rows far from all others as nearest neighbours do, and rows that break the relations
    between columns as auto-encoders do. A code may be as wide as the table: noise is what keeps the
    network from copying its rows.

    Parameters
    ----------
    novelty : bool, default=False
        Whether all training rows are known to be normal: novelty detection, in the words of
        scikit-learn. A row is then compared with its nearest training rows ({TRUSTING[0]} draws),
        which tells finer. If False, anomalies may be among them: {ROBUST[0]} draws, and those of
        the reference rows that are farthest from the others, {1 - ROBUST[1]:.0%}, are left out.
    noise_levels : sequence of float, default=(0.1, 0.25, 0.5, 1.0)
        Standard deviations of the noise, in scaled units; of categories that share, at most one
        half, is replaced by those of other rows.
    error_weight : float, default=0.5
        Weight of the decorrelated errors beside the values; with 0 only values count.
    max_reference_rows : int, default=2000
        Most points that a row is compared with; the fitted detector keeps them.
    {documented(DETECTOR_DEFAULTS, auto=AUTO)}

    Attributes
    ----------
    {ATTRIBUTES}

    See Also
    --------
    DenoisingAE : The error of reconstruction alone.

    References
    ----------
    Vincent et al., "Extracting and Composing Robust Features with Denoising Autoencoders", ICML
    2008; Pang, Ting & Albrecht, "LeSiNN: Detecting Anomalies by Identifying Least Similar Nearest
    Neighbours", ICDM Workshops 2015.

    Notes
    -----
    `score_samples` is minus a distance, in scaled units, and `feature_contributions` splits it
    exactly. After `partial_fit` the reference rows are the latest ones.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from skae.outlier_detection import AutoEncoderDetector
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> detector = AutoEncoderDetector(contamination=0.05, random_state=0).fit(X[y == 1])
    >>> int((detector.predict(X[y == 1]) == -1).sum()), int((y == 1).sum())
    (17, 357)
    """

    _parameter_constraints: dict = {
        **EncoderDecoder._parameter_constraints,
        **AUTO_EPOCHS,
        "novelty": ["boolean"],
        "noise_levels": ["array-like"],
        "error_weight": [Interval(Real, 0, None, closed="left")],
        "max_reference_rows": [Interval(Integral, 1, None, closed="left")],
    }

    @parameters_of(EncoderDecoder, DETECTOR_DEFAULTS)
    def __init__(
        self,
        n_components="auto",
        *,
        novelty=False,
        noise_levels=(0.1, 0.25, 0.5, 1.0),
        error_weight=0.5,
        max_reference_rows=2000,
        **inherited,
    ):
        super().__init__(n_components, **inherited)
        self.novelty = novelty
        self.noise_levels = noise_levels
        self.error_weight = error_weight
        self.max_reference_rows = max_reference_rows

    # ---- training ----

    def _default_n_components(self, n_in, inputs):
        return min(N_UNITS, self._encoder.schema_.n_features)

    def _default_hidden_layer_sizes(self, n_in):
        return (N_UNITS,)

    _n_steps, _most_epochs = N_STEPS, MOST_EPOCHS

    def _corruption(self):
        levels = np.asarray(self.noise_levels)
        is_list_of_numbers = levels.ndim == 1 and levels.size and levels.dtype.kind in "iuf"
        if not is_list_of_numbers or not (levels >= 0).all():
            raise ValueError(
                "noise_levels must be a list of standard deviations, none of them negative. "
                f"Got {self.noise_levels!r} instead."
            )
        if not levels.any():
            return None
        return partial(_noisy, levels=_tensor(levels, self._device), codes=self._code_positions())

    def _valid_batch(self, values, weight):
        """Held-out rows with noise, since without it a copy is best."""
        corrupt = self._corruption()
        if corrupt is None:
            return super()._valid_batch(values, weight)
        noisy = corrupt(values, make_generator(values.device, self._seed, _VALID_NOISE))
        return Batch(self.module_.prepare(noisy), values, weight)

    def _refit_start(self, rows, sample_weight):
        """Leave the start: the reference rows are those of this network."""

    # ---- the rows that say what is normal ----

    def _start(self, X, sample_weight):
        super()._start(X, sample_weight)
        self._earlier_rows = None

    def _follow(self, X, sample_weight):
        offset, scale = self._encoder.offset_, self._encoder.scale_
        super()._follow(X, sample_weight)
        if self._earlier_rows is not None:
            encoded, weight = self._earlier_rows
            moved = (encoded * scale + offset - self._encoder.offset_) / self._encoder.scale_
            self._earlier_rows = as_float32(moved), weight

    def _calibrate(self, table, with_earlier=False):
        """Calibrate on rows that are no reference; only then they join the others."""
        calibrates_on_held_out = self.contamination == "auto"
        rows = self._normal_rows(table, not calibrates_on_held_out, with_earlier)
        self._learn_normal_rows(*rows)
        super()._calibrate(table, with_earlier)
        if calibrates_on_held_out and len(rows[0]) < FEW_NORMAL_ROWS:
            rows = self._normal_rows(table, True, with_earlier)
            self._learn_normal_rows(*rows)
        _warn_of_equal(rows[0])
        self._earlier_rows = tuple(part[:MOST_EARLIER_ROWS] for part in rows)

    def _normal_rows(self, table, with_held_out, with_earlier):
        """Encoded rows and their weights: those that matter most come first."""
        parts = [self._drawn(*table.start_rows(with_held_out=False))]
        if with_held_out and table.held_out.any():
            parts.append(self._drawn(table.held_out_rows, table.weight_of(table.held_out)))
        if with_earlier and self._earlier_rows is not None:
            parts.append(self._earlier_rows)
        rows, weight = map(np.concatenate, zip(*parts, strict=True))
        return rows[:MOST_NORMAL_ROWS], weight[:MOST_NORMAL_ROWS]

    def _drawn(self, rows, weight):
        """Encoded rows that count, in random order, and their weights."""
        weight = np.ones(len(rows.X)) if weight is None else weight
        counting = np.flatnonzero(weight)
        generator = make_generator(torch.device("cpu"), self._seed, _NORMAL_ROWS)
        order = torch.randperm(len(counting), generator=generator)[:MOST_NORMAL_ROWS]
        chosen = counting[order.numpy()]
        return rows.encode(rows.X[chosen]), weight[chosen]

    def _learn_normal_rows(self, encoded, weight):
        rows = EncodedRows(encoded, as_float32, bool(np.isnan(encoded).any()))
        module, likelihood = self._network(rows)
        n_values = self._n_values(module)
        n_points = n_values + self.n_features_in_
        with_mask = module.inputs is not None
        points = self._map(
            rows,
            lambda x: torch.cat(
                [p for p in self._points(module, likelihood, x) if p is not None], 1
            ),
            (1 + with_mask) * n_points,
        )
        points, present = torch.from_numpy(points).split([n_points, with_mask * n_points], dim=1)
        n_draws, share = TRUSTING if self.novelty else ROBUST
        self.module_.normal_rows = NormalRows(
            points,
            present if with_mask else None,
            weight,
            n_values,
            error_weight=self.error_weight,
            n_draws=n_draws,
            max_reference_rows=self.max_reference_rows,
            reference_share=share,
        ).to(self._device)

    # ---- the score ----

    def _n_values(self, module):
        schema = self._encoder.schema_
        return schema.n_features if module.inputs is None else module.inputs.n_values

    def _points(self, module, likelihood, x):
        """Values and errors of rows, and which of them are there (None for all)."""
        output, inputs = module(module.prepare(x)), module.inputs
        errors = self._errors(likelihood, output, x)
        if inputs is None:
            return torch.cat([x, errors], dim=1), None
        first = torch.from_numpy(self._encoder.schema_.first_parts).to(x.device)
        missing = torch.cat([inputs.values(x), x.index_select(1, first)], dim=1).isnan()
        return torch.cat([inputs.filled(x), errors], dim=1), 1 - missing.float()

    def _errors(self, likelihood, output, x):
        """Errors of the columns of the table; of all but numbers the root of the loss.

        Columns that were constant in training have none: nothing says how errors vary there.
        """
        varies = torch.from_numpy(~self._encoder.constant_).to(x)
        difference = (x - likelihood.mean(output)) * varies
        if not isinstance(likelihood, MixedColumns):
            return difference
        schema = self._encoder.schema_
        numbers = schema.encoded_positions("numeric")
        features = torch.from_numpy(schema.encoded_features[numbers]).to(x.device)
        difference = difference[:, torch.from_numpy(numbers).to(x.device)].nan_to_num(nan=0.0)
        return likelihood.nll(output, x).clamp(min=0).sqrt().index_copy(1, features, difference)

    def _row_loss(self, module, likelihood, x):
        return self.module_.normal_rows(*self._points(module, likelihood, x))

    def _expected_values(self, module, likelihood, x):
        """Numbers of the rows that a row is compared with; categories as the network has them."""
        values = self.module_.normal_rows.expected(*self._points(module, likelihood, x))
        inputs = module.inputs
        if inputs is None:
            return values
        numbers = inputs.numbers(values)
        expected = super()._expected_values(module, likelihood, x)
        return expected.index_copy(1, inputs.source[: numbers.shape[1]], numbers)

    def _shares(self, module, likelihood, x):
        shares = self.module_.normal_rows.shares(*self._points(module, likelihood, x))
        of_values = self._features_seen(module.inputs)[: self._n_values(module)]
        return self._by_feature(shares, [*of_values, *range(self.n_features_in_)])


def _warn_of_equal(rows):
    if len(rows) > 1 and not np.ptp(rows, axis=0).any():
        warnings.warn(
            "All rows of X are equal: rows like them have score 0, and nothing says how far "
            "others are from them.",
            UserWarning,
            stacklevel=2,
        )


def _tensor(values, device):
    return torch.as_tensor(values, dtype=torch.float32, device=device)


def _noisy(rows, generator, levels, codes):
    """Rows with normal noise of a level drawn for each."""
    drawn = torch.randint(len(levels), (len(rows), 1), generator=generator, device=rows.device)
    return corrupt(rows, "gaussian", levels[drawn], generator, codes)
