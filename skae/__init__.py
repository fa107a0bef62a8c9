"""Auto-encoders as scikit-learn estimators.

Put one where you would put `PCA` or `IsolationForest`: into a `Pipeline`, a `GridSearchCV`, before
a classifier. No torch needed, all of torch within reach.
"""

from typing import TYPE_CHECKING

from skae._lazy import lazy_names

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
    from skae.semi_supervised import SelfSupervisedClassifier
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
    "SelfSupervisedClassifier",
    "SparseAE",
    "VampPriorVAE",
    "WassersteinAE",
]
# Where each is at home: torch (seconds) is imported with the first, `skae --help` does without.
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
    "SelfSupervisedClassifier": "semi_supervised",
    "SparseAE": "autoencoder",
    "VAE": "variational",
    "VQVAE": "vector_quantized",
    "VampPriorVAE": "variational",
    "WassersteinAE": "variational",
}

__getattr__, __dir__ = lazy_names(__name__, _ROOMS)
