"""A linear classifier of codes."""

import torch

from skae.nn import AutoEncoderModule, CodeClassifier, SkipMLP


def _classifier():
    generator = torch.Generator().manual_seed(0)
    encoder = SkipMLP(4, 2, (5,), "relu", True, generator)
    decoder = SkipMLP(2, 4, (5,), "relu", True, generator)
    weight, bias = (
        torch.tensor([[1.0, 2.0], [0.0, -1.0], [3.0, 0.5]]),
        torch.tensor([0.1, 0.2, 0.3]),
    )
    return CodeClassifier(AutoEncoderModule(encoder, decoder), weight, bias), weight, bias


def test_it_is_a_linear_map_of_the_code():
    classifier, weight, bias = _classifier()
    rows = torch.randn(6, 4, generator=torch.Generator().manual_seed(1))
    expected = classifier.autoencoder.encode(classifier.prepare(rows)) @ weight.T + bias
    torch.testing.assert_close(classifier(rows), expected)


def test_it_draws_nothing():
    before = torch.get_rng_state()
    _classifier()
    assert torch.equal(before, torch.get_rng_state())
