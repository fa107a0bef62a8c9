"""The robust auto-encoder."""

from numbers import Integral, Real

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions

from skae.base import ATTRIBUTES, DEFAULTS, EncoderDecoder, documented
from skae.nn import SparseSplit, SplitInput
from skae.objectives import Batch, RobustReconstruction
from skae.utils import as_pandas, fill_cells, frame_library, frame_like, parameters_of


class RobustAE(EncoderDecoder):
    __doc__ = f"""Robust deep auto-encoder: it learns from what is left when strange cells are out.

    A row `x` is split into :math:`l + s`, a part that the network `f` rebuilds and a sparse rest:

    .. math:: \\frac 1 d \\left(\\|l - f(l)\\|_2^2 + 2 \\lambda \\|s\\|\\right)

    is minimised over `f` and, for each row, over `s`; the norm is :math:`\\|s\\|_1` (equation 6 of
    the source: single cells are strange) or :math:`\\sqrt d\\, \\|s\\|_2` (equation 10: whole rows
    are). So gross errors among the training rows do not bend the network. The score of a row is
    minus the mean squared error of `x` beside :math:`f(l)`.

    The source alternates between training on all `l` and a proximal step for all `s`, which it
    remembers. Here each batch makes `n_proximal_steps` of these anew, from :math:`s = 0`, before
    each step of training: so `s` is a function of the row, of new rows and of streams too.

    Parameters
    ----------
    sparsity : {{"cells", "rows"}}, default="cells"
        The norm. Only numbers can be strange; other columns are rebuilt as they are.
    sparsity_weight : float, default=3.0
        :math:`\\lambda`, in scaled units: errors of rebuilding up to this size are no part of `s`.
        The larger, the more like an :class:`skae.AutoEncoder`; 0.1 to 3 score alike where the
        training rows are normal, 3 better where they are not.
    n_proximal_steps : int, default=5
        Steps for each `s`.
    {documented(DEFAULTS)}

    Attributes
    ----------
    {ATTRIBUTES}

    References
    ----------
    Zhou & Paffenroth, "Anomaly Detection with Robust Deep Autoencoders", KDD 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from skae import RobustAE
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 2)) @ rng.normal(size=(2, 6))
    >>> X[5, 3] += 20
    >>> ae = RobustAE(2, contamination=0.1, max_epochs=20, tol=0.05, random_state=0).fit(X)
    >>> L, S = ae.decompose(X)
    >>> np.unravel_index(np.abs(S).argmax(), S.shape) == (5, 3)
    True
    """

    _parameter_constraints: dict = {
        **EncoderDecoder._parameter_constraints,
        "sparsity": [StrOptions({"cells", "rows"})],
        "sparsity_weight": [Interval(Real, 0, None, closed="left")],
        "n_proximal_steps": [Interval(Integral, 1, None, closed="left")],
    }

    @parameters_of(EncoderDecoder)
    def __init__(
        self,
        n_components="auto",
        *,
        sparsity="cells",
        sparsity_weight=3.0,
        n_proximal_steps=5,
        **inherited,
    ):
        super().__init__(n_components, **inherited)
        self.sparsity = sparsity
        self.sparsity_weight = sparsity_weight
        self.n_proximal_steps = n_proximal_steps

    # ---- training ----

    def _objective(self):
        schema = self._encoder.schema_
        is_number = torch.zeros(schema.n_encoded, dtype=torch.bool)
        is_number[torch.from_numpy(schema.encoded_positions("numeric"))] = True
        split = SparseSplit(
            is_number, self.sparsity_weight, self.sparsity == "rows", self.n_proximal_steps
        )
        return RobustReconstruction(self._likelihood, split)

    def _training_data(self, table):
        # The objective prepares rows, once it has split them by the network of the step.
        return super()._training_data(table)._replace(prepare=None)

    def _valid_batch(self, values, weight):
        return Batch(values, values, weight)

    # ---- rows without their sparse part ----

    def _network(self, rows):
        module, likelihood = super()._network(rows)
        return SplitInput(module, likelihood.mean, self.net_.criterion_.split), likelihood

    def decompose(self, X):
        """Split rows into what the network rebuilds and a sparse rest, ``X = L + S``.

        Parameters
        ----------
        X : {DataFrame, array-like} of shape (n_samples, n_features)
            Rows in original units.

        Returns
        -------
        L : ndarray or DataFrame of shape (n_samples, n_features)
            A copy of `X`, of the same types (numbers of integer columns are rounded), without the
            sparse part. Missing cells stay missing.
        S : ndarray or DataFrame of float of shape (n_samples, n_features)
            The sparse part: ``X - L`` for numbers, 0 for all other cells and missing ones.
        """
        table = self._check_table(X)
        rows = table.encoded(self._encoder)
        network, _ = self._network(rows)
        schema = self._encoder.schema_
        encoded = self._map(rows, network.low, schema.n_encoded)
        original = rows.encode(rows.X)
        changed = (encoded != original) & ~np.isnan(original)
        low = fill_cells(
            X if frame_library(X) else table.values,
            self._table(np.nan_to_num(encoded), X, table.float_type),
            changed[:, schema.first_parts],
        )
        sparse = np.zeros((len(original), schema.n_features), dtype=table.float_type)
        for i in schema.encoded_features[schema.encoded_positions("numeric")]:
            sparse[:, i] = np.nan_to_num(_numbers(table.values, i) - _numbers(low, i))
        return low, frame_like(X, sparse, self._encoder.column_labels)


def _numbers(table, i):
    """A column of an array or a data frame as floats, NaN where it is missing."""
    table = as_pandas(table)
    if isinstance(table, np.ndarray):
        return table[:, i]
    return table.iloc[:, i].to_numpy(dtype=float, na_value=np.nan)
