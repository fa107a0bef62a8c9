"""Categories as codes: which values are known, and what becomes of all others."""

import numpy as np
import pandas as pd
import pytest

from skae.preprocessing import MAX_CATEGORIES, TableEncoder, _categories
from skae.preprocessing._categories import Booleans, Categories

MARKS = ("?",)
TYPES = ["object", "str", "string", "category", "string[pyarrow]"]
every_type = pytest.mark.parametrize("dtype", TYPES)


def _categories_of(*columns, missing_marks=MARKS, max_categories=99, min_frequency=1, weight=None):
    """What learns from columns, one call each."""
    categories = Categories(missing_marks, max_categories, min_frequency)
    for column in columns:
        column = pd.Series(column)
        categories.add(column, np.ones(len(column)) if weight is None else np.asarray(weight))
        categories.finish()
    return categories


def _codes(categories, cells):
    return categories.encode(pd.Series(cells, dtype=object))[:, 0].tolist()


def _names(n, seed=0, n_names=20):
    """Names of which the first ones are much more frequent."""
    rng = np.random.default_rng(seed)
    return pd.Series([f"name {int(i)}" for i in rng.exponential(n_names / 5, n)])


# ---- codes ----


@every_type
def test_codes_come_back(dtype):
    column = _names(500).astype(dtype)
    categories = _categories_of(column)
    encoded = categories.encode(column)
    assert encoded.shape == (500, 1)
    assert set(encoded[:, 0]) == set(range(column.nunique()))
    assert categories.decode(encoded).tolist() == column.tolist()


@every_type
def test_the_type_of_the_column_makes_no_difference(dtype):
    column = _names(500)
    expected = _categories_of(column)
    categories = _categories_of(column.astype(dtype))
    assert categories.known.tolist() == expected.known.tolist()
    np.testing.assert_array_equal(
        categories.encode(column), expected.encode(column[::-1].astype(dtype))[::-1]
    )


def test_the_more_frequent_value_has_the_smaller_code():
    column = _names(2000)
    categories = _categories_of(column)
    counts = column.value_counts()
    assert (np.diff(counts[categories.known]) <= 0).all()
    np.testing.assert_array_equal(categories.class_weight, counts[categories.known])


@pytest.mark.parametrize(
    "values", [[1, 2, 3], [1.5, 2.5], [True, False], [(1,), (1, 2)], ["", " "]]
)
def test_values_may_be_anything_that_can_be_compared(values):
    column = pd.Series([*values, *values, None], dtype=object)
    categories = _categories_of(column)
    encoded = categories.encode(column)
    assert np.isnan(encoded[-1, 0])
    assert categories.decode(encoded)[:-1].tolist() == column.tolist()[:-1]


def test_the_order_of_the_rows_only_breaks_ties():
    column = _names(2000)
    counts = column.value_counts()
    shuffled = _categories_of(column.sample(frac=1, random_state=0))
    assert counts[shuffled.known].tolist() == counts[_categories_of(column).known].tolist()


def test_codes_that_no_value_has_are_missing():
    categories = _categories_of(["a", "b"])
    decoded = categories.decode(np.array([[0.0], [2.0], [99.0], [np.nan]]))
    assert decoded[0] == "a"
    assert pd.isna(decoded[1:]).all()


# ---- the bucket ----


def test_rare_and_unseen_values_share_a_bucket():
    categories = _categories_of(["a"] * 5 + ["b"] * 3 + ["c", "d"], min_frequency=2)
    assert categories.known.tolist() == ["a", "b"]
    assert _codes(categories, ["a", "b", "c", "d", "never seen"]) == [0, 1, 2, 2, 2]
    np.testing.assert_array_equal(categories.class_weight, [5, 3, 2])
    assert pd.isna(categories.decode(np.array([[2.0]]))).all()


@pytest.mark.parametrize("max_categories", [1, 3, 10])
def test_the_most_frequent_values_are_known(max_categories):
    column = _names(2000)
    categories = _categories_of(column, max_categories=max_categories)
    counts = column.value_counts()
    assert sorted(counts[categories.known]) == sorted(counts.iloc[:max_categories])
    assert categories.class_weight.sum() == 2000
    assert len(categories.class_weight) == max_categories + 1


@pytest.mark.parametrize("min_frequency", [1, 2, 50])
def test_a_value_is_known_from_so_many_rows_on(min_frequency):
    column = _names(2000)
    categories = _categories_of(column, min_frequency=min_frequency)
    counts = column.value_counts()
    assert set(categories.known) == set(counts.index[counts >= min_frequency])


def test_there_is_no_bucket_where_all_values_are_known():
    categories = _categories_of(["a", "b", None])
    assert len(categories.class_weight) == 2
    assert categories.learned()["n_known"] == 2
    assert _codes(categories, ["x"]) == [2]


def test_a_column_of_nothing_but_rare_values_is_all_bucket():
    categories = _categories_of(["a", "b", "c"], min_frequency=2)
    assert len(categories.known) == 0
    np.testing.assert_array_equal(categories.learned()["frequencies"], [1])
    assert _codes(categories, ["a", "x", None])[:2] == [0, 0]


def test_by_default_so_many_values_are_known_and_those_seen_once_are_not():
    frame = pd.DataFrame({"it": [f"{i}" for i in range(400)] * 2 + ["once"]})
    column = TableEncoder().fit(frame).schema_.columns[0]
    assert column.n_known == MAX_CATEGORIES == 256
    assert column.n_classes == 257
    column = TableEncoder(max_categories=999).fit(frame).schema_.columns[0]
    assert column.n_known == 400
    assert column.frequencies[-1] == pytest.approx(1 / 801)


# ---- missing cells ----


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT, "?", " ?", "?  ", "\t?\n"])
def test_what_is_missing_has_no_code(missing):
    column = pd.Series(["a", missing, "b", "a"], dtype=object)
    categories = _categories_of(column)
    assert np.isnan(categories.encode(column)[:, 0]).tolist() == [False, True, False, False]
    assert sorted(categories.known) == ["a", "b"]
    assert categories.class_weight.sum() == 3
    present = categories.add(column, np.ones(4))
    assert present.tolist() == [True, False, True, True]


@every_type
@pytest.mark.parametrize("marks", [["-"], (" - ", "n/a"), {"-", "?"}, frozenset(["-"])])
def test_marks_are_taken_without_the_spaces_around_them(marks, dtype):
    column = pd.Series(["a", "-", " -", "b-", "- -"]).astype(dtype)
    encoded = _categories_of(column, missing_marks=marks).encode(column)[:, 0]
    assert np.isnan(encoded).tolist() == [False, True, True, False, False]


def test_without_marks_every_text_is_a_value():
    assert set(_categories_of(["?", "", " "], missing_marks=()).known) == {"?", "", " "}


def test_marks_of_a_category_are_missing_and_come_back_missing():
    frame = pd.DataFrame({"it": pd.Categorical(["a", " ?", "b", None])})
    encoder = TableEncoder(min_frequency=1).fit(frame)
    assert np.isnan(encoder.transform(frame)[:, 0]).tolist() == [False, True, False, True]
    back = encoder.inverse_transform(encoder.transform(frame))["it"]
    assert back.dtype == frame["it"].dtype
    assert back.isna().tolist() == [False, True, False, True]


# ---- more rows, weights ----


def test_codes_never_change_their_meaning():
    chunks = [_names(100, seed, n_names=10 * (seed + 1)) for seed in range(8)]
    categories = Categories(MARKS, 30, 3)
    known = []
    for chunk in chunks:
        categories.add(chunk, np.ones(len(chunk)))
        categories.finish()
        assert categories.known[: len(known)].tolist() == known
        known = categories.known.tolist()
    assert len(known) == len(set(known)) <= 30
    assert categories.class_weight.sum() == 800


def test_adding_chunks_is_adding_all():
    column = _names(1000)
    chunks = Categories(MARKS, 10, 2)
    for start in range(0, 1000, 130):
        part = column[start : start + 130]
        chunks.add(part, np.ones(len(part)))
    chunks.finish()
    whole = _categories_of(column, max_categories=10, min_frequency=2)
    assert chunks.known.tolist() == whole.known.tolist()
    np.testing.assert_array_equal(chunks.class_weight, whole.class_weight)


def test_finishing_twice_changes_nothing():
    categories = _categories_of(_names(300), max_categories=5)
    known, weight = categories.known.tolist(), categories.class_weight.copy()
    categories.finish()
    assert categories.known.tolist() == known
    np.testing.assert_array_equal(categories.class_weight, weight)


def test_weights_decide_which_values_are_known():
    column, weight = ["a", "a", "b", "c"], [1.0, 1.0, 0.5, 9.0]
    categories = _categories_of(column, weight=weight, max_categories=2)
    assert categories.known.tolist() == ["c", "a"]
    np.testing.assert_array_equal(categories.class_weight, [9, 2, 0.5])


@pytest.mark.parametrize("n_counted", [50, 400])
def test_values_that_never_repeat_do_not_pile_up(n_counted, monkeypatch):
    monkeypatch.setattr(_categories, "MOST_COUNTED_VALUES", n_counted)
    categories = Categories(MARKS, 5, 2)
    for i in range(30):
        chunk = pd.Series([f"once {i} {j}" for j in range(40)] + ["often"] * 3)
        categories.add(chunk, np.ones(len(chunk)))
        assert len(categories._values) <= n_counted + 43
    categories.finish()
    assert categories.known.tolist() == ["often"]
    np.testing.assert_array_equal(categories.class_weight, [90, 1200])  # forgotten ones as well
    assert _codes(categories, ["often", "once 0 0"]) == [0, 1]


def test_known_values_are_not_forgotten(monkeypatch):
    monkeypatch.setattr(_categories, "MOST_COUNTED_VALUES", 10)
    categories = _categories_of(["first", "second"])
    for i in range(20):
        categories.add(pd.Series([f"{i}"] * 5), np.ones(5))
    categories.finish()
    assert _codes(categories, ["first", "second"]) == [0, 1]
    assert categories.class_weight.sum() == 102


# ---- booleans ----


@pytest.mark.parametrize("dtype", ["bool", "boolean", "bool[pyarrow]", "object", "Sparse[bool]"])
def test_booleans_are_zero_and_one(dtype):
    column = pd.Series([True, False, True]).astype(dtype)
    booleans = Booleans()
    assert booleans.add(column, np.array([1.0, 1.0, 3.0])).all()
    np.testing.assert_array_equal(booleans.class_weight, [1, 4])
    np.testing.assert_array_equal(booleans.encode(column), [[1], [0], [1]])
    assert booleans.decode(booleans.encode(column)).tolist() == [True, False, True]


@pytest.mark.parametrize("dtype", ["boolean", "bool[pyarrow]", "object"])
def test_missing_booleans_are_missing(dtype):
    column = pd.Series([True, None, False], dtype=object).astype(dtype)
    booleans = Booleans()
    assert booleans.add(column, np.ones(3)).tolist() == [True, False, True]
    np.testing.assert_array_equal(booleans.encode(column), [[1], [np.nan], [0]])
    np.testing.assert_array_equal(booleans.class_weight, [1, 1])


def test_the_likelier_boolean_is_decoded():
    assert Booleans().decode(np.array([[0.2], [0.51], [0.5], [7.0], [-1.0]])).tolist() == [
        False,
        True,
        False,
        True,
        False,
    ]
