"""Numbers to report: NumPy in, number out."""

from skae.metrics._thresholds import contamination_threshold, false_alarm_threshold

__all__ = ["contamination_threshold", "false_alarm_threshold"]
