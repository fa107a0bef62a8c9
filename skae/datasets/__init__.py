"""Tables to try things on, and the ways to split them (no torch here)."""

from skae.datasets._anomalies import load_digit_anomalies, one_class_split

__all__ = ["load_digit_anomalies", "one_class_split"]
