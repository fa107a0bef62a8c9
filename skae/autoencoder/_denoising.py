"""The denoising auto-encoder."""

from functools import partial
from numbers import Real

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from skae.autoencoder._neighbors import NEIGHBORHOOD, NeighborKeeper
from skae.base import ATTRIBUTES, DEFAULTS, documented
from skae.nn import NOISE_NAMES, corrupt
from skae.objectives import Batch
from skae.training import make_generator
from skae.utils import parameters_of

_VALID_NOISE = 3  # a stream of random numbers beside those of the base


class DenoisingAE(NeighborKeeper):
    __doc__ = f"""Denoising auto-encoder: learns to restore rows from corrupted ones.

    While training, the encoder sees a corrupted copy of each row, new in every epoch, and the
    decoder is compared with the clean row. The network learns which values go together, which
    makes its codes robust and its reconstruction error a better anomaly score. Codes, scores and
    reconstructions of `transform`, `score_samples` and `reconstruct` are without noise; held-out
    rows that judge epochs are with it.

    With normal noise, ``init="pca"`` starts from the best linear map of noisy rows to clean ones,
    Wiener's filter: PCA whose axes, of variance :math:`\\lambda`, are shrunk by
    :math:`\\lambda / (\\lambda + \\sigma^2)`. Its codes are whitened on noisy rows.

    Parameters
    ----------
    {NEIGHBORHOOD}
    {documented(DEFAULTS)}
    noise : {{"gaussian", "masking", "salt_and_pepper", "swap"}}, default="gaussian"
        Corruption of the scaled row: normal noise; cells set to 0 (the mean, under the standard
        scaler); cells set to the lowest or highest value of their column; cells replaced by
        the value of another row in the same column.
    noise_level : float, default=0.1
        Standard deviation of "gaussian", in scaled units; share of the cells, at most 1, of the
        others.

    Attributes
    ----------
    {ATTRIBUTES}

    See Also
    --------
    AutoEncoder : Codes that restore most; its jitter fades with rows.

    References
    ----------
    Vincent et al., "Extracting and Composing Robust Features with Denoising Autoencoders", ICML
    2008.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from skae import DenoisingAE
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> detector = DenoisingAE(max_epochs=30, contamination=0.05, random_state=0).fit(X[y == 1])
    >>> int((detector.predict(X[y == 1]) == -1).sum()), int((y == 1).sum())
    (17, 357)
    """

    _parameter_constraints: dict = {
        **NeighborKeeper._parameter_constraints,
        "noise": [StrOptions(set(NOISE_NAMES))],
        "noise_level": [Interval(Real, 0, None, closed="left")],
    }

    @parameters_of(NeighborKeeper)
    def __init__(self, n_components="auto", *, noise="gaussian", noise_level=0.1, **inherited):
        super().__init__(n_components, **inherited)
        self.noise = noise
        self.noise_level = noise_level

    def _corruption(self):
        if self.noise != "gaussian" and self.noise_level > 1:
            raise ValueError(
                f"noise_level is a share of the cells with noise={self.noise!r}: it must be at "
                f"most 1. Got {self.noise_level!r} instead."
            )
        if self.noise_level == 0:
            return None
        codes = self._code_positions()
        return partial(corrupt, noise=self.noise, level=self.noise_level, codes=codes)

    def _linear_codes(self, pca):
        to_codes, to_values = super()._linear_codes(pca)
        if self.noise != "gaussian" or self.noise_level == 0:
            return to_codes, to_values
        # Whitened by the deviation of clean rows, a code of an axis that hardly varies would be
        # noise, blown up.
        deviation = np.sqrt(pca.variance)
        kept = deviation / np.hypot(deviation, self.noise_level)
        return to_codes * kept[:, None], to_values * kept

    def _valid_batch(self, values, weight):
        """Held-out rows with noise, the same in each epoch: what is trained for is judged."""
        corruption = self._corruption()
        if corruption is None:
            return super()._valid_batch(values, weight)
        generator = make_generator(values.device, self._seed, _VALID_NOISE)
        noisy = corruption(values, generator=generator)
        return Batch(self.module_.prepare(noisy), values, weight)
