"""The schema of a table: which columns of an encoded row belong to which column of the table."""

import itertools
import pickle

import numpy as np
import pytest

from skae.utils import KINDS, Column, TableSchema

COLUMNS = (
    Column("price", "numeric"),
    Column("when", "datetime", width=5),
    Column("open", "boolean", frequencies=np.array([0.25, 0.75]), n_known=2),
    Column("city", "categorical", frequencies=np.array([0.5, 0.3, 0.2]), n_known=2),
    Column("due", "datetime", width=1, has_missing=True),
    Column("size", "numeric", has_missing=True),
)
ORDERS = [COLUMNS, COLUMNS[::-1], COLUMNS[2:] + COLUMNS[:2], COLUMNS[:1], COLUMNS[1:2]]
every_order = pytest.mark.parametrize("columns", ORDERS)


@every_order
def test_every_encoded_column_belongs_to_one_column_in_order(columns):
    schema = TableSchema(columns)
    owners = schema.encoded_features
    assert schema.n_features == len(columns)
    assert schema.n_encoded == len(owners) == sum(column.width for column in columns)
    assert (np.diff(owners) >= 0).all()
    np.testing.assert_array_equal(np.bincount(owners), [column.width for column in columns])


@every_order
def test_the_first_parts_are_where_a_column_begins(columns):
    schema = TableSchema(columns)
    _, first = np.unique(schema.encoded_features, return_index=True)
    np.testing.assert_array_equal(schema.first_parts, first)


@every_order
def test_the_kinds_part_the_encoded_columns(columns):
    schema = TableSchema(columns)
    positions = np.concatenate([schema.encoded_positions(kind) for kind in KINDS])
    assert sorted(positions) == list(range(schema.n_encoded))
    np.testing.assert_array_equal(schema.encoded_positions(*KINDS), np.arange(schema.n_encoded))
    assert len(schema.encoded_positions()) == 0
    for kind in KINDS:
        owners = schema.encoded_features[schema.encoded_positions(kind)]
        assert all(columns[i].kind == kind for i in owners)
        assert schema.of_kind(kind) == [column for column in columns if column.kind == kind]


@pytest.mark.parametrize(("first", "other"), [*itertools.combinations(KINDS, 2)])
def test_several_kinds_are_the_union(first, other):
    schema = TableSchema(COLUMNS)
    both = np.union1d(schema.encoded_positions(first), schema.encoded_positions(other))
    np.testing.assert_array_equal(schema.encoded_positions(first, other), both)


def test_a_table_of_numbers_is_numeric_and_without_holes_plain():
    number, holed = COLUMNS[0], COLUMNS[-1]
    assert TableSchema((number, number)).is_plain
    assert TableSchema((number, holed)).is_numeric
    assert not TableSchema((number, holed)).is_plain
    for column in COLUMNS[1:-1]:
        assert not TableSchema((number, column)).is_numeric
        assert not TableSchema((number, column)).is_plain


@pytest.mark.parametrize("n", [1, 2, 7, 100])
def test_the_entropy_is_largest_where_all_classes_are_as_frequent(n):
    even = Column("it", "categorical", frequencies=np.full(n, 1 / n))
    assert even.n_classes == n
    assert even.entropy == pytest.approx(np.log(n), abs=1e-12)
    frequencies = np.random.default_rng(0).dirichlet(np.ones(n))
    assert 0 <= Column("it", "categorical", frequencies=frequencies).entropy <= even.entropy


def test_a_class_that_never_comes_has_no_part_in_the_entropy():
    certain = Column("it", "boolean", frequencies=np.array([1.0, 0.0]))
    assert certain.entropy == 0
    halves = Column("it", "categorical", frequencies=np.array([0.5, 0.0, 0.5]))
    assert halves.entropy == pytest.approx(np.log(2))


def test_columns_without_classes_have_none():
    for column in COLUMNS[:2]:
        assert column.n_classes == 0
        assert column.entropy == 0


def test_a_column_cannot_be_changed():
    with pytest.raises(AttributeError):
        COLUMNS[0].kind = "boolean"
    with pytest.raises(AttributeError):
        TableSchema(COLUMNS).columns = ()


def test_columns_do_not_share_their_frequencies():
    assert Column("a", "numeric").frequencies is not Column("b", "numeric").frequencies


def test_a_pickle_says_the_same():
    schema = TableSchema(COLUMNS)
    copy = pickle.loads(pickle.dumps(schema))
    np.testing.assert_array_equal(copy.encoded_features, schema.encoded_features)
    assert [column.name for column in copy.columns] == [column.name for column in COLUMNS]


def test_the_parts_of_a_category_are_its_known_values_and_the_bucket():
    parts = {column.name: column.parts for column in COLUMNS}
    assert parts["city"] == [0, 1, "other"]
    assert parts["when"] == [0, 1, 2, 3, 4]
    assert parts["open"] == parts["price"] == parts["due"] == [0]
    without_bucket = Column("c", "categorical", frequencies=np.array([0.5, 0.5]), n_known=2)
    assert without_bucket.parts == [0, 1]


def test_the_parts_that_were_known_keep_their_names_when_a_value_becomes_known():
    grown = Column("city", "categorical", frequencies=np.full(5, 0.2), n_known=4)
    assert set(COLUMNS[3].parts) <= set(grown.parts)


@pytest.mark.parametrize("n_cycles", range(4))
def test_the_variance_is_that_of_a_trend_and_of_cycles_once_around(n_cycles):
    rng = np.random.default_rng(0)
    angles = rng.uniform(0, 2 * np.pi, (100_000, n_cycles))
    parts = np.hstack([rng.normal(size=(100_000, 1)), np.sin(angles), np.cos(angles)])
    column = Column("when", "datetime", width=parts.shape[1])
    assert column.variance == pytest.approx(parts.var(axis=0).sum(), rel=0.02)
