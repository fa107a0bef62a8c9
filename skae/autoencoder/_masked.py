"""The masked auto-encoder."""

from functools import partial
from numbers import Real

import numpy as np
import torch
from sklearn.utils._param_validation import Interval

from skae.base import ATTRIBUTES, AUTO_EPOCHS, DEFAULTS, AnnealedMixin, EncoderDecoder, documented
from skae.nn import GaussianFill, hide
from skae.objectives import Batch, MaskedReconstruction
from skae.preprocessing import gaussian_of_holed_rows
from skae.training import make_generator
from skae.utils import parameters_of

MASKED_DEFAULTS = {
    **DEFAULTS,
    "activation": "silu",
    "lr": 1e-2,
    "batch_size": 256,
    "max_epochs": "auto",
    "tol": 1e-4,
}
# Steps of a fit under max_epochs="auto", and its bounds.
N_STEPS, FEWEST_EPOCHS, MOST_EPOCHS = 400, 25, 300
AUTO = {
    "n_components": "as many as the table has",
    "hidden_layer_sizes": """one layer of twice as many units as features, but
        at least 32 and at most 128""",
    "max_epochs": f"""
        "auto" is {N_STEPS} steps, but {FEWEST_EPOCHS} to {MOST_EPOCHS} epochs.""",
}
# Hidings of the held-out rows that judge an epoch: two of few rows, one of many.
FEW_HELD_OUT_ROWS = 1000
# Wider tables start from zeros in the place of missing cells: a fill multiplies by a square of
# this many columns.
WIDEST_FILL = 512
# Cells are scored in so many groups, each hidden in turn.
N_GROUPS = 5
_VALID_HIDING = 3  # a stream of random numbers beside those of the base


class MaskedAE(AnnealedMixin, EncoderDecoder):
    __doc__ = f"""Masked auto-encoder: learns to predict cells from the rest of their row.

    While training, random cells are hidden from the encoder, others in every epoch, and the decoder
    has to predict them: masked modelling as in BERT, with the columns of a table in the place of
    words. It is the best of the estimators at filling missing cells (`impute`), whichever they are.

    The encoder sees a missing or hidden cell as a normal distribution, fitted to the holed rows by
    expectation maximisation, expects it from the others, and a mask that says so. With
    ``init="pca"`` the network starts as the PCA of rows completed so: at epoch 0, with as many
    components as columns, it predicts numbers as the normal distribution does. Above {WIDEST_FILL}
    columns, and with ``init="random"``, missing cells are the mean.

    A row is scored by predicting each cell from the rest of the row: the columns are hidden in
    {N_GROUPS} groups, one after the other. So a wide code does not let everything pass. The
    learning rate rises for a tenth of the epochs and falls to zero until the last, unless
    `callbacks` has an LRScheduler.

    Parameters
    ----------
    mask_ratio : float, default=0.2
        Share of the cells that are hidden; with 0 it is a plain auto-encoder with masks.
    visible_weight : float, default=0.1
        Weight in the loss of a cell that is not hidden, beside 1 for those that are.
    {documented(MASKED_DEFAULTS, auto=AUTO)}

    Attributes
    ----------
    {ATTRIBUTES}

    See Also
    --------
    DenoisingAE : Undoes noise; usually the better detector.
    sklearn.impute.IterativeImputer : Fills numbers by linear regressions in turn.

    References
    ----------
    Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for Language
    Understanding", NAACL 2019; Du, Melis & Wang, "ReMasker: Imputing Tabular Data with Masked
    Autoencoding", ICLR 2024.

    Examples
    --------
    >>> import numpy as np
    >>> from skae import MaskedAE
    >>> X = np.random.default_rng(0).normal(size=(300, 1)) @ np.ones((1, 3))
    >>> X[0, 1] = np.nan
    >>> filled = MaskedAE(random_state=0, max_epochs=20, contamination=0.1).fit(X).impute(X)
    >>> bool(abs(filled[0, 1] - X[0, 0]) < 0.1)
    True
    """

    _parameter_constraints: dict = {
        **EncoderDecoder._parameter_constraints,
        **AUTO_EPOCHS,
        "mask_ratio": [Interval(Real, 0, 1, closed="left")],
        "visible_weight": [Interval(Real, 0, 1, closed="both")],
    }

    @parameters_of(EncoderDecoder, MASKED_DEFAULTS)
    def __init__(self, n_components="auto", *, mask_ratio=0.2, visible_weight=0.1, **inherited):
        super().__init__(n_components, **inherited)
        self.mask_ratio = mask_ratio
        self.visible_weight = visible_weight

    _hides_cells = True
    _n_steps, _fewest_epochs, _most_epochs = N_STEPS, FEWEST_EPOCHS, MOST_EPOCHS

    # ---- the network as it starts ----

    def _default_n_components(self, n_in, inputs):
        return self._encoder.schema_.n_features

    def _default_hidden_layer_sizes(self, n_in):
        return (int(np.clip(2 * self._encoder.schema_.n_features, 32, 128)),)

    def _set_start(self, module, rows, sample_weight):
        inputs = module.inputs
        if self.init == "pca" and inputs.n_values <= WIDEST_FILL:
            moments = gaussian_of_holed_rows(
                rows.X, partial(self._start_values, inputs, rows), sample_weight
            )
            inputs.fill = GaussianFill(*moments).to(inputs.scale.device)
        super()._set_start(module, rows, sample_weight)

    # ---- training ----

    def _objective(self):
        return MaskedReconstruction(self._likelihood, self.visible_weight)

    def _corruption(self):
        return partial(hide, level=self.mask_ratio) if self.mask_ratio else None

    def _valid_batch(self, values, weight):
        n_hidings = 2 if len(values) < FEW_HELD_OUT_ROWS else 1
        values = values.repeat(n_hidings, 1)
        weight = None if weight is None else weight.repeat(n_hidings)
        generator = make_generator(values.device, self._seed, _VALID_HIDING)
        hidden = hide(values, self.mask_ratio, generator)
        return Batch(self.module_.prepare(hidden), values, weight)

    # ---- scores ----

    def _predictions(self, module, x):
        """Yield groups of columns, and the network's output where they are hidden.

        A group is a slice of the columns of the table and a mask over those of an encoded row.
        """
        schema = self._encoder.schema_
        features = torch.from_numpy(schema.encoded_features).to(x.device)
        for group in range(min(N_GROUPS, schema.n_features)):
            hidden = features % N_GROUPS == group
            output = module(module.prepare(x.masked_fill(hidden, torch.nan)))
            yield slice(group, None, N_GROUPS), hidden, output

    def _shares(self, module, likelihood, x):
        """Loss of each cell as predicted from the other groups of columns."""
        shares = x.new_zeros(len(x), self._encoder.schema_.n_features)
        for columns, _, output in self._predictions(module, x):
            shares[:, columns] = likelihood.shares(output, x)[:, columns]
        return shares

    def _row_loss(self, module, likelihood, x):
        return self._shares(module, likelihood, x).sum(dim=1)

    def _expected_values(self, module, likelihood, x):
        """Each cell as predicted from the other groups of columns."""
        expected = torch.empty_like(x)
        for _, hidden, output in self._predictions(module, x):
            expected[:, hidden] = likelihood.mean(output)[:, hidden]
        return expected
