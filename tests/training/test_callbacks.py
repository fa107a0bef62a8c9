"""Callbacks of the user's are copied, checked, and never changed."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from skorch.callbacks import Callback, EarlyStopping, EpochScoring

from skae.training import clone_callbacks, sklearn_callbacks


class Counting(Callback):
    def __init__(self, step=1):
        self.step = step


def test_no_callbacks_are_an_empty_list():
    assert clone_callbacks(None) == []
    assert clone_callbacks([]) == []


def test_instances_are_copied_with_their_parameters_and_without_their_state():
    original = Counting(step=3)
    original.state_ = "from an earlier fit"
    (copied,) = clone_callbacks([original])
    assert copied is not original
    assert type(copied) is Counting
    assert copied.step == 3
    assert not hasattr(copied, "state_")
    assert original.state_ == "from an earlier fit"


def test_classes_are_made_and_names_kept():
    made, named, named_class = clone_callbacks(
        [Counting, ("stop", EarlyStopping(patience=7)), ["count", Counting]]
    )
    assert isinstance(made, Counting)
    assert named[0] == "stop"
    assert named[1].patience == 7
    assert named_class[0] == "count"
    assert isinstance(named_class[1], Counting)


def test_a_tuple_of_callbacks_is_a_list_too():
    assert len(clone_callbacks((Counting(), EpochScoring(scoring=None)))) == 2


@pytest.mark.parametrize(
    "wrong", ["early_stopping", 3, None, print, dict, Callback.on_epoch_end, ("name", 3), ("a",)]
)
def test_what_is_no_callback_is_refused_by_its_value(wrong):
    with pytest.raises(TypeError, match="list of skorch callbacks") as caught:
        clone_callbacks([Counting(), wrong])
    value = wrong[1] if wrong == ("name", 3) else wrong
    assert f"Got {value!r}" in str(caught.value)


def test_an_estimator_without_callback_support_has_nothing_to_report_to():
    with sklearn_callbacks(BaseEstimator(), np.zeros((2, 1)), 5, dict) as callbacks:
        assert callbacks == []
