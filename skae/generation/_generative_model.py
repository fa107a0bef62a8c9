"""New rows from an auto-encoder and a distribution of its codes."""

import numpy as np
import torch
from sklearn.base import BaseEstimator, clone
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import HasMethods, StrOptions
from sklearn.utils.validation import check_is_fitted

from skae.autoencoder import DenoisingAE
from skae.base import autoencoder_of, rich_n_components
from skae.datasets import check_in_memory
from skae.generation._quantiles import QuantileMatching
from skae.generation._samplers import SAMPLERS, drawn_codes, fitted_sampler
from skae.generation._unwrapping import (
    codes_of,
    decoded,
    in_original_units,
    seen_by_autoencoder,
    steps_before,
)
from skae.nn import isolated_rng
from skae.preprocessing import gaussian_of_holed_rows
from skae.utils import check_count, drawn_seed, seeded

# Rows that tell how generated columns are distributed.
REFERENCE_ROWS = 10_000


class GenerativeModel(BaseEstimator):
    r"""New rows from any auto-encoder: a distribution of codes, its decoder, and its errors.

    A row is drawn in three steps:

    1. a code :math:`z` from the `sampler`, a distribution fitted to the codes of the rows;
    2. :math:`g(z) + \varepsilon`, with the decoder :math:`g` and noise :math:`\varepsilon \sim
       \mathcal N(\mu, \Sigma)`, the mean and covariance of the errors of reconstruction, in
       scaled units; booleans and categories are drawn with the probabilities that the decoder
       gives them;
    3. the numbers, or datetimes, of a column become those of equal rank in training
       (`match_columns`).

    Without 2. rows are smoother than real ones, without 3. integers, heaps at zero and skewed
    columns give them away.

    Parameters
    ----------
    estimator : BaseAutoEncoder or Pipeline, default=None
        Any auto-encoder of skae; a :class:`~sklearn.pipeline.Pipeline` that ends in one, of steps
        with `inverse_transform`; or :class:`~sklearn.frozen.FrozenEstimator` of a fitted one of
        these: any other is cloned and fitted again, even if it is fitted. None is
        :class:`~skae.DenoisingAE`, with codes of at least 8 columns, or as many as
        the table has.
    sampler : str or object, default="gaussian_mixture"
        How codes are distributed.

        - "gaussian_mixture": :class:`~sklearn.mixture.GaussianMixture` with as many components as
          the Bayesian information criterion wants [2]_.
        - "kernel_density": :class:`~sklearn.neighbors.KernelDensity` with the bandwidth that is the
          likeliest in cross-validation. It keeps all codes.
        - "autoregressive_flow": :class:`MaskedAutoregressiveFlow`.
        - "two_stage_vae": :class:`~skae.VAE` on the codes [1]_.
        - "prior": that of a generative estimator, such as `VAE`; else a normal distribution.
        - An object with ``fit(codes)`` and ``sample(n_samples)``, such as one of these classes with
          parameters of your own.
    add_noise : bool, default=True
        Whether numbers get noise like the errors of reconstruction.
    match_columns : bool, default=True
        Whether columns of numbers and of datetimes get the distribution that they have in training.
        Then no value lies beyond those of training; of a column in which values repeat, none is
        new. In a pipeline it is the columns that the auto-encoder sees. An array does not say that
        numbers are integers: where these are all different, fractions come between them.
    random_state : int, RandomState or None, default=None
        For the sampler, and for the estimator where it has no `random_state` of its own.

    Attributes
    ----------
    estimator_ : BaseAutoEncoder or Pipeline
        The fitted auto-encoder, or pipeline.
    sampler_ : object
        The fitted distribution of codes.
    n_features_in_ : int
        Columns seen in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, where `X` had names.

    See Also
    --------
    interpolate : Rows between two rows.
    traverse : A row with one number of its code changed.
    skae.metrics.classifier_two_sample_test : How well the rows are told from real ones.

    References
    ----------
    .. [1] Dai & Wipf, "Diagnosing and Enhancing VAE Models", ICLR 2019, section 4.
    .. [2] Ghosh et al., "From Variational to Deterministic Autoencoders", ICLR 2020, section 4: a
       mixture fitted to codes after training.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skae.generation import GenerativeModel
    >>> iris = load_iris(as_frame=True).frame.astype({"target": "category"})
    >>> model = GenerativeModel(random_state=0).fit(iris)
    >>> rows = model.sample(3, random_state=0)
    >>> rows.shape, rows.dtypes["target"].name
    ((3, 5), 'category')
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit"]), None],
        "sampler": [StrOptions(set(SAMPLERS)), HasMethods(["fit", "sample"])],
        "add_noise": ["boolean"],
        "match_columns": ["boolean"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator=None,
        *,
        sampler="gaussian_mixture",
        add_noise=True,
        match_columns=True,
        random_state=None,
    ):
        self.estimator = estimator
        self.sampler = sampler
        self.add_noise = add_noise
        self.match_columns = match_columns
        self.random_state = random_state

    # ---- fitting ----

    def fit(self, X, y=None):
        """Fit the auto-encoder, and how its codes and errors are distributed.

        Parameters
        ----------
        X : {DataFrame, array-like} of shape (n_samples, n_features)
            What the auto-encoder takes: numbers, words, categories, dates, missing cells.
        y : None
            Ignored; present for scikit-learn. For rows of given classes, fit one model a class,
            or let the class be a column.

        Returns
        -------
        self : object
            The fitted model.

        Raises
        ------
        ValueError
            If `X` or a parameter cannot be used.
        TypeError
            If `estimator` is no auto-encoder of skae, a step of it has no way back, or `X` is a
            table in chunks.
        """
        self._validate_params()
        vars(self).pop("_decoder", None)  # a fit that fails leaves a model that is not fitted
        rng = check_random_state(self.random_state)
        instead = "Fit GenerativeModel(FrozenEstimator(autoencoder)) on a part of its rows."
        check_in_memory(X, type(self).__name__, instead)
        estimator = _default_estimator(X) if self.estimator is None else self.estimator
        autoencoder_of(estimator), steps_before(estimator)  # else an error, before any work
        self.estimator_ = seeded(clone(estimator), rng).fit(X, y)
        autoencoder = autoencoder_of(self.estimator_)
        seen = seen_by_autoencoder(self.estimator_, X)
        table, codes = autoencoder._check_table(seen), codes_of(autoencoder, seen)
        self._learn_rows(autoencoder, table, codes)
        self.sampler_ = fitted_sampler(self.sampler, codes, autoencoder, rng)
        matches = self.match_columns and len(self._noisy)
        self._decoder = self._matching(table, rng) if matches else autoencoder._encoder
        return self

    def _learn_rows(self, autoencoder, table, codes):
        """Which columns of encoded rows are what, and how far the decoder is from them."""
        schema = autoencoder._encoder.schema_
        self._classes = schema.encoded_positions("boolean", "categorical")
        self._noisy = schema.encoded_positions("numeric", "datetime")
        rows = table.encoded(autoencoder._encoder)
        errors = (rows.encode(rows.X) - decoded(autoencoder, codes))[:, self._noisy]
        self._noise = _Noise(errors) if self.add_noise and len(self._noisy) else None

    def _matching(self, table, rng):
        """The encoder of the table, with a way back to columns as in training."""
        encoder = autoencoder_of(self.estimator_)._encoder
        return encoder.matched(
            table.values, self._drawn_rows(REFERENCE_ROWS, rng), QuantileMatching
        )

    # ---- drawing ----

    def sample(self, n_samples=1, random_state=None):
        """Draw rows like those of training.

        Parameters
        ----------
        n_samples : int, default=1
            How many.
        random_state : int, RandomState or None, default=None
            The same number gives the same rows.

        Returns
        -------
        ndarray or DataFrame of shape (n_samples, n_features)
            Rows in original units, without missing cells (but for texts that are all different, as
            in :meth:`skae.VAE.sample`): a DataFrame with the columns and types that `fit` saw, or,
            after a `fit` on an array, an array of float64. Of a pipeline, what `inverse_transform`
            of its steps gives, in a DataFrame where `fit` saw names.
        """
        check_is_fitted(self)
        check_count(n_samples, "n_samples")
        encoded = self._drawn_rows(n_samples, check_random_state(drawn_seed(random_state)))
        as_array = self._decoder.frame_library_ is None
        decode = self._decoder.decoded_array if as_array else self._decoder.decoded_frame
        return in_original_units(self.estimator_, decode(encoded))

    def _drawn_rows(self, n_samples, rng):
        """Draw encoded rows, (n_samples, n_encoded)."""
        autoencoder = autoencoder_of(self.estimator_)
        codes = drawn_codes(self.sampler_, n_samples, rng)
        with isolated_rng(drawn_seed(rng)):
            rows = autoencoder._of_codes(codes, self._rows_of)
        if self._noise is not None:
            rows[:, self._noisy] += self._noise.sample(n_samples, rng)
        return rows

    def _rows_of(self, codes):
        """Means of numbers, and draws of classes, of what the decoder makes of codes."""
        autoencoder = autoencoder_of(self.estimator_)
        module, likelihood = autoencoder.module_, autoencoder._likelihood
        rows = autoencoder._decoded(module, likelihood, codes)
        if len(self._classes):
            rows[:, self._classes] = likelihood.sample(module.decode(codes))[:, self._classes]
        return rows

    # ---- densities ----

    def score_samples(self, X):
        """Log-density of the codes of rows under the sampler.

        Parameters
        ----------
        X : {DataFrame, array-like} of shape (n_samples, n_features)
            Rows in original units.

        Returns
        -------
        ndarray of float64 of shape (n_samples,)
            In nats, in units of the code: it says how usual a code is, not how well the row is
            reconstructed, and compares for one auto-encoder only. Of "two_stage_vae" a bound.
        """
        check_is_fitted(self)
        return self.sampler_.score_samples(codes_of(self.estimator_, X))

    def score(self, X, y=None):
        """Mean of :meth:`score_samples`, to choose a sampler for a frozen auto-encoder.

        Parameters
        ----------
        X : {DataFrame, array-like} of shape (n_samples, n_features)
            Rows in original units.
        y : None
            Ignored; present for scikit-learn.

        Returns
        -------
        float
            Higher is better.
        """
        return float(np.mean(self.score_samples(X)))

    @property
    def n_features_in_(self):
        """Columns seen in `fit`."""
        return self.estimator_.n_features_in_

    @property
    def feature_names_in_(self):
        """Their names."""
        return self.estimator_.feature_names_in_

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_decoder")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


class _Noise:
    """A normal distribution of errors, (n_samples, n_columns), NaN where missing."""

    def __init__(self, errors):
        self.scale = np.nanstd(errors, axis=0)
        relative = errors / np.where(self.scale > 0, self.scale, 1)
        mean, covariance = gaussian_of_holed_rows(relative, np.asarray)
        self.mean, self.factor = mean.numpy(), torch.linalg.cholesky(covariance).numpy()

    def sample(self, n_samples, rng):
        """Draw errors, (n_samples, n_columns)."""
        draws = rng.standard_normal((n_samples, len(self.mean)))
        return (self.mean + draws @ self.factor.T) * self.scale


def _default_estimator(X):
    shape = np.shape(X)
    n_features = shape[1] if len(shape) == 2 else 1  # fit says what is wrong with it
    # What a small code leaves to noise is not seen to hang together. AutoEncoder has smaller errors
    # on the rows of digits that it learned, so that its new ones are nearer to them than real ones.
    return DenoisingAE(rich_n_components(n_features))
