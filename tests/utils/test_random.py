"""Seeds drawn from scikit-learn's random states."""

import numpy as np

from skae.utils import drawn_seed


def test_a_number_gives_one_seed_a_state_moves_on():
    state = np.random.RandomState(0)
    first, second = drawn_seed(state), drawn_seed(state)
    assert first == drawn_seed(0) != second
