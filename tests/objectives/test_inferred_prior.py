"""Penalties on the covariance of codes."""

import numpy as np
import pytest
import torch
from torch.distributions import Normal

from skae.distributions import get_likelihood
from skae.nn import VariationalAutoEncoder
from skae.objectives import InferredPrior, Variational


@pytest.mark.parametrize("kind", ["i", "ii"])
def test_term_agrees_with_numpy_and_weights_repeat_rows(kind):
    rng = np.random.default_rng(0)
    loc, scale = rng.normal(size=(6, 3)), rng.uniform(0.5, 1, size=(6, 3))
    times = np.array([1, 2, 1, 3, 1, 1])
    repeated, variance = loc.repeat(times, 0), (scale**2).repeat(times, 0)
    C = np.cov(repeated.T, bias=True) + (kind == "ii") * np.diag(variance.mean(0))
    off = (C**2).sum() - (C.diagonal() ** 2).sum()
    expected = 5 * off + 2 * ((C.diagonal() - 1) ** 2).sum()
    posterior = Normal(torch.tensor(loc), torch.tensor(scale))
    module = VariationalAutoEncoder(torch.nn.Linear(1, 6), torch.nn.Linear(3, 1), 3, 0)
    arguments = (module, posterior, posterior.loc, torch.tensor(times, dtype=torch.float64))
    likelihood = get_likelihood("squared_error")
    term = InferredPrior(likelihood, kind, 5.0, 2.0).penalty(*arguments)
    term = term - Variational(likelihood).penalty(*arguments)
    np.testing.assert_allclose(term, expected)
