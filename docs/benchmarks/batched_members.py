"""Time of a training step of many auto-encoders at once, in that of one.

30-64-8-64-30, Adam; a step is forward, backward and update. One is a member alone by the same
code, and a plain loop of torch.

    python docs/benchmarks/batched_members.py [--quick] [--threads N]
"""

import itertools
from functools import partial

import _timing
import numpy as np
import torch
from torch import nn

from skae import RandNet
from skae.objectives import Batch
from skae.training._updates import make_update

N_FEATURES, HIDDEN, CODE = 30, 64, 8


def members(n_members, rows):
    """Return a step of so many members."""
    params = {"n_estimators": n_members, "hidden_layer_sizes": (HIDDEN,), "contamination": 0.1}
    net = RandNet(CODE, **params, max_epochs=0, device="cpu").fit(rows.numpy()).net_
    phase = net.criterion_.phases(net.module_)[0]
    parameters = list(net.module_.parameters())
    update = make_update(net.optimizer_, parameters)
    batch = Batch(rows, rows, None)

    def step():
        _, grads = phase.value_and_grad(net.module_, batch, parameters)
        update(grads)

    return step


def plain(rows):
    """Return a step of a loop of torch, with one network."""
    sizes = (N_FEATURES, HIDDEN, CODE, HIDDEN, N_FEATURES)
    layers = [nn.Linear(n, m) for n, m in itertools.pairwise(sizes)]
    network = nn.Sequential(layers[0], nn.ReLU(), *layers[1:3], nn.ReLU(), layers[3])
    optimizer = torch.optim.Adam(network.parameters())

    def step():
        optimizer.zero_grad()
        (network(rows) - rows).square().mean().backward()
        optimizer.step()

    return step


def steps(step, n_steps):
    """Make so many steps; return their number."""
    for _ in range(n_steps):
        step()
    return n_steps


def measure(quick):
    """Print the rows of the table."""
    n_steps, rounds = (5, 2) if quick else (100, 15)
    for n_members, batch_size, to_reach in ((8, 256, "≤ 3.6 ×"), (32, 64, "≤ 5.3 ×")):
        rows = torch.randn(batch_size, N_FEATURES)
        made = {"one": members(1, rows), "all": members(n_members, rows), "torch": plain(rows)}
        candidates = {
            name: partial(_timing.timed, partial(steps, step, n_steps))
            for name, step in made.items()
        }
        rates = _timing.interleaved(candidates, rounds)
        what = f"{n_members} members, batch {batch_size}"
        _timing.report(f"{what} / one by the same code", rates["one"] / rates["all"], to_reach)
        _timing.report(f"{what} / a plain loop of torch", rates["torch"] / rates["all"], to_reach)
        faster = n_members * rates["all"] / rates["torch"]
        _timing.report(f"{what}: faster than one after the other in torch", np.array(faster))


if __name__ == "__main__":
    _timing.main(measure, __doc__, thread_counts=(1,))
