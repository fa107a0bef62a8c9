"""A table to what a network likes to see, and back."""

from skae.preprocessing._columns import check_no_infinity, check_not_empty, chosen_columns
from skae.preprocessing._gaussian import gaussian_of_holed_rows
from skae.preprocessing._principal_axes import PrincipalAxes, principal_axes
from skae.preprocessing._scaling import SCALER_NAMES, TableScaler
from skae.preprocessing._table_encoder import MAX_CATEGORIES, MISSING_MARKS, TableEncoder
from skae.preprocessing._transport import AffineTransport, affine_transport

__all__ = [
    "MAX_CATEGORIES",
    "MISSING_MARKS",
    "SCALER_NAMES",
    "AffineTransport",
    "PrincipalAxes",
    "TableEncoder",
    "TableScaler",
    "affine_transport",
    "check_no_infinity",
    "check_not_empty",
    "chosen_columns",
    "gaussian_of_holed_rows",
    "principal_axes",
]
