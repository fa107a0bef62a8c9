"""The one training loop of the project, and inference beside it."""

from skae.training._batches import (
    InMemoryRows,
    RowSource,
    StreamedRows,
    UnpairedRows,
    scaled_rows,
    training_rows,
)
from skae.training._callbacks import clone_callbacks, sklearn_callbacks
from skae.training._devices import make_generator, resolve_device
from skae.training._inference import map_rows
from skae.training._net import AutoEncoderNet, TrainingData
from skae.training._schedules import LinearDecay, WarmUp, annealing
from skae.training._stopping import BestWeights
from skae.training._table import (
    ArrayTable,
    EncodedRows,
    FitTable,
    StreamTable,
    as_float32,
    fit_encoder,
)
from skae.training._updates import OPTIMIZERS

__all__ = [
    "OPTIMIZERS",
    "ArrayTable",
    "AutoEncoderNet",
    "BestWeights",
    "EncodedRows",
    "FitTable",
    "InMemoryRows",
    "LinearDecay",
    "RowSource",
    "StreamTable",
    "StreamedRows",
    "TrainingData",
    "UnpairedRows",
    "WarmUp",
    "annealing",
    "as_float32",
    "clone_callbacks",
    "fit_encoder",
    "make_generator",
    "map_rows",
    "resolve_device",
    "scaled_rows",
    "sklearn_callbacks",
    "training_rows",
]
