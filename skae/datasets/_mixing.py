"""Rows in random order, without ever having all of them: a pool that blocks are drawn from."""

import numpy as np

from skae.datasets._chunk_kinds import CHUNK_ROWS, kind_of, take

# Rows wait in a pool of this many blocks, or slices, until they are drawn into a block.
POOL_BLOCKS = 8
# A block is drawn in this many parts from the pool: more mix better and copy more slowly.
BLOCK_PARTS = 16
# Below this, opening and converting a slice of a row group takes longer than reading it.
SMALLEST_SLICE = 2**13


def shuffled_blocks(source, rng, block_rows):
    """Yield (positions, block) of all rows of a source, in random order."""
    slice_rows = min(max(block_rows // 4, SMALLEST_SLICE), CHUNK_ROWS)
    slices = source.shuffled_slices(rng, slice_rows)
    for rows, block in _drawn_blocks(slices, rng, block_rows):
        yield rows, source.finished_block(rows, block)


def _drawn_blocks(slices, rng, block_rows):
    """Draw blocks at random from a pool of parts, to which slices add as they come."""
    part_rows = -(-block_rows // BLOCK_PARTS)
    pool_rows = POOL_BLOCKS * max(block_rows, SMALLEST_SLICE)
    pool, n_waiting = [], 0
    for start, piece in slices:
        pool += _parts(start, piece, rng, part_rows)
        n_waiting += len(piece)
        while n_waiting >= pool_rows:
            yield _drawn_block(pool, rng, block_rows)
            n_waiting -= block_rows
    while pool:
        yield _drawn_block(pool, rng, block_rows)


def _parts(start, piece, rng, part_rows):
    """Deal the rows of a piece to parts; each is a copy, which does not keep the piece alive."""
    order = rng.permutation(len(piece))
    for first in range(0, len(piece), part_rows):
        rows = np.sort(order[first : first + part_rows])  # neighbours are copied faster
        yield start + rows, take(piece, rows)


def _drawn_block(pool, rng, n_rows):
    """Remove parts from the pool until there are `n_rows` rows, or none left."""
    drawn_rows, drawn = [], []
    while pool and n_rows > 0:
        place = rng.integers(len(pool))
        pool[place], pool[-1] = pool[-1], pool[place]
        rows, part = pool.pop()
        if len(rows) > n_rows:
            pool.append((rows[n_rows:], take(part, slice(n_rows, None))))
            rows, part = rows[:n_rows], take(part, slice(n_rows))
        drawn_rows.append(rows)
        drawn.append(part)
        n_rows -= len(rows)
    return np.concatenate(drawn_rows), kind_of(drawn[0]).concatenate(drawn)
