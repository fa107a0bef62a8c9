"""Numbers to report: NumPy in, number out."""

from skae.metrics._thresholds import (
    conformal_p_values,
    contamination_threshold,
    false_alarm_threshold,
)

__all__ = ["conformal_p_values", "contamination_threshold", "false_alarm_threshold"]
