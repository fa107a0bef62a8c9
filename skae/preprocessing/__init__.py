"""A table of numbers to what a network likes to see, and back."""

from skae.preprocessing._principal_axes import PrincipalAxes, principal_axes
from skae.preprocessing._scaling import SCALER_NAMES, TableScaler

__all__ = ["SCALER_NAMES", "PrincipalAxes", "TableScaler", "principal_axes"]
