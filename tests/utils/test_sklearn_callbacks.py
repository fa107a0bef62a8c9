"""scikit-learn's callbacks, where it has any."""

import subprocess
import sys
import textwrap

import pytest

from skae.utils import CallbackSupportMixin, with_callbacks

WITHOUT_CALLBACKS = """
    import sys
    import numpy as np, sklearn.preprocessing, sklearn.utils.extmath, skorch
    from sklearn.base import clone
    sys.modules["sklearn.callback"] = None  # as in scikit-learn < 1.9
    from skae import AutoEncoder
    X = np.random.default_rng(0).normal(size=(40, 3))
    model = clone(AutoEncoder(1, max_epochs=1, contamination=0.1)).fit(X)
    assert model.n_iter_ == 1
    assert not hasattr(model, "set_callbacks")
"""


def test_estimators_work_with_a_scikit_learn_that_has_no_callbacks():
    code = textwrap.dedent(WITHOUT_CALLBACKS)
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


def test_the_protocol_of_scikit_learn_is_used_where_there_is_one():
    protocol = pytest.importorskip("sklearn.callback")
    assert CallbackSupportMixin is protocol.CallbackSupportMixin
    assert with_callbacks is protocol.with_callbacks
