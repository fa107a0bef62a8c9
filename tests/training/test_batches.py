"""Rows as shuffled blocks and batches: every row once, none that was left out."""

import sys

import numpy as np
import pytest
import torch

from skae.objectives import Batch
from skae.training import (
    InMemoryRows,
    StreamedRows,
    UnpairedRows,
    _batches,
    scaled_rows,
    training_rows,
)
from skae.training._batches import split_batch

CPU = torch.device("cpu")


def _as_float32(X):
    return np.asarray(X, dtype=np.float32)


def _generator(seed=0):
    return torch.Generator().manual_seed(seed)


def _numbered(n):
    """A table whose rows say who they are, twice."""
    return np.column_stack([np.arange(n), -np.arange(n)]).astype(np.float64)


def _seen(source, generator):
    """Everything that an epoch yields, in order: row numbers and weights."""
    blocks = list(source.shuffled(generator))
    values = torch.cat([values for values, _ in blocks])
    weights = [weight for _, weight in blocks]
    weight = None if weights[0] is None else torch.cat(weights)
    assert torch.equal(values[:, 0], -values[:, 1])
    return values[:, 0].long(), weight


def _source(kind, n, left_out=(), weight=None):
    rows = np.ones(n, dtype=bool)
    rows[list(left_out)] = False
    if kind == "streamed":
        return StreamedRows(_numbered(n), _as_float32, rows, weight, CPU)
    tensor = torch.from_numpy(_as_float32(_numbered(n)[rows]))
    return InMemoryRows(tensor, None if weight is None else torch.from_numpy(weight[rows]).float())


every_source = pytest.mark.parametrize("kind", ["in_memory", "streamed"])


@pytest.fixture(params=["one block", "small blocks"], autouse=True)
def block_sizes(request, monkeypatch):
    if request.param == "small blocks":
        monkeypatch.setattr(_batches, "BLOCK_ROWS", 64)
        monkeypatch.setattr(_batches, "CHUNK_ROWS", 16)


# ---- sources ----


@every_source
@pytest.mark.parametrize("n", [1, 2, 63, 64, 65, 300])
def test_an_epoch_has_every_row_once(kind, n):
    source = _source(kind, n)
    rows, weight = _seen(source, _generator())
    assert weight is None
    assert len(source) == n
    assert rows.sort().values.tolist() == list(range(n))


@every_source
def test_blocks_are_no_larger_than_they_may_be(kind):
    sizes = [len(values) for values, _ in _source(kind, 300).shuffled(_generator())]
    assert max(sizes) <= 1.5 * _batches.BLOCK_ROWS


@every_source
def test_each_epoch_has_another_order_and_each_seed_its_own(kind):
    source, generator = _source(kind, 300), _generator(1)
    epochs = [_seen(source, generator)[0].tolist() for _ in range(3)]
    again = _seen(source, _generator(1))[0].tolist()
    other = _seen(source, _generator(2))[0].tolist()
    assert epochs[0] == again
    assert len({tuple(order) for order in [*epochs, other, range(300)]}) == 5


@every_source
def test_shuffling_leaves_global_generators_alone(kind):
    torchs, numpys = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    _seen(_source(kind, 300), _generator())
    assert torch.equal(torch.get_rng_state(), torchs)
    np.testing.assert_array_equal(np.random.get_state()[1], numpys)  # noqa: NPY002


@every_source
def test_every_place_is_as_likely_for_every_row(kind):
    source, generator = _source(kind, 40), _generator()
    places = torch.stack([_seen(source, generator)[0].argsort() for _ in range(400)]).double()
    # the mean of 400 uniform places of 0..39 is 19.5 +- 0.58; chunks of 16 move together
    assert (places.mean(dim=0) - 19.5).abs().max() < 3.5
    assert (places.amin(dim=0) < 4).all()
    assert (places.amax(dim=0) > 35).all()


@every_source
def test_weights_go_with_their_rows(kind):
    weight = np.arange(300) * 0.5
    rows, seen = _seen(_source(kind, 300, [3, 77], weight), _generator())
    assert torch.equal(seen, rows.float() * 0.5)
    assert seen.dtype == torch.float32
    assert sorted(rows.tolist()) == [i for i in range(300) if i not in (3, 77)]


class WatchedTable:
    """A table that remembers which rows were read."""

    def __init__(self, X):
        self.X, self.read = X, []

    def __len__(self):
        return len(self.X)

    def __getitem__(self, rows):
        self.read.extend(np.arange(len(self.X))[rows].tolist())
        return self.X[rows]


@pytest.mark.parametrize("left_out", [[0], [5, 17, 299], range(16, 48), range(1, 300)])
def test_a_stream_never_reads_rows_that_are_left_out(left_out):
    rows = np.ones(300, dtype=bool)
    rows[list(left_out)] = False
    table = WatchedTable(_numbered(300))
    source = StreamedRows(table, _as_float32, rows, None, CPU)
    assert len(source) == rows.sum()
    seen, _ = _seen(source, _generator())
    assert sorted(table.read) == np.flatnonzero(rows).tolist() == sorted(seen.tolist())


def test_a_block_of_a_stream_mixes_rows_from_all_over_the_table(monkeypatch):
    monkeypatch.setattr(_batches, "BLOCK_ROWS", 2**10)
    monkeypatch.setattr(_batches, "CHUNK_ROWS", 16)
    for values, _ in _source("streamed", 16 * 1024).shuffled(_generator()):
        places = np.histogram(values[:, 0], bins=4, range=(0, 16 * 1024))[0]
        assert places.min() > 64


# ---- the choice between them ----


def _memmap(tmp_path, X):
    mapped = np.memmap(tmp_path / "table", dtype=X.dtype, mode="w+", shape=X.shape)
    mapped[:] = X
    mapped.flush()
    return np.memmap(tmp_path / "table", dtype=X.dtype, mode="r", shape=X.shape)


@pytest.mark.parametrize(("room", "kind"), [(300 * 2 * 4, InMemoryRows), (2399, StreamedRows)])
def test_the_choice_depends_on_the_size_and_not_on_the_kind_of_array(
    room, kind, tmp_path, monkeypatch
):
    monkeypatch.setattr(_batches, "IN_MEMORY_BYTES", room)
    rows, weight = np.arange(300) % 7 > 0, np.arange(300.0)
    seen = []
    for X in (_numbered(300), _memmap(tmp_path, _numbered(300)), np.asfortranarray(_numbered(300))):
        source = training_rows(X, _as_float32, rows, weight, CPU)
        assert type(source) is kind
        assert len(source) == rows.sum()
        seen.append(torch.stack(_seen(source, _generator())))
    assert torch.equal(seen[0], seen[1])
    assert torch.equal(seen[0], seen[2])
    assert sorted(seen[0][0].tolist()) == np.flatnonzero(rows).tolist()


def test_rows_in_memory_are_a_copy():
    X = np.ones((10, 2), dtype=np.float32)
    source = training_rows(X, _as_float32, np.ones(10, dtype=bool), None, CPU)
    X[:] = 7
    assert (source.values == 1).all()


def test_scaled_rows_are_the_chosen_rows_in_their_order():
    rows = np.array([250, 3, 3, 99, *range(200)])
    values = scaled_rows(_numbered(300), lambda X: _as_float32(2 * X), rows)
    assert values.dtype == torch.float32
    np.testing.assert_array_equal(values[:, 0], 2 * rows)


RESIDENT = """
import sys
import numpy as np, torch
from skae.training import StreamedRows

def anonymous_mb():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("RssAnon"))

X = np.memmap(sys.argv[1], dtype=np.float32, mode="r", shape=(5_000_000, 30))
to_float32 = lambda block: np.asarray(block, dtype=np.float32)
source = StreamedRows(X, to_float32, np.ones(len(X), dtype=bool), None, torch.device("cpu"))
start, most, n_rows = anonymous_mb(), 0.0, 0
for values, _ in source.shuffled(torch.Generator()):
    n_rows += len(values)
    most = max(most, anonymous_mb())
print(n_rows, most - start)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="RssAnon is Linux's")
def test_a_stream_keeps_anonymous_memory_small(tmp_path):
    import subprocess

    path = tmp_path / "table"
    with path.open("wb") as file:
        file.truncate(5_000_000 * 30 * 4)  # 600 MB of zeros that take no disk
    run = subprocess.run(
        [sys.executable, "-c", RESIDENT, path], capture_output=True, text=True, check=True
    )
    n_rows, megabytes = run.stdout.split()
    assert int(n_rows) == 5_000_000
    assert float(megabytes) < 150


# ---- batches ----


def _block(n, weighted=False, corrupted=False):
    targets = torch.arange(2.0 * n).reshape(n, 2)
    inputs = targets + 0.5 if corrupted else targets
    return Batch(inputs, targets, torch.arange(float(n)) if weighted else None)


SIZES = [1, 2, 3, 4, 5, 7, 10, 64, 100, 256]
NUMBERS = [*range(1, 10), *range(63, 66), *range(95, 98), *range(127, 130), 150, 383, 384, 1000]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("n", NUMBERS)
def test_batches_are_the_block_in_its_order(n, size):
    block = _block(n, weighted=True, corrupted=True)
    batches = list(split_batch(block, size))
    for part, whole in zip(zip(*batches, strict=True), block, strict=True):
        assert torch.equal(torch.cat(part), whole)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("n", NUMBERS)
def test_batches_have_the_size_and_the_last_half_to_one_and_a_half_of_it(n, size):
    *full, last = (len(batch.targets) for batch in split_batch(_block(n), size))
    assert full == [size] * len(full)
    assert size / 2 <= last <= 1.5 * size or n < size / 2
    assert last > 1 or n == 1 or size == 1


@pytest.mark.parametrize("weighted", [False, True])
def test_batches_are_views_and_clean_inputs_are_the_targets(weighted):
    block = _block(10, weighted)
    for batch in split_batch(block, 3):
        assert batch.inputs is batch.targets
        assert batch.targets.untyped_storage().data_ptr() == block.targets.data_ptr()
        assert (batch.weight is None) is not weighted


# ---- two domains ----


def _pairs(n_first, n_second, seed=0):
    first = torch.from_numpy(_as_float32(_numbered(n_first)))
    second = torch.from_numpy(_as_float32(1000 + _numbered(n_second)))
    source = UnpairedRows(first, second)
    blocks = [values for values, _ in source.shuffled(_generator(seed), 8)]
    assert len(source) == max(n_first, n_second)
    return torch.cat(blocks)[..., 0].long().unbind(1)


@pytest.mark.parametrize(("n_first", "n_second"), [(100, 100), (150, 40), (1, 70)])
def test_an_epoch_has_every_row_of_the_larger_domain_once(n_first, n_second):
    first, second = _pairs(n_first, n_second)
    assert len(first) == len(second) == max(n_first, n_second)
    for values, n in ((first, n_first), (second - 1000, n_second)):
        counts = torch.bincount(values, minlength=n)
        assert counts.max() - counts.min() <= 1


def test_rows_of_two_domains_meet_at_random():
    partners = [_pairs(50, 50, seed)[1] for seed in range(2)]
    orders = [_pairs(50, 50, seed)[0].argsort() for seed in range(2)]
    met = [partner[order] for partner, order in zip(partners, orders, strict=True)]
    assert (met[0] == met[1]).sum() < 10
