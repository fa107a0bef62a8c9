"""Modules of the user's and torch's process-wide random numbers."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

# One at a time, so that concurrent fits stay apart.
_GLOBAL_RNG = threading.RLock()


@contextmanager
def isolated_rng(seed: int) -> Iterator[None]:
    """Let code that draws from torch's process-wide generators draw from `seed`, and from it alone.

    Layers of the user's draw their first weights and their dropout there. Inside, the generators
    are seeded; afterwards they are as if nothing had happened. Everything else in skae has
    generators of its own and does not need this.

    Parameters
    ----------
    seed : int
        What the draws inside depend on.
    """
    with _GLOBAL_RNG, torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)  # noqa: TID251 - a fork, restored on leaving
        yield
