"""Laws about tables: every kind of input that scikit-learn takes, and clear errors for the rest."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from tests.estimators import (
    DENSITIES,
    ESTIMATORS,
    INTEGER_CODES,
    QUIET,
    assert_same_bits,
    assert_same_cells,
    fit,
    having,
    having_lossless_codes,
    known,
    n_codes,
    outputs,
    partial_fit,
    quick,
    rows_of,
    score_of_nothing,
    scored_by_loss,
    table,
)

X = table()
SCALERS = ["standard", "minmax", "quantile", None]
ROW_METHODS = [
    "transform",
    "reconstruct",
    "score_samples",
    "feature_contributions",
    "decision_function",
    "predict",
]
all_estimators = pytest.mark.parametrize("Estimator", ESTIMATORS)
every_scaler = pytest.mark.parametrize("scaler", SCALERS)


@pytest.fixture(scope="module", params=ESTIMATORS)
def fitted(request):
    return fit(quick(request.param, n_components=2), X)


@pytest.fixture(scope="module", params=ESTIMATORS)
def fitted_on_each(request, X):
    return fit(quick(request.param, n_components=2), X)


# ---- kinds of arrays ----


def _read_only(X):
    X = X.copy()
    X.setflags(write=False)
    return X


def _every_other_row(X):
    twice = np.repeat(X, 2, axis=0)
    return twice[::2]


def _backwards(X):
    return np.ascontiguousarray(X[:, ::-1])[:, ::-1]


LAYOUTS = {
    "fortran": np.asfortranarray,
    "read-only": _read_only,
    "rows apart": _every_other_row,
    "columns backwards": _backwards,
    "list": lambda X: X.tolist(),
    "byte-swapped": lambda X: X.astype(X.dtype.newbyteorder()),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_layout_of_new_rows_changes_no_bit(fitted, layout):
    assert_same_bits(outputs(fitted, X), outputs(fitted, LAYOUTS[layout](X)))


@pytest.mark.parametrize("train", [fit, partial_fit])
@pytest.mark.parametrize("layout", LAYOUTS)
@all_estimators
def test_training_takes_every_layout(Estimator, layout, train):
    scores = train(quick(Estimator), X).score_samples(X)
    other = train(quick(Estimator), LAYOUTS[layout](X)).score_samples(X)
    # column sums of a Fortran array round otherwise, in the last bit of the scaler
    np.testing.assert_allclose(other, scores, rtol=1e-4, atol=1e-6)


@all_estimators
def test_the_table_is_left_as_it_was(Estimator, X):
    own, weight = X.copy(), np.ones(len(X))
    weight[::2] = 3.0
    kept_weight = weight.copy()
    estimator = fit(quick(Estimator), own, sample_weight=weight)
    partial_fit(estimator, own, sample_weight=weight)
    outputs(estimator, own)
    assert_same_cells(own, X)
    np.testing.assert_array_equal(weight, kept_weight)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@all_estimators
def test_float_types_are_kept(Estimator, dtype):
    rows = X.astype(dtype)
    estimator = fit(quick(Estimator), rows)
    codes = estimator.transform(rows)
    if Estimator.__name__ not in INTEGER_CODES:
        assert codes.dtype == dtype
        assert estimator.inverse_transform(codes).dtype == dtype
    assert estimator.reconstruct(rows).dtype == dtype
    assert estimator.score_samples(rows).dtype == np.float64
    assert estimator.decision_function(rows).dtype == np.float64


def test_the_float_type_asked_counts_and_not_that_of_fit(fitted):
    if type(fitted).__name__ in INTEGER_CODES:
        assert fitted.transform(X.astype(np.float32)).dtype == np.int64
        return
    assert fitted.transform(X.astype(np.float32)).dtype == np.float32
    assert fitted.transform(X.astype(int)).dtype == np.float64


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint8, bool])
@all_estimators
def test_integers_are_taken_as_the_same_floats(Estimator, dtype):
    rows = np.random.default_rng(0).integers(0, 2 if dtype is bool else 100, (60, 4)).astype(dtype)
    estimator = fit(quick(Estimator), rows)
    same = fit(quick(Estimator), rows.astype(float))
    assert_same_bits(outputs(estimator, rows), outputs(same, rows.astype(float)))


def test_an_absurd_cell_gives_a_low_finite_score(fitted):
    rows = X.copy()
    rows[0, 0], rows[1, 1], rows[2] = 1e300, -1e300, 1e300
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores, shares = fitted.score_samples(rows), fitted.feature_contributions(rows)
        predicted = fitted.predict(rows)
    assert np.isfinite(scores).all()
    assert np.isfinite(shares).all()
    assert (scores[:3] < scores[3:].min() * 1e6).all()
    assert (predicted[:3] == -1).all()


@every_scaler
@pytest.mark.parametrize("Estimator", having("scaler"))
def test_columns_of_tiny_huge_and_far_values_work(Estimator, scaler):
    unit = table(200, 4)
    unit = (unit - unit.mean(axis=0)) / unit.std(axis=0)
    if scaler is None:
        rows = unit
    else:
        rows = unit * [1e-12, 1.0, 1e12, 1e-2] + [0, 1e6, 0, 1e4]
    estimator = fit(quick(Estimator, scaler=scaler), rows)
    reference = fit(quick(Estimator, scaler=scaler), unit)
    scores, expected = estimator.score_samples(rows), reference.score_samples(unit)
    if Estimator.__name__ in DENSITIES:  # in other units
        scores, expected = scores - scores.mean(), expected - expected.mean()
    np.testing.assert_allclose(scores, expected, rtol=0.02, atol=1e-4)


# ---- sizes ----


@pytest.mark.parametrize("n_samples", [1, 2, 3, 15, 16, 17, 33])
@all_estimators
def test_any_number_of_rows_trains_in_batches_of_sixteen(Estimator, n_samples):
    estimator = fit(quick(Estimator, batch_size=16), X[:n_samples])
    assert estimator.n_iter_ == 3
    assert np.isfinite(estimator.score_samples(X)).all()
    assert set(estimator.predict(X)) <= {-1, 1}


@pytest.mark.parametrize("contamination", ["auto", 0.1])
@pytest.mark.parametrize("early_stopping", [True, False])
@every_scaler
@pytest.mark.parametrize("Estimator", having("scaler", "early_stopping"))
def test_one_row_is_its_own_reconstruction(Estimator, scaler, early_stopping, contamination):
    params = {"scaler": scaler, "early_stopping": early_stopping, "contamination": contamination}
    estimator = fit(quick(Estimator, **params, max_epochs=1, lr=1e-6), X[:1])
    np.testing.assert_allclose(estimator.reconstruct(X[:1]), X[:1], rtol=1e-3, atol=1e-3)
    assert estimator.predict(X[:1]) == [1]


@pytest.mark.parametrize("batch_size", [1, 7, 256, 10**9])
@all_estimators
def test_any_batch_size_trains_on_all_rows(Estimator, batch_size):
    estimator = fit(quick(Estimator, batch_size=batch_size, early_stopping=False), X)
    start = fit(quick(Estimator, max_epochs=0), X)
    assert not np.array_equal(estimator.transform(X), start.transform(X))


@every_scaler
@pytest.mark.parametrize("Estimator", having("scaler"))
def test_one_column_works(Estimator, scaler):
    column = X[:, :1]
    estimator = fit(quick(Estimator, scaler=scaler), column)
    assert estimator.transform(column).shape == (len(X), n_codes(estimator))
    total = estimator.feature_contributions(column)[:, 0] + score_of_nothing(estimator, column)
    np.testing.assert_allclose(total, estimator.score_samples(column), rtol=1e-5)


@pytest.mark.parametrize("method", ROW_METHODS)
def test_one_row_has_the_result_it_has_among_others(fitted_on_each, method, X):
    function, one = getattr(fitted_on_each, method), slice(3, 4)
    assert_same_cells(function(rows_of(X, one)), rows_of(function(X), one))


@pytest.mark.parametrize("method", [*ROW_METHODS, "inverse_transform", "fit", "partial_fit"])
def test_no_rows_are_an_error(fitted_on_each, method, X):
    none = np.empty((0, 2)) if method == "inverse_transform" else rows_of(X, slice(0))
    with pytest.raises(ValueError, match="0 sample"):
        getattr(fitted_on_each, method)(none)


# ---- constant columns ----

CONSTANT = 2


def _with_constant(value):
    rows = table(120)
    rows[:, CONSTANT] = value
    return rows


@pytest.mark.parametrize("value", [0.0, 1.0, -7.3, 1e9])
@pytest.mark.parametrize("scaler", ["standard", "minmax", "quantile"])
@pytest.mark.parametrize("Estimator", having("scaler"))
def test_a_constant_column_contributes_nothing_while_it_keeps_its_value(Estimator, scaler, value):
    rows = _with_constant(value)
    estimator = fit(quick(Estimator, scaler=scaler, early_stopping=False, max_epochs=10), rows)
    fresh = rows + 0.1
    fresh[:, CONSTANT] = value
    assert np.abs(estimator.feature_contributions(fresh)[:, CONSTANT]).max() < 1e-12
    np.testing.assert_allclose(estimator.reconstruct(fresh)[:, CONSTANT], value, rtol=1e-6)


@pytest.mark.parametrize("init", ["pca", "random"])
@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber"])
@pytest.mark.parametrize("Estimator", having("scaler", "loss", "init"))
def test_a_constant_column_contributes_nothing_under_any_loss_and_start(Estimator, loss, init):
    rows = _with_constant(5.0)
    estimator = fit(quick(Estimator, loss=loss, init=init, early_stopping=False), rows)
    assert np.abs(estimator.feature_contributions(rows)[:, CONSTANT]).max() == 0


@pytest.mark.parametrize("change", [1e-3, 1.0, -1.0, 1e4, -1e12])
@pytest.mark.parametrize("value", [0.0, -7.3])
@pytest.mark.parametrize("scaler", ["standard", "minmax", "quantile"])
@pytest.mark.parametrize("Estimator", scored_by_loss(having("scaler")))
def test_a_constant_column_that_changes_counts_a_bounded_amount(Estimator, scaler, value, change):
    rows = _with_constant(value)
    estimator = fit(quick(Estimator, scaler=scaler), rows)
    changed = rows.copy()
    changed[:, CONSTANT] += change
    share = -estimator.feature_contributions(changed)[:, CONSTANT] * rows.shape[1]
    assert (share > 0).all()
    assert (share <= 9 + 1e-4).all()  # like three standard deviations, squared
    assert (estimator.score_samples(changed) >= estimator.score_samples(rows) - 60).all()
    if abs(change) >= 1:
        assert (share > 0.5).all()


@pytest.mark.parametrize("Estimator", scored_by_loss(having("scaler")))
def test_without_a_scaler_a_constant_column_obeys_the_same_law(Estimator):
    rows = _with_constant(5.0)
    rows[:, np.arange(rows.shape[1]) != CONSTANT] /= 10.0
    estimator = fit(quick(Estimator, scaler=None, early_stopping=False, max_epochs=10), rows)
    assert np.abs(estimator.feature_contributions(rows)[:, CONSTANT]).max() < 1e-9
    changed = rows.copy()
    changed[:, CONSTANT] += 1e4
    share = -estimator.feature_contributions(changed)[:, CONSTANT] * rows.shape[1]
    assert (share > 0).all()
    assert (share <= 9 + 1e-4).all()


@pytest.mark.parametrize("Estimator", having("scaler", "loss"))
def test_a_constant_column_hardly_counts_under_log_loss(Estimator):
    rows = _with_constant(5.0)
    estimator = fit(quick(Estimator, scaler="minmax", loss="log_loss"), rows)
    share = -estimator.feature_contributions(rows)[:, CONSTANT] * rows.shape[1]
    others = np.delete(-estimator.feature_contributions(rows), CONSTANT, axis=1) * rows.shape[1]
    assert np.abs(share).max() < 0.02 * np.abs(others).mean()
    changed = rows.copy()
    changed[:, CONSTANT] += 1e4
    share = -estimator.feature_contributions(changed)[:, CONSTANT] * rows.shape[1]
    assert (share > 0.5).all()
    if Estimator in scored_by_loss(ESTIMATORS):
        assert (share < 50).all()


@every_scaler
@pytest.mark.parametrize("Estimator", having("scaler"))
def test_a_table_of_constant_columns_only_works(Estimator, scaler):
    rows = np.tile([3.0, -2.0, 0.0], (50, 1))
    estimator = fit(quick(Estimator, scaler=scaler), rows)
    np.testing.assert_allclose(estimator.reconstruct(rows), rows, atol=0.1)
    assert (estimator.predict(rows) == 1).all()


@pytest.mark.parametrize("Estimator", having("scaler"))
def test_rounding_noise_makes_no_column_vary(Estimator):
    rows = _with_constant(0.1)
    rows[::2, CONSTANT] = 0.3 - 0.2  # not 0.1, by one bit
    assert len(np.unique(rows[:, CONSTANT])) == 2
    estimator = fit(quick(Estimator), rows)
    assert np.abs(estimator.feature_contributions(rows)[:, CONSTANT]).max() < 1e-9


# ---- scalers ----


@pytest.mark.parametrize("scaler", ["standard", "minmax", "quantile"])
@pytest.mark.parametrize("Estimator", having("scaler"))
def test_the_unit_of_a_column_does_not_matter(Estimator, scaler):
    scaled_up = X * np.array([1e-3, 1, 1e3, 7, 1e-2, 1])
    first = fit(quick(Estimator, scaler=scaler), X)
    second = fit(quick(Estimator, scaler=scaler), scaled_up)
    scores, expected = second.score_samples(scaled_up), first.score_samples(X)
    if Estimator.__name__ in DENSITIES and scaler != "quantile":  # of larger units
        expected = expected - np.log([1e-3, 1, 1e3, 7, 1e-2, 1]).sum()
    np.testing.assert_allclose(scores, expected, rtol=1e-2, atol=1e-5)


@every_scaler
@pytest.mark.parametrize("Estimator", having_lossless_codes("scaler", "init"))
def test_with_all_components_the_start_returns_the_table_in_its_own_units(Estimator, scaler):
    quiet = known(Estimator, QUIET)  # against noise, a start shrinks what it restores
    estimator = fit(quick(Estimator, n_components=6, scaler=scaler, max_epochs=0, **quiet), X)
    tolerance = 0.05 if scaler == "quantile" else 1e-3
    np.testing.assert_allclose((estimator.reconstruct(X) - X) / X.std(axis=0), 0, atol=tolerance)


# ---- data frames ----


def _scores_of_values(estimator, X):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # X does not have valid feature names
        return estimator.score_samples(X)


def _frame(X, library="pandas"):
    names = [f"column {i}" for i in range(X.shape[1])]
    if library == "pandas":
        return pd.DataFrame(X, columns=names, index=[f"row {i}" for i in range(len(X))])
    polars = pytest.importorskip("polars")
    return polars.DataFrame(X, schema=names)


@pytest.mark.parametrize("library", ["pandas", "polars"])
@all_estimators
def test_a_data_frame_is_its_values_and_its_names(Estimator, library):
    frame = _frame(X, library)
    estimator = fit(quick(Estimator), frame)
    assert list(estimator.feature_names_in_) == list(frame.columns)
    assert estimator.n_features_in_ == X.shape[1]
    np.testing.assert_array_equal(estimator.score_samples(frame), _scores_of_values(estimator, X))


@all_estimators
def test_an_array_has_no_names(Estimator):
    assert not hasattr(fit(quick(Estimator), X), "feature_names_in_")


@pytest.mark.parametrize("library", ["pandas", "polars"])
@all_estimators
def test_reconstruct_of_a_data_frame_is_one_with_the_same_columns_and_index(Estimator, library):
    frame = _frame(X, library)
    estimator = fit(quick(Estimator), frame)
    rebuilt = estimator.reconstruct(frame)
    assert type(rebuilt) is type(frame)
    assert list(rebuilt.columns) == list(frame.columns)
    if library == "pandas":
        pd.testing.assert_index_equal(rebuilt.index, frame.index)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # X does not have valid feature names
        np.testing.assert_array_equal(rebuilt.to_numpy(), estimator.reconstruct(X))


@pytest.mark.parametrize("library", ["pandas", "polars"])
@all_estimators
def test_inverse_transform_of_a_data_frame_is_one_with_the_columns_of_fit(Estimator, library):
    frame = _frame(X, library)
    estimator = fit(quick(Estimator), frame).set_output(transform=library)
    codes = estimator.transform(frame)
    assert type(codes) is type(frame)
    assert list(codes.columns) == list(estimator.get_feature_names_out())
    decoded = estimator.inverse_transform(codes)
    assert type(decoded) is type(frame)
    assert list(decoded.columns) == list(frame.columns)
    if library == "pandas":
        pd.testing.assert_index_equal(decoded.index, frame.index)
    assert isinstance(estimator.inverse_transform(codes.to_numpy()), np.ndarray)


@pytest.mark.parametrize("library", ["pandas", "polars"])
@all_estimators
def test_set_output_dresses_the_codes_of_an_array_too(Estimator, library):
    pytest.importorskip(library)
    estimator = fit(quick(Estimator), X).set_output(transform=library)
    codes = estimator.transform(X)
    assert type(codes).__module__.startswith(library)
    np.testing.assert_array_equal(codes.to_numpy(), fit(quick(Estimator), X).transform(X))


@all_estimators
def test_a_data_frame_of_mixed_number_types_works(Estimator):
    frame = pd.DataFrame(
        {
            "int": np.arange(50),
            "float": np.linspace(0, 1, 50, dtype=np.float32),
            "bool": np.arange(50) % 3 == 0,
            "nullable": pd.array(np.arange(50)[::-1], dtype="Int64"),
        }
    )
    estimator = fit(quick(Estimator), frame)
    assert list(estimator.reconstruct(frame).columns) == list(frame.columns)


@pytest.mark.parametrize("method", [*ROW_METHODS, "partial_fit"])
@all_estimators
def test_other_names_are_an_error(Estimator, method):
    frame = _frame(X)
    estimator = fit(quick(Estimator), frame)
    with pytest.raises(ValueError, match="feature names"):
        getattr(estimator, method)(frame.rename(columns={"column 1": "other"}))
    with pytest.raises(ValueError, match="feature names"):
        getattr(estimator, method)(frame[frame.columns[::-1]])


# ---- what is refused ----


@pytest.mark.parametrize("method", [*ROW_METHODS, "partial_fit"])
def test_another_number_of_columns_is_an_error_with_both_numbers(fitted, method):
    with pytest.raises(ValueError, match=r"X has 4 features, but .* is expecting 6 features"):
        getattr(fitted, method)(X[:, :4])


@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csc_array, sparse.coo_array])
@all_estimators
def test_sparse_tables_are_refused_in_the_words_of_scikit_learn(Estimator, container):
    with pytest.raises(TypeError, match="Sparse data was passed for X, but dense data is required"):
        quick(Estimator).fit(container(X))
    with pytest.raises(TypeError, match="Sparse data was passed for X, but dense data is required"):
        fit(quick(Estimator), X).transform(container(X))


@pytest.mark.parametrize("method", ["fit", "partial_fit", *ROW_METHODS, "inverse_transform"])
@pytest.mark.parametrize("bad", [np.inf, -np.inf])
def test_infinite_cells_are_an_error(fitted, method, bad):
    rows = X[:, :2].copy() if method == "inverse_transform" else X.copy()
    rows[3, 1] = bad
    with pytest.raises(ValueError, match="X contains infinity"):
        getattr(fitted, method)(rows)


def test_codes_must_not_be_missing(fitted):
    codes = X[:, :2].copy()
    codes[3, 1] = np.nan
    with pytest.raises(ValueError, match="X contains NaN"):
        fitted.inverse_transform(codes)


@all_estimators
def test_text_in_an_array_is_an_error_that_says_what_takes_it(Estimator):
    with pytest.raises(ValueError, match=r"could not convert string to float.* as a data frame"):
        quick(Estimator).fit([["a", "b"], ["c", "d"]])


@all_estimators
def test_one_dimension_is_an_error_that_says_how_to_reshape(Estimator):
    with pytest.raises(ValueError, match="Reshape your data"):
        quick(Estimator).fit(np.arange(10.0))


@pytest.mark.parametrize("method", [*ROW_METHODS, "inverse_transform", "score"])
@all_estimators
def test_an_estimator_that_is_not_fitted_says_so(Estimator, method):
    from sklearn.exceptions import NotFittedError

    with pytest.raises(NotFittedError, match=Estimator.__name__):
        getattr(quick(Estimator), method)(X)


# ---- tables larger than memory ----


@all_estimators
def test_a_memory_map_gives_the_same_bits(Estimator, tmp_path):
    np.save(tmp_path / "table.npy", X)
    mapped = np.load(tmp_path / "table.npy", mmap_mode="r")
    expected = outputs(fit(quick(Estimator), X), X)
    assert_same_bits(expected, outputs(fit(quick(Estimator), mapped), mapped))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("Estimator", having("init"))
def test_a_table_too_large_to_copy_is_streamed_and_learned_as_well(
    Estimator, weighted, monkeypatch
):
    rows = table(3000, 5)
    weight = np.random.default_rng(0).uniform(0, 2, len(rows)) if weighted else None
    params = {"max_epochs": 5, "init": "random", "batch_size": 64}
    held = fit(quick(Estimator, **params), rows, sample_weight=weight)
    monkeypatch.setattr("skae.training._batches.IN_MEMORY_BYTES", 0)
    streamed = fit(quick(Estimator, **params), rows, sample_weight=weight)
    assert not np.array_equal(streamed.score_samples(rows), held.score_samples(rows))
    np.testing.assert_allclose(streamed.score(rows), held.score(rows), rtol=0.3)
