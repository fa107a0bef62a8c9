"""Encoder and decoder together, and modules of the user's."""

import copy
import itertools
import threading

import pytest
import torch
from torch import nn

from skae.nn import AutoEncoderModule, SkipMLP, TableInput, build_user_module
from tests.schemas import encoded_rows, random_schema


def _mlp(n_in, n_out, sizes=(6,), skip=True):
    return SkipMLP(n_in, n_out, sizes, "tanh", skip, torch.Generator().manual_seed(0)).double()


def _two_layers(n_in, n_out):
    return nn.Sequential(nn.Linear(n_in, 8), nn.BatchNorm1d(8), nn.Linear(8, n_out or 2))


class OwnModule(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.layer = nn.Linear(n_in, n_out)

    def forward(self, x):
        return self.layer(x)


X = torch.randn(7, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


# ---- AutoEncoderModule ----


@pytest.mark.parametrize("sizes", [(), (6,), (6, 4)])
@pytest.mark.parametrize(("skip_in", "skip_out"), list(itertools.product([True, False], repeat=2)))
def test_the_pullback_of_the_composition_is_that_of_autograd(sizes, skip_in, skip_out):
    module = AutoEncoderModule(_mlp(5, 2, sizes, skip_in), _mlp(2, 5, sizes[::-1], skip_out))
    y = module(X)
    torch.testing.assert_close(y, module.decoder(module.encoder(X)))
    upstream = torch.cos(y.detach())
    expected = torch.autograd.grad(y, list(module.parameters()), upstream)
    output, pull = module.pullback(X)
    torch.testing.assert_close(output, y.detach())
    torch.testing.assert_close(pull(upstream), list(expected))


def _on_a_table(seed, largest, sizes, skip):
    """A module with inputs of its own, and prepared rows with missing cells."""
    schema = random_schema(seed, largest=largest, kinds=("n", "c", "d", "b", "c"))
    inputs = TableInput(schema, torch.Generator().manual_seed(0)).double()
    encoder, decoder = _mlp(inputs.n_out, 2, sizes, skip), _mlp(2, 7, sizes, skip)
    module = AutoEncoderModule(encoder, decoder, inputs)
    return module, module.prepare(encoded_rows(schema, 30, 0.2))


@pytest.mark.parametrize("sizes", [(), (6,), (6, 4)])
@pytest.mark.parametrize("skip", [True, False])
@pytest.mark.parametrize("largest", [8, 60], ids=["one-hot", "embedded"])
def test_the_pullback_reaches_the_embeddings_of_a_table(largest, sizes, skip):
    module, x = _on_a_table(1, largest, sizes, skip)
    assert bool(len(module.inputs.embeddings)) == (largest == 60)
    y = module(x)
    torch.testing.assert_close(y, module.decoder(module.encode(x)))
    upstream = torch.cos(y.detach())
    expected = torch.autograd.grad(y, list(module.parameters()), upstream)
    output, pull = module.pullback(x)
    torch.testing.assert_close(output, y.detach())
    torch.testing.assert_close(pull(upstream), list(expected))


@pytest.mark.parametrize("largest", [8, 60])
def test_a_table_is_encoded_through_its_inputs(largest):
    module, x = _on_a_table(2, largest, (6,), True)
    torch.testing.assert_close(module.encode(x), module.encoder(module.inputs(x)))
    assert module.has_pullback


@pytest.mark.parametrize(
    ("encoder", "decoder", "has_pullback"),
    [
        (_mlp(5, 2), _mlp(2, 5), True),
        (nn.Linear(5, 2), _mlp(2, 5), False),
        (_mlp(5, 2), nn.Linear(2, 5), False),
    ],
)
def test_only_two_networks_of_ours_know_their_pullback(encoder, decoder, has_pullback):
    assert AutoEncoderModule(encoder, decoder).has_pullback is has_pullback


# ---- modules of the user's ----


@pytest.mark.parametrize("blueprint", [nn.Linear, _two_layers, OwnModule])
def test_a_class_or_a_function_makes_the_module(blueprint):
    module, n_out = build_user_module(blueprint, 5, 3, 0, "encoder")
    assert n_out == 3
    assert module(torch.zeros(4, 5)).shape == (4, 3)
    assert module.training


def test_an_instance_is_copied_with_its_weights():
    instance = nn.Linear(5, 3)
    module, _ = build_user_module(instance, 5, 3, 0, "encoder")
    torch.testing.assert_close(module(X.float()), instance(X.float()))
    mine, theirs = set(module.parameters()), set(instance.parameters())
    assert not mine & theirs
    assert all(a.data_ptr() != b.data_ptr() for a, b in itertools.product(mine, theirs))


def test_trying_a_module_changes_nothing_in_it():
    instance = _two_layers(5, 3)
    before = copy.deepcopy(instance.state_dict())
    module, _ = build_user_module(instance, 5, 3, 0, "encoder")
    assert instance.training
    for name, tensor in before.items():  # running statistics of batch normalisation among them
        assert torch.equal(tensor, instance.state_dict()[name])
        assert torch.equal(tensor, module.state_dict()[name])


def test_an_instance_knows_its_width():
    assert build_user_module(nn.Linear(5, 4), 5, None, 0, "encoder")[1] == 4


def test_a_double_precision_module_works_on_float32_rows():
    module, _ = build_user_module(nn.Linear(5, 3).double(), 5, 3, 0, "encoder")
    assert module(torch.zeros(2, 5)).dtype == torch.float32


def test_the_weights_depend_on_the_seed_and_not_on_global_state():
    state = torch.get_rng_state()
    weights = []
    for seed in (1, 1, 2):
        weights.append(build_user_module(nn.Linear, 5, 3, seed, "encoder")[0].weight)
        assert torch.equal(torch.get_rng_state(), state)
        torch.rand(3)
        state = torch.get_rng_state()
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_concurrent_builds_do_not_mix_their_random_numbers():
    def slow(n_in, n_out):
        return nn.Sequential(*[nn.Linear(n_in, n_in) for _ in range(30)], nn.Linear(n_in, n_out))

    built = {}

    def build(key):
        built[key] = build_user_module(slow, 20, 3, key % 3, "encoder")[0].state_dict()

    threads = [threading.Thread(target=build, args=[key]) for key in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for key in range(3):
        alone = build_user_module(slow, 20, 3, key, "encoder")[0].state_dict()
        for same in range(key, 12, 3):
            assert all(torch.equal(alone[name], built[same][name]) for name in alone)


@pytest.mark.parametrize("argument", ["encoder", "decoder"])
@pytest.mark.parametrize("blueprint", [lambda n_in, n_out: "a module", dict.fromkeys])
def test_what_makes_no_module_is_refused_with_the_name_of_the_argument(blueprint, argument):
    with pytest.raises(TypeError, match=rf"{argument} must be an nn.Module"):
        build_user_module(blueprint, [5], 3, 0, argument)


@pytest.mark.parametrize("argument", ["encoder", "decoder"])
@pytest.mark.parametrize(
    ("blueprint", "what"),
    [
        (nn.Linear(4, 3), "cannot take rows of 5 columns"),
        (nn.Conv1d(4, 3, 1), "cannot take rows of 5 columns"),
        (nn.Embedding(5, 3), "cannot take rows of 5 columns"),
        (nn.Bilinear(5, 5, 3), "cannot take rows of 5 columns"),  # wants two inputs
        (nn.Linear(5, 4), r"must map shape \(n, 5\) to \(n, 3\). It gave \(2, 4\)"),
        (nn.Flatten(0), r"must map shape \(n, 5\) to \(n, 3\). It gave \(10,\)"),
        (nn.Unflatten(1, (5, 1)), r"must map shape \(n, 5\) to \(n, 3\). It gave \(2, 5, 1\)"),
        (nn.LSTM(5, 3), r"must map shape \(n, 5\) to \(n, 3\)"),  # a tuple
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_a_module_that_does_not_fit_is_refused_with_names_and_shapes(blueprint, what, argument):
    with pytest.raises(ValueError, match=f"{argument} {what}"):
        build_user_module(blueprint, 5, 3, 0, argument)
