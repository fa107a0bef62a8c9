"""Auto-encoders as scikit-learn estimators.

Put one where you would put `PCA` or `IsolationForest`: into a `Pipeline`, a `GridSearchCV`, before a
classifier. No torch needed, all of torch within reach.
"""

from skae.autoencoder import AutoEncoder, DenoisingAE

__version__ = "0.1.0"

__all__ = ["AutoEncoder", "DenoisingAE"]
