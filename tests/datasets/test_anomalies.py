"""The embedded table and its split."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from skae.datasets import load_digit_anomalies, one_class_split


def test_an_anomaly_is_a_zero():
    table, source = load_digit_anomalies(), load_digits()
    np.testing.assert_array_equal(table.target == 1, source.target == 0)
    assert table.target_names[1] == "zero"


def test_the_table_is_ready_to_learn_from():
    table = load_digit_anomalies()
    assert table.data.shape == (1797, 64)
    assert np.isfinite(table.data.to_numpy(np.float64)).all()
    assert "handwritten digits" in table.DESCR


@pytest.mark.parametrize("n_normal", [0, 1, 2, 7, 100])
@pytest.mark.parametrize("n_anomalies", [0, 1, 9])
def test_half_of_the_normal_rows_train(n_normal, n_anomalies):
    target = np.random.default_rng(0).permutation(np.repeat([0, 1], [n_normal, n_anomalies]))
    train, test = one_class_split(target, random_state=0)
    assert not target[train].any()
    assert len(train) == round(n_normal / 2)
    np.testing.assert_array_equal(np.sort(np.r_[train, test]), np.arange(len(target)))


def test_the_seed_decides_which_half():
    target = np.zeros(50)
    splits = [one_class_split(target, random_state=seed)[0] for seed in (0, 0, 1)]
    np.testing.assert_array_equal(splits[0], splits[1])
    assert not np.array_equal(splits[0], splits[2])
