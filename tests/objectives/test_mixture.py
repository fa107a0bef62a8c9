"""Energy and reconstruction: the loss of the paper, from its formula."""

import numpy as np
import pytest
import torch
from torch import nn

from skae.distributions import SquaredError
from skae.nn import GaussianMixture, MixtureAutoEncoder, SkipMLP
from skae.objectives import Batch, MixtureReconstruction, Reconstruction, latent


def _network():
    g = torch.Generator().manual_seed(0)
    encoder, decoder = (SkipMLP(n, m, (8,), "tanh", True, g) for n, m in ((6, 2), (2, 6)))
    return MixtureAutoEncoder(encoder, decoder, None, 4, 3, (10,), 0.0, g)


X = 2 * torch.randn(60, 6, generator=torch.Generator().manual_seed(1))


def test_a_point_is_the_code_the_relative_error_and_the_cosine():
    module = _network()
    with torch.no_grad():
        z, output = latent(module, SquaredError(), X)
        code = module.encode(X)
    shared = np.full((60, 1), 0.5 * 6**0.5)
    x, rebuilt = np.hstack([X.numpy(), shared]), np.hstack([output.numpy(), shared])
    length = np.linalg.norm(x, axis=1)
    relative = np.linalg.norm(x - rebuilt, axis=1) / length
    cosine = (x * rebuilt).sum(axis=1) / (length * np.linalg.norm(rebuilt, axis=1))
    np.testing.assert_allclose(z, np.column_stack([code, relative, cosine]), rtol=1e-5, atol=1e-6)


def test_a_row_at_the_mean_has_finite_errors_and_gradients():
    module, x = _network(), torch.zeros(3, 6, requires_grad=True)
    z, _ = latent(module, SquaredError(), x)
    assert (z[:, 3] > 0.5).all()  # the cosine: without the shared coordinate it would be 0
    (gradient,) = torch.autograd.grad(z.sum(), x)
    assert z.isfinite().all()
    assert gradient.isfinite().all()


@pytest.mark.parametrize("with_weight", [False, True])
def test_the_loss_is_that_of_the_paper(with_weight):
    module = _network()
    weight = torch.arange(1.0, 61) / 30.5 if with_weight else None
    with torch.no_grad():
        loss = MixtureReconstruction(SquaredError(), 0.1, 0.005)(module, Batch(X, X, weight))
        z, output = latent(module, SquaredError(), X)
        counts = torch.ones(60) if weight is None else weight
        mixture = GaussianMixture.of_memberships(z, module.membership(z) * counts[:, None])
    error = (X - output).square().sum(dim=1)
    rows = ((error + 0.1 * mixture.energy(z)) * counts).mean()
    expected = (rows + 0.005 * (1 / mixture.variance).sum() * counts.mean()) / 6
    torch.testing.assert_close(loss.double(), expected, rtol=1e-5, atol=1e-6)


def test_without_weights_of_its_terms_it_is_the_reconstruction_error():
    module, batch = _network(), Batch(X, X, None)
    loss = MixtureReconstruction(SquaredError(), 0.0, 0.0)(module, batch)
    torch.testing.assert_close(loss, Reconstruction(SquaredError())(module, batch))


def test_every_parameter_has_a_gradient():
    module: nn.Module = _network()
    loss = MixtureReconstruction(SquaredError(), 0.1, 0.005)(module, Batch(X, X, None))
    for gradient in torch.autograd.grad(loss, list(module.parameters())):
        assert gradient.isfinite().all()
        assert gradient.any()
