"""Laws of quantisers."""

import pytest
import torch

from skae.nn import Codebooks, ScalarLevels


def codes(n=200, width=4):
    return torch.randn(n, width, generator=torch.Generator().manual_seed(0))


def codebooks(n_groups=2, n_stages=2):
    quantizer = Codebooks(4, 8, n_groups, n_stages, 0.9, 0.0, rotate=True)
    quantizer.start(codes(), torch.ones(200), seed=0)
    return quantizer.eval()


QUANTIZERS = [ScalarLevels(4, 5, 2), ScalarLevels(4, 3, 1), codebooks()]


@pytest.mark.parametrize("quantizer", QUANTIZERS)
def test_what_replaces_a_code_is_what_its_integers_stand_for(quantizer):
    tokens = quantizer.tokens(codes())
    assert tokens.shape == (200, quantizer.n_tokens)
    assert tokens.min() >= 0
    assert tokens.max() < quantizer.codebook_size
    torch.testing.assert_close(quantizer(codes())[0], quantizer.embed(tokens))


def test_every_integer_of_scalar_levels_is_one_cell():
    quantizer = ScalarLevels(2, 5, 2)
    tokens = torch.arange(25)[:, None]
    assert len(quantizer.embed(tokens).unique(dim=0)) == 25


def test_one_stage_takes_the_nearest_code():
    quantizer = codebooks(n_groups=1, n_stages=1)
    expected = torch.cdist(codes(), quantizer.codes[0, 0]).argmin(dim=1)
    assert torch.equal(quantizer.tokens(codes())[:, 0], expected)


def test_a_second_stage_leaves_less_over():
    one, two = (codebooks(n_stages=n)(codes())[0] for n in (1, 2))
    assert (codes() - two).square().mean() < (codes() - one).square().mean()
