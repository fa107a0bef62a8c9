"""Auto-encoders as scikit-learn estimators.

Put one where you would put `PCA` or `IsolationForest`: into a `Pipeline`, a `GridSearchCV`, before
a classifier. No torch needed, all of torch within reach.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from skae.autoencoder import (
        AutoEncoder,
        ContractiveAE,
        DenoisingAE,
        MaskedAE,
        RegularizedAE,
        SparseAE,
    )
    from skae.image_translation import CycleGAN
    from skae.outlier_detection import (
        DAGMM,
        AutoEncoderDetector,
        DeepSVDD,
        MemoryAE,
        RandNet,
        RobustAE,
    )
    from skae.variational import (
        DIPVAE,
        IWAE,
        VAE,
        AdversarialAE,
        BetaTCVAE,
        ConditionalVAE,
        FactorVAE,
        InfoVAE,
        VampPriorVAE,
        WassersteinAE,
    )
    from skae.vector_quantized import VQVAE

__version__ = "0.1.0"

__all__ = [
    "DAGMM",
    "DIPVAE",
    "IWAE",
    "VAE",
    "VQVAE",
    "AdversarialAE",
    "AutoEncoder",
    "AutoEncoderDetector",
    "BetaTCVAE",
    "ConditionalVAE",
    "ContractiveAE",
    "CycleGAN",
    "DeepSVDD",
    "DenoisingAE",
    "FactorVAE",
    "InfoVAE",
    "MaskedAE",
    "MemoryAE",
    "RandNet",
    "RegularizedAE",
    "RobustAE",
    "SparseAE",
    "VampPriorVAE",
    "WassersteinAE",
]
# Where each is at home.
_ROOMS = {
    "AdversarialAE": "variational",
    "AutoEncoder": "autoencoder",
    "AutoEncoderDetector": "outlier_detection",
    "BetaTCVAE": "variational",
    "ConditionalVAE": "variational",
    "ContractiveAE": "autoencoder",
    "CycleGAN": "image_translation",
    "DAGMM": "outlier_detection",
    "DIPVAE": "variational",
    "DeepSVDD": "outlier_detection",
    "DenoisingAE": "autoencoder",
    "FactorVAE": "variational",
    "IWAE": "variational",
    "InfoVAE": "variational",
    "MaskedAE": "autoencoder",
    "MemoryAE": "outlier_detection",
    "RandNet": "outlier_detection",
    "RegularizedAE": "autoencoder",
    "RobustAE": "outlier_detection",
    "SparseAE": "autoencoder",
    "VAE": "variational",
    "VQVAE": "vector_quantized",
    "VampPriorVAE": "variational",
    "WassersteinAE": "variational",
}


def __getattr__(name):
    """Import torch (seconds) with the first estimator: `skae --help` does without."""
    if name not in _ROOMS:
        raise AttributeError(f"module 'skae' has no attribute {name!r}")
    return getattr(import_module(f"skae.{_ROOMS[name]}"), name)


def __dir__():
    return sorted([*globals(), *__all__])
