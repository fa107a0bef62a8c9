"""Detectors whose score is no sum over the columns."""

import numpy as np
import torch

from skae.base import EncoderDecoder, path_shares
from skae.training import EncodedRows, as_float32


class PathExplained(EncoderDecoder):
    """The half of such a detector that explains it: Aumann–Shapley shares from the median row.

    A subclass says in `_seen_loss` what a row costs, as a function of what the encoder sees. A
    missing cell is taken as the median of its column (the most frequent category), so that it
    contributes nothing.
    """

    def _seen_loss(self, module, likelihood, seen):
        """Loss of rows (n_samples,), given what the encoder sees of them."""
        raise NotImplementedError

    def _refit_start(self, rows, sample_weight):
        """Leave the start: what is normal was learned with this network."""

    def _calibrate(self, table, with_earlier=False):
        self._median_row = self._median(*self._sample(*table.start_rows(with_held_out=False)))
        self._learn_normal(table, with_earlier)
        super()._calibrate(table, with_earlier)
        median = EncodedRows(self._median_row[None], as_float32, has_missing=False)
        self.score_baseline_ = float(self._score(median)[0])

    def _learn_normal(self, table, with_earlier):
        """Learn what the score needs, once the network is trained."""

    def _median(self, rows, weight):
        """Median of the numbers, most frequent code of the categories: an encoded row."""
        encoded = rows.encode(rows.X)
        codes = self._encoder.schema_.encoded_positions("boolean", "categorical")
        columns = [_centre(encoded[:, j], weight, j in codes) for j in range(encoded.shape[1])]
        return np.array(columns, dtype=np.float32)

    def _row_loss(self, module, likelihood, x):
        seen = module.seen(module.prepare(self._complete(x)))
        return self._seen_loss(module, likelihood, seen)

    def _shares(self, module, likelihood, x):
        x = self._complete(x)
        start = self._complete(torch.full_like(x, torch.nan))
        shares = path_shares(
            lambda seen: self._seen_loss(module, likelihood, seen),
            module.seen(module.prepare(start)),
            module.seen(module.prepare(x)),
        )
        return self._by_feature(shares, self._features_seen(module.inputs))

    def _complete(self, x):
        return torch.where(x.isnan(), torch.from_numpy(self._median_row).to(x), x)


def _centre(values, weight, is_code):
    there = ~np.isnan(values)
    values, weight = values[there], weight[there]
    if not len(values):
        return 0.0
    if is_code:
        return np.bincount(values.astype(int), weight).argmax()
    return np.quantile(values, 0.5, weights=weight, method="inverted_cdf")
