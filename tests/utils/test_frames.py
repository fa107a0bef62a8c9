"""Data frames in, data frames out."""

import numpy as np
import pandas as pd
import pytest

from skae.utils import frame_like

SHAPES = [(1, 1), (1, 3), (3, 1), (3, 3), (2, 3), (5, 2)]


def _values(shape, order="C"):
    return np.asarray(np.arange(np.prod(shape), dtype=np.float32).reshape(shape), order=order)


@pytest.mark.parametrize("shape", SHAPES)
def test_pandas_keeps_the_index_and_takes_the_columns(shape):
    index = [f"row {i}" for i in range(shape[0])][::-1]
    columns = [f"column {j}" for j in range(shape[1])]
    frame = frame_like(pd.DataFrame({"other": index}, index=index), _values(shape), columns)
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.index) == index
    assert list(frame.columns) == columns
    assert set(frame.dtypes) == {np.dtype(np.float32)}
    np.testing.assert_array_equal(frame.to_numpy(), _values(shape))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", SHAPES)
def test_polars_keeps_rows_rows_and_columns_columns(shape, order):
    polars = pytest.importorskip("polars")
    columns = np.array([f"column {j}" for j in range(shape[1])], dtype=object)
    frame = frame_like(polars.DataFrame({"a": [0]}), _values(shape, order), columns)
    assert isinstance(frame, polars.DataFrame)
    assert frame.columns == list(columns)
    assert frame.dtypes == [polars.Float32] * shape[1]
    np.testing.assert_array_equal(frame.to_numpy(), _values(shape))


@pytest.mark.parametrize("like", [np.zeros((2, 3)), [[0.0]], pd.Series([1.0]), None])
def test_what_is_no_frame_gives_the_values_themselves(like):
    values = _values((2, 3))
    assert frame_like(like, values, list("abc")) is values
