"""What training minimises."""

from skae.objectives._base import Batch, Objective, Phase
from skae.objectives._masked import MaskedReconstruction
from skae.objectives._memory import MemoryReconstruction
from skae.objectives._one_class import OneClass, squared_radius
from skae.objectives._reconstruction import Reconstruction
from skae.objectives._robust import RobustReconstruction

__all__ = [
    "Batch",
    "MaskedReconstruction",
    "MemoryReconstruction",
    "Objective",
    "OneClass",
    "Phase",
    "Reconstruction",
    "RobustReconstruction",
    "squared_radius",
]
