"""The scaler: scikit-learn's statistics, weights, constant columns, finite and invertible."""

import numpy as np
import pytest
from sklearn.preprocessing import MinMaxScaler, QuantileTransformer, StandardScaler

from skae.preprocessing import SCALER_NAMES, TableScaler, _scaling

METHODS = [*sorted(SCALER_NAMES), None]
STATISTICS = sorted(SCALER_NAMES)
AFFINE = ["minmax", "standard"]
every_method = pytest.mark.parametrize("method", METHODS)
every_statistic = pytest.mark.parametrize("method", STATISTICS)


def _table(n=300, seed=0, dtype=np.float64):
    """Columns of very different units."""
    generator = np.random.default_rng(seed)
    columns = [
        generator.normal(size=n),
        generator.normal(1e4, 3.0, size=n),
        generator.exponential(1e-3, size=n),
        generator.integers(0, 5, size=n),
        generator.uniform(-1e6, 1e6, size=n),
    ]
    return np.column_stack(columns).astype(dtype)


def _weights(n=300, seed=1):
    return np.random.default_rng(seed).integers(0, 4, size=n)


# ---- agreement with scikit-learn ----


@pytest.mark.parametrize(
    ("method", "reference"), [("standard", StandardScaler()), ("minmax", MinMaxScaler())]
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_affine_scalers_are_scikit_learns(method, reference, dtype):
    X = _table(dtype=dtype) if dtype != np.int64 else (_table() * 10).astype(dtype)
    scaler, new = TableScaler(method).fit(X), X[::3] + X[1::3]
    expected = reference.fit(X.astype(np.float64)).transform(new.astype(np.float64))
    np.testing.assert_allclose(scaler.transform(new), expected, rtol=1e-5, atol=1e-5)


def test_the_quantile_scaler_is_scikit_learns_up_to_the_grid():
    X = _table(n=3000)[:, [0, 1, 2, 4]]
    reference = QuantileTransformer(n_quantiles=1000, output_distribution="normal").fit(X)
    ours, theirs = TableScaler("quantile").fit(X).transform(X), reference.transform(X)
    bulk = np.abs(theirs) < 2.5
    assert np.abs(ours - theirs)[bulk].max() < 0.05
    assert bulk.mean() > 0.95


def test_none_is_the_table_in_float32():
    X = _table()
    np.testing.assert_array_equal(TableScaler(None).fit(X).transform(X), X.astype(np.float32))


@every_statistic
def test_units_do_not_matter(method):
    X = _table()
    unit = np.array([2.0, 1e-3, 1e6, 10.0, 1e-9])
    scaled = TableScaler(method).fit(X).transform(X)
    np.testing.assert_allclose(
        TableScaler(method).fit(X * unit).transform(X * unit), scaled, rtol=1e-4, atol=1e-4
    )


@every_method
def test_larger_values_stay_larger(method):
    X = _table()
    scaled = TableScaler(method).fit(X).transform(np.sort(X, axis=0))
    assert (np.diff(scaled, axis=0) >= 0).all()
    assert (scaled[-1] > scaled[0]).all()


# ---- weights ----


@every_method
def test_integer_weights_are_repeated_rows(method):
    X, weight = _table(), _weights()
    weighted = TableScaler(method).fit(X, weight.astype(float))
    repeated = TableScaler(method).fit(np.repeat(X, weight, axis=0))
    new = _table(seed=2)
    np.testing.assert_allclose(
        weighted.transform(new), repeated.transform(new), rtol=1e-5, atol=1e-5
    )


@every_method
def test_a_row_of_weight_zero_is_no_row(method):
    X, weight = _table(), np.ones(300)
    X[[0, 150, 299]] *= 1000  # they would move means, extremes and quantiles
    X[:, 3] = np.where(np.arange(300) == 0, 77.0, 5.0)  # constant but for a row that does not count
    weight[[0, 150, 299]] = 0
    without = TableScaler(method).fit(X[weight > 0]).transform(X)
    np.testing.assert_allclose(TableScaler(method).fit(X, weight).transform(X), without, rtol=1e-6)


@every_statistic
@pytest.mark.parametrize("factor", [1e-3, 7.5])
def test_only_proportions_of_weights_count(method, factor):
    X, weight = _table(), _weights() + 0.5
    np.testing.assert_allclose(
        TableScaler(method).fit(X, factor * weight).transform(X),
        TableScaler(method).fit(X, weight).transform(X),
        rtol=1e-5,
        atol=1e-5,
    )


@every_statistic
def test_rows_that_count_are_found_in_a_sampled_table(method, monkeypatch):
    monkeypatch.setattr(_scaling, "QUANTILE_ROWS", 100)  # every third row
    X, weight = _table(), np.zeros(300)
    weight[1::3] = 1.0
    expected = TableScaler(method).fit(X[1::3]).transform(X)
    np.testing.assert_allclose(TableScaler(method).fit(X, weight).transform(X), expected, rtol=1e-5)


# ---- blocks ----


@every_method
@pytest.mark.parametrize("weighted", [False, True])
def test_reading_by_blocks_changes_nothing(method, weighted, monkeypatch):
    X, weight = _table(), _weights().astype(float) if weighted else None
    if weighted:
        weight[:64] = 0  # whole blocks that do not count
    whole = TableScaler(method).fit(X, weight).transform(X)
    monkeypatch.setattr(_scaling, "BLOCK_ROWS", 32)
    np.testing.assert_allclose(
        TableScaler(method).fit(X, weight).transform(X), whole, rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("method", AFFINE)
def test_the_statistics_follow_all_rows_seen(method):
    X = _table()
    X[100:] += 10 * X.std(axis=0)
    moving = TableScaler(method).fit(X[:100]).add(X[100:250]).add(X[250:]).finish()
    np.testing.assert_allclose(
        moving.transform(X), TableScaler(method).fit(X).transform(X), rtol=1e-5, atol=1e-5
    )


@every_method
def test_only_affine_statistics_can_move(method):
    assert TableScaler(method).can_move is (method in AFFINE)


# ---- the inverse ----


@every_method
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_inverse_returns_original_units(method, dtype):
    X = _table(dtype=dtype)
    scaler = TableScaler(method).fit(X)
    back = scaler.inverse_transform(scaler.transform(X))
    assert back.dtype == np.float64
    error = np.abs(back - X) / (np.abs(X.mean(axis=0)) * (method is None) + X.std(axis=0))
    assert error.max() < (0.02 if method == "quantile" else 1e-5)


@pytest.mark.parametrize("method", AFFINE)
def test_offset_and_scale_are_the_map(method):
    X = _table()
    scaler = TableScaler(method).fit(X)
    expected = (X - scaler.offset_) / scaler.scale_
    np.testing.assert_allclose(scaler.transform(X), expected, rtol=1e-6, atol=1e-6)


# ---- constant columns ----

_GENERATOR = np.random.default_rng(5)
CONSTANTS = {
    "zero": np.zeros(300),
    "a third": np.full(300, 1 / 3),
    "a tenth": np.full(300, 0.1),
    "minus seven": np.full(300, -7.0),
    "large": np.full(300, 1e9),
    "float32": np.full(300, 0.1, dtype=np.float32),
    "small": np.full(300, 1e-30),
    "rounded tenth": np.nextafter(0.1, _GENERATOR.integers(0, 2, 300)),
    "rounded large": 1e9 + _GENERATOR.integers(-1, 2, 300) * np.spacing(1e9),
    "rounded sum": np.full(300, 0.3) + np.where(np.arange(300) % 2, 0.1 + 0.2 - 0.3, 0.0),
}


def _with_constant(name):
    constant = CONSTANTS[name]
    return np.column_stack([_table().astype(constant.dtype)[:, 0], constant])


@every_statistic
@pytest.mark.parametrize("name", CONSTANTS)
def test_a_constant_column_is_known_as_one_but_for_rounding_noise(method, name):
    X = _with_constant(name)
    scaler = TableScaler(method).fit(X)
    assert scaler.constant_.tolist() == [False, True]
    np.testing.assert_allclose(scaler.transform(X)[:, 1], 0, atol=1e-6)


@every_statistic
@pytest.mark.parametrize("name", CONSTANTS)
def test_a_change_of_a_constant_column_counts_in_original_units_up_to_three(method, name):
    X = _with_constant(name)
    scaler = TableScaler(method).fit(X)
    changes = np.array([0.0, 0.5, -2.0, 1e3, -1e12])
    changed = np.column_stack([np.zeros(5), np.float64(X[0, 1]) + changes])
    np.testing.assert_allclose(
        scaler.transform(changed)[:, 1], changes.clip(-3, 3), rtol=1e-5, atol=1e-5
    )


@every_statistic
@pytest.mark.parametrize("name", CONSTANTS)
def test_a_constant_column_comes_back(method, name):
    X = _with_constant(name)
    scaler = TableScaler(method).fit(X)
    back = scaler.inverse_transform(scaler.transform(X))
    np.testing.assert_allclose(back[:, 1], X[:, 1], rtol=1e-6, atol=1e-12)


@every_statistic
@pytest.mark.parametrize("spread", [1e-12, 1e-3, 1e12])
def test_a_column_that_varies_is_not_constant_whatever_its_unit(method, spread):
    X = _table()[:, :1] * spread
    scaler = TableScaler(method).fit(X)
    assert not scaler.constant_.any()
    assert scaler.transform(X).std() > 0.1


@every_statistic
def test_a_small_variation_on_a_large_offset_keeps_its_digits(method):
    X = 1e6 + _table()[:, :1]
    expected = TableScaler(method).fit(_table()[:, :1]).transform(_table()[:, :1])
    np.testing.assert_allclose(TableScaler(method).fit(X).transform(X), expected, atol=1e-3)


@every_method
@pytest.mark.parametrize("n", [1, 2])
def test_one_or_two_rows_do(method, n):
    X = _table()[:n]
    scaler = TableScaler(method).fit(X)
    assert np.isfinite(scaler.transform(_table())).all()
    np.testing.assert_allclose(scaler.inverse_transform(scaler.transform(X)), X, rtol=1e-5)


# ---- any finite number ----


@every_method
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("largest", [1e6, 1e14, 1e30, 1e150, np.inf])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy reports the overflow that is caught
def test_squares_of_scaled_values_are_finite_or_the_column_is_refused(method, dtype, largest):
    limits = np.finfo(dtype)
    X = _table(dtype=dtype)
    X[0, 2] = min(largest, limits.max / 4)
    extreme = np.array([limits.max, -limits.max, limits.tiny, 0, 1e30], dtype=dtype)
    try:
        scaler = TableScaler(method).fit(X)
    except ValueError as error:
        assert largest > 1e15
        assert "olumn 2" in str(error)  # noqa: PT017 - one of two outcomes
    else:
        scaled = scaler.transform(np.repeat(extreme[:, None], 5, axis=1))
        assert np.isfinite(scaled**2).all()


@every_method
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.int8, bool])
def test_the_result_is_float32_and_the_table_left_alone(method, dtype):
    X = (_table() % 3).astype(dtype)
    before = X.copy()
    X.flags.writeable = False
    scaled = TableScaler(method).fit(X).transform(np.asfortranarray(X))
    assert scaled.dtype == np.float32
    np.testing.assert_array_equal(X, before)


@every_method
def test_a_row_is_scaled_alone_as_among_others(method):
    X = _table()
    scaler = TableScaler(method).fit(X)
    np.testing.assert_array_equal(scaler.transform(X[7:8]), scaler.transform(X)[7:8])


@every_method
def test_the_result_is_float64_where_that_is_asked_for(method):
    X = _table()
    scaler = TableScaler(method).fit(X)
    precise, short = scaler.transform(X, np.float64), scaler.transform(X)
    assert precise.dtype == np.float64
    np.testing.assert_allclose(short, precise, rtol=1e-6, atol=1e-6)
    if method != "quantile":
        np.testing.assert_allclose(scaler.inverse_transform(precise), X, rtol=1e-12)


# ---- missing values ----


def _holed(seed=1, share=0.2):
    X = _table()
    return np.where(np.random.default_rng(seed).random(X.shape) < share, np.nan, X)


@every_method
@pytest.mark.parametrize("weighted", [False, True])
def test_each_column_is_scaled_as_if_its_missing_rows_were_not_there(method, weighted):
    X, weight = _holed(), _weights() + 0.5 if weighted else None
    scaled = TableScaler(method).fit(X, weight).transform(X)
    for column, values in enumerate(X.T):
        present = ~np.isnan(values)
        alone = TableScaler(method).fit(
            values[present, None], None if weight is None else weight[present]
        )
        np.testing.assert_allclose(
            scaled[present, column],
            alone.transform(values[present, None])[:, 0],
            rtol=1e-5,
            atol=1e-5,
        )


@every_method
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_what_is_missing_stays_missing_there_and_back(method, dtype):
    X = _holed()
    scaler = TableScaler(method).fit(_table())
    scaled = scaler.transform(X, dtype)
    np.testing.assert_array_equal(np.isnan(scaled), np.isnan(X))
    np.testing.assert_array_equal(np.isnan(scaler.inverse_transform(scaled)), np.isnan(X))
    np.testing.assert_array_equal(
        scaled, np.where(np.isnan(X), np.nan, scaler.transform(_table(), dtype))
    )


@every_method
def test_a_missing_cell_of_a_constant_column_is_missing_and_the_column_constant(method):
    X = np.full((20, 2), 7.0)
    X[::3, 1] = np.nan
    scaler = TableScaler(method).fit(X)
    assert scaler.constant_.all()
    scaled = scaler.transform(X)
    np.testing.assert_array_equal(np.isnan(scaled), np.isnan(X))
    np.testing.assert_allclose(scaler.inverse_transform(scaled), X)


@every_method
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("empty", [slice(0, 100), slice(100, 200), slice(200, 300), slice(1, 300)])
def test_blocks_without_a_value_of_a_column_change_nothing(method, weighted, empty, monkeypatch):
    X, weight = _table(), _weights() + 0.5 if weighted else None
    X[empty, 2] = np.nan
    whole = TableScaler(method).fit(X, weight)
    monkeypatch.setattr(_scaling, "BLOCK_ROWS", 20)
    by_blocks = TableScaler(method).fit(X, weight)
    np.testing.assert_array_equal(by_blocks.constant_, whole.constant_)
    assert whole.constant_.tolist() == [False, False, empty == slice(1, 300), False, False]
    np.testing.assert_allclose(by_blocks.transform(X), whole.transform(X), rtol=1e-5, atol=1e-5)


@every_method
def test_adding_chunks_and_finishing_is_fit(method):
    X, weight = _holed(), _weights() + 0.5
    scaler = TableScaler(method)
    for rows in (slice(0, 1), slice(1, 130), slice(130, 300)):
        scaler.add(X[rows], weight[rows])
    np.testing.assert_allclose(
        scaler.finish().transform(X),
        TableScaler(method).fit(X, weight).transform(X),
        rtol=1e-5,
        atol=1e-5,
    )


@every_method
def test_fit_forgets_what_it_knew(method):
    X = _holed()
    again = TableScaler(method).fit(1000 * X + 5).fit(X)
    np.testing.assert_array_equal(again.transform(X), TableScaler(method).fit(X).transform(X))


@every_method
@pytest.mark.parametrize(("names", "called"), [(None, "olumn 2"), (list("abcde"), "olumn 'c'")])
def test_a_column_without_a_value_is_named(method, names, called):
    X = _table()
    X[:, 2] = np.nan
    with pytest.raises(ValueError, match=f"{called} has no value at all"):
        TableScaler(method, names).fit(X)


# ---- what errors call a column ----


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy reports the overflow that is caught
@pytest.mark.parametrize("method", [*AFFINE, None])
def test_a_column_that_is_too_large_is_called_by_its_name(method):
    X = _table()
    X[:, 3] = np.where(np.arange(300) % 2, 1.5e308, -1.5e308)
    with pytest.raises(ValueError, match="olumn 'Amount due'"):
        TableScaler(method, ["a", "b", "c", "Amount due", "e"]).fit(X)


def test_a_column_that_loses_digits_is_called_by_its_name():
    X = _table()
    X[:, 0] += 1e6
    with pytest.warns(UserWarning, match="olumn 'Amount' has values up to"):
        TableScaler(None, ["Amount", "b", "c", "d", "e"]).fit(X)


# ---- the sample of the quantiles ----


@pytest.mark.parametrize("n_chunks", [1, 7, 60])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_sample_is_of_evenly_spaced_rows_whatever_the_chunks(n_chunks, weighted, monkeypatch):
    monkeypatch.setattr(_scaling, "QUANTILE_ROWS", 50)
    sample = _scaling._RowSample()
    X, weight = np.arange(3000.0)[:, None], np.arange(3000) + 0.5
    for rows in np.array_split(np.arange(3000), n_chunks):
        sample.partial_fit(X[rows], weight[rows] if weighted else None)
    rows, kept_weight = sample.rows()
    assert 50 <= len(rows) <= 100
    assert set(np.diff(rows[:, 0])) == {rows[1, 0]}
    assert rows[0, 0] == 0
    np.testing.assert_array_equal(kept_weight, rows[:, 0] + 0.5 if weighted else np.ones(len(rows)))


def test_quantiles_of_a_sample_are_close_to_those_of_all(monkeypatch):
    X = np.random.default_rng(0).exponential(size=(20_000, 2))
    X[::5, 1] = np.nan
    everything = TableScaler("quantile").fit(X).transform(X)
    monkeypatch.setattr(_scaling, "QUANTILE_ROWS", 3000)
    sampled = TableScaler("quantile").fit(X).transform(X)
    bulk = np.abs(everything) < 1.5
    assert np.abs(sampled - everything)[bulk].max() < 0.15


def test_a_column_that_the_sample_misses_is_named(monkeypatch):
    monkeypatch.setattr(_scaling, "QUANTILE_ROWS", 20)
    X = np.full((300, 2), np.nan)
    X[:, 0] = _table()[:, 0]
    X[1, 1] = 3.0
    with pytest.raises(ValueError, match=r"olumn 'rare' has no value in .*scaler='standard'"):
        TableScaler("quantile", ["often", "rare"]).fit(X)
