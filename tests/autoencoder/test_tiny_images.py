"""Why it works: images of which only few patterns occur need far fewer numbers than pixels."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from skae import AutoEncoder

PIXELS = np.arange(9).reshape(3, 3)
LINES = [*PIXELS, *PIXELS.T, PIXELS.diagonal(), PIXELS[::-1].diagonal()]


@pytest.fixture
def images():
    """The eight lines of three pixels on a 3 x 3 grid, each 50 times."""
    return np.repeat([np.isin(PIXELS.ravel(), line) for line in LINES], 50, axis=0).astype(float)


def restored(model, images):
    return model.inverse_transform(model.fit_transform(images)).round()


def test_two_numbers_restore_every_pattern(images):
    model = AutoEncoder(2, scaler=None, random_state=0)
    np.testing.assert_array_equal(restored(model, images), images)


def test_two_linear_numbers_do_not(images):
    assert (restored(PCA(2), images) != images).any()
