"""Laws about tables as they come: mixed columns, missing cells, chunks of a table."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from torch import nn

from skae.datasets import ChunkedTable, ParquetTable
from tests.estimators import (
    ESTIMATORS,
    INTEGER_CODES,
    TABLES,
    WHOLE,
    assert_close_cells,
    assert_same_bits,
    assert_same_cells,
    fit,
    from_random,
    full_batch,
    having,
    holed_table,
    known,
    mixed_table,
    n_codes,
    outputs,
    partial_fit,
    quick,
    rows_of,
    score_of_nothing,
    scored_by_loss,
    state_of,
    table,
    trained_on_single_rows,
    trained_to_reconstruct,
    trained_without_draws,
    with_additive_scores,
)

FRAME = mixed_table()
NUMBERS = ["float", "float32", "int", "nullable"]
CLASSES = ["flag", "maybe", "text", "category", "code"]
ROW_METHODS = [
    "transform",
    "reconstruct",
    "impute",
    "score_samples",
    "feature_contributions",
    "decision_function",
    "predict",
]
all_estimators = pytest.mark.parametrize("Estimator", ESTIMATORS)
every_row_method = pytest.mark.parametrize("method", ROW_METHODS)
with_holes = pytest.mark.parametrize(
    "make", [holed_table, mixed_table], ids=["array with holes", "mixed frame"]
)


@pytest.fixture(scope="module", params=ESTIMATORS)
def fitted(request):
    return fit(quick(request.param, n_components=3), FRAME)


@pytest.fixture(scope="module", params=ESTIMATORS)
def fitted_on_each(request, X):
    return fit(quick(request.param, n_components=3), X)


def _missing(X):
    return np.asarray(pd.isna(X))


def _blank(X):
    """Rows of the same types without any value."""
    if isinstance(X, np.ndarray):
        return np.full_like(X, np.nan)
    nullable = {"bool": "boolean", "int64": "Int64"}
    return pd.DataFrame(
        {
            name: pd.Series(None, X.index, nullable.get(str(dtype), dtype))
            for name, dtype in X.dtypes.items()
        }
    )


def _filled(X):
    """A table without missing cells, of the same types where these can be."""
    if isinstance(X, np.ndarray):
        return np.where(np.isnan(X), np.nanmedian(X, axis=0), X)
    return X.apply(lambda column: column.fillna(column.dropna().iloc[0]))


# ---- a row's result is its own ----

PARTS = {
    "one row": [700],
    "seven rows": range(100, 107),
    "backwards": range(1099, -1, -1),
}


@pytest.fixture(scope="module", params=[holed_table, mixed_table], ids=["array", "mixed"])
def many(request):
    return request.param(1100, seed=1)


@pytest.fixture(scope="module", params=ESTIMATORS)
def fitted_on_some(request, many):
    return fit(quick(request.param, early_stopping=False), rows_of(many, slice(100)))


@pytest.mark.parametrize(
    "method", ["transform", "impute", "score_samples", "feature_contributions"]
)
@pytest.mark.parametrize("part", PARTS)
def test_results_do_not_depend_on_which_rows_are_given_together(fitted_on_some, many, method, part):
    rows, function = list(PARTS[part]), getattr(fitted_on_some, method)
    assert_same_cells(function(rows_of(many, rows)), rows_of(function(many), rows))


@every_row_method
def test_a_neighbour_without_any_value_does_not_matter(fitted_on_each, method, X):
    function = getattr(fitted_on_each, method)
    if isinstance(X, np.ndarray):
        together = np.concatenate([X, _blank(X[:1])])
    else:
        together = pd.concat([X, _blank(X[:1])])
    result = rows_of(function(together), slice(len(X)))
    alone = function(X)
    if isinstance(X, pd.DataFrame) and isinstance(alone, pd.DataFrame):
        result = result.astype(alone.dtypes)  # integers were next to a missing cell
    assert_same_cells(result, alone)


# ---- scores ----


def test_contributions_are_one_a_column_and_sum_to_the_score(fitted_on_each, X):
    shares = fitted_on_each.feature_contributions(X)
    assert shares.shape == X.shape
    assert shares.dtype == np.float64
    total = shares.sum(axis=1) + score_of_nothing(fitted_on_each, X)
    np.testing.assert_allclose(total, fitted_on_each.score_samples(X), rtol=1e-5)


def test_a_missing_cell_contributes_nothing(fitted_on_each, X):
    shares = fitted_on_each.feature_contributions(X)
    assert not shares[_missing(X)].any()
    if not hasattr(fitted_on_each, "score_baseline_"):  # else a cell may make a row more normal
        assert (shares[~_missing(X)] < 0).mean() > 0.9


def test_a_row_without_any_value_has_nothing_strange_and_a_finite_reconstruction(fitted_on_each, X):
    blank = _blank(rows_of(X, slice(2)))
    scores = fitted_on_each.score_samples(blank)
    np.testing.assert_array_equal(scores, score_of_nothing(fitted_on_each, blank))
    assert not fitted_on_each.feature_contributions(blank).any()
    if not hasattr(fitted_on_each, "score_baseline_"):  # else that of a median row, scored as any
        assert (fitted_on_each.predict(blank) == 1).all()
    assert np.isfinite(fitted_on_each.transform(blank)).all()
    assert not _missing(fitted_on_each.reconstruct(blank)).any()
    assert not _missing(fitted_on_each.impute(blank)).any()


@all_estimators
def test_training_bears_a_row_without_any_value(Estimator, X):
    with_blank = rows_of(X, slice(None)).copy()
    if isinstance(X, pd.DataFrame):
        with_blank = pd.concat([_blank(X[:1]), X])
    else:
        with_blank[0] = np.nan
    estimator = fit(quick(Estimator), with_blank)
    assert np.isfinite(estimator.score_samples(X)).all()
    assert np.isfinite(partial_fit(estimator, with_blank).score_samples(X)).all()


@pytest.mark.parametrize("name", ["flag", "text"])
@pytest.mark.parametrize("Estimator", with_additive_scores(ESTIMATORS))
def test_a_class_where_another_one_belongs_lowers_the_score(Estimator, name):
    X = mixed_table(300)
    estimator = fit(quick(Estimator, n_components=3, max_epochs=10), X)
    rows = X[X[name].notna()].iloc[:50]
    other = rows.copy()
    swap = {"a": "c", "c": "a", True: False, False: True}  # to the other end of the factor
    other[name] = rows[name].map(lambda value: swap.get(value, value)).astype(X[name].dtype)
    changed = (other[name] != rows[name]).to_numpy(bool)
    share = estimator.feature_contributions(rows)[:, list(X.columns).index(name)]
    worse = estimator.feature_contributions(other)[:, list(X.columns).index(name)]
    assert worse[changed].mean() < share[changed].mean()


def test_a_value_that_was_never_seen_lowers_the_score_by_a_bounded_amount(fitted):
    strange = FRAME.copy()
    strange["code"] = "never seen"
    share = fitted.feature_contributions(strange)[:, list(FRAME.columns).index("code")]
    usual = fitted.feature_contributions(FRAME)[:, list(FRAME.columns).index("code")]
    assert np.isfinite(share).all()
    if type(fitted) in with_additive_scores(ESTIMATORS):
        assert share.mean() < usual.mean()
    assert share.min() > -10


# ---- filling holes ----


def _assert_filled(filled, X):
    """No hole is left, and all other cells are the same to the last bit."""
    assert type(filled) is type(X)
    assert filled.shape == X.shape
    holes = _missing(X)
    assert not _missing(filled).any()
    if isinstance(X, pd.DataFrame):
        pd.testing.assert_series_equal(filled.dtypes, X.dtypes)
        pd.testing.assert_index_equal(filled.index, X.index)
        for i, name in enumerate(X.columns):
            there = ~holes[:, i]
            assert filled[name][there].equals(X[name][there]), name
    else:
        assert filled.dtype == X.dtype
        np.testing.assert_array_equal(filled[~holes], X[~holes])


def test_impute_fills_every_hole_and_leaves_all_other_cells(fitted_on_each, X):
    kept = X.copy()
    _assert_filled(fitted_on_each.impute(X), X)
    assert_same_cells(X, kept)


def test_imputed_cells_are_those_of_the_reconstruction_within_what_fit_saw(fitted_on_each, X):
    filled = fitted_on_each.impute(X)
    for i in range(X.shape[1]):
        column, own = (
            t.iloc[:, i] if isinstance(t, pd.DataFrame) else t[:, i] for t in (filled, X)
        )
        if isinstance(X, np.ndarray) or X.columns[i] in [*NUMBERS, "when"]:
            column, own = pd.Series(column), pd.Series(own)
            room = 1e-3 * (own.max() - own.min())
            assert column.min() >= own.min() - room
            assert column.max() <= own.max() + room
        else:
            assert set(column) <= set(own.dropna())


def test_imputing_a_table_without_holes_returns_a_copy(fitted_on_each, X):
    filled = fitted_on_each.impute(X)
    again = fitted_on_each.impute(filled)
    assert_same_cells(again, filled)
    assert again is not filled
    if isinstance(again, np.ndarray):
        assert not np.shares_memory(again, filled)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@all_estimators
def test_imputing_keeps_the_float_type_of_an_array(Estimator, dtype):
    X = holed_table().astype(dtype)
    estimator = fit(quick(Estimator), X)
    _assert_filled(estimator.impute(X), X)
    _assert_filled(fit(quick(Estimator), table()).impute(X), X)  # holes for the first time


@all_estimators
def test_imputing_a_frame_of_float32_keeps_it(Estimator):
    X = pd.DataFrame(holed_table().astype(np.float32), columns=list("abcdef"))
    estimator = fit(quick(Estimator), X)
    _assert_filled(estimator.impute(X), X)
    kept = np.int64 if Estimator.__name__ in INTEGER_CODES else np.float32
    assert estimator.transform(X).dtype == kept


@all_estimators
def test_imputing_polars_keeps_the_schema(Estimator):
    polars = pytest.importorskip("polars")
    X = polars.from_pandas(FRAME)
    filled = fit(quick(Estimator), X).impute(X)
    assert filled.schema == X.schema
    assert sum(filled.null_count().row(0)) == 0
    for name in X.columns:
        there = X[name].is_not_null()
        assert filled[name].filter(there).equals(X[name].filter(there)), name


@with_holes
@pytest.mark.parametrize("Estimator", trained_to_reconstruct(ESTIMATORS))
def test_imputing_is_better_than_the_median_and_the_mode(Estimator, make):
    complete = _filled(make(400, seed=3)) if make is mixed_table else table(400, seed=3)
    holes = np.random.default_rng(0).random(complete.shape) < 0.1
    params = {"n_components": 3, "max_epochs": 20}  # a code of all columns lets everything pass
    if isinstance(complete, pd.DataFrame):
        names = ["float", "float32", "int"]
        X = complete.drop(columns="code")
        holes = holes[:, : X.shape[1]]
        X = X.astype({"int": float}).mask(pd.DataFrame(holes, X.index, X.columns))
        X["flag"] = X["flag"].astype("boolean")
        columns = [list(X.columns).index(name) for name in names]
        filled = fit(quick(Estimator, **params), X).impute(X)[names].to_numpy(float)
        truth, X = complete[names].to_numpy(float), X[names].to_numpy(float)
        holes = holes[:, columns]
    else:
        X = np.where(holes, np.nan, complete)
        filled, truth = fit(quick(Estimator, **params), X).impute(X), complete
    unit = truth.std(axis=0)
    error = (((filled - truth) / unit)[holes] ** 2).mean()
    median = (((np.nanmedian(X, axis=0) - truth) / unit)[holes] ** 2).mean()
    assert error < 0.7 * median


# ---- the way back ----


def test_reconstruct_restores_columns_types_and_index(fitted):
    X = FRAME.set_index(pd.Index([f"row {i}" for i in range(len(FRAME))]))
    rebuilt = fitted.reconstruct(X)
    pd.testing.assert_series_equal(rebuilt.dtypes, X.dtypes)
    pd.testing.assert_index_equal(rebuilt.index, X.index)
    pd.testing.assert_index_equal(rebuilt.columns, X.columns)
    assert not _missing(rebuilt).any()
    for name in CLASSES:
        assert set(rebuilt[name]) <= set(FRAME[name].dropna()), name


def test_inverse_transform_gives_the_frame_that_fit_saw(fitted):
    codes = fitted.transform(FRAME)
    decoded = fitted.inverse_transform(codes)
    pd.testing.assert_series_equal(decoded.dtypes, FRAME.dtypes)
    assert list(decoded.columns) == list(FRAME.columns)
    assert_close_cells(decoded, fitted.reconstruct(FRAME))


@all_estimators
def test_polars_comes_back_as_polars(Estimator):
    polars = pytest.importorskip("polars")
    X = polars.from_pandas(FRAME)
    estimator = fit(quick(Estimator), X)
    rebuilt = estimator.reconstruct(X)
    assert rebuilt.schema == X.schema
    assert estimator.inverse_transform(estimator.transform(X)).schema == X.schema
    same = fit(quick(Estimator), FRAME)
    np.testing.assert_array_equal(estimator.score_samples(X), same.score_samples(FRAME))
    pandas = estimator.reconstruct(FRAME)  # in the library of what is given
    assert_close_cells(pandas[["float", "int"]], same.reconstruct(FRAME)[["float", "int"]])


def test_set_output_names_the_codes_of_a_frame(fitted):
    named = pickle.loads(pickle.dumps(fitted)).set_output(transform="pandas")
    codes = named.transform(FRAME)
    assert list(codes.columns) == list(fitted.get_feature_names_out())
    pd.testing.assert_index_equal(codes.index, FRAME.index)
    decoded = named.inverse_transform(codes)
    pd.testing.assert_series_equal(decoded.dtypes, FRAME.dtypes)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@all_estimators
def test_a_frame_of_numbers_with_holes_is_its_array(Estimator, dtype):
    X = holed_table().astype(dtype)
    frame = pd.DataFrame(X, columns=list("abcdef"))
    estimator = fit(quick(Estimator), frame)
    of_frame = outputs(estimator, frame)
    of_array = outputs(estimator, X)
    for name, values in of_array.items():
        np.testing.assert_array_equal(np.asarray(of_frame[name]), values, err_msg=name)
    alone = fit(quick(Estimator), X)  # sums round otherwise, in the last bit of the scaler
    np.testing.assert_allclose(alone.score_samples(X), of_frame["scores"], rtol=1e-3, atol=1e-6)


@all_estimators
def test_new_holes_in_a_table_of_numbers_are_borne(Estimator):
    X, holed = table(), holed_table()
    estimator = fit(quick(Estimator), X)
    complete = ~np.isnan(holed).any(axis=1)
    scores = estimator.score_samples(holed)
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(
        scores[complete], estimator.score_samples(X)[complete], rtol=1e-5, atol=1e-7
    )
    assert not estimator.feature_contributions(holed)[np.isnan(holed)].any()


# ---- what is missing, what is a category ----


@all_estimators
def test_marks_of_missing_cells_are_missing_cells(Estimator):
    marked = FRAME.copy()
    marked["text"] = marked["text"].fillna("?")
    first, second = fit(quick(Estimator), FRAME), fit(quick(Estimator), marked)
    np.testing.assert_array_equal(first.score_samples(FRAME), second.score_samples(marked))
    np.testing.assert_array_equal(first.score_samples(marked), first.score_samples(FRAME))
    assert not (second.impute(marked)["text"] == "?").any()


@all_estimators
def test_marks_are_chosen_or_none(Estimator):
    marked = FRAME.copy()
    marked["text"] = marked["text"].fillna("unknown")
    column = list(FRAME.columns).index("text")
    chosen = fit(quick(Estimator, missing_marks=("unknown",)), marked)
    assert not chosen.feature_contributions(marked)[FRAME["text"].isna(), column].any()
    none = fit(quick(Estimator, missing_marks=()), marked.replace({"text": {"unknown": "?"}}))
    assert "?" in set(none.reconstruct(marked.assign(text="?"))["text"]) | {"?"}
    shares = none.feature_contributions(marked.replace({"text": {"unknown": "?"}}))
    assert (shares[:, column] < 0).all() or hasattr(none, "score_baseline_")


@pytest.mark.parametrize("chosen", [[1, 3], [False, True, False, True]], ids=["places", "mask"])
@all_estimators
def test_columns_of_an_array_may_be_categories(Estimator, chosen):
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=(90, 4)), rng.normal(size=90)])[:, :4]
    X[:, 1], X[:, 3] = rng.choice([3.0, 7.0, 11.0], 90), rng.integers(0, 5, 90)
    X[::7, 1] = np.nan
    estimator = fit(quick(Estimator, categorical_features=chosen), X)
    rebuilt = estimator.reconstruct(X)
    assert set(rebuilt[:, 1]) <= {3.0, 7.0, 11.0}
    assert set(rebuilt[:, 3]) <= set(range(5))
    _assert_filled(estimator.impute(X), X)
    # the numbers of categories mean nothing: other numbers give the same
    other = X.copy()
    other[:, 1] = np.select([X[:, 1] == 3, X[:, 1] == 7, X[:, 1] == 11], [-1.0, 50.0, 2.0], np.nan)
    same = fit(quick(Estimator, categorical_features=chosen), other)
    np.testing.assert_array_equal(same.score_samples(other), estimator.score_samples(X))


@all_estimators
def test_columns_of_a_frame_are_chosen_by_name(Estimator):
    by_name = fit(quick(Estimator, categorical_features=["nullable"]), FRAME)
    place = list(FRAME.columns).index("nullable")
    by_place = fit(quick(Estimator, categorical_features=[place]), FRAME)
    np.testing.assert_array_equal(by_name.score_samples(FRAME), by_place.score_samples(FRAME))
    assert set(by_name.reconstruct(FRAME)["nullable"]) <= set(FRAME["nullable"].dropna())
    pd.testing.assert_series_equal(by_name.impute(FRAME).dtypes, FRAME.dtypes)


@pytest.mark.parametrize("wrong", [["no such column"], [99], [True, False]])
@all_estimators
def test_a_column_that_is_none_is_an_error(Estimator, wrong):
    with pytest.raises(ValueError, match="categorical_features"):
        quick(Estimator, categorical_features=wrong).fit(FRAME)


@all_estimators
def test_the_number_of_known_values_is_bounded(Estimator):
    few = fit(quick(Estimator, max_categories=5), FRAME)
    assert len(set(few.reconstruct(FRAME)["code"])) <= 5
    assert np.isfinite(few.score_samples(FRAME)).all()


# ---- everything learns ----


@pytest.mark.parametrize("init", ["pca", "random"])
@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
@pytest.mark.parametrize("Estimator", having("init", "loss", "scaler"))
def test_every_parameter_tensor_changes_within_a_few_steps(Estimator, init, loss):
    params = {"init": init, "loss": loss, "scaler": "minmax", "early_stopping": False}
    params |= {"batch_size": 16, "hidden_layer_sizes": (12, 8)}
    start = fit(quick(Estimator, **params, max_epochs=0), FRAME)
    before = state_of(start.module_)
    trained = fit(quick(Estimator, **params, max_epochs=3), FRAME)
    parameters = dict(trained.module_.named_parameters())
    assert any("embedding" in name for name in parameters)
    stayed = [name for name, value in parameters.items() if value.equal(before[name])]
    assert not stayed
    assert np.isfinite(trained.score_samples(FRAME)).all()


@pytest.mark.parametrize("scaler", ["standard", "minmax", "quantile", None])
@pytest.mark.parametrize("Estimator", having("scaler"))
def test_every_scaler_takes_mixed_tables(Estimator, scaler):
    X = FRAME.assign(float=FRAME["float"] / 100, int=FRAME["int"] / 20)
    estimator = fit(quick(Estimator, scaler=scaler), X)
    assert np.isfinite(estimator.score_samples(X)).all()
    _assert_filled(estimator.impute(X), X)
    partial_fit(estimator, X)


@pytest.mark.parametrize("Estimator", scored_by_loss(having("init")))
def test_the_start_is_no_worse_than_the_frequencies_and_the_means(Estimator):
    X = mixed_table(200)
    start = fit(quick(Estimator, max_epochs=0, n_components=4), X)
    # standardised numbers and entropies: the best constant costs about 1 a cell
    assert start.score(X) > -0.8
    trained = fit(quick(Estimator, n_components=4, max_epochs=15), X)
    assert trained.score(X) >= start.score(X) - 0.02


@with_holes
@all_estimators
def test_training_a_table_with_holes_lowers_the_loss(Estimator, make):
    params = {"early_stopping": False, "max_epochs": 25, "batch_size": 16, "n_components": 2}
    losses = fit(from_random(Estimator, **params), make()).history_["train_loss"]
    assert losses.iloc[-1] < 0.95 * losses.iloc[1]


@pytest.mark.parametrize("noise", ["gaussian", "masking", "salt_and_pepper", "swap"])
@pytest.mark.parametrize("Estimator", having("noise", "noise_level"))
def test_every_noise_takes_tables_with_holes(Estimator, noise, X):
    estimator = fit(quick(Estimator, noise=noise, noise_level=0.3, early_stopping=False), X)
    assert np.isfinite(estimator.score_samples(X)).all()
    clean = fit(quick(Estimator, noise_level=0, early_stopping=False), X)
    assert not np.array_equal(clean.transform(X), estimator.transform(X))


@pytest.mark.parametrize("n_components", [10, 30])
@all_estimators
def test_codes_may_be_wider_than_a_mixed_table(Estimator, n_components):
    estimator = fit(quick(Estimator, n_components=n_components), FRAME)
    assert estimator.n_components_ == n_components
    assert estimator.transform(FRAME).shape == (len(FRAME), n_codes(estimator))
    if Estimator in scored_by_loss(ESTIMATORS):
        assert estimator.score(FRAME) > fit(quick(Estimator, n_components=1), FRAME).score(FRAME)


@pytest.mark.parametrize("name", FRAME.columns)
@all_estimators
def test_a_table_of_one_column_of_any_kind_works(Estimator, name):
    X = FRAME[[name]]
    estimator = fit(quick(Estimator), X)
    total = estimator.feature_contributions(X)[:, 0] + score_of_nothing(estimator, X)
    np.testing.assert_allclose(total, estimator.score_samples(X), rtol=1e-5)
    _assert_filled(estimator.impute(X), X)


@pytest.mark.parametrize("n_samples", [2, 3, 17])
@all_estimators
def test_few_rows_of_a_mixed_table_are_enough(Estimator, n_samples):
    X = _filled(FRAME).iloc[:n_samples]
    estimator = fit(quick(Estimator, batch_size=16), X)
    assert np.isfinite(estimator.score_samples(FRAME)).all()
    assert np.isfinite(estimator.transform(FRAME)).all()


@pytest.mark.parametrize("params", [{}, {"n_components": 5, "early_stopping": False}], ids=str)
@all_estimators
def test_columns_that_never_vary_are_restored(Estimator, params):
    X = pd.DataFrame(
        {
            "number": 3.5,
            "flag": True,
            "text": "same",
            "when": pd.Timestamp("2021-05-03 12:00"),
            "varies": np.arange(40.0),
        }
    )
    estimator = fit(quick(Estimator, **params), X)
    rebuilt = estimator.reconstruct(X)
    assert_close_cells(rebuilt.drop(columns="varies"), X.drop(columns="varies"))
    changed = X.assign(text="other", flag=False)
    assert np.isfinite(estimator.score_samples(changed)).all()
    assert (estimator.score_samples(changed) < estimator.score_samples(X)).all()


GENERATIVE = [cls for cls in ESTIMATORS if hasattr(cls, "sample")]


@pytest.mark.parametrize("scaler", ["standard", "minmax", "quantile", None])
@pytest.mark.parametrize("Estimator", GENERATIVE)
def test_columns_that_never_vary_are_drawn_as_they_are(Estimator, scaler):
    X = pd.DataFrame(
        {
            "year": 2024,
            "number": 3.5,
            "when": pd.Timestamp("2021-05-03 12:00"),
            "varies": np.linspace(0, 1, 40),
        }
    )
    for rows in (X, X.drop(columns=["varies", "when"]).to_numpy()):
        drawn = fit(quick(Estimator, scaler=scaler), rows).sample(200, random_state=0)
        expected = pd.concat([pd.DataFrame(rows)[:1]] * 200, ignore_index=True)
        cells = pd.DataFrame(drawn).drop(columns="varies", errors="ignore")
        pd.testing.assert_frame_equal(cells, expected[cells.columns], rtol=1e-12)


@pytest.mark.parametrize("Estimator", GENERATIVE)
def test_a_boolean_is_no_number_of_rows_to_draw(Estimator):
    estimator = fit(quick(Estimator), table())
    for number in (True, "3", 3.0):  # torch and NumPy read True each in their own way
        with pytest.raises(TypeError, match="n_samples must be an instance of int"):
            estimator.sample(number)


# ---- weights ----


def _separated(n_samples=90):
    """A frame whose order of frequencies no weight of 1 or 2 can change."""
    X = mixed_table(n_samples).drop(columns=["code", "category"])
    X["text"] = np.repeat(["x", "y", "z"], [6, 2, 1] * np.array(n_samples // 9))
    return X.sample(frac=1, random_state=0, ignore_index=True)


@pytest.mark.parametrize("train", [fit, partial_fit])
@pytest.mark.parametrize("Estimator", trained_on_single_rows(ESTIMATORS))
def test_a_weight_is_the_row_so_many_times(Estimator, train):
    X = _separated()
    counts = np.random.default_rng(0).integers(1, 3, len(X))
    estimator = full_batch(Estimator, max_epochs=20)
    weighted = train(clone(estimator), X, sample_weight=counts)
    repeated = train(clone(estimator), X.loc[np.repeat(X.index, counts)])
    np.testing.assert_allclose(weighted.transform(X), repeated.transform(X), atol=1e-3)
    np.testing.assert_allclose(
        weighted.score_samples(X), repeated.score_samples(X), rtol=1e-3, atol=1e-3
    )
    np.testing.assert_allclose(weighted.offset_, repeated.offset_, rtol=1e-3)


@with_holes
@all_estimators
def test_rows_of_weight_zero_are_no_rows(Estimator, make):
    X = make(90)
    weight = (np.arange(90) % 3 > 0).astype(float)
    odd = rows_of(X, slice(None)).copy()
    if isinstance(odd, pd.DataFrame):
        odd.loc[weight == 0, "text"] = "only in rows without weight"
        odd.loc[weight == 0, "float"] = 1e9
    else:
        odd[weight == 0] = 1e9
    estimator = full_batch(Estimator, max_epochs=10)
    weighted = fit(clone(estimator), odd, sample_weight=weight)
    removed = fit(clone(estimator), rows_of(X, weight > 0))
    np.testing.assert_allclose(weighted.score_samples(X), removed.score_samples(X), rtol=1e-3)
    np.testing.assert_allclose(weighted.transform(X), removed.transform(X), atol=1e-3)


# ---- tables in chunks ----


def _cut(X, size):
    return [rows_of(X, slice(start, start + size)) for start in range(0, len(X), size)]


def _parquet(X, folder):
    X.iloc[:50].to_parquet(folder / "0.parquet")
    X.iloc[50:].to_parquet(folder / "1.parquet")
    return ParquetTable(folder)


def _arrow(X, folder):
    import pyarrow

    return pyarrow.Table.from_pandas(X)


CHUNKED = {
    "a list": lambda X, folder: ChunkedTable(_cut(X, 17)),
    "a function": lambda X, folder: ChunkedTable(lambda: iter(_cut(X, 30))),
    "parquet": _parquet,
    "arrow": _arrow,
}
BY_ROW = ["transform", "feature_contributions", "predict"]


@pytest.mark.parametrize("how", CHUNKED)
def test_a_table_in_chunks_has_the_results_of_the_table(fitted, how, tmp_path):
    pytest.importorskip("pyarrow")
    chunks = CHUNKED[how](FRAME, tmp_path)
    for method in BY_ROW:
        function = getattr(fitted, method)
        np.testing.assert_array_equal(function(chunks), function(FRAME), err_msg=method)
    assert fitted.score(chunks) == fitted.score(FRAME)


@pytest.mark.parametrize("method", ["reconstruct", "impute"])
@pytest.mark.parametrize("size", [33, 80])
def test_tables_made_of_chunks_are_those_of_the_table(fitted_on_each, X, size, method):
    function = getattr(fitted_on_each, method)
    made = function(ChunkedTable(_cut(X, size)))
    assert isinstance(made, ChunkedTable)
    chunks = list(made)
    assert [len(chunk) for chunk in chunks] == [len(chunk) for chunk in _cut(X, size)]
    whole = pd.concat(chunks) if isinstance(X, pd.DataFrame) else np.concatenate(chunks)
    assert_same_cells(whole, function(X))


@all_estimators
def test_a_fit_on_files_is_nearly_that_on_the_table(Estimator, tmp_path):
    pytest.importorskip("pyarrow")
    X = mixed_table(300)
    params = {"max_epochs": 5, "batch_size": 32, "n_components": 3}
    whole = fit(quick(Estimator, **params), X)
    chunked = fit(quick(Estimator, **params), _parquet(X, tmp_path))
    assert chunked.n_features_in_ == X.shape[1]
    assert list(chunked.feature_names_in_) == list(X.columns)
    room = 0.15 if Estimator in scored_by_loss(ESTIMATORS) else 0.5
    assert chunked.score(X) == pytest.approx(whole.score(X), rel=room)
    assert np.corrcoef(chunked.score_samples(X), whole.score_samples(X))[0, 1] > 0.8
    assert chunked.offset_ == pytest.approx(whole.offset_, rel=0.5)


@pytest.mark.parametrize("Estimator", trained_without_draws(ESTIMATORS))
def test_in_one_batch_without_noise_chunks_are_the_table(Estimator, X):
    estimator = full_batch(Estimator, max_epochs=5, **known(Estimator, {"weight_decay": 0.01}))
    whole = fit(clone(estimator), X)
    chunked = fit(clone(estimator), ChunkedTable(_cut(X, 30)))
    np.testing.assert_allclose(
        chunked.score_samples(X), whole.score_samples(X), rtol=1e-2, atol=1e-3
    )
    np.testing.assert_allclose(chunked.offset_, whole.offset_, rtol=1e-2)


@pytest.mark.parametrize("Estimator", trained_without_draws(ESTIMATORS))
def test_chunks_and_weights(Estimator, X):
    weight = np.random.default_rng(0).integers(1, 3, len(X)).astype(float)
    estimator = full_batch(Estimator, max_epochs=5)
    whole = fit(clone(estimator), X, sample_weight=weight)
    chunked = fit(clone(estimator), ChunkedTable(_cut(X, 30)), sample_weight=weight)
    np.testing.assert_allclose(
        chunked.score_samples(X), whole.score_samples(X), rtol=1e-2, atol=1e-3
    )


@all_estimators
def test_the_same_chunks_give_the_same_bits(Estimator, X):
    first = fit(quick(Estimator), ChunkedTable(_cut(X, 30)))
    expected = outputs(first, X)
    assert_same_bits(expected, outputs(fit(first, ChunkedTable(_cut(X, 30))), X))


@all_estimators
def test_chunks_are_read_again_but_never_kept(Estimator):
    import gc
    import weakref

    alive = []

    def chunks():
        for chunk in _cut(mixed_table(90), 30):
            alive.append(weakref.ref(chunk))
            yield chunk

    estimator = fit(quick(Estimator), ChunkedTable(chunks))
    gc.collect()
    assert len(alive) >= 6
    assert not [reference for reference in alive if reference() is not None]
    assert np.isfinite(estimator.score_samples(FRAME)).all()


@all_estimators
def test_an_estimator_of_chunks_pickles_without_them(Estimator):
    estimator = fit(quick(Estimator), ChunkedTable(_cut(FRAME, 30)))
    restored = pickle.loads(pickle.dumps(estimator))
    np.testing.assert_array_equal(restored.score_samples(FRAME), estimator.score_samples(FRAME))


@all_estimators
def test_no_chunks_are_an_error(Estimator):
    with pytest.raises(ValueError, match="0 samples"):
        quick(Estimator).fit(ChunkedTable([FRAME.iloc[:0]]))


@with_holes
@all_estimators
def test_the_size_of_a_saved_estimator_does_not_grow_with_the_table(Estimator, make):
    small = known(Estimator, {"hidden_layer_sizes": (8,), "max_reference_rows": 50})

    def size(n_samples):
        return len(pickle.dumps(fit(quick(Estimator, max_epochs=1, **small), make(n_samples))))

    # 2 000 rows more are 160 kB; a longer span has more cycles of the year
    assert abs(size(12_000) - size(10_000)) < 3_000


# ---- copies ----


@with_holes
@all_estimators
def test_a_copy_gives_the_same_bits(Estimator, make):
    X = make()
    estimator = fit(quick(Estimator), X)
    expected = outputs(estimator, X)
    for copied in (pickle.loads(pickle.dumps(estimator, protocol=2)), copy.deepcopy(estimator)):
        assert_same_bits(expected, outputs(copied, X))
        assert copied.history_.equals(estimator.history_)


@with_holes
@pytest.mark.parametrize("Estimator", having("warm_start"))
def test_a_copy_goes_on_as_if_nothing_had_been(Estimator, make):
    X = make()
    estimator = fit(quick(Estimator, warm_start=True, lr=1e-2), X)
    restored = pickle.loads(pickle.dumps(estimator))
    assert_same_bits(outputs(fit(estimator, X), X), outputs(fit(restored, X), X))


# ---- more rows ----


def _with_news(X):
    """The same rows, some with a new value, some with a hole where there was none."""
    news = X.copy()
    news.loc[::3, "text"] = "new"
    news["category"] = news["category"].astype(object)
    news.loc[::4, "category"] = "also new"
    news["category"] = news["category"].astype("category")
    news.loc[::2, "code"] = "code new"
    news.loc[::5, "float32"] = np.nan
    news["flag"] = news["flag"].astype("boolean")
    news.loc[::7, "flag"] = pd.NA
    news["float"] = 3 * news["float"] + 50
    return news


@pytest.mark.parametrize("loss", ["squared_error", "huber"])
@pytest.mark.parametrize("linear_skip", [True, False])
@pytest.mark.parametrize("Estimator", having("lr", "loss", "linear_skip"))
def test_nothing_jumps_where_a_stream_brings_news(Estimator, loss, linear_skip):
    X = mixed_table(150)
    params = {"n_components": 3, "max_epochs": 5, "loss": loss, "linear_skip": linear_skip}
    params |= known(Estimator, {"n_sweeps": 0})  # units weigh in the loss that is searched
    estimator = fit(quick(Estimator, **params), X)
    codes, rebuilt = estimator.transform(X), estimator.reconstruct(X)
    partial_fit(estimator.set_params(lr=1e-30), _with_news(X))
    np.testing.assert_allclose(estimator.transform(X), codes, atol=1e-3)
    again = estimator.reconstruct(X)
    for name in NUMBERS:
        unit = float(X[name].std())
        change = (again[name] - rebuilt[name]).to_numpy(float) / unit
        rounding = 1 / unit if name in ("int", "nullable") else 0
        assert np.abs(change).max() < 1e-3 + rounding, name
    for name in ("flag", "maybe"):
        assert (again[name] == rebuilt[name]).all(), name
    for name in ("text", "category"):
        same = again[name].astype(object) == rebuilt[name].astype(object)
        assert same.mean() > 0.8, name  # a new value may be likelier than an old one


@all_estimators
def test_a_new_value_is_read_as_before_until_it_is_learned(Estimator):
    X = mixed_table(150)
    news = _with_news(X)
    settings = {"n_components": 3, "max_epochs": 5, **known(Estimator, WHOLE)}
    estimator = fit(quick(Estimator, **settings), X)
    codes = estimator.transform(news)
    masked = _missing(news)[:, [list(X.columns).index("float32"), list(X.columns).index("flag")]]
    partial_fit(estimator.set_params(lr=1e-30), news)
    np.testing.assert_allclose(
        estimator.transform(news)[~masked.any(axis=1)], codes[~masked.any(axis=1)], atol=1e-2
    )


@all_estimators
def test_new_values_and_new_holes_are_learned(Estimator):
    X = mixed_table(150)
    news = _with_news(X)
    estimator = fit(quick(Estimator, n_components=4, early_stopping=False, batch_size=32), X)
    column = list(X.columns).index("text")
    is_new = (news["text"] == "new").to_numpy()
    partial_fit(estimator.set_params(lr=1e-30), news)
    before = estimator.feature_contributions(news)[is_new, column].mean()
    estimator.set_params(lr=3e-2)
    for _ in range(12):
        partial_fit(estimator, news)
    if Estimator in scored_by_loss(ESTIMATORS):
        assert estimator.feature_contributions(news)[is_new, column].mean() > before
    rebuilt = estimator.reconstruct(news)
    assert (rebuilt["text"][is_new] == "new").mean() > 0.5
    assert {"new"} <= set(rebuilt["text"])
    assert np.isfinite(estimator.score_samples(X)).all()
    filled = estimator.impute(news)
    assert not _missing(filled).any()


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop"])
@all_estimators
def test_after_news_every_parameter_still_learns(Estimator, optimizer):
    params = {"optimizer": optimizer, "lr": 3e-3, "batch_size": 16, "early_stopping": False}
    estimator = partial_fit(quick(Estimator, **params), FRAME)
    for chunk in (_with_news(FRAME), FRAME, FRAME):  # new layers; then no news at all
        partial_fit(estimator, chunk)
        before = state_of(estimator.module_)
        partial_fit(estimator, chunk)
        parameters = dict(estimator.module_.named_parameters())
        assert not [name for name, value in parameters.items() if value.equal(before[name])]


@pytest.mark.parametrize("optimizer", ["adam", "rmsprop"])
@all_estimators
def test_a_stream_with_news_goes_on_after_loading_as_if_nothing_had_been(Estimator, optimizer):
    estimator = quick(Estimator, optimizer=optimizer, batch_size=16, lr=1e-2)
    partial_fit(partial_fit(estimator, FRAME), _with_news(FRAME))
    restored = pickle.loads(pickle.dumps(estimator))
    for model in (estimator, restored):
        partial_fit(partial_fit(model, FRAME.iloc[:40]), _with_news(FRAME).iloc[20:])
    assert_same_bits(outputs(estimator, FRAME), outputs(restored, FRAME))
    assert restored.offset_ == estimator.offset_


@all_estimators
def test_a_stream_of_chunks_with_news_works(Estimator):
    news = _with_news(FRAME)
    estimator = partial_fit(quick(Estimator), ChunkedTable(_cut(FRAME, 30)))
    partial_fit(estimator, ChunkedTable(_cut(news, 25)))
    partial_fit(estimator, news.iloc[:1])
    assert estimator.n_iter_ == 3
    assert np.isfinite(estimator.score_samples(news)).all()


@with_holes
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_the_threshold_follows_a_stream(Estimator, make):
    X = make(300, seed=4)
    estimator = quick(Estimator, contamination=0.1, lr=1e-30, early_stopping=False)
    partial_fit(estimator, X)
    before = estimator.offset_
    for chunk in _cut(X, 150):
        partial_fit(estimator, chunk)
    assert (estimator.predict(X) == -1).mean() == pytest.approx(0.1, abs=0.02)
    odd = X.assign(float=5 * X["float"]) if isinstance(X, pd.DataFrame) else 5 * X
    partial_fit(partial_fit(estimator, odd), odd)
    assert estimator.offset_ != before


@pytest.mark.parametrize("Estimator", having("warm_start"))
def test_a_warm_start_bears_new_holes(Estimator, X):
    complete = _filled(X)
    holed = X if _missing(X).any() else holed_table()
    estimator = fit(quick(Estimator, warm_start=True), complete)
    codes, scores = estimator.transform(complete), estimator.score_samples(complete)
    fit(estimator.set_params(lr=1e-30), holed)
    np.testing.assert_allclose(estimator.transform(complete), codes, atol=1e-5)
    if Estimator in scored_by_loss(ESTIMATORS):
        np.testing.assert_allclose(estimator.score_samples(complete), scores, rtol=1e-4, atol=1e-6)
    fit(estimator.set_params(lr=1e-3), holed)
    assert estimator.n_iter_ == 9
    assert np.isfinite(estimator.score_samples(holed)).all()
    assert not _missing(estimator.impute(holed)).any()


@all_estimators
def test_partial_fit_of_numbers_bears_new_holes(Estimator):
    X, holed = table(), holed_table()
    estimator = partial_fit(quick(Estimator), X)
    codes = estimator.transform(X)
    partial_fit(estimator.set_params(lr=1e-30), holed)
    np.testing.assert_allclose(estimator.transform(X), codes, atol=1e-3)
    for _ in range(2):
        partial_fit(estimator.set_params(lr=1e-3), X)
        partial_fit(estimator, holed)
    assert np.isfinite(estimator.score_samples(holed)).all()
    assert estimator.n_iter_ == 6


# ---- modules of the user's ----


def _net(n_in, n_out):
    return nn.Sequential(nn.Linear(n_in, 9), nn.Tanh(), nn.Linear(9, n_out))


@with_holes
@pytest.mark.parametrize("given", [["encoder"], ["decoder"], ["encoder", "decoder"]])
@pytest.mark.parametrize("Estimator", having("encoder", "decoder"))
def test_own_modules_are_given_what_the_network_sees_of_a_row(Estimator, given, make):
    X = make()
    params = {"n_components": 3, "early_stopping": False, **dict.fromkeys(given, _net)}
    start = fit(quick(Estimator, **params, max_epochs=0), X)
    trained = fit(quick(Estimator, **params), X)
    assert trained.transform(X).shape == (len(X), 3)
    if "encoder" in given:
        inputs, first = trained.module_.inputs, trained.module_.encoder[0]
        assert first.in_features == inputs.n_out
    before = state_of(start.module_)
    parameters = dict(trained.module_.named_parameters())
    assert not [name for name, value in parameters.items() if value.equal(before[name])]
    assert not _missing(trained.impute(X)).any()


@pytest.mark.parametrize("Estimator", scored_by_loss(having("encoder", "decoder")))
def test_own_modules_bear_news_of_a_stream(Estimator):
    estimator = partial_fit(quick(Estimator, encoder=_net), FRAME)
    news = _with_news(FRAME)
    before = estimator.score_samples(news)
    partial_fit(estimator.set_params(lr=1e-30), news)
    np.testing.assert_allclose(estimator.score_samples(news), before, rtol=1e-4)
    partial_fit(estimator.set_params(lr=1e-3), news)
    assert np.isfinite(estimator.score_samples(news)).all()


@pytest.mark.parametrize("Estimator", having("encoder"))
def test_a_module_of_the_wrong_width_is_told_the_right_one(Estimator):
    with pytest.raises(ValueError, match=r"encoder cannot take rows of \d\d columns"):
        fit(quick(Estimator, encoder=nn.Linear(10, 2)), FRAME)


# ---- a step like any other ----


@all_estimators
def test_a_mixed_table_goes_through_a_pipeline(Estimator):
    species = (FRAME["float32"] > 0).to_numpy()
    encoder = quick(Estimator, n_components=3, max_epochs=6)
    pipeline = make_pipeline(encoder, LogisticRegression())
    accuracy = fit(pipeline, FRAME, species).score(FRAME, species)
    assert accuracy > 0.8 or Estimator not in trained_to_reconstruct(ESTIMATORS)
    detector = fit(make_pipeline(quick(Estimator, contamination=0.1)), FRAME)
    assert (detector.predict(FRAME) == -1).sum() == 8
    np.testing.assert_array_equal(detector.score_samples(FRAME), detector[-1].score_samples(FRAME))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@all_estimators
def test_a_mixed_table_is_searched_and_cross_validated(Estimator):
    estimator = quick(Estimator, early_stopping=False, max_epochs=1)
    search = GridSearchCV(estimator, {"n_components": [1, 4]}, n_jobs=2, cv=2)
    search.fit(FRAME)
    if Estimator in scored_by_loss(ESTIMATORS):
        assert search.best_params_ == {"n_components": 4}
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    alone = fit(clone(estimator).set_params(**search.best_params_), FRAME)
    assert_same_bits(outputs(search.best_estimator_, FRAME), outputs(alone, FRAME))
    scores = cross_val_score(estimator, FRAME, cv=3, error_score="raise")
    assert (scores < 0).all() or Estimator not in scored_by_loss(ESTIMATORS)
    assert np.isfinite(scores).all()


# ---- errors that name the column ----


def _infinite(name):
    X = FRAME.copy()
    X.loc[3, name] = np.inf
    return X


BAD = {
    "a new column": (lambda: FRAME.assign(extra=1.0), "extra"),
    "a missing column": (lambda: FRAME.drop(columns="int"), "int"),
    "another order": (lambda: FRAME[FRAME.columns[::-1]], "order"),
    "text for numbers": (lambda: FRAME.assign(float="x"), "float"),
    "numbers for text": (lambda: FRAME.assign(text=1.5), "text"),
    "numbers for datetimes": (lambda: FRAME.assign(when=1.5), "when"),
    "text for booleans": (lambda: FRAME.assign(flag="yes"), "flag"),
    "datetimes for numbers": (lambda: FRAME.assign(int=FRAME["when"]), "int"),
    "infinity": (lambda: _infinite("float"), "float"),
    "infinity in float32": (lambda: _infinite("float32"), "float32"),
}


@pytest.mark.parametrize("what", BAD)
@pytest.mark.parametrize("method", [*ROW_METHODS, "partial_fit", "score"])
def test_a_bad_column_is_an_error_that_names_it(fitted, method, what):
    make, name = BAD[what]
    estimator = pickle.loads(pickle.dumps(fitted)) if method == "partial_fit" else fitted
    with pytest.raises(ValueError, match=name):
        getattr(estimator, method)(make())


@pytest.mark.parametrize("what", BAD)
@pytest.mark.parametrize("method", ["score_samples", "transform"])
def test_a_bad_column_of_a_chunk_is_an_error_that_names_it(fitted, method, what):
    make, name = BAD[what]
    with pytest.raises(ValueError, match=name):
        getattr(fitted, method)(ChunkedTable([make().iloc[:40]]))


@pytest.mark.parametrize("name", FRAME.columns)
@pytest.mark.parametrize("train", [fit, partial_fit])
@all_estimators
def test_a_column_without_any_value_is_an_error_of_training_that_names_it(Estimator, name, train):
    X = FRAME.copy()
    X[name] = _blank(FRAME)[name]
    with pytest.raises(ValueError, match=name):
        train(quick(Estimator), X)


@pytest.mark.parametrize("method", ["reconstruct", "impute", "score_samples"])
@pytest.mark.parametrize("name", FRAME.columns)
def test_new_rows_may_lack_a_whole_column(fitted, name, method):
    X = FRAME.copy()
    X[name] = _blank(FRAME)[name]
    result = getattr(fitted, method)(X)
    assert len(result) == len(X)
    assert not _missing(result).any()


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.parametrize("method", ROW_METHODS)
def test_an_array_where_a_frame_was_fitted_is_an_error_that_says_so(fitted, method):
    with pytest.raises(ValueError, match=r"flag.*data frame"):
        getattr(fitted, method)(np.zeros((4, FRAME.shape[1])))


@pytest.mark.parametrize(
    "values",
    [
        pd.Series([1j] * 80),
        pd.Series(pd.to_timedelta(np.arange(80), "h")),
        pd.Series([[1, 2]] * 80),
        pd.Series(pd.period_range("2020", periods=80, freq="D")),
    ],
    ids=["complex", "timedelta", "lists", "periods"],
)
@all_estimators
def test_a_column_of_a_type_that_is_none_of_the_kinds_is_named(Estimator, values):
    with pytest.raises(ValueError, match="strange"):
        quick(Estimator).fit(FRAME.assign(strange=values))


@all_estimators
def test_two_columns_of_one_name_are_an_error(Estimator):
    X = pd.concat([FRAME, FRAME[["int"]]], axis=1)
    with pytest.raises(ValueError, match="int"):
        quick(Estimator).fit(X)


def test_a_failed_call_leaves_the_estimator_as_it_was(fitted):
    before = outputs(fitted, FRAME)
    with pytest.raises(ValueError, match="float"):
        fitted.score_samples(_infinite("float"))
    assert_same_bits(before, outputs(fitted, FRAME))


# ---- compiled ----


@pytest.mark.slow
@pytest.mark.parametrize("Estimator", having("compile", "batch_size"))
def test_compiled_training_has_the_losses_of_uncompiled(Estimator):
    X = mixed_table(700)[["float", "text"]]  # more columns take minutes to compile
    params = {"batch_size": 32, "early_stopping": False, "max_epochs": 3}
    compiled = fit(quick(Estimator, compile=True, **params), X)
    plain = fit(quick(Estimator, **params), X)
    np.testing.assert_allclose(
        compiled.history_["train_loss"], plain.history_["train_loss"], rtol=1e-3
    )


def test_the_kinds_of_tables_are_what_they_say():
    assert list(TABLES) == ["array", "array with holes", "mixed frame"]
    assert not _missing(TABLES["array"]()).any()
    assert _missing(TABLES["array with holes"]()).any()
    assert len(set(FRAME.dtypes.astype(str))) >= 9
    assert FRAME["code"].nunique() > 32
