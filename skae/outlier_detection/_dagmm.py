"""The deep auto-encoding Gaussian mixture model."""

from numbers import Integral, Real

import torch
from sklearn.utils._param_validation import Interval
from torch import nn

from skae.base import ATTRIBUTES, DEFAULTS, EncoderDecoder, documented, layer_sizes
from skae.nn import GaussianMixture, MixtureAutoEncoder
from skae.objectives import N_ERRORS, MixtureReconstruction, latent
from skae.outlier_detection._autoencoder_detector import MOST_EARLIER_ROWS
from skae.outlier_detection._path_explained import PathExplained
from skae.utils import parameters_of

DAGMM_DEFAULTS = {
    **DEFAULTS,
    "activation": "tanh",
    "batch_size": 256,
    "max_epochs": 100,
    "early_stopping": False,
    "n_iter_no_change": 100,
    "tol": 0.0,
}


class DAGMM(PathExplained):
    __doc__ = f"""DAGMM: how likely a row's code and errors are in a mixture of normal densities.

    A row becomes a point `z`: its code, the relative error of its reconstruction
    :math:`\\|x - x'\\| / \\|x\\|`, and the cosine of both. A second network says by which shares a
    point belongs to each of a few normal distributions, and all is trained at once to rebuild the
    rows and to give them likely points:

    .. math:: \\frac 1 n \\sum_i \\left(\\|x_i - x_i'\\|^2 + \\lambda_1 E(z_i)\\right)
        + \\lambda_2 \\sum_{{kj}} \\frac 1 {{\\Sigma_{{kjj}}}}, \\qquad
        E(z) = -\\log \\sum_k \\phi_k \\, \\mathcal N(z \\mid \\mu_k, \\Sigma_k)

    (equations 4 to 7 of the source), over the number of columns. While training, the mixture is
    that of each batch; in the end, that of all training rows. The score of a row is
    :math:`-E(z)`, its log-density.

    The source has no linear paths and starts at random. Here rows far away have codes far away, and
    the start from PCA finds more (docs/design.md, section 9).

    Parameters
    ----------
    n_mixtures : int, default=4
        Number of normal distributions.
    estimation_layer_sizes : tuple of int, default=(10,)
        Hidden layers, with tanh, of the network that says where points belong.
    dropout : float in [0, 1), default=0.5
        Share of the units of these layers that are left out in each step.
    energy_weight : float, default=0.1
        :math:`\\lambda_1`.
    covariance_weight : float, default=0.005
        :math:`\\lambda_2`, which keeps variances from becoming zero.
    {documented(DAGMM_DEFAULTS)}

    Attributes
    ----------
    mixture_ : GaussianMixture
        The weights, means and covariances of the normal distributions.
    score_baseline_ : float
        Score of the median row, from which `feature_contributions` start.
    {ATTRIBUTES}

    See Also
    --------
    AutoEncoderDetector : The recommended detector.

    References
    ----------
    Zong et al., "Deep Autoencoding Gaussian Mixture Model for Unsupervised Anomaly Detection",
    ICLR 2018.

    Notes
    -----
    A log-density may be positive. `x` and `x'` have one coordinate more, :math:`\\sqrt d / 2`, so
    that rows near the mean have no large relative errors. In training a missing cell counts as the
    mean. Afterwards a missing cell is scored as the median of its
    column, or the most frequent category; of categories that are embedded only the code says
    something. After `partial_fit` earlier rows are part of the mixture, as {MOST_EARLIER_ROWS} rows
    at most. A column that was constant in training may make a row more normal when it changes.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from skae import DAGMM
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> detector = DAGMM(contamination=0.05, max_epochs=20, random_state=0).fit(X[y == 1])
    >>> int((detector.predict(X[y == 1]) == -1).sum()), int((y == 1).sum())
    (17, 357)
    """

    _parameter_constraints: dict = {
        **EncoderDecoder._parameter_constraints,
        "n_mixtures": [Interval(Integral, 1, None, closed="left")],
        "estimation_layer_sizes": ["array-like"],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "energy_weight": [Interval(Real, 0, None, closed="left")],
        "covariance_weight": [Interval(Real, 0, None, closed="left")],
    }

    _kept_names = PathExplained._kept_names | {"n_mixtures", "estimation_layer_sizes"}

    @parameters_of(EncoderDecoder, DAGMM_DEFAULTS)
    def __init__(
        self,
        n_components="auto",
        *,
        n_mixtures=4,
        estimation_layer_sizes=(10,),
        dropout=0.5,
        energy_weight=0.1,
        covariance_weight=0.005,
        **inherited,
    ):
        super().__init__(n_components, **inherited)
        self.n_mixtures = n_mixtures
        self.estimation_layer_sizes = estimation_layer_sizes
        self.dropout = dropout
        self.energy_weight = energy_weight
        self.covariance_weight = covariance_weight

    # ---- training ----

    def _joined(self, encoder, decoder, inputs, generator):
        return MixtureAutoEncoder(
            encoder,
            decoder,
            inputs,
            self.n_components_ + N_ERRORS,
            self.n_mixtures,
            layer_sizes("estimation_layer_sizes", self.estimation_layer_sizes),
            self.dropout,
            generator,
        )

    def _set_start(self, module, rows, sample_weight):
        super()._set_start(module, rows, sample_weight)
        self._starts_from_pca = False  # nothing to fall back on: the mixture is not part of it

    def _continue(self, n_rows):
        super()._continue(n_rows)
        for layer in self.module_.estimation:
            if isinstance(layer, nn.Dropout):
                layer.p = self.dropout

    def _objective(self):
        return MixtureReconstruction(self._likelihood, self.energy_weight, self.covariance_weight)

    # ---- the score ----

    def _learn_normal(self, table, with_earlier):
        rows, weight = self._sample(*table.start_rows(with_held_out=False))
        module, likelihood = self._network(rows)

        def located(x):
            z, _ = latent(module, likelihood, module.seen(module.prepare(self._complete(x))))
            return torch.cat([z, module.membership(z)], dim=1)

        n_latent = self.n_components_ + N_ERRORS
        points = torch.from_numpy(self._map(rows, located, n_latent + self.n_mixtures))
        z, membership = points.split([n_latent, self.n_mixtures], dim=1)
        membership = membership * torch.from_numpy(weight / weight.mean())[:, None]
        mixture = GaussianMixture.of_memberships(z, membership)
        if with_earlier and self.n_iter_ > 1:
            mixture = self.mixture_.joined(mixture, MOST_EARLIER_ROWS)
        self.mixture_ = mixture

    def _seen_loss(self, module, likelihood, seen):
        mixture = GaussianMixture(*(part.to(seen.device) for part in self.mixture_))
        return mixture.energy(latent(module, likelihood, seen)[0])
