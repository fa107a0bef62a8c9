"""Variational auto-encoders: distributions of codes, bounds on likelihoods, new rows."""

from skae.variational._adversarial_ae import AdversarialAE
from skae.variational._beta_tc_vae import BetaTCVAE
from skae.variational._conditional import ConditionalVAE
from skae.variational._dip_vae import DIPVAE
from skae.variational._factor_vae import FactorVAE
from skae.variational._info_vae import InfoVAE
from skae.variational._iwae import IWAE
from skae.variational._vae import VAE
from skae.variational._vamp_prior import VampPriorVAE
from skae.variational._wasserstein_ae import WassersteinAE

__all__ = [
    "DIPVAE",
    "IWAE",
    "VAE",
    "AdversarialAE",
    "BetaTCVAE",
    "ConditionalVAE",
    "FactorVAE",
    "InfoVAE",
    "VampPriorVAE",
    "WassersteinAE",
]
