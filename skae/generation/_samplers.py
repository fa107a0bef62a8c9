"""Distributions of codes: learned from codes, drawn from, and asked for densities."""

import copy

import numpy as np
import torch
from sklearn import config_context
from sklearn.base import clone
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.neighbors import KernelDensity
from sklearn.utils import check_array

from skae.base import SamplingMixin
from skae.generation._autoregressive_flow import MaskedAutoregressiveFlow
from skae.nn import isolated_rng
from skae.utils import drawn_seed, seeded
from skae.variational import VAE

MOST_COMPONENTS = 64
# Of a component, so that its covariance says something.
FEWEST_ROWS = 10
# Smallest variance within a component, relative to that of the codes.
SMALLEST_VARIANCE = 1e-3
# Multiples of Scott's bandwidth, and rows that choose among them.
BANDWIDTHS = np.geomspace(0.1, 2, 10)
MOST_CHOOSING_ROWS = 1_000


class Prior:
    """The distribution of codes that a generative estimator was trained for.

    Parameters
    ----------
    estimator : SamplingMixin
        The fitted estimator.
    """

    def __init__(self, estimator):
        self.estimator = estimator

    def sample(self, n_samples=1, random_state=None):
        """Draw codes, (n_samples, n_components)."""
        with isolated_rng(drawn_seed(random_state)), torch.inference_mode():
            return self.estimator._sample_codes(n_samples).cpu().numpy()

    def score_samples(self, codes):
        """Log-densities of codes, (n_samples,)."""
        codes = torch.as_tensor(codes, dtype=torch.float32, device=self.estimator.net_.device)
        with torch.inference_mode():
            return self.estimator._log_prior(codes).cpu().numpy().astype(np.float64)


def prior(codes, estimator, rng):
    """That of the estimator, or a normal distribution of the codes' moments, where it has none."""
    if isinstance(estimator, SamplingMixin):
        return Prior(estimator)
    return _mixture(1, codes, rng)


def gaussian_mixture(codes, estimator, rng):
    """The mixture of lowest BIC; components are doubled until it rises."""
    best, n_components = _mixture(1, codes, rng), 2
    n_different = len(np.unique(codes, axis=0))  # means are at codes that differ
    while n_components <= min(MOST_COMPONENTS, len(codes) // FEWEST_ROWS, n_different):
        larger = _mixture(n_components, codes, rng)
        if larger.bic(codes) > best.bic(codes):
            break
        best, n_components = larger, 2 * n_components
    return best


def _mixture(n_components, codes, rng):
    least = SMALLEST_VARIANCE * codes.var(axis=0).mean() + np.finfo(float).tiny
    mixture = GaussianMixture(n_components, reg_covar=least, random_state=drawn_seed(rng))
    with config_context(array_api_dispatch=False):  # which k-means, its start, does not take
        return mixture.fit(codes)


def kernel_density(codes, estimator, rng):
    """Of Gaussian kernels; the bandwidth is the multiple of Scott's that is likeliest held out."""
    check_array(codes, ensure_min_samples=2, estimator="a kernel density")
    # codes may be all alike; of float64 the square would be 0
    spread = codes.std(axis=0).mean() + np.finfo(np.float32).tiny

    def scott(n_rows):
        return spread * n_rows ** (-1 / (codes.shape[1] + 4))

    few = codes[rng.permutation(len(codes))[:MOST_CHOOSING_ROWS]]
    bandwidths = {"bandwidth": scott(len(few)) * BANDWIDTHS}
    folds = KFold(min(5, len(few)), shuffle=True, random_state=drawn_seed(rng))
    chosen = GridSearchCV(KernelDensity(), bandwidths, cv=folds, refit=False).fit(few)
    bandwidth = chosen.best_params_["bandwidth"] * (scott(len(codes)) / scott(len(few)))
    return KernelDensity(bandwidth=bandwidth).fit(codes)


def two_stage_vae(codes, estimator, rng):
    """A second auto-encoder, of as many codes, whose likelihood is drawn from."""
    # principal axes of as many codes leave no noise, a start that training does not get away from
    return VAE(codes.shape[1], init="random", random_state=drawn_seed(rng)).fit(codes)


def autoregressive_flow(codes, estimator, rng):
    """A flow with its defaults."""
    return MaskedAutoregressiveFlow(random_state=drawn_seed(rng)).fit(codes)


SAMPLERS = {
    "prior": prior,
    "gaussian_mixture": gaussian_mixture,
    "kernel_density": kernel_density,
    "two_stage_vae": two_stage_vae,
    "autoregressive_flow": autoregressive_flow,
}


def fitted_sampler(sampler, codes, estimator, rng):
    """Learn a distribution of codes.

    Parameters
    ----------
    sampler : str or object
        A name in `SAMPLERS`, or an object with `fit` and `sample`, which is cloned.
    codes : ndarray of shape (n_samples, n_components)
        What to learn from.
    estimator : BaseAutoEncoder
        Whose codes they are.
    rng : RandomState
        For what is drawn meanwhile.

    Returns
    -------
    object
        With `sample` and `score_samples`.
    """
    if isinstance(sampler, str):
        return SAMPLERS[sampler](codes, estimator, rng)
    return seeded(clone(sampler), rng).fit(codes)


def drawn_codes(sampler, n_samples, rng):
    """Draw codes, (n_samples, n_components).

    Gaussian mixtures of scikit-learn draw from a generator of their own, component by component,
    and tell the components, too.
    """
    if isinstance(sampler, GaussianMixture | BayesianGaussianMixture):
        mixture = copy.copy(sampler).set_params(random_state=rng)
        return rng.permutation(mixture.sample(n_samples)[0])
    return np.asarray(sampler.sample(n_samples, random_state=rng))
