"""The one loop: what it trains, what it records, whom it calls."""

import itertools
import math
import pickle
from functools import partial

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback, EarlyStopping, GradientNormClipping
from torch import nn
from torch.nn import functional as F  # noqa: N812

from skae.distributions import SquaredError
from skae.nn import AutoEncoderModule, SkipMLP, corrupt
from skae.objectives import Batch, Objective, Phase, Reconstruction
from skae.training import AutoEncoderNet, InMemoryRows, StreamedRows, TrainingData, _batches

N_FEATURES = 4
N_ROWS = 150


def _generator(seed=0):
    return torch.Generator().manual_seed(seed)


def _rows(n=N_ROWS, n_features=N_FEATURES):
    return torch.randn(n, n_features, generator=_generator(7))


def _own_module():
    generator = _generator()
    encoder = SkipMLP(N_FEATURES, 2, (6,), "tanh", True, generator)
    return AutoEncoderModule(encoder, SkipMLP(2, N_FEATURES, (6,), "tanh", True, generator))


def _users_module():
    """The same network, made of layers that know no pullback."""
    module = _own_module()
    for name in ("encoder", "decoder"):
        setattr(module, name, nn.Sequential(getattr(module, name)))
    return module


def _data(rows=None, weight=None, valid=None, corrupt=None, seed=1):
    rows = _rows() if rows is None else rows
    return TrainingData(InMemoryRows(rows, weight), _generator(seed), corrupt, valid)


def _net(module=None, objective=None, **params):
    params = {"optimizer": torch.optim.SGD, "lr": 0.05, "batch_size": 32, "verbose": 0, **params}
    module = _own_module() if module is None else module
    objective = objective or Reconstruction(SquaredError())
    return AutoEncoderNet(module, objective, **params).initialize()


def _train(net, data=None, epochs=2):
    return net.partial_fit(_data() if data is None else data, epochs=epochs)


def _state(module):
    return {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}


def _assert_same(ours, theirs, **tolerance):
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        torch.testing.assert_close(tensor, theirs[name], **tolerance)


# ---- one objective ----


def _hand_written_loop(optimizer, n_epochs, weight=None, **settings):
    """The loop as a tutorial writes it."""
    module, rows, generator = _users_module(), _rows(), _generator(1)
    optimizer = optimizer(module.parameters(), **settings)
    for _ in range(n_epochs):
        order = torch.randperm(len(rows), generator=generator)
        for chosen in order.split([32, 32, 32, 32, 22]):
            optimizer.zero_grad()
            losses = (module(rows[chosen]) - rows[chosen]).square().mean(dim=1)
            (losses if weight is None else losses * weight[chosen]).mean().backward()
            optimizer.step()
    return _state(module)


@pytest.mark.parametrize("make", [_own_module, _users_module])
@pytest.mark.parametrize(
    "optimizer", [torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW, torch.optim.RMSprop]
)
def test_it_trains_as_a_hand_written_loop(optimizer, make):
    net = _train(_net(make(), optimizer=optimizer, lr=0.01), epochs=3)
    expected = _hand_written_loop(optimizer, 3, lr=0.01).values()
    trained = _state(net.module_).values()
    torch.testing.assert_close(list(trained), list(expected), rtol=1e-4, atol=1e-5)


def test_weights_enter_the_loss():
    weight = torch.linspace(0, 2, N_ROWS)
    net = _train(_net(), _data(weight=weight), epochs=2)
    expected = _hand_written_loop(torch.optim.SGD, 2, weight, lr=0.05).values()
    trained = list(_state(net.module_).values())
    torch.testing.assert_close(trained, list(expected), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("make", [_own_module, _users_module])
def test_epochs_in_two_calls_are_epochs_in_one(make):
    once, twice = (_net(make(), optimizer=torch.optim.Adam) for _ in range(2))
    data = _data()
    _train(once, epochs=5)
    _train(twice, data, epochs=2)
    _train(twice, data, epochs=3)
    _assert_same(_state(once.module_), _state(twice.module_), rtol=0, atol=0)
    assert once.history[:, "epoch"] == twice.history[:, "epoch"] == [1, 2, 3, 4, 5]


def test_the_encoder_sees_corrupted_rows_anew_in_each_epoch_and_held_out_rows_clean():
    seen = []

    class Watching(Reconstruction):
        def forward(self, module, batch):
            seen.append(batch)
            return super().forward(module, batch)

        def per_row(self, module, batch):
            assert torch.equal(batch.inputs, batch.targets)
            return super().per_row(module, batch)

    valid = Batch(_rows(20), _rows(20), None)
    noise = partial(corrupt, noise="gaussian", level=0.5)
    net = _net(_users_module(), Watching(SquaredError()), batch_size=N_ROWS)
    _train(net, _data(corrupt=noise, valid=valid), epochs=2)
    noises = [batch.inputs - batch.targets for batch in seen]
    assert len(noises) == 2
    for added in noises:
        assert added.std().item() == pytest.approx(0.5, abs=0.05)
    assert not torch.isclose(noises[0], noises[1]).any()
    rows = _rows().sort(dim=0).values
    assert all(torch.equal(batch.targets.sort(dim=0).values, rows) for batch in seen)


def test_frozen_parameters_stay_and_the_others_learn():
    module = _own_module()
    module.encoder.first.weight.requires_grad_(False)
    before = _state(module)
    net = _train(_net(module, optimizer=torch.optim.Adam))
    for name, tensor in _state(net.module_).items():
        assert torch.equal(tensor, before[name]) is (name == "encoder.first.weight")


def _with_dropout():
    module = _users_module()
    module.encoder = nn.Sequential(nn.Dropout(0.5), module.encoder)
    return module


@pytest.mark.parametrize("make", [_own_module, _with_dropout])
def test_training_leaves_global_generators_alone(make):
    torchs, numpys = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    _train(_net(make()), _data(corrupt=partial(corrupt, noise="swap", level=0.5)))
    assert torch.equal(torch.get_rng_state(), torchs)
    np.testing.assert_array_equal(np.random.get_state()[1], numpys)  # noqa: NPY002


def test_dropout_of_the_users_depends_on_the_generator_of_the_fit_and_changes_with_the_epoch():
    losses = []
    for seed, draws in [(1, 0), (1, 7), (2, 0)]:
        torch.rand(draws)
        net = _net(_with_dropout(), lr=1e-30, batch_size=N_ROWS)
        losses.append(_train(net, _data(seed=seed), epochs=2).history[:, "train_loss"])
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]
    assert losses[0][0] != losses[0][1]


def test_a_trained_net_pickles_and_goes_on_alike():
    data = _data()
    net = _train(_net(optimizer=torch.optim.Adam), data)
    twin, generator = pickle.loads(pickle.dumps(net)), _generator(3)
    _train(net, data._replace(generator=generator.clone_state()))
    _train(twin, data._replace(generator=generator))
    _assert_same(_state(net.module_), _state(twin.module_), rtol=0, atol=0)


def test_a_saved_net_holds_its_modules_once():
    net = _train(_net(), _data())
    assert net.module is net.module_
    twin = pickle.loads(pickle.dumps(net))
    assert twin.module is twin.module_
    assert twin.criterion is twin.criterion_
    untrained = pickle.loads(pickle.dumps(_net()))
    assert untrained.module is not None


# ---- batches ----


class RecordingSizes(Reconstruction):
    """Notes the number of rows of each step."""

    def __init__(self):
        super().__init__(SquaredError())
        self.sizes = []

    def forward(self, module, batch):
        self.sizes.append(len(batch.targets))
        return super().forward(module, batch)


def _streamed(n):
    X = _rows(n).numpy()
    return StreamedRows(X, np.asarray, np.ones(n, dtype=bool), None, torch.device("cpu"))


@pytest.mark.parametrize("source", [lambda n: InMemoryRows(_rows(n)), _streamed])
@pytest.mark.parametrize("n", [2, 63, 64, 65, 66, 129, 200])
@pytest.mark.parametrize("batch_size", [2, 16, 64])
def test_every_row_is_trained_on_once_an_epoch_and_none_alone(n, batch_size, source, monkeypatch):
    monkeypatch.setattr(_batches, "BLOCK_ROWS", 64)
    monkeypatch.setattr(_batches, "CHUNK_ROWS", 16)
    net = _net(_users_module(), RecordingSizes(), batch_size=batch_size)
    _train(net, TrainingData(source(n), _generator()), epochs=1)
    sizes = net.criterion_.sizes
    assert sum(sizes) == n
    assert min(sizes) > 1  # noise, and an error in batch normalisation
    assert max(sizes) <= 1.5 * batch_size


@pytest.mark.parametrize("batch_size", [100, 150, 1000])
def test_a_batch_may_be_larger_than_a_block(batch_size, monkeypatch):
    monkeypatch.setattr(_batches, "BLOCK_ROWS", 64)
    net = _net(_users_module(), RecordingSizes(), batch_size=batch_size)
    _train(net, epochs=1)
    assert net.criterion_.sizes == [N_ROWS]


# ---- history ----


@pytest.mark.parametrize("held_out", [False, True])
def test_the_history_has_a_row_an_epoch_and_the_start_stands_beside_it(held_out):
    valid = Batch(_rows(20), _rows(20), None) if held_out else None
    net = _train(_net(), _data(valid=valid), epochs=4)
    assert net.history[:, "epoch"] == [1, 2, 3, 4]
    assert all(math.isfinite(loss) for loss in net.history[:, "train_loss"])
    assert all(seconds >= 0 for seconds in net.history[:, "seconds"])
    assert all(("valid_loss" in row) is held_out for row in net.history)
    assert net.start_.keys() == ({"epoch", "valid_loss"} if held_out else {"epoch"})
    assert net.start_["epoch"] == 0


def test_an_epoch_without_batch_hooks_is_one_batch_in_the_history():
    net = _train(_net(), epochs=3)
    losses = net.history[:, "train_loss"]
    assert [row["batches"] for row in net.history] == [[{"train_loss": loss}] for loss in losses]


def test_the_start_is_that_of_the_first_call():
    valid = Batch(_rows(20), _rows(20), None)
    net = _net()
    before = net.validation_losses(valid).mean().item()
    _train(net, _data(valid=valid), epochs=1)
    _train(net, _data(valid=valid), epochs=1)
    assert net.start_ == {"epoch": 0, "valid_loss": pytest.approx(before)}


@pytest.mark.parametrize("weighted", [False, True])
def test_losses_in_the_history_are_those_of_all_rows(weighted):
    rows, held_out = _rows(), _rows(40)
    weight = torch.linspace(0.5, 1.5, N_ROWS) if weighted else None
    valid_weight = torch.linspace(0, 9, 40) if weighted else None
    valid = Batch(held_out, held_out, valid_weight)
    objective = Reconstruction(SquaredError())
    net = _train(_net(lr=1e-30), _data(weight=weight, valid=valid), epochs=2)
    expected = objective(net.module_, Batch(rows, rows, weight)).item()
    judged = np.average(
        objective.per_row(net.module_, valid).detach(), weights=valid_weight if weighted else None
    )
    assert net.history[:, "train_loss"] == pytest.approx([expected] * 2)
    assert net.history[:, "valid_loss"] == pytest.approx([judged] * 2)
    assert net.start_["valid_loss"] == pytest.approx(judged)


def test_the_best_losses_so_far_are_marked_for_skorchs_callbacks():
    valid = Batch(_rows(40), _rows(40), None)
    net = _train(_net(optimizer=torch.optim.Adam, lr=0.3), _data(valid=valid), epochs=20)
    for name in ("train_loss", "valid_loss"):
        losses = net.history[:, name]
        assert len(losses) == 20
        lowest = [min(losses[: i + 1]) == loss for i, loss in enumerate(losses)]
        assert net.history[:, f"{name}_best"] == lowest
        assert lowest != [True] * len(lowest)  # with so large a learning rate it goes up, too


# ---- the memory of optimisers ----


class Wrapped(torch.optim.Adam):
    """An optimiser of the user's, which is saved in a form of its own."""

    def state_dict(self):
        return {"inner": super().state_dict()}

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict["inner"])


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam, Wrapped])
def test_with_weights_and_moments_training_goes_on_from_there(optimizer):
    net = _train(_net(optimizer=optimizer))
    weights, moments, groups = _state(net.module_), net.moments(), net.optimizer_.param_groups
    expected = _state(_train(net).module_)
    net.module_.load_state_dict(weights)
    net.set_moments(moments)
    assert net.optimizer_.param_groups is groups  # schedules hold them
    _assert_same(_state(_train(net).module_), expected, rtol=0, atol=0)


# ---- callbacks ----


class Hooks(Callback):
    """Counts its calls, and may do something to the gradients."""

    def __init__(self, change=lambda grad: grad):
        self.change = change
        self.calls = []

    def on_batch_begin(self, net, batch=None, training=None, **kwargs):
        self.calls.append(("begin", len(batch[0]), training))

    def on_batch_end(self, net, batch=None, training=None, **kwargs):
        assert math.isfinite(kwargs["loss"].item())
        self.calls.append(("end", len(batch[0]), training))

    def on_grad_computed(self, net, named_parameters, **kwargs):
        self.calls.append(("grad", None, True))
        for _, parameter in named_parameters:
            if parameter.grad is not None:
                parameter.grad = self.change(parameter.grad)


def _hooked(change=lambda grad: grad, make=_own_module, **params):
    net = _net(make(), **params)
    net.callbacks_ = [("hooks", Hooks(change))]
    return net, net.callbacks_[0][1]


def test_batch_hooks_are_called_once_a_batch():
    net, hooks = _hooked()
    _train(net, epochs=3)
    sizes = [size for name, size, _ in hooks.calls if name == "begin"]
    assert sizes == [32, 32, 32, 32, 22] * 3
    names = [name for name, _, _ in hooks.calls]
    assert names == ["begin", "grad", "end"] * len(sizes)
    assert all(training for *_, training in hooks.calls)
    assert [len(row["batches"]) for row in net.history] == [5, 5, 5]


@pytest.mark.parametrize("make", [_own_module, _users_module])
@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam])
def test_hooks_that_only_look_change_no_bit(make, optimizer):
    net, _ = _hooked(make=make, optimizer=optimizer)
    plain = _train(_net(make(), optimizer=optimizer))
    _assert_same(_state(_train(net).module_), _state(plain.module_), rtol=0, atol=0)
    assert net.history[:, "train_loss"] == pytest.approx(plain.history[:, "train_loss"])


@pytest.mark.parametrize("factor", [0.0, 0.5, 2.0])
def test_a_hook_may_change_the_gradients(factor):
    net, _ = _hooked(lambda grad: factor * grad, lr=0.02)
    _train(net)
    expected = _own_module() if factor == 0 else _train(_net(lr=0.02 * factor)).module_
    _assert_same(_state(net.module_), _state(expected), rtol=1e-5, atol=1e-6)


def test_gradient_clipping_of_skorch_bounds_the_step():
    net = _net(lr=1.0, batch_size=N_ROWS)
    net.callbacks_ = [("clip", GradientNormClipping(1e-3))]
    before = _state(net.module_)
    _train(net, epochs=1)
    steps = [(tensor - before[name]).flatten() for name, tensor in _state(net.module_).items()]
    assert torch.cat(steps).norm().item() == pytest.approx(1e-3, rel=1e-2)


@pytest.mark.parametrize("hook", ["on_epoch_begin", "on_epoch_end", "on_batch_end"])
def test_a_callback_ends_the_training_as_in_skorch(hook):
    def stop(self, net, **kwargs):
        if net.history[-1]["epoch"] == 2:
            raise KeyboardInterrupt

    net = _net()
    net.callbacks_ = [("stop", type("Stop", (Callback,), {hook: stop})())]
    _train(net, epochs=9)
    assert len(net.history) == 2
    assert not net.interrupted_


def test_early_stopping_of_skorch_finds_its_losses():
    net = _net(lr=1e-30, callbacks=[EarlyStopping(monitor="train_loss", patience=2, sink=list)])
    _train(net, epochs=20)
    assert len(net.history) <= 3


def test_an_interrupt_by_the_user_is_remembered():
    class Interrupted(Reconstruction):
        def forward(self, module, batch):
            raise KeyboardInterrupt

    net = _train(_net(_users_module(), Interrupted(SquaredError())))
    assert net.interrupted_


# ---- two phases: adversarial training in the same loop ----


class DomainAdversarial(Objective):
    """An encoder that hides a feature's sign from a discriminator (Ganin et al., JMLR 2016)."""

    def __init__(self, strength=1.0):
        super().__init__()
        self.strength = strength
        self.discriminator = nn.Linear(2, 1)
        with torch.no_grad():
            self.discriminator.weight.copy_(torch.tensor([[0.3, -0.2]]))
            self.discriminator.bias.zero_()

    def _domain_loss(self, module, batch):
        domain = (batch.targets[:, :1] > 0).float()
        logits = self.discriminator(module.encoder(batch.inputs))
        return F.binary_cross_entropy_with_logits(logits, domain)

    def forward(self, module, batch):
        error = F.mse_loss(module(batch.inputs), batch.targets)
        return error - self.strength * self._domain_loss(module, batch)

    def per_row(self, module, batch):
        return (module(batch.inputs) - batch.targets).square().mean(dim=1)

    def phases(self, module):
        return [
            Phase("optimizer", self, list(module.parameters())),
            Phase("discriminator_optimizer", self._domain_loss, [*self.discriminator.parameters()]),
        ]


class Watched(DomainAdversarial):
    """Remembers the parameters at the time of each phase's loss."""

    def phases(self, module):
        def watched(phase):
            def loss(module, batch):
                self.seen.append((phase.name, _state(module), _state(self.discriminator)))
                return phase.loss(module, batch)

            return phase._replace(loss=loss)

        return [watched(phase) for phase in super().phases(module)]


def _all_equal(ours, theirs):
    return [torch.equal(ours[name], theirs[name]) for name in ours]


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam])
@pytest.mark.parametrize("hooks", [False, True])
def test_each_phase_changes_its_own_parameters_only(optimizer, hooks):
    objective = Watched()
    objective.seen = []
    net = _net(objective=objective, optimizer=optimizer)
    seen = net.criterion_.seen
    if hooks:
        net.callbacks_ = [("hooks", Hooks())]
    _train(net, epochs=2)
    assert [name for name, _, _ in seen] == ["optimizer", "discriminator_optimizer"] * 10
    for (name, module, critic), (_, later_module, later_critic) in itertools.pairwise(seen):
        if name == "optimizer":
            assert not any(_all_equal(module, later_module))
            assert all(_all_equal(critic, later_critic))
        else:
            assert all(_all_equal(module, later_module))
            assert not any(_all_equal(critic, later_critic))


def test_two_phases_are_two_optimisers_of_a_hand_written_loop():
    net = _train(_net(objective=DomainAdversarial(), optimizer=torch.optim.Adam), epochs=3)
    module, objective = _users_module(), DomainAdversarial()
    phases = objective.phases(module)
    optimizers = [torch.optim.Adam(phase.parameters, lr=0.05) for phase in phases]
    rows, generator = _rows(), _generator(1)
    for _ in range(3):
        order = torch.randperm(len(rows), generator=generator)
        for chosen in order.split([32, 32, 32, 32, 22]):
            for phase, optimizer in zip(phases, optimizers, strict=True):
                optimizer.zero_grad()
                phase.loss(module, Batch(rows[chosen], rows[chosen], None)).backward()
                optimizer.step()
    ours = [*_state(net.module_).values(), *_state(net.criterion_).values()]
    theirs = [*_state(module).values(), *_state(objective).values()]
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)


def test_the_loss_in_the_history_is_that_of_the_first_phase():
    objective = DomainAdversarial()
    net = _train(_net(objective=objective, lr=1e-30), epochs=1)
    expected = objective(net.module_, Batch(_rows(), _rows(), None)).item()
    assert net.history[0, "train_loss"] == pytest.approx(expected, rel=1e-5)


def test_both_optimisers_pickle_and_go_on():
    data = _data()
    net = _train(_net(objective=DomainAdversarial(), optimizer=torch.optim.Adam), data)
    twin, generator = pickle.loads(pickle.dumps(net)), _generator(3)
    _train(net, data._replace(generator=generator.clone_state()))
    _train(twin, data._replace(generator=generator))
    _assert_same(_state(net.module_), _state(twin.module_), rtol=0, atol=0)
    _assert_same(_state(net.criterion_), _state(twin.criterion_), rtol=0, atol=0)


class Generator(nn.Module):
    """Moves and stretches its input."""

    def __init__(self):
        super().__init__()
        self.location, self.scale = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.ones(1))

    def forward(self, noise):
        return self.location + self.scale * noise


class TinyGAN(Objective):
    """Goodfellow et al., NeurIPS 2014, for the mean of a column; inputs are noise, targets data."""

    def __init__(self):
        super().__init__()
        self.critic = nn.Linear(1, 1)
        with torch.no_grad():
            self.critic.weight.zero_()
            self.critic.bias.zero_()

    def forward(self, module, batch):
        return F.softplus(-self.critic(module(batch.inputs))).mean()

    def criticise(self, module, batch):
        made = F.softplus(self.critic(module(batch.inputs))).mean()
        penalty = 0.1 * self.critic.weight.square().sum()
        return made + F.softplus(-self.critic(batch.targets)).mean() + penalty

    def phases(self, module):
        critic = list(self.critic.parameters())
        return [
            Phase("optimizer", self, [module.location]),
            Phase("critic_optimizer", self.criticise, critic),
        ]


def test_a_generative_adversarial_network_finds_the_mean_in_the_same_loop():
    rows = 3 + torch.randn(2000, 1, generator=_generator())

    def noise(rows, generator):
        return torch.randn(rows.shape, generator=generator)

    net = _net(Generator(), TinyGAN(), lr=0.2, batch_size=100)
    _train(net, _data(rows, corrupt=noise), epochs=30)
    assert net.module_.location.item() == pytest.approx(3, abs=0.2)
    assert net.module_.scale.item() == 1
