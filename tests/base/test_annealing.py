"""Epochs that follow from the number of rows."""

import pytest
import torch

from skae import AutoEncoder, AutoEncoderDetector, MaskedAE
from skae.objectives import Batch
from skae.training._batches import split_batch

ESTIMATORS = [
    AutoEncoder(),
    AutoEncoder(2, neighborhood_weight=1.0),
    AutoEncoderDetector(),
    MaskedAE(),
]


def _n_steps(estimator, n_rows):
    rows = torch.empty(n_rows, 1)
    batches = split_batch(Batch(rows, rows, None), estimator._rows_per_step(n_rows))
    return estimator._n_epochs(n_rows) * len(list(batches))


@pytest.mark.parametrize("n_rows", [1000, 1023, 1025, 1279, 2047, 2049, 3071, 4095])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_auto_epochs_are_about_so_many_steps(estimator, n_rows):
    bounds = {estimator._fewest_epochs, estimator._most_epochs}
    n_steps = _n_steps(estimator, n_rows)
    assert n_steps == pytest.approx(estimator._n_steps, rel=0.04) or (
        estimator._n_epochs(n_rows) in bounds
    )


def test_just_under_a_multiple_of_the_batch_a_map_has_no_more_steps():
    ae = AutoEncoder(2, neighborhood_weight=1.0)
    assert _n_steps(ae, 1023) == _n_steps(ae, 1024) == ae._n_steps
