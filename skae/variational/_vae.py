"""The variational auto-encoder."""

from functools import partial
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skae.base import ATTRIBUTES, DEFAULTS, EncoderDecoder, SamplingMixin, documented, path_shares
from skae.distributions import DENSITY_NAMES, Likelihood, get_likelihood
from skae.nn import SMALLEST_SCALE, VariationalAutoEncoder, cubature_points, isolated_rng, places_in
from skae.objectives import Variational, expected_losses, log_mean_exp, log_weights
from skae.training import EncodedRows, WarmUp, as_float32
from skae.utils import check_count, drawn_seed, parameters_of

VAE_DEFAULTS = {**DEFAULTS, "loss": "gaussian", "activation": "silu"}
# Draws of a row that are decoded together.
DRAWS_AT_ONCE = 16

BETA = """beta : float, default=1.0
        Weight of the divergence of the codes of a row from the prior; 1 gives a bound on the
        likelihood, more gives fewer, more independent codes."""

SOFT_START = """free_bits : float, default=0.0
        Nats of each code that cost nothing, so that codes are not given up early in training.
    warmup_epochs : int, default=0
        Epochs over which the weight of the divergence rises from 0."""

VAE_PARAMETERS = f"{BETA}\n    {SOFT_START}"

VAE_ATTRIBUTES = f"""score_baseline_ : float
        Score of a row of which nothing is known.
    feature_baselines_ : ndarray of shape (`n_features_in_`,)
        What a cell that is just as expected adds to the score: the logarithm of the height of its
        density, which depends on its unit; 0 for booleans and categories.
    {ATTRIBUTES}"""

LOSS = """loss : {"gaussian", "log_loss", "squared_error", "absolute_error", "huber"} or \
Likelihood, default="gaussian"
        Density of a number around what the decoder gives: normal with a scale for each column,
        learned; of a fixed scale (``skae.distributions.Gaussian(0.5)``, or "squared_error", whose
        variance is 1/2); Laplace ("absolute_error"), Huber's; or Bernoulli ("log_loss", for values
        in [0, 1]). Booleans are Bernoulli, categories categorical."""


def documented_vae(defaults, auto=None):
    """Descriptions of the parameters that variational auto-encoders share.

    Parameters
    ----------
    defaults : dict
        Of the parameters in which estimators differ.
    auto : dict, default=None
        As for :func:`skae.base.documented`.

    Returns
    -------
    str
        Part of a docstring.
    """
    return f"{LOSS}\n    {documented(defaults, without=['loss'], auto=auto)}"


class VAE(SamplingMixin, EncoderDecoder):
    __doc__ = f"""Variational auto-encoder: a probabilistic PCA that has learned to bend.

    The encoder gives a normal distribution of codes, :math:`q(z \\mid x)`, the decoder a density of
    rows, :math:`p(x \\mid z)`. Both are trained to raise a bound on the likelihood of rows,

    .. math:: \\log p(x) \\ge \\mathbb E_{{q(z \\mid x)}} \\log p(x \\mid z)
        - \\beta\\, \\mathrm{{KL}}(q(z \\mid x) \\,\\|\\, p(z)), \\qquad p(z) = \\mathcal N(0, I)

    (equation 3 of Kingma & Welling; for :math:`\\beta \\ne 1` equation 4 of Higgins et al.).
    Training starts at probabilistic PCA. `transform` gives the means of the codes, `sample` new
    rows.

    Parameters
    ----------
    {VAE_PARAMETERS}
    {documented_vae(VAE_DEFAULTS)}

    Attributes
    ----------
    {VAE_ATTRIBUTES}

    See Also
    --------
    AutoEncoder : Codes that are points.
    sklearn.decomposition.PCA : Its `score_samples` is the likelihood that training starts from.

    References
    ----------
    Kingma & Welling, "Auto-Encoding Variational Bayes", ICLR 2014.
    Higgins et al., "beta-VAE: Learning Basic Visual Concepts with a Constrained Variational
    Framework", ICLR 2017.
    Tipping & Bishop, "Probabilistic Principal Component Analysis", 1999.

    Notes
    -----
    Scores are nats a row, densities those of original units (under ``scaler="quantile"``, whose
    derivative is not counted, of scaled ones); missing cells are left out. A constant column has
    a scale of 1. A datetime has the density of its trend, per day, and those of the sines and
    cosines of its cycles, which have no unit.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skae import VAE
    >>> X = load_iris().data
    >>> vae = VAE(2, max_epochs=50, random_state=0).fit(X)
    >>> vae.sample(3, random_state=0).shape
    (3, 4)
    >>> bool((vae.score_samples(X) <= vae.log_likelihood(X, 2000, random_state=0) + 0.1).all())
    True
    """

    _parameter_constraints: dict = {
        **EncoderDecoder._parameter_constraints,
        "loss": [StrOptions(set(DENSITY_NAMES)), Likelihood],
        "beta": [Interval(Real, 0, None, closed="left")],
        "free_bits": [Interval(Real, 0, None, closed="left")],
        "warmup_epochs": [Interval(Integral, 0, None, closed="left")],
    }

    @parameters_of(EncoderDecoder, VAE_DEFAULTS)
    def __init__(
        self, n_components="auto", *, beta=1.0, free_bits=0.0, warmup_epochs=0, **inherited
    ):
        super().__init__(n_components, **inherited)
        self.beta = beta
        self.free_bits = free_bits
        self.warmup_epochs = warmup_epochs

    # ---- the network as it starts ----

    _outputs_per_code = 2  # mean and logarithm of the deviation

    def _joined(self, encoder, decoder, inputs, generator):
        _, n_outputs = self._widths(inputs)
        n_scales = self._likelihood.n_scales(n_outputs)
        return VariationalAutoEncoder(encoder, decoder, self.n_components_, n_scales, inputs)

    def _set_start(self, module, rows, sample_weight):
        pca = self._principal_axes(module.inputs, rows, sample_weight)
        if module.noise is not None:
            self._start_scales(module, pca)
        self._start_networks(module, pca)

    def _start_scales(self, module, pca):
        """Let the learned scales start, given those of the values that the encoder sees."""
        spread = np.sqrt(pca.column_variance)
        relative = np.ones_like(spread)
        if self.init == "pca":
            relative = np.sqrt(_noise_variance(pca)) / np.maximum(spread, np.finfo(float).tiny)
        inputs, n_scales = module.inputs, len(module.noise.unit)
        places, unit = torch.arange(n_scales), torch.ones(n_scales)
        if inputs is not None:
            labels = self._likelihood.labels[:n_scales]
            places = places_in(labels, inputs.labels[: inputs.n_values])
            unit = inputs.scale.cpu()[places]
        constant = torch.from_numpy(self._encoder.constant_)
        constant = self._likelihood.of_numbers(constant, constant)[1][:n_scales]
        spread, relative = (torch.as_tensor(v, dtype=torch.float32) for v in (spread, relative))
        module.noise.start(unit * spread[places], relative[places], ~constant.bool())

    def _start_linear_encoder(self, encoder, pca, to_codes):
        super()._start_linear_encoder(encoder, pca, to_codes)
        n_axes, noise = len(pca.variance), _noise_variance(pca)
        deviation = np.ones(self.n_components_)
        deviation[:n_axes] = np.sqrt(noise / np.maximum(pca.variance, noise))
        constants = np.concatenate([np.zeros(self.n_components_ - n_axes), np.log(deviation)])
        # deviations, and codes that there are no axes for: these start at the prior
        silent = torch.arange(2 * self.n_components_) >= n_axes
        encoder.silence_outputs(silent, torch.as_tensor(constants, dtype=torch.float32))

    def _linear_codes(self, pca):
        """Posterior means and loadings of probabilistic PCA (Tipping & Bishop, section 3.2)."""
        noise = _noise_variance(pca)
        loading = np.sqrt(np.maximum(pca.variance - noise, 0))
        to_codes = pca.axes * (loading / np.maximum(pca.variance, noise))[:, None]
        return to_codes, (pca.axes * loading[:, None]).T

    def _refit_start(self, rows, sample_weight):
        if self.init == "pca":
            super()._refit_start(rows, sample_weight)

    def _objective(self):
        return Variational(self._likelihood, self.beta, self.free_bits)

    def _schedule(self, n_epochs):
        return [WarmUp(self.warmup_epochs)] if self.warmup_epochs else []

    # ---- scores ----

    def score_samples(self, X):
        """Bound on the log-likelihood of each row; higher is more normal.

        Parameters
        ----------
        X : {DataFrame, array-like, ChunkedTable} of shape (n_samples, n_features)
            Rows in original units.

        Returns
        -------
        ndarray of float64 of shape (n_samples,)
            The evidence lower bound, in nats, of the cells that are not missing. The expectation
            over codes is the mean over `skae.nn.cubature_points`: nothing is drawn.
        """
        return super().score_samples(X)

    def _row_loss(self, module, likelihood, x):
        seen = module.seen(module.prepare(x))
        losses = _excess(module, likelihood, seen, x) + self._least_losses(module, likelihood, x)
        return losses.sum(dim=1) + _expected_divergence(module, seen)

    def _shares(self, module, likelihood, x):
        seen = module.seen(module.prepare(x))
        divergence = path_shares(
            partial(_expected_divergence, module),
            self._seen_of_nothing(module, x),
            seen,
        )
        of_columns = self._by_feature(divergence, self._features_seen(module.inputs))
        return _excess(module, likelihood, seen, x) + of_columns

    def _seen_of_nothing(self, module, x):
        if module.inputs is None:
            return torch.zeros_like(x)
        return module.seen(module.prepare(torch.full_like(x, torch.nan)))

    def _log_units(self, x):
        """What a density in original units has beside that in scaled ones, (n_samples, n_features).

        0 where a cell is missing, a boolean or a category. The value of a constant column has
        probability 1, and no density.
        """
        schema, units = self._encoder.schema_, np.log(self._encoder.scale_)
        units[self._encoder.constant_] = -_loss_of_nothing(get_likelihood(self.loss))
        units = torch.as_tensor(units[schema.first_parts], dtype=x.dtype, device=x.device)
        return torch.where(x[:, schema.first_parts].isnan(), 0.0, units)

    @property
    def score_baseline_(self):
        """Score of a row of which nothing is known."""
        nothing = np.full((1, self._encoder.schema_.n_encoded), np.nan, dtype=np.float32)
        return float(self._score(EncodedRows(nothing, as_float32, has_missing=True))[0])

    @property
    def feature_baselines_(self):
        """What a cell that is just as expected adds to the score."""
        cells = np.zeros((1, self._encoder.schema_.n_encoded), dtype=np.float32)
        complete = EncodedRows(cells, as_float32, has_missing=False)
        least = partial(self._least_losses, *self._network(complete))
        return -self._map(complete, least, self.n_features_in_, np.float64)[0]

    def _least_losses(self, module, likelihood, x):
        """Losses of cells that are as the decoder gives them, in original units."""
        output = module(module.prepare(x[:1]))  # its scales are those of all rows
        return likelihood.least_loss(output, x).double() + self._log_units(x)

    # ---- the generative model ----

    def log_likelihood(self, X, n_samples=1000, random_state=None):
        r"""Estimate the log-likelihood of rows by importance sampling.

        Parameters
        ----------
        X : {DataFrame, array-like} of shape (n_samples, n_features)
            Rows in original units.
        n_samples : int, default=1000
            Draws from the encoder's distribution, the same for every row but for where it puts
            them. The estimate is too low, the less so the more draws.
        random_state : int, RandomState or None, default=None
            The same number gives the same estimate.

        Returns
        -------
        ndarray of float64 of shape (n_samples,)
            :math:`\log \frac 1 S \sum_s p(x, z_s) / q(z_s \mid x)`, in nats; equation 8 of
            Burda, Grosse & Salakhutdinov, "Importance Weighted Autoencoders", ICLR 2016.
        """
        rows = self._check_table(X).encoded(self._encoder)
        check_count(n_samples, "n_samples")
        module, likelihood = self._network(rows)
        noise = self._noise(n_samples, random_state)
        prior = module.prior()

        def bound(x):
            seen = module.seen(module.prepare(x))
            weights = [
                log_weights(module, likelihood, prior, seen, x, draws[:, None])
                for draws in noise.split(DRAWS_AT_ONCE)
            ]
            estimate = log_mean_exp(torch.cat(weights).double())
            return (estimate - self._log_units(x).sum(dim=1))[:, None]

        return self._map(rows, bound, 1, np.float64)[:, 0]

    def sample_posterior(self, X, n_samples=1, random_state=None):
        """Draw codes of rows.

        Parameters
        ----------
        X : {DataFrame, array-like} of shape (n_rows, n_features)
            Rows in original units.
        n_samples : int, default=1
            Draws for each row.
        random_state : int, RandomState or None, default=None
            The same number gives the same draws.

        Returns
        -------
        ndarray of shape (n_rows, n_samples, n_components)
            Codes; their mean over many draws is `transform`.
        """
        table = self._check_table(X)
        rows = table.encoded(self._encoder)
        check_count(n_samples, "n_samples")
        module, _ = self._network(rows)
        moments = partial(_moments, module)
        loc, scale = np.split(self._map(rows, moments, 2 * self.n_components_), 2, axis=1)
        rng = check_random_state(random_state)
        noise = rng.standard_normal((len(loc), n_samples, self.n_components_))
        return (loc[:, None] + scale[:, None] * noise).astype(table.float_type)

    def _noise(self, n_samples, random_state):
        check_is_fitted(self)
        with isolated_rng(drawn_seed(random_state)):
            noise = torch.randn(n_samples, self.n_components_)
        return noise.to(torch.device(self.net_.device))

    def _sample_codes(self, n_samples):
        return self.module_.prior().sample((n_samples,))

    def _log_prior(self, codes):
        return self.module_.prior().log_prob(codes)

    def _sample_rows(self, codes):
        drawn = self._likelihood.sample(self.module_.decode(codes))
        constant = torch.from_numpy(self._encoder.constant_).to(drawn.device)
        return drawn.masked_fill(constant, 0.0)  # what they are when encoded: nothing is uncertain


def _excess(module, likelihood, seen, x):
    """What cells cost beyond those that are as the decoder gives them, (n_samples, n_features)."""

    def loss(output, x):
        return likelihood.neg_log_density(output, x) - likelihood.least_loss(output, x)

    return expected_losses(module, loss, seen, x)[0].double()


def _expected_divergence(module, seen):
    """Divergence of the codes of each row from the prior, (n_samples,); nothing is drawn."""
    posterior = module.posterior_of_seen(seen)
    return module.divergence(posterior, cubature_points(posterior)).sum(dim=1)


def _moments(module, x):
    """Means and deviations of the codes of encoded rows, side by side."""
    posterior = module.posterior(module.prepare(x))
    return torch.cat([posterior.loc, posterior.scale], dim=1)


def _loss_of_nothing(likelihood):
    """Negative log-density of a value that is just what the decoder gives, of scale 1."""
    value = torch.zeros(1, 1)
    scales = torch.zeros(1, likelihood.n_scales(1))
    output = torch.cat([likelihood.output_for_mean(value), scales], dim=1)
    return likelihood.neg_log_density(output, value).item()


def _noise_variance(pca):
    """Mean variance of the directions that are left out (Tipping & Bishop, equation 8)."""
    n_columns = np.count_nonzero(~np.isnan(pca.column_variance))
    left_over = max(n_columns - len(pca.variance), 1)
    total = np.nansum(pca.column_variance)
    least = SMALLEST_SCALE**2 * total / max(n_columns, 1)
    return max((total - pca.variance.sum()) / left_over, least, np.finfo(float).tiny)
