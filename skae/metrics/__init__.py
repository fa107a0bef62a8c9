"""Numbers to report: NumPy in, number out."""

from typing import TYPE_CHECKING

from skae._lazy import lazy_names
from skae.metrics._thresholds import (
    conformal_p_values,
    contamination_threshold,
    false_alarm_threshold,
)

if TYPE_CHECKING:
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
    from skae.metrics._generation import (
        classifier_two_sample_test,
        copy_ratio,
        maximum_mean_discrepancy,
        train_on_synthetic_accuracy,
    )
    from skae.metrics._reconstruction import continuity, peak_signal_noise_ratio

__all__ = [
    "DCI",
    "beta_vae_score",
    "classifier_two_sample_test",
    "conformal_p_values",
    "contamination_threshold",
    "continuity",
    "copy_ratio",
    "dci",
    "explicitness",
    "factor_vae_score",
    "false_alarm_threshold",
    "interventional_robustness",
    "maximum_mean_discrepancy",
    "modularity",
    "mutual_information_gap",
    "peak_signal_noise_ratio",
    "sap_score",
    "train_on_synthetic_accuracy",
]
# Where those are at home that take trees and forests of scikit-learn: estimators need none of them.
_FILES = {
    "DCI": "_disentanglement",
    "beta_vae_score": "_disentanglement",
    "classifier_two_sample_test": "_generation",
    "continuity": "_reconstruction",
    "copy_ratio": "_generation",
    "dci": "_disentanglement",
    "explicitness": "_disentanglement",
    "factor_vae_score": "_disentanglement",
    "interventional_robustness": "_disentanglement",
    "maximum_mean_discrepancy": "_generation",
    "modularity": "_disentanglement",
    "mutual_information_gap": "_disentanglement",
    "peak_signal_noise_ratio": "_reconstruction",
    "sap_score": "_disentanglement",
    "train_on_synthetic_accuracy": "_generation",
}

__getattr__, __dir__ = lazy_names(__name__, _FILES)
