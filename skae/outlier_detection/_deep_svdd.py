"""Deep support vector data description."""

from numbers import Integral, Real

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions

from skae.base import ATTRIBUTES, DEFAULTS, EncoderDecoder, documented
from skae.nn import BiasFreeMLP
from skae.objectives import OneClass, squared_radius
from skae.outlier_detection._path_explained import PathExplained
from skae.utils import parameters_of

SVDD_DEFAULTS = {
    **DEFAULTS,
    "init": "random",
    "lr": 1e-4,
    "weight_decay": 1e-6,
    "max_epochs": 100,
    "early_stopping": False,
    "n_iter_no_change": 100,
    "tol": 0.0,
}
# Coordinates of the centre this near to zero could be reached by weights of zero.
LEAST_COORDINATE = 0.1
# With a bounded activation or a bias a network can map all rows onto the centre.
BOUNDED = ("tanh", "logistic")


class DeepSVDD(PathExplained):
    __doc__ = f"""Deep SVDD: the distance of a row's code to the centre of the normal codes.

    An auto-encoder is trained first. The mean of its codes is the centre `c`, and its encoder is
    then trained to map the rows near to it: :math:`\\frac 1 n \\sum_i \\|\\phi(x_i) - c\\|^2`, or,
    with a soft boundary, to keep all but the share :math:`\\nu` within a small radius,
    :math:`R^2 + \\frac 1 {{\\nu n}} \\sum_i \\max(0, \\|\\phi(x_i) - c\\|^2 - R^2)` (equations 4
    and 3 of the source). The score is :math:`-\\|\\phi(x) - c\\|^2`. The encoder has no biases
    and no linear path, since with these it could map everything to `c`.

    Beyond the source, the decoder goes on to learn from the codes, without any influence on them:
    so `inverse_transform` and `reconstruct` stay of use.

    Parameters
    ----------
    objective : {{"one_class", "soft_boundary"}}, default="one_class"
        Equation 4 or 3.
    nu : float in (0, 1], default=0.1
        Share of the training rows that a soft boundary may leave outside.
    pretrain_epochs : int, default=50
        Epochs of the auto-encoder; with 0 the centre is that of a random network.
    {documented(SVDD_DEFAULTS, without=["input_shape"])}

    Attributes
    ----------
    center_ : ndarray of shape (n_components,)
        `c`, coordinates near zero moved to {LEAST_COORDINATE} or -{LEAST_COORDINATE}.
    radius_ : float
        The share `nu` of the training rows is farther from the centre (under "one_class", too).
    pretraining_history_ : DataFrame
        As `history_`, which is that of the second stage.
    score_baseline_ : float
        Score of the median row, from which `feature_contributions` start.
    {ATTRIBUTES}

    See Also
    --------
    AutoEncoderDetector : The recommended detector.

    References
    ----------
    Ruff et al., "Deep One-Class Classification", ICML 2018.

    Notes
    -----
    A missing cell is scored as the median of its column, or the most frequent category. What the
    network never saw vary it does not know: a column that was constant in training, or a new
    category, may make a row more normal.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from skae import DeepSVDD
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> detector = DeepSVDD(contamination=0.05, pretrain_epochs=20, max_epochs=20, random_state=0)
    >>> detector = detector.fit(X[y == 1])
    >>> int((detector.predict(X[y == 1]) == -1).sum()), int((y == 1).sum())
    (17, 357)
    """

    _parameter_constraints: dict = {
        **{k: v for k, v in EncoderDecoder._parameter_constraints.items() if k != "input_shape"},
        "objective": [StrOptions({"one_class", "soft_boundary"})],
        "nu": [Interval(Real, 0, 1, closed="right")],
        "pretrain_epochs": [Interval(Integral, 0, None, closed="left")],
    }

    input_shape = None  # an encoder without biases is no convolutional one

    _kept_names = PathExplained._kept_names | {"pretrain_epochs"}

    @parameters_of(EncoderDecoder, SVDD_DEFAULTS, without=["input_shape"])
    def __init__(
        self, n_components="auto", *, objective="one_class", nu=0.1, pretrain_epochs=50, **inherited
    ):
        vars(self).update(inherited, n_components=n_components)
        self.objective = objective
        self.nu = nu
        self.pretrain_epochs = pretrain_epochs

    # ---- the two stages ----

    def _build(self, table):
        """Pre-train: what the auto-encoder learns is the start of the second stage."""
        self._center = None
        super()._build(table)
        self.net_.partial_fit(self._training_data(table), epochs=self.pretrain_epochs)
        self._finish_training([])
        self.pretraining_history_ = self.history_
        self._center = self._mean_code(*self._sample(*table.start_rows(with_held_out=False)))
        self.net_ = self._build_net(self.module_, len(table))
        self.n_iter_ = 0

    def _objective(self):
        if self._center is None:
            return super()._objective()
        nu = self.nu if self.objective == "soft_boundary" else None
        return OneClass(self._likelihood, self._center.to(self._device), nu)

    def _build_encoder(self, n_features, sizes, generator):
        if self.encoder is not None:
            return super()._build_encoder(n_features, sizes, generator)
        if self.activation in BOUNDED:
            raise ValueError(
                f"activation={self.activation!r} is bounded: the encoder could map all rows onto "
                "the centre. Use one of 'relu', 'silu', 'gelu', 'elu' or 'identity'."
            )
        return BiasFreeMLP(n_features, self.n_components_, sizes, self.activation, generator)

    def _mean_code(self, rows, weight):
        """The centre, away from what weights of zero would give."""
        center = np.average(self._codes(rows).astype(np.float64), axis=0, weights=weight)
        small = np.abs(center) < LEAST_COORDINATE
        center[small] = np.where(center[small] < 0, -LEAST_COORDINATE, LEAST_COORDINATE)
        return torch.as_tensor(center, dtype=torch.float32)

    # ---- the score ----

    @property
    def center_(self):
        """The centre, (n_components,)."""
        return self._center.numpy()

    def _learn_normal(self, table, with_earlier):
        rows, weight = self._sample(*table.start_rows(with_held_out=False))
        distances = np.square(self._codes(rows) - self.center_).sum(axis=1)
        weight, distances = torch.from_numpy(weight), torch.from_numpy(distances)
        self.radius_ = float(squared_radius(distances, weight, self.nu).sqrt())

    def _seen_loss(self, module, likelihood, seen):
        center = self._center.to(seen.device)
        return (module.encoder(seen) - center).square().sum(dim=1)
