"""Which of two values means an anomaly."""

import pandas as pd
import pytest

from skae.cli._labels import anomaly_labels


@pytest.mark.parametrize(
    ("values", "anomaly"),
    [
        (["0", "1", "1"], "1"),  # 1 beside 0, however frequent
        ([0.0, 1.0, 1.0], "1"),
        ([False, True, True], "true"),
        (["no", "Yes", "yes "], "yes"),
        (["0", "3", "3"], "3"),
        (["ok", "anomaly", "anomaly"], "anomaly"),
        (["normal", "attack", "attack"], "attack"),
        ([1, -1, -1], "-1"),  # scikit-learn's signs
        ([1, 2, 2], "1"),  # no meaning known: the rarer
        (["benign", "malignant", "benign"], "malignant"),
    ],
)
def test_which_label_means_anomaly(values, anomaly):
    is_anomaly, meaning = anomaly_labels(pd.Series(values, name="y"), "table")
    assert meaning == anomaly
    texts = [str(value).strip().lower().removesuffix(".0") for value in values]
    assert is_anomaly.tolist() == [text == anomaly for text in texts]
