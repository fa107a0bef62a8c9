"""An ensemble of randomly connected auto-encoders."""

from numbers import Integral

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions

from skae.base import (
    ATTRIBUTES,
    DEFAULTS,
    BaseAutoEncoder,
    EncoderDecoder,
    default_hidden_layer_sizes,
    documented,
    layer_sizes,
)
from skae.nn import ACTIVATIONS, MemberDecoder, MemberEncoder, MembersAutoEncoder
from skae.objectives import MembersReconstruction, member_losses
from skae.outlier_detection._autoencoder_detector import MOST_EARLIER_ROWS
from skae.utils import parameters_of

RANDNET_DEFAULTS = {
    **DEFAULTS,
    "max_epochs": 50,
    "early_stopping": False,
    "n_iter_no_change": 50,
    "tol": 0.0,
}
# Parameters that randomly connected perceptrons lack.
MISSING = ("input_shape", "linear_skip", "init", "encoder", "decoder")
# An "auto" code has one column for so many of the table, at least so many columns.
COLUMNS_A_COMPONENT, FEWEST_COMPONENTS = 8, 3
# Errors that deviate by less are rounding.
SMALLEST_DEVIATION = 1e-6


class RandNet(BaseAutoEncoder):
    __doc__ = f"""RandNet: many small auto-encoders, each with a random part of the connections.

    All see the same rows and learn at once, by batched products. With different connections they
    err differently; the score of a row is minus the median over the members of its error, divided
    by the standard deviation that the member's error has over the training rows.

    `transform` gives the codes of all members side by side; `reconstruct` and `inverse_transform`
    are means over the members. The source trains layer by layer first, with RMSprop, on samples
    that grow, and layers that halve; here all rows train from a random start.

    Parameters
    ----------
    n_components : int or "auto", default="auto"
        Columns of the code of each member. "auto" is an eighth of the number of features, but at
        least {FEWEST_COMPONENTS}.
    n_estimators : int, default=16
        Number of members.
    {documented(RANDNET_DEFAULTS, without=(*MISSING, "n_components"))}

    Attributes
    ----------
    deviation_ : ndarray of shape (n_estimators,)
        Standard deviation of the error of each member over the training rows.
    {ATTRIBUTES}

    See Also
    --------
    AutoEncoderDetector : The recommended detector.

    References
    ----------
    Chen, Sathe, Aggarwal & Turaga, "Outlier Detection with Autoencoder Ensembles", SDM 2017.

    Notes
    -----
    After `partial_fit` earlier rows are part of the deviations, as {MOST_EARLIER_ROWS} rows at
    most.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from skae import RandNet
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> detector = RandNet(contamination=0.05, max_epochs=20, random_state=0).fit(X[y == 1])
    >>> int((detector.predict(X[y == 1]) == -1).sum()), int((y == 1).sum())
    (17, 357)
    """

    _parameter_constraints: dict = {
        **BaseAutoEncoder._parameter_constraints,
        "n_estimators": [Interval(Integral, 1, None, closed="left")],
        "hidden_layer_sizes": ["array-like", StrOptions({"auto"})],
        "activation": [StrOptions(set(ACTIVATIONS))],
    }

    _kept_names = BaseAutoEncoder._kept_names | {"n_estimators"}

    @parameters_of(EncoderDecoder, RANDNET_DEFAULTS, MISSING)
    def __init__(self, n_components="auto", *, n_estimators=16, **inherited):
        self.n_components = n_components
        self.n_estimators = n_estimators
        vars(self).update(inherited)

    # ---- training ----

    def _build_module(self, rows, sample_weight):
        generator, inputs = self._module_generator(), self._table_input()
        n_in, n_out = self._widths(inputs)
        sizes = default_hidden_layer_sizes(n_in)
        if not isinstance(self.hidden_layer_sizes, str):
            sizes = layer_sizes("hidden_layer_sizes", self.hidden_layer_sizes, " or 'auto'")
        n_code = self.n_components
        if n_code == "auto":
            n_code = max(FEWEST_COMPONENTS, n_in // COLUMNS_A_COMPONENT)
        self.n_components_ = n_code
        n, activation = self.n_estimators, self.activation
        encoder = MemberEncoder(n, n_in, n_code, sizes, activation, generator)
        decoder = MemberDecoder(n, n_code, n_out, sizes[::-1], activation, generator)
        decoder.start_outputs(self._mean_outputs(inputs, *self._sample(rows, sample_weight)))
        self._silence_constants(decoder)
        return MembersAutoEncoder(encoder, decoder, inputs)

    def _mean_outputs(self, inputs, rows, weight):
        """The decoder's output for the mean row."""
        values = torch.from_numpy(rows.encode(rows.X))
        values = values if inputs is None else inputs.filled(values)
        mean = torch.from_numpy(np.average(values.numpy(), axis=0, weights=weight)).float()
        return self._likelihood.linear_start(mean, torch.zeros_like(mean)[:, None], inputs)[1]

    @property
    def _code_width(self):
        return self.module_.encoder.n_members * self.n_components_

    def _objective(self):
        return MembersReconstruction(self._likelihood)

    # ---- the score ----

    def _calibrate(self, table, with_earlier=False):
        rows, weight = self._sample(*table.start_rows(with_held_out=False))
        module, likelihood = self._network(rows)
        losses = self._map(
            rows,
            lambda x: member_losses(module, likelihood, module.prepare(x), x).T,
            self.n_estimators,
        ).astype(np.float64)
        mean = np.average(losses, axis=0, weights=weight)
        variance = np.average(np.square(losses - mean), axis=0, weights=weight)
        moments = len(losses), mean, variance
        if with_earlier and self.n_iter_ > 1:
            moments = _joined(self._error_moments, moments)
        self._error_moments = moments
        self.deviation_ = np.maximum(np.sqrt(moments[2]), SMALLEST_DEVIATION)
        super()._calibrate(table, with_earlier)

    def _row_loss(self, module, likelihood, x):
        losses = member_losses(module, likelihood, module.prepare(x), x) / self._deviation(x)
        return _middle(losses, losses)

    def _shares(self, module, likelihood, x):
        outputs, deviation = module.each(module.prepare(x)), self._deviation(x)
        shares = torch.stack([likelihood.shares(output, x) for output in outputs])
        losses = torch.stack([likelihood.row_loss(output, x) for output in outputs])
        return _middle(losses / deviation, shares / deviation[:, :, None])

    def _deviation(self, x):
        """Deviations as a column, (n_estimators, 1)."""
        return torch.as_tensor(self.deviation_, dtype=torch.float32, device=x.device)[:, None]


def _joined(earlier, later):
    """Number, mean and variance of both together; earlier ones fade."""
    n_earlier = min(earlier[0], MOST_EARLIER_ROWS)
    share, way = later[0] / (n_earlier + later[0]), later[1] - earlier[1]
    variance = earlier[2] + share * (later[2] - earlier[2]) + share * (1 - share) * way**2
    return n_earlier + later[0], earlier[1] + share * way, variance


def _middle(losses, values):
    """Values of the member with the median loss: the mean of two, where members are even in number.

    Parameters
    ----------
    losses : Tensor of shape (n_members, n_samples)
        What is ordered.
    values : Tensor of shape (n_members, n_samples, ...)
        What is taken.

    Returns
    -------
    Tensor of shape (n_samples, ...)
        Of each row.
    """
    order = losses.argsort(dim=0, stable=True)
    n_members, rows = len(losses), torch.arange(losses.shape[1], device=losses.device)
    low, high = order[(n_members - 1) // 2], order[n_members // 2]
    return (values[low, rows] + values[high, rows]) / 2
