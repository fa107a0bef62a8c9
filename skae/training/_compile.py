"""Whole training steps, several a call, as one compiled program."""

import os
import shutil
import types

import torch
from torch import Tensor, nn

from skae.exceptions import CompilationError
from skae.objectives import Batch, Phase
from skae.training._batches import split_batch
from skae.training._updates import OptimizerUpdate

# Measured at batch 64, 30-64-8-64-30, against a plain torch loop: 4 steps a call 5.0 x (16 s to
# compile), 6 steps 5.5 x (23 s), 8 steps 5.8 x (33 s).
STEPS_PER_CALL = 6


class CompiledSteps:
    """`STEPS_PER_CALL` consecutive steps: forward, backward and update of every phase.

    Parameters
    ----------
    module : nn.Module
        The network, in training mode.
    phases : list of Phase
        What one step does.
    updates : list of OptimizerUpdate
        One a phase.
    batch_size : int
        Rows a step.

    Raises
    ------
    CompilationError
        If this machine, this torch or this optimiser cannot compile steps.
    """

    def __init__(
        self,
        module: nn.Module,
        phases: list[Phase],
        updates: list[OptimizerUpdate],
        batch_size: int,
    ):
        _check_can_compile(updates)
        self.rows_per_call = STEPS_PER_CALL * batch_size

        def steps(block: Batch, lrs: tuple[Tensor, ...]) -> Tensor:
            total = block.targets.new_zeros(())
            for batch in split_batch(block, batch_size):
                for phase, update, lr in zip(phases, updates, lrs, strict=True):
                    loss, grads = phase.value_and_grad(module, batch, update.parameters)
                    update.traced(grads, lr)
                    total = total + loss * batch_size
            return total

        # The compiler keeps its programs by code object and gives up after a few networks of one
        # code; every fit gets a code object of its own.
        own = types.FunctionType(steps.__code__.replace(), globals(), closure=steps.__closure__)
        on_gpu = next(module.parameters()).device.type == "cuda"
        how = {"mode": "reduce-overhead"} if on_gpu else {"options": {"cpp_wrapper": True}}
        self._lrs: list[float] = []
        self._lr_tensors: tuple[Tensor, ...] = ()
        self._steps = torch.compile(own, fullgraph=True, dynamic=False, **how)

    def __call__(self, block: Batch, updates: list[OptimizerUpdate]) -> Tensor:
        """Run the steps.

        Parameters
        ----------
        block : Batch
            `rows_per_call` rows.
        updates : list of OptimizerUpdate
            Give the current learning rates.

        Returns
        -------
        Tensor of shape ()
            Sum over rows of the losses.
        """
        lrs = [update.lr for update in updates]
        if self._lrs == lrs:
            return self._steps(block, self._lr_tensors)
        device = block.targets.device
        self._lrs, self._lr_tensors = lrs, tuple(torch.tensor(lr, device=device) for lr in lrs)
        with torch._dynamo.config.patch(trace_autograd_ops=True):  # for the call that compiles
            return self._steps(block, self._lr_tensors)


def _check_can_compile(updates: list[OptimizerUpdate]) -> None:
    if not hasattr(torch._dynamo.config, "trace_autograd_ops"):
        raise CompilationError(
            f"compile=True needs a torch that can trace torch.autograd.grad; "
            f"{torch.__version__} cannot. Update torch or set compile=False."
        )
    if not all(update.can_compile for update in updates):
        raise CompilationError(
            "compile=True works with the optimizers 'adam' and 'adamw' (without amsgrad). "
            "Choose one of them or set compile=False."
        )
    compilers = [os.environ.get("CXX") or "g++", "c++", "clang++"]
    if not any(shutil.which(compiler) for compiler in compilers):
        raise CompilationError(
            "compile=True needs a C++ compiler, and none of "
            f"{', '.join(compilers)} was found. Install one, name it in the environment variable "
            "CXX, or set compile=False."
        )
