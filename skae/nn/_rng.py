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
    on_gpu = torch.cuda.is_initialized()  # where it is not, nothing draws there
    devices = range(torch.cuda.device_count()) if on_gpu else []
    with _GLOBAL_RNG, torch.random.fork_rng(devices=devices):
        torch.default_generator.manual_seed(seed)
        if on_gpu:
            torch.cuda.manual_seed_all(seed)
        yield
