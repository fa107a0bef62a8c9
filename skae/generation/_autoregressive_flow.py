"""A density of tables of numbers that can be computed and drawn from exactly."""

import math
from numbers import Integral

import numpy as np
import torch
from sklearn.utils._param_validation import Interval

from skae.base import (
    ATTRIBUTES,
    DEFAULTS,
    BaseAutoEncoder,
    EncoderDecoder,
    SamplingMixin,
    documented,
    layer_sizes,
)
from skae.nn import AutoregressiveFlow, isolated_rng
from skae.objectives import NegativeLogDensity
from skae.utils import parameters_of

FLOW_DEFAULTS = {**DEFAULTS, "lr": 1e-3}
# Parameters of auto-encoders that a flow, whose code is as wide as a row, lacks.
LACKING = (
    "n_components",
    "input_shape",
    "hidden_layer_sizes",
    "activation",
    "linear_skip",
    "init",
    "loss",
    "categorical_features",
    "max_categories",
    "missing_marks",
    "encoder",
    "decoder",
)
FEWEST_UNITS = 64
NOT_PLAIN = (
    "A MaskedAutoregressiveFlow takes numbers, none of them missing (NaN). For other tables fit it "
    "on the codes of an auto-encoder: GenerativeModel(sampler='autoregressive_flow')."
)


class MaskedAutoregressiveFlow(SamplingMixin, BaseAutoEncoder):
    __doc__ = f"""Masked autoregressive flow: an invertible network between rows and normal noise.

    .. math:: \\log p(x) = \\log \\mathcal N(u; 0, I) - \\sum_l \\sum_i \\alpha_{{li}}, \\qquad
        u_i = (x_i - \\mu_i(x_1 \\dots x_{{i-1}}))\\, e^{{-\\alpha_i(x_1 \\dots x_{{i-1}})}}

    with `u` that of the last of several transformations `l`, between which the order of the columns
    is reversed. `score_samples` is exact, and so is `sample`, column by column. `transform` gives
    the noise, `inverse_transform` the row again.

    As a `sampler` of :class:`GenerativeModel` it learns how codes are distributed; on its own it is
    a density of tables of numbers without missing cells.

    Parameters
    ----------
    n_layers : int, default=5
        Transformations.
    hidden_layer_sizes : tuple of int or "auto", default="auto"
        Units of the hidden layers of each transformation, at least one fewer than the columns of a
        row. "auto" is two layers of four times as many units as columns, at least {FEWEST_UNITS}.
    {documented(FLOW_DEFAULTS, without=LACKING)}

    Attributes
    ----------
    feature_baselines_ : ndarray of shape (`n_features_in_`,)
        What a cell at its most likely value adds to the score before training, which depends on its
        unit.
    {ATTRIBUTES}

    See Also
    --------
    GenerativeModel : New rows from an auto-encoder and a distribution of its codes.

    References
    ----------
    Papamakarios, Pavlakou & Murray, "Masked Autoregressive Flow for Density Estimation", NeurIPS
    2017, section 3.1.

    Notes
    -----
    Scores are nats a row, densities those of original units (under ``scaler="quantile"``, whose
    derivative is not counted, of scaled ones). Training starts at independent normal columns.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skae.generation import MaskedAutoregressiveFlow
    >>> X = load_iris().data
    >>> flow = MaskedAutoregressiveFlow(max_epochs=50, random_state=0).fit(X)
    >>> flow.sample(3, random_state=0).shape
    (3, 4)
    """

    _parameter_constraints: dict = {
        **BaseAutoEncoder._parameter_constraints,
        "n_layers": [Interval(Integral, 1, None, closed="left")],
        "hidden_layer_sizes": EncoderDecoder._parameter_constraints["hidden_layer_sizes"],
    }
    n_components = "auto"
    loss = "squared_error"  # what is reconstructed is exact
    categorical_features, max_categories, missing_marks = "from_dtype", 1, ()

    _kept_names = BaseAutoEncoder._kept_names | {"n_layers"}

    @parameters_of(EncoderDecoder, FLOW_DEFAULTS, LACKING)
    def __init__(self, *, n_layers=5, hidden_layer_sizes="auto", **inherited):
        self.n_layers = n_layers
        self.hidden_layer_sizes = hidden_layer_sizes
        vars(self).update(inherited)

    # ---- training ----

    def _start(self, X, sample_weight):
        super()._start(X, sample_weight)
        for column in self._encoder.schema_.columns:
            if column.kind != "numeric" or column.has_missing:
                flaw = "missing cells" if column.kind == "numeric" else "no numbers"
                raise ValueError(f"Column {column.name!r} has {flaw}. {NOT_PLAIN}")

    def _missing_layout(self):
        raise ValueError(NOT_PLAIN)

    def _build_module(self, rows, sample_weight):
        n_features = self.n_components_ = self._encoder.schema_.n_encoded
        with isolated_rng(self._module_generator().initial_seed()):
            return AutoregressiveFlow(
                n_features,
                self.n_layers,
                self._layer_sizes(n_features),
                torch.from_numpy(~self._encoder.constant_),
            )

    def _layer_sizes(self, n_features):
        if isinstance(self.hidden_layer_sizes, str):
            return (max(FEWEST_UNITS, 4 * n_features),) * 2
        sizes = layer_sizes("hidden_layer_sizes", self.hidden_layer_sizes, " or 'auto'")
        if sizes and min(sizes) < n_features - 1:
            raise ValueError(
                f"hidden_layer_sizes={self.hidden_layer_sizes!r} has layers of fewer units than "
                f"{n_features - 1}: some columns could not depend on all those before them. "
                "Widen them, or use 'auto'."
            )
        return sizes

    def _objective(self):
        return NegativeLogDensity()

    # ---- what it says of rows ----

    @property
    def feature_baselines_(self):
        """What a cell adds to the score that is at the mode of a column on its own.

        It depends on the unit: `feature_contributions` of a row and this sum to its score. The
        value of a constant column has probability 1, and no density.
        """
        heights = -np.log(self._encoder.scale_) - 0.5 * np.log(2 * np.pi)
        return np.where(self._encoder.constant_, 0.0, heights)

    def _row_loss(self, module, likelihood, x):
        baseline = torch.from_numpy(self.feature_baselines_).to(x)
        return (self._shares(module, likelihood, x) - baseline).sum(dim=1)

    def _shares(self, module, likelihood, x):
        return -module.log_densities(x) - 0.5 * math.log(2 * math.pi)

    # ---- new rows ----

    def _sample_rows(self, codes):
        constant = torch.from_numpy(self._encoder.constant_).to(codes.device)
        return super()._sample_rows(codes).masked_fill(constant, 0.0)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = False
        return tags
