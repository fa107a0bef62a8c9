"""Numbers to report: NumPy in, number out."""

from skae.metrics._disentanglement import (
    DCI,
    beta_vae_score,
    dci,
    explicitness,
    factor_vae_score,
    interventional_robustness,
    modularity,
    mutual_information_gap,
    sap_score,
)
from skae.metrics._thresholds import (
    conformal_p_values,
    contamination_threshold,
    false_alarm_threshold,
)

__all__ = [
    "DCI",
    "beta_vae_score",
    "conformal_p_values",
    "contamination_threshold",
    "dci",
    "explicitness",
    "factor_vae_score",
    "false_alarm_threshold",
    "interventional_robustness",
    "modularity",
    "mutual_information_gap",
    "sap_score",
]
