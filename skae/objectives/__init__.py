"""What training minimises."""

from skae.objectives._adversarial import Discriminated
from skae.objectives._aggregate import (
    AdversarialReconstruction,
    DiscrepantVariational,
    WassersteinReconstruction,
)
from skae.objectives._base import Batch, Objective, Phase
from skae.objectives._classification import ConsistentClassification
from skae.objectives._code_terms import AbsoluteCodes, Contraction, RareCodes, SmoothDecoder
from skae.objectives._cycle import CycleConsistency, RowHistory
from skae.objectives._divergences import normal_discrepancy, row_shares, total_correlation
from skae.objectives._inferred_prior import InferredPrior
from skae.objectives._log_density import NegativeLogDensity
from skae.objectives._masked import MaskedReconstruction
from skae.objectives._members import MembersReconstruction, member_losses
from skae.objectives._memory import MemoryReconstruction
from skae.objectives._mixture import N_ERRORS, MixtureReconstruction, latent
from skae.objectives._neighborhood import NeighborhoodReconstruction, row_affinities, strain
from skae.objectives._one_class import OneClass, squared_radius
from skae.objectives._quantized import QuantizedReconstruction, TokenLikelihood
from skae.objectives._reconstruction import Reconstruction
from skae.objectives._robust import RobustReconstruction
from skae.objectives._total_correlation import DiscriminatedCorrelation, TotalCorrelation
from skae.objectives._variational import (
    ImportanceWeighted,
    Variational,
    expected_losses,
    log_mean_exp,
    log_weights,
)

__all__ = [
    "N_ERRORS",
    "AbsoluteCodes",
    "AdversarialReconstruction",
    "Batch",
    "ConsistentClassification",
    "Contraction",
    "CycleConsistency",
    "DiscrepantVariational",
    "Discriminated",
    "DiscriminatedCorrelation",
    "ImportanceWeighted",
    "InferredPrior",
    "MaskedReconstruction",
    "MembersReconstruction",
    "MemoryReconstruction",
    "MixtureReconstruction",
    "NegativeLogDensity",
    "NeighborhoodReconstruction",
    "Objective",
    "OneClass",
    "Phase",
    "QuantizedReconstruction",
    "RareCodes",
    "Reconstruction",
    "RobustReconstruction",
    "RowHistory",
    "SmoothDecoder",
    "TokenLikelihood",
    "TotalCorrelation",
    "Variational",
    "WassersteinReconstruction",
    "expected_losses",
    "latent",
    "log_mean_exp",
    "log_weights",
    "member_losses",
    "normal_discrepancy",
    "row_affinities",
    "row_shares",
    "squared_radius",
    "strain",
    "total_correlation",
]
