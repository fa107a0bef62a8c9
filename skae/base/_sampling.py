"""New rows, from estimators that know how codes are distributed."""

from functools import partial

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch.distributions import Normal

from skae.nn import isolated_rng
from skae.utils import check_count, drawn_seed

# Rows that are decoded together.
DECODED_ROWS = 2**12


class SamplingMixin:
    """The part of the contract of generative estimators.

    A subclass says in `_sample_codes` and `_log_prior` how codes are distributed, where that is not
    standard normal, and in `_sample_rows` what becomes of the decoder's output. They draw from
    torch's process-wide generators, which are isolated.
    """

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
            Rows in original units, without missing cells, whatever was missing in training: a
            DataFrame with the columns and types that `fit` saw, or, after a `fit` on an array, an
            array of float64. Only a column of texts none of which came often enough to be known,
            such as names that are all different, is missing as a whole.
        """
        check_is_fitted(self)
        check_count(n_samples, "n_samples")
        return self._drawn_rows(partial(self._sample_codes, n_samples), random_state)

    def _drawn_rows(self, draw_codes, random_state):
        """Draw codes, (n_samples, n_codes), and rows for them, as a table like that of `fit`."""
        with isolated_rng(drawn_seed(random_state)), torch.inference_mode():
            return self._rows_of_codes(draw_codes())

    def _rows_of_codes(self, codes):
        blocks = [self._sample_rows(block).cpu().numpy() for block in codes.split(DECODED_ROWS)]
        return self._table(np.concatenate(blocks), None, np.float64)

    def _sample_codes(self, n_samples):
        """Draw codes (n_samples, n_codes), on the device of the network."""
        return torch.randn(n_samples, self.n_components_, device=torch.device(self.net_.device))

    def _log_prior(self, codes):
        """Log-densities (n_samples,) of codes (n_samples, n_codes)."""
        return Normal(0.0, 1.0).log_prob(codes).sum(dim=1)

    def _sample_rows(self, codes):
        """Encoded rows of codes: what the decoder makes of them."""
        return self._likelihood.mean(self.module_.decode(codes))
