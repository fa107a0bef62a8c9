"""The plain auto-encoder."""

import math
from functools import partial
from numbers import Real
from typing import NamedTuple

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions

from skae.autoencoder._neighbors import NEIGHBORHOOD, NeighborKeeper
from skae.base import ATTRIBUTES, AUTO_EPOCHS, DEFAULTS, AnnealedMixin, documented
from skae.nn import jitter
from skae.training import BestWeights
from skae.utils import parameters_of

AUTOENCODER_DEFAULTS = {
    **DEFAULTS,
    "lr": "auto",
    "max_epochs": "auto",
    "n_iter_no_change": 50,  # the rate rises for up to 20 epochs, which may bring nothing yet
    "tol": 1e-4,
}
# Up to so many training rows jitter is at its full level; the more rows there are, the less there
# is to fill in between them.
FEW_ROWS = 1000
FEWEST_EPOCHS = 25


class Recipe(NamedTuple):
    """What "auto" stands for.

    Attributes
    ----------
    lr : float
        Highest learning rate.
    n_steps, most_epochs : int
        Steps of a fit, and its bound.
    n_layers : int
        Hidden layers of the encoder.
    """

    lr: float
    n_steps: int
    most_epochs: int
    n_layers: int


PLAIN = Recipe(lr=7e-4, n_steps=6000, most_epochs=200, n_layers=2)
# Neighbours ask for a more bent map than cells do, and an epoch of large batches is few steps.
MAP = Recipe(lr=6e-3, n_steps=1500, most_epochs=1500, n_layers=5)
AUTO = {
    "hidden_layer_sizes": f"""{PLAIN.n_layers} layers, for maps {MAP.n_layers},
        of four times as many units as features, but at least 64 and at most 256""",
    "lr": f"""
        "auto" is {PLAIN.lr}, for maps {MAP.lr}.""",
    "max_epochs": f"""
        "auto" is {PLAIN.n_steps} steps, but {FEWEST_EPOCHS} to {PLAIN.most_epochs} epochs; for maps
        see above.""",
}


class AutoEncoder(AnnealedMixin, NeighborKeeper):
    __doc__ = f"""Auto-encoder: a non-linear PCA that is never worse than PCA where it is judged.

    Encoder and decoder are multi-layer perceptrons with a linear path beside them. They start as
    the PCA of the (scaled) table and are trained to reconstruct it. The code of a row is a
    dimension reduction; the error of its reconstruction is an anomaly score.

    What keeps few rows from being learned by heart is `jitter`: noise on the rows that the encoder
    sees while training, about as large as what PCA cannot tell, which smooths both maps (Bishop).
    The learning rate rises for a tenth of the epochs and falls to zero until the last, unless
    `callbacks` has an LRScheduler.

    With `neighborhood_weight` codes also keep the neighbours of rows, as t-SNE does (van der
    Maaten): a map in two columns that has a place for new rows, and rows for new places,

    .. math:: -\\frac 1 d \\log p(x_i \\mid z_i)
        + \\lambda \\sum_j p_{{j|i}} \\log \\frac{{p_{{j|i}}}}{{q_{{j|i}}}}

    over the rows of a batch; see :class:`skae.objectives.NeighborhoodReconstruction`. For maps
    "auto" is {MAP.n_steps} steps, or {FEWEST_EPOCHS} epochs where these are more, a rate of
    {MAP.lr} and {MAP.n_layers} hidden layers: deep encoders find better places for new rows. A fit
    goes through all its epochs, whatever `early_stopping`, and keeps the last weights: few held-out
    rows have other neighbours among themselves than among all rows. So rows are held out for the
    threshold alone, and none where `contamination` is a number.

    Parameters
    ----------
    jitter : float, default=0.9
        Standard deviation of normal noise on the numbers of training rows, new in every epoch; in
        units of the root mean square of what PCA with as many components leaves, and above
        {FEW_ROWS} rows times ``sqrt({FEW_ROWS} / n_samples)``; in a stream, those of the first
        chunk. 0 is without.
    {NEIGHBORHOOD}
    {documented(AUTOENCODER_DEFAULTS, auto=AUTO)}

    Attributes
    ----------
    {ATTRIBUTES}

    See Also
    --------
    DenoisingAE : Learns to undo noise; usually the better detector.
    sklearn.decomposition.PCA : The linear auto-encoder of least squares.
    sklearn.ensemble.IsolationForest : An outlier detector with the same methods.

    References
    ----------
    Bishop, "Training with Noise is Equivalent to Tikhonov Regularization", Neural Computation 1995.
    Hinton & Salakhutdinov, "Reducing the Dimensionality of Data with Neural Networks", Science
    2006.
    van der Maaten, "Learning a Parametric Embedding by Preserving Local Structure", AISTATS 2009.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import AutoEncoder
    >>> X = load_digits().data
    >>> ae = AutoEncoder(8, max_epochs=30, tol=0.05, random_state=0).fit(X)
    >>> ae.transform(X).shape
    (1797, 8)
    >>> ae.reconstruct(X).shape
    (1797, 64)
    """

    _parameter_constraints: dict = {
        **NeighborKeeper._parameter_constraints,
        **AUTO_EPOCHS,
        "lr": [Interval(Real, 0, None, closed="neither"), StrOptions({"auto"})],
        "jitter": [Interval(Real, 0, None, closed="left")],
    }

    @parameters_of(NeighborKeeper, AUTOENCODER_DEFAULTS)
    def __init__(self, n_components="auto", *, jitter=0.9, **inherited):
        super().__init__(n_components, **inherited)
        self.jitter = jitter

    _fewest_epochs = FEWEST_EPOCHS

    @property
    def _draws_a_map(self):
        return self.neighborhood_weight > 0

    @property
    def _recipe(self):
        return MAP if self._draws_a_map else PLAIN

    @property
    def _n_steps(self):
        return self._recipe.n_steps

    @property
    def _most_epochs(self):
        return self._recipe.most_epochs

    def _learning_rate(self):
        return self._recipe.lr if self.lr == "auto" else self.lr

    @property
    def _judges_epochs(self):
        return super()._judges_epochs and not self._draws_a_map

    def _stopping(self, table):
        if not self._draws_a_map:
            return super()._stopping(table)
        return BestWeights(math.inf, self.tol, restore=False, start_competes=False)

    def _ran_out(self, stopping, n_before):
        return not self._draws_a_map and super()._ran_out(stopping, n_before)

    def _default_hidden_layer_sizes(self, n_in):
        width = int(np.clip(4 * n_in, 64, 256))
        return (width,) * self._recipe.n_layers

    def _needs_axes(self, module):
        return True  # jitter may come later, under warm_start

    def _build(self, table):
        self._fading = min(1.0, math.sqrt(FEW_ROWS / np.count_nonzero(table.training)))
        super()._build(table)

    def _principal_axes(self, inputs, rows, sample_weight):
        axes = super()._principal_axes(inputs, rows, sample_weight)
        self._jitter_unit = axes.residual * self._fading
        return axes

    def _corruption(self):
        if self.jitter == 0:
            return None
        schema, columns = self._encoder.schema_, None
        if not schema.is_numeric:
            numbers = schema.encoded_positions("numeric")
            columns = torch.as_tensor(numbers, device=self._device)
        return partial(jitter, level=self.jitter * self._jitter_unit, columns=columns)
