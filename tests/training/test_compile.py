"""Compiled steps: the same training, or a clear word why not."""

import shutil

import pytest
import torch
from skorch.callbacks import Callback

from skae.distributions import SquaredError
from skae.exceptions import CompilationError, CompilationWarning
from skae.nn import AutoEncoderModule, SkipMLP
from skae.objectives import Reconstruction
from skae.training import AutoEncoderNet, InMemoryRows, TrainingData

CAN_COMPILE = shutil.which("g++") and hasattr(torch._dynamo.config, "trace_autograd_ops")


def _train(compile_steps, optimizer=torch.optim.Adam, callbacks=(), **params):
    generator = torch.Generator().manual_seed(0)
    encoder = SkipMLP(4, 2, (6,), "tanh", True, generator)
    module = AutoEncoderModule(encoder, SkipMLP(2, 4, (6,), "tanh", True, generator))
    net = AutoEncoderNet(
        module,
        Reconstruction(SquaredError()),
        optimizer=optimizer,
        batch_size=16,
        compile_steps=compile_steps,
        verbose=0,
        **params,
    ).initialize()
    net.callbacks_ = [(str(i), callback) for i, callback in enumerate(callbacks)]
    rows = torch.randn(150, 4, generator=torch.Generator().manual_seed(1))
    data = TrainingData(InMemoryRows(rows), torch.Generator().manual_seed(2))
    return net.partial_fit(data, epochs=3)


class BatchHook(Callback):
    def on_batch_end(self, net, **kwargs):
        self.called_ = True


@pytest.mark.parametrize(
    ("optimizer", "params"),
    [
        (torch.optim.SGD, {}),
        (torch.optim.RMSprop, {}),
        (torch.optim.Adam, {"optimizer__amsgrad": True}),
    ],
)
def test_an_optimiser_that_cannot_be_compiled_is_refused(optimizer, params):
    with pytest.raises(CompilationError, match=r"'adam' and 'adamw'.* or set compile=False"):
        _train(True, optimizer, lr=0.01, **params)


def test_a_machine_without_a_compiler_is_told_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr(torch._dynamo.config, "trace_autograd_ops", True, raising=False)
    with pytest.raises(CompilationError, match=r"C\+\+ compiler.*g\+\+.*compile=False"):
        _train(True)


def test_a_callback_with_batch_hooks_is_called_and_the_fit_says_that_it_is_uncompiled():
    hook = BatchHook()
    with pytest.warns(CompilationWarning, match="BatchHook") as caught:
        _train(True, callbacks=[hook])
    assert hook.called_
    assert len([w for w in caught if w.category is CompilationWarning]) == 1


@pytest.mark.slow
@pytest.mark.skipif(not CAN_COMPILE, reason="needs g++ and a torch that traces autograd.grad")
@pytest.mark.parametrize("optimizer", [torch.optim.Adam, torch.optim.AdamW])
def test_compiled_training_is_the_same_training(optimizer):
    compiled = _train(True, optimizer, optimizer__weight_decay=0.01)
    plain = _train(False, optimizer, optimizer__weight_decay=0.01)
    ours, theirs = (list(net.module_.parameters()) for net in (compiled, plain))
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-5)
    losses = compiled.history[1:, "train_loss"]
    assert losses == pytest.approx(plain.history[1:, "train_loss"], rel=1e-4)
