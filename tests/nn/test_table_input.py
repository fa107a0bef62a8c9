"""What a network sees of an encoded row: centred, scaled, finite, and the same after growth."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch

from skae.nn import AutoEncoderModule, SkipMLP, TableInput, origins_in, places_in
from skae.preprocessing import TableEncoder
from skae.utils import Column, TableSchema
from tests.schemas import boolean, category, datetime, encoded_rows, number, random_schema

SEEDS = range(4)


def _generator(seed=0):
    return torch.Generator().manual_seed(seed)


def _input(schema, masks_all=False, like=None, seed=0):
    return TableInput(schema, _generator(seed), masks_all, like)


def _seen(inputs, x):
    return inputs(inputs.prepare(x))


def _columns_of(inputs, i):
    return [j for j, (column, _) in enumerate(inputs.labels) if column == i]


# ---- what comes out ----


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("masks_all", [True, False])
def test_the_labels_name_every_output(seed, masks_all):
    schema = random_schema(seed)
    inputs = _input(schema, masks_all)
    x = encoded_rows(schema, 5, 0.3)
    assert _seen(inputs, x).shape == (5, inputs.n_out)
    assert len(set(inputs.labels)) == len(inputs.labels) == inputs.n_out
    assert {i for i, _ in inputs.labels} == set(range(schema.n_features))
    assert inputs.values(x).shape == (5, inputs.n_values)


@pytest.mark.parametrize("seed", SEEDS)
def test_each_column_of_a_table_has_variance_one_in_sum_and_mean_zero(seed):
    schema = random_schema(seed)
    inputs = _input(schema)
    seen = _seen(inputs, encoded_rows(schema, 20_000)).detach()
    for i, column in enumerate(schema.columns):
        part = seen[:, _columns_of(inputs, i)]
        tolerance = 0.4 if i in inputs.embedded else 0.1  # drawn, of few numbers
        assert part.var(dim=0).sum().item() == pytest.approx(1, abs=tolerance), column
        if i not in inputs.embedded:
            assert part.mean(dim=0).abs().max() < 0.05


def test_each_column_of_a_real_table_has_variance_one_in_sum():
    rng = np.random.default_rng(0)
    n = 3000
    frame = pd.DataFrame(
        {
            "float": rng.normal(7, 3, n),
            "int": rng.integers(0, 9, n),
            "flag": rng.random(n) < 0.2,
            "letter": rng.choice(list("abcdef"), n, p=[0.4, 0.3, 0.15, 0.1, 0.04, 0.01]),
            "code": rng.integers(0, 60, n).astype(str),
            "when": pd.Timestamp("2019") + pd.to_timedelta(rng.integers(0, 40_000, n), unit="h"),
        }
    )
    encoder = TableEncoder(dtype=np.float32).fit(frame)
    inputs = _input(encoder.schema_)
    seen = _seen(inputs, torch.from_numpy(encoder.transform(frame))).detach()
    variances = [seen[:, _columns_of(inputs, i)].var(dim=0).sum() for i in range(6)]
    np.testing.assert_allclose(variances, 1, atol=0.2)


def test_a_class_that_is_nearly_everywhere_is_not_blown_up():
    schema = TableSchema((category([1 - 1e-6, 1e-6]), boolean(1e-6)))
    rare = _input(schema)(torch.tensor([[1.0, 1.0]]))
    assert rare.abs().max() < 11


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("masks_all", [True, False])
def test_a_missing_cell_is_all_zeros_but_its_mask(seed, masks_all):
    schema = random_schema(seed)
    inputs = _input(schema, masks_all)
    x = encoded_rows(schema, 50, 0.4)
    seen = _seen(inputs, x).detach()
    assert seen.isfinite().all()
    missing = torch.isnan(x[:, schema.first_parts])
    for j, (i, part) in enumerate(inputs.labels):
        if part == "missing":
            torch.testing.assert_close(seen[:, j], missing[:, i].to(seen))
        else:
            assert not seen[missing[:, i], j].any()
    values = inputs.values(x)
    of_column = [i for i, _ in inputs.labels[: inputs.n_values]]
    assert torch.equal(torch.isnan(values), missing[:, of_column])
    torch.testing.assert_close(values.nan_to_num(nan=0.0), seen[:, : inputs.n_values])


@pytest.mark.parametrize("seed", SEEDS)
def test_columns_that_were_missing_have_a_mask_or_all_have(seed):
    schema = random_schema(seed)
    masked = [i for i, part in _input(schema).labels if part == "missing"]
    numbers = [i for i, c in enumerate(schema.columns) if c.kind != "categorical"]
    assert masked == [i for i in numbers if schema.columns[i].has_missing]
    assert set(numbers) <= {i for i, part in _input(schema, True).labels if part == "missing"}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("masks_all", [True, False])
def test_each_value_knows_its_mask(seed, masks_all):
    inputs = _input(random_schema(seed), masks_all)
    masks = {i: j for j, (i, part) in enumerate(inputs.labels) if part == "missing"}
    for j, (i, _) in enumerate(inputs.labels):
        expected = masks.get(i, -1) if j < inputs.n_values else -1
        assert inputs.mask_of_inputs[j] == expected


def test_an_unseen_code_is_no_class_and_is_not_missing():
    schema = TableSchema((category([3, 2, 1]),))
    inputs = _input(schema)
    seen = _seen(inputs, torch.tensor([[0.0], [3.0], [torch.nan]]))
    torch.testing.assert_close(seen[1], -inputs.offset / inputs.scale)
    assert not torch.allclose(seen[1], seen[0])
    assert not torch.allclose(seen[1], seen[2])


def test_an_unseen_code_of_an_embedded_column_is_read_as_missing():
    inputs = _input(TableSchema((category(np.ones(50)),)))
    seen = _seen(inputs, torch.tensor([[50.0], [99.0], [torch.nan]])).detach()
    assert seen.shape == (3, 8)
    assert not seen.any()


def test_the_bucket_of_an_embedded_column_is_a_class():
    inputs = _input(TableSchema((category(np.ones(50), bucket=True),)))
    seen = _seen(inputs, torch.tensor([[0.0], [49.0], [50.0]])).detach()
    assert seen[:2].any(dim=1).all()
    assert not seen[2].any()


def test_encoded_rows_are_left_as_they_were():
    schema = random_schema(0)
    x = encoded_rows(schema, 20, 0.3)
    kept = x.clone()
    _input(schema)(x)
    assert torch.equal(torch.nan_to_num(x, nan=9e9), torch.nan_to_num(kept, nan=9e9))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_float_type_of_the_rows_is_kept(dtype):
    schema = random_schema(0)
    inputs = _input(schema).to(dtype)
    assert _seen(inputs, encoded_rows(schema, 5, 0.3, dtype=dtype)).dtype == dtype


# ---- gradients ----


@pytest.mark.parametrize("seed", SEEDS)
def test_gradients_by_hand_are_those_of_autograd(seed):
    schema = random_schema(seed, n_columns=12, largest=60, kinds=("n", "c", "c"))
    inputs = _input(schema).double()
    x = encoded_rows(schema, 40, 0.2)
    x[0, schema.encoded_positions("categorical")] = 1000.0  # unseen
    seen = _seen(inputs, x)
    upstream = torch.cos(seen.detach())
    assert len(inputs.embeddings) > 0
    expected = torch.autograd.grad(seen, list(inputs.parameters()), upstream)
    torch.testing.assert_close(inputs.gradients(inputs.prepare(x), upstream), list(expected))


def test_without_embeddings_there_is_nothing_to_learn():
    schema = TableSchema((number(has_missing=True), category([1, 1])))
    inputs = _input(schema)
    x = encoded_rows(schema, 5)
    assert not list(inputs.parameters())
    assert inputs.gradients(inputs.prepare(x), _seen(inputs, x)) == []


def test_the_vector_of_missing_cells_never_learns():
    inputs = _input(TableSchema((category(np.ones(40)),))).double()
    x = torch.tensor([[torch.nan], [3.0]], dtype=torch.float64)
    (grad,) = inputs.gradients(inputs.prepare(x), torch.ones(2, inputs.n_out, dtype=torch.float64))
    assert not grad[-1].any()
    assert grad[3].all()


def test_the_embeddings_depend_on_the_generator_only():
    schema = TableSchema((category(np.ones(40)),))
    state = torch.get_rng_state()
    first, again, other = (_input(schema, seed=s).embeddings[0].weight for s in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.isclose(first[:-1], other[:-1]).any()
    assert torch.equal(state, torch.get_rng_state())


# ---- growing ----


def _grown(column, has_missing=None, new_classes=0):
    """The same column after more rows: new values among the known ones."""
    frequencies = column.frequencies
    if new_classes:
        known, bucket = np.split(frequencies, [column.n_known])
        frequencies = np.concatenate([0.7 * known, np.full(new_classes, 0.1), bucket])
        frequencies /= frequencies.sum()
    elif column.kind == "boolean":
        frequencies = frequencies[::-1]
    return Column(
        column.name,
        column.kind,
        column.width,
        column.has_missing if has_missing is None else has_missing,
        frequencies,
        column.n_known + new_classes,
        2 * column.n_seen,
    )


SMALL = (number("n"), boolean(0.2, "b"), category([5, 3, 2], True, "c"), datetime(3, "d"))
LARGE = category(np.arange(1.0, 41.0), True, "l")
BEFORE = TableSchema((*SMALL, LARGE, number("m", True)))
AFTER = TableSchema(tuple(_grown(c, True, 2 * (c.kind == "categorical")) for c in BEFORE.columns))


def _network(inputs, seed=3):
    return SkipMLP(inputs.n_out, 4, (7,), "tanh", True, _generator(seed)).double()


def _grown_network(before, after):
    """A network on `before`, and the same one after it took the inputs of `after`."""
    first, second = _network(before), _network(before)
    second.take_inputs(origins_in(after.labels, before.labels))
    return first, second


@pytest.mark.parametrize("masks_all", [True, False])
def test_what_was_known_is_read_as_before(masks_all):
    before = _input(BEFORE, masks_all).double()
    after = _input(AFTER, masks_all, like=before, seed=9).double()
    x = encoded_rows(BEFORE, 60, 0.2)
    for i in BEFORE.encoded_positions("categorical"):
        bucket = BEFORE.columns[BEFORE.encoded_features[i]].n_known
        x[x[:, i] == bucket, i] = 0.0
    first, second = _grown_network(before, after)
    torch.testing.assert_close(second(_seen(after, x)), first(_seen(before, x)))


def test_a_class_that_becomes_known_starts_as_the_bucket():
    before = _input(BEFORE).double()
    after = _input(AFTER, like=before, seed=9).double()
    x = encoded_rows(BEFORE, 30)
    place = {column.name: i for i, column in zip(BEFORE.first_parts, BEFORE.columns, strict=True)}
    first, second = _grown_network(before, after)
    for name, n_known in (("c", 2), ("l", 39)):
        x[:, place[name]] = float(n_known)  # before: the bucket; after: a class of its own
        expected = first(_seen(before, x))
        for code in (n_known, n_known + 1, n_known + 2):  # two new classes, and the bucket again
            x[:, place[name]] = float(code)
            torch.testing.assert_close(second(_seen(after, x)), expected)
        x[:, place[name]] = 0.0


@pytest.mark.parametrize("n_classes", [4, 40])
def test_a_class_that_becomes_known_starts_as_unseen_where_there_was_no_bucket(n_classes):
    old = TableSchema((category(np.ones(n_classes)),))
    before = _input(old).double()
    after = _input(TableSchema((_grown(old.columns[0], new_classes=3),)), like=before).double()
    first, second = _grown_network(before, after)
    new = torch.arange(n_classes, n_classes + 3.0, dtype=torch.float64)[:, None]
    torch.testing.assert_close(second(_seen(after, new)), first(_seen(before, new)))


def test_a_column_that_becomes_large_stays_one_hot_and_embeddings_keep_their_width():
    small, large = category(np.ones(30), name="s"), category(np.ones(36), name="l")
    before = _input(TableSchema((small, large)))
    schema = TableSchema((_grown(small, new_classes=10), _grown(large, new_classes=30)))
    after = _input(schema, like=before)
    assert list(after.embedded) == [1]
    assert after.embeddings[0].weight.shape == (67, 6)
    assert len(_columns_of(after, 0)) == 40


def test_growing_changes_nothing_in_the_earlier_input():
    before = _input(BEFORE)
    kept = pickle.loads(pickle.dumps(before))
    after = _input(AFTER, like=before)
    with torch.no_grad():
        for parameter in after.parameters():
            parameter.add_(1.0)
    after.offset += 1.0
    x = encoded_rows(BEFORE, 20, 0.2, dtype=torch.float32)
    assert torch.equal(_seen(before, x), _seen(kept, x))


def test_moved_units_are_compensated():
    schema = random_schema(1)
    inputs = _input(schema).double()
    x = encoded_rows(schema, 30)
    scale = torch.ones(schema.n_encoded, dtype=torch.float64)
    shift = torch.zeros(schema.n_encoded, dtype=torch.float64)
    moving = schema.first_parts[[c.kind in ("numeric", "datetime") for c in schema.columns]]
    scale[moving], shift[moving] = 1.7, -0.4
    expected = _seen(inputs, x)
    scale_in, shift_in, _ = inputs.move(scale, shift)
    torch.testing.assert_close(_seen(inputs, (x - shift) / scale) * scale_in + shift_in, expected)


def test_moved_units_change_neither_the_network_nor_its_reading_of_missing_cells():
    schema = TableSchema((*SMALL, number("m", True), datetime(5, "t", True)))
    inputs = _input(schema).double()
    x = encoded_rows(schema, 40)
    features = schema.encoded_features
    x[:10, features == 4] = torch.nan
    x[5:20, features == 5] = torch.nan
    network = _network(inputs)
    expected = network(_seen(inputs, x)).detach()
    scale = torch.ones(schema.n_encoded, dtype=torch.float64)
    shift = torch.zeros(schema.n_encoded, dtype=torch.float64)
    places = schema.first_parts[[0, 3, 4, 5]]
    scale[places] = torch.tensor([2.0, 0.5, 3.0, 1.5], dtype=torch.float64)
    shift[places] = torch.tensor([1.0, -1.0, 0.3, 2.0], dtype=torch.float64)
    network.compensate_input(*inputs.move(scale, shift))
    torch.testing.assert_close(network(_seen(inputs, (x - shift) / scale)), expected)


# ---- labels ----


def test_places_are_those_of_equal_labels():
    earlier = [(0, 0), (1, 0), (1, "other"), (2, ("embedding", 1))]
    labels = [(1, "other"), (1, 1), (0, 0), (2, ("embedding", 1)), (3, 0)]
    assert places_in(labels, earlier).tolist() == [2, -1, 0, 3, -1]
    assert origins_in(labels, earlier).tolist() == [2, 2, 0, 3, -1]
    assert places_in([], earlier).tolist() == []


# ---- sizes, copies ----


def test_two_thousand_columns_of_many_classes_are_read_in_a_moment():
    import time

    schema = TableSchema(tuple(random_schema(0, 2000, largest=40).columns))
    x = encoded_rows(schema, 256, 0.1, dtype=torch.float32)
    start = time.perf_counter()
    inputs = _input(schema, True)
    assert _seen(inputs, x).isfinite().all()
    assert time.perf_counter() - start < 5


def test_a_copy_reads_the_same():
    schema = random_schema(3)
    inputs, x = _input(schema), encoded_rows(schema, 9, 0.2, dtype=torch.float32)
    assert torch.equal(_seen(pickle.loads(pickle.dumps(inputs)), x), _seen(inputs, x))


def test_the_bits_of_a_row_do_not_depend_on_its_neighbours():
    schema = random_schema(2)
    inputs, x = _input(schema), encoded_rows(schema, 64, 0.2, dtype=torch.float32)
    for rows in ([5], [63, 0, 7], range(63, -1, -1)):
        assert torch.equal(_seen(inputs, x[list(rows)]), _seen(inputs, x)[list(rows)])


def test_a_module_with_such_an_input_knows_its_pullback():
    inputs = _input(random_schema(0))
    module = AutoEncoderModule(_network(inputs), _network(inputs), inputs)
    assert module.has_pullback


# ---- the way back ----


@pytest.mark.parametrize("seed", SEEDS)
def test_cells_come_back_from_what_the_network_sees(seed):
    schema = random_schema(seed)
    inputs, x = _input(schema), encoded_rows(schema, 50, dtype=torch.float32)
    back = inputs.put_back(torch.full_like(x, 7.0), _seen(inputs, x), range(schema.n_features))
    for i in schema.encoded_positions("categorical"):
        known = x[:, i] < schema.columns[schema.encoded_features[i]].n_known  # the bucket is none
        torch.testing.assert_close(back[known, i], x[known, i])
    others = schema.encoded_positions("numeric", "boolean", "datetime")
    torch.testing.assert_close(back[:, others], x[:, others], atol=1e-5, rtol=1e-5)


def test_only_the_columns_asked_for_come_back():
    schema = TableSchema((number(), category([3.0, 2.0, 1.0]), datetime(3)))
    inputs, x = _input(schema), encoded_rows(schema, 9, dtype=torch.float32)
    back = inputs.put_back(torch.full_like(x, 7.0), _seen(inputs, x), [1])
    assert (np.delete(back.numpy(), 1, axis=1) == 7).all()
    torch.testing.assert_close(back[:, 1], x[:, 1])


def test_a_missing_cell_comes_back_as_the_mean_or_the_most_frequent_class():
    schema = TableSchema((number(), category([1.0, 5.0, 1.0])))
    inputs, x = _input(schema), torch.full((1, 2), torch.nan)
    back = inputs.put_back(torch.full_like(x, 7.0), _seen(inputs, x), [0, 1])
    assert back.tolist() == [[0.0, 1.0]]
