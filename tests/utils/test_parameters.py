"""Inherited parameters: the signature lists them, the base gets them."""

from inspect import signature

import pytest
from sklearn.base import BaseEstimator, clone

from skae.utils import parameters_of


class Base(BaseEstimator):
    def __init__(self, size=1, *, rate=0.1, mode="a"):
        self.size, self.rate, self.mode = size, rate, mode


class Extended(Base):
    @parameters_of(Base, {"rate": 0.5})
    def __init__(self, size=1, *, weight=2.0, **inherited):
        super().__init__(size, **inherited)
        self.weight = weight


class Reduced(BaseEstimator):
    @parameters_of(Base, without=["mode"])
    def __init__(self, size=1, **inherited):
        self.size = size
        vars(self).update(inherited)


class Further(Extended):
    @parameters_of(Extended, {"weight": 3.0})
    def __init__(self, size=1, **inherited):
        super().__init__(size, **inherited)


def test_all_parameters_are_in_the_signature_own_ones_first():
    assert list(signature(Extended).parameters) == ["size", "weight", "rate", "mode"]
    assert list(signature(Reduced).parameters) == ["size", "rate"]


def test_changed_defaults_reach_the_attributes_of_all_generations():
    assert Extended().get_params() == {"size": 1, "weight": 2.0, "rate": 0.5, "mode": "a"}
    assert Further().get_params() == {"size": 1, "weight": 3.0, "rate": 0.5, "mode": "a"}


def test_given_values_win_and_survive_a_clone():
    given = {"size": 2, "weight": 0.0, "rate": 0.25, "mode": "b"}
    assert clone(Further(**given)).get_params() == given


@pytest.mark.parametrize("arguments", [{"unknown": 1}, {"mode": "a"}])
def test_what_is_no_parameter_is_refused_by_name(arguments):
    with pytest.raises(TypeError, match=next(iter(arguments))):
        Reduced(**arguments)
