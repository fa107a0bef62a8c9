"""What every other part may use: optional imports, frames, schemas, prefetching, progress."""

from skae.utils._frames import (
    as_pandas,
    fill_cells,
    frame_library,
    frame_like,
    in_library,
    inferred_frame,
    with_values,
)
from skae.utils._optional import import_optional
from skae.utils._parameters import parameters_of
from skae.utils._prefetch import prefetched
from skae.utils._progress import progress
from skae.utils._random import drawn_seed, seeded
from skae.utils._schema import KINDS, Column, TableSchema
from skae.utils._sklearn_callbacks import CallbackSupportMixin, with_callbacks
from skae.utils._validation import (
    FLOAT_TYPES,
    check_count,
    check_numbers,
    check_weight,
    did_you_mean,
)

__all__ = [
    "FLOAT_TYPES",
    "KINDS",
    "CallbackSupportMixin",
    "Column",
    "TableSchema",
    "as_pandas",
    "check_count",
    "check_numbers",
    "check_weight",
    "did_you_mean",
    "drawn_seed",
    "fill_cells",
    "frame_library",
    "frame_like",
    "import_optional",
    "in_library",
    "inferred_frame",
    "parameters_of",
    "prefetched",
    "progress",
    "seeded",
    "with_callbacks",
    "with_values",
]
