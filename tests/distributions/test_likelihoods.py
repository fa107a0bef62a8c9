"""Losses as likelihoods: values, gradients, what they are least for."""

import copy
import pickle

import numpy as np
import pytest
import torch
from scipy.special import expit, huber, xlog1py, xlogy
from sklearn.base import clone
from torch.distributions import Laplace, Normal

from skae.distributions import (
    LOSS_NAMES,
    AbsoluteError,
    Huber,
    Likelihood,
    LogLoss,
    SquaredError,
    get_likelihood,
)


def _cross_entropy(output, target):
    p = expit(output)
    return -xlogy(target, p) - xlog1py(1 - target, -p)


# Formulas by NumPy and SciPy, of (output, target).
FORMULAS = {
    SquaredError(): lambda output, target: (target - output) ** 2,
    AbsoluteError(): lambda output, target: np.abs(target - output),
    Huber(): lambda output, target: huber(1.0, target - output),
    Huber(0.3): lambda output, target: huber(0.3, target - output),
    LogLoss(): _cross_entropy,
}
LIKELIHOODS = list(FORMULAS)
IDENTITY_LINKS = [likelihood for likelihood in LIKELIHOODS if likelihood.identity_link]
every_likelihood = pytest.mark.parametrize("likelihood", LIKELIHOODS, ids=repr)


def _cells(likelihood, shape=(40, 3), seed=0):
    """Outputs of a decoder and values that the likelihood is for, in double precision."""
    generator = torch.Generator().manual_seed(seed)
    output = 2 * torch.randn(shape, generator=generator, dtype=torch.float64)
    if np.isinf(likelihood.support[0]):
        return output, 2 * torch.randn(shape, generator=generator, dtype=torch.float64)
    return output, torch.rand(shape, generator=generator, dtype=torch.float64)


@every_likelihood
def test_nll_is_the_formula(likelihood):
    output, target = _cells(likelihood)
    expected = FORMULAS[likelihood](output.numpy(), target.numpy())
    np.testing.assert_allclose(likelihood.nll(output, target).numpy(), expected, rtol=1e-10)


@pytest.mark.parametrize(
    ("likelihood", "density"),
    [
        (SquaredError(), lambda output: Normal(output, 0.5**0.5)),
        (AbsoluteError(), lambda output: Laplace(output, 1.0)),
    ],
    ids=lambda value: getattr(value, "__name__", repr(value)),
)
def test_nll_is_that_of_a_density_up_to_a_constant(likelihood, density):
    output, target = _cells(likelihood)
    constant = likelihood.nll(output, target) + density(output).log_prob(target)
    torch.testing.assert_close(constant, constant[:1, :1].expand_as(constant))


@every_likelihood
def test_gradient_is_that_of_finite_differences(likelihood):
    output, target = _cells(likelihood, shape=(6, 2))
    output.requires_grad_()
    assert torch.autograd.gradcheck(lambda o: likelihood.nll(o, target), (output,))


class OwnCauchy(Likelihood):
    """A loss of the user's own: what it costs, and nothing else."""

    def nll(self, output, target, reduction="none"):
        losses = torch.log1p((output - target) ** 2)
        return losses.mean() if reduction == "mean" else losses


@pytest.mark.parametrize("likelihood", [*LIKELIHOODS, OwnCauchy()], ids=repr)
@pytest.mark.parametrize("out_of_range", [0.0, 3.0])
def test_the_gradient_in_closed_form_is_that_of_autograd(likelihood, out_of_range):
    output, target = _cells(likelihood)
    target = target + out_of_range
    copy_of_output = output.clone().requires_grad_()
    losses = likelihood.nll(copy_of_output, target)
    (expected,) = torch.autograd.grad(losses.sum(), copy_of_output)
    with torch.no_grad():
        gradient = likelihood.gradient(output, target)
    torch.testing.assert_close(gradient, expected)
    assert not gradient.requires_grad


@pytest.mark.parametrize("likelihood", [*LIKELIHOODS, OwnCauchy()], ids=repr)
@pytest.mark.parametrize("reduction", ["none", "mean"])
def test_loss_and_gradient_at_once_are_those_one_by_one(likelihood, reduction):
    output, target = _cells(likelihood)
    loss, gradient = likelihood.nll_and_gradient(output, target, reduction)
    assert torch.equal(loss, likelihood.nll(output, target, reduction))
    assert torch.equal(gradient, likelihood.gradient(output, target))


@every_likelihood
@pytest.mark.parametrize("out_of_range", [0.0, 3.0])
def test_reduction_mean_is_the_mean_over_cells(likelihood, out_of_range):
    output, target = _cells(likelihood)
    target = target + out_of_range
    mean = likelihood.nll(output, target, reduction="mean")
    torch.testing.assert_close(mean, likelihood.nll(output, target).mean())


@every_likelihood
def test_each_cell_has_its_own_loss(likelihood):
    output, target = _cells(likelihood)
    rows, columns = [3, 11], [2, 0]
    alone = likelihood.nll(output[rows, columns], target[rows, columns])
    torch.testing.assert_close(alone, likelihood.nll(output, target)[rows, columns])


@pytest.mark.parametrize(
    ("likelihood", "best"),
    [
        (SquaredError(), torch.mean),
        (AbsoluteError(), torch.median),
        (Huber(100.0), torch.mean),
        (LogLoss(), lambda values: torch.logit(values.mean())),
    ],
    ids=lambda value: getattr(value, "__name__", repr(value)),
)
def test_the_total_loss_of_a_column_is_least_where_it_should_be(likelihood, best):
    _, target = _cells(likelihood, shape=(201, 1))
    grid = torch.linspace(-3, 3, 2001, dtype=torch.float64)
    losses = likelihood.nll(grid.expand(201, -1), target.expand(-1, 2001)).mean(dim=0)
    assert grid[losses.argmin()].item() == pytest.approx(best(target).item(), abs=0.004)


@pytest.mark.parametrize("likelihood", IDENTITY_LINKS, ids=repr)
def test_a_perfect_reconstruction_costs_nothing(likelihood):
    _, target = _cells(likelihood)
    assert not likelihood.nll(likelihood.output_for_mean(target), target).any()


@every_likelihood
def test_output_for_mean_is_the_inverse_of_mean(likelihood):
    _, target = _cells(likelihood)
    if not likelihood.identity_link:
        target = target.clamp(0.01, 0.99)  # logits of 0 and 1 are kept finite
    torch.testing.assert_close(likelihood.mean(likelihood.output_for_mean(target)), target)


def test_the_output_for_a_mean_at_the_bounds_is_finite():
    assert LogLoss().output_for_mean(torch.tensor([0.0, 1.0])).isfinite().all()


@pytest.mark.parametrize("logit", [-30.0, -1.0, 0.0, 1.0, 30.0])
@pytest.mark.parametrize("bound", [0.0, 1.0])
def test_log_loss_grows_with_the_distance_from_the_unit_interval(logit, bound):
    outwards = 2 * bound - 1
    distance = torch.tensor([0.0, 1e-3, 0.1, 1.0, 10.0, 1e3])
    losses = LogLoss().nll(torch.full_like(distance, logit), bound + outwards * distance)
    assert losses.isfinite().all()
    assert (losses.diff() > 0).all() or logit * outwards < 0  # rounding hides 1e-6 beside 30
    torch.testing.assert_close(losses, losses[0] + distance**2)


def test_log_loss_is_finite_for_sure_outputs():
    output = torch.tensor([-1e4, 1e4, -1e4, 1e4])
    assert LogLoss().nll(output, torch.tensor([0.0, 1.0, 1.0, 0.0])).tolist() == [0, 0, 1e4, 1e4]


@pytest.mark.parametrize("delta", [0.1, 1.0, 7.0])
def test_huber_is_a_square_inside_and_a_line_of_slope_delta_outside(delta):
    error = torch.linspace(0, 3 * delta, 31, dtype=torch.float64)
    loss = Huber(delta).nll(error, torch.zeros_like(error))
    inside = error <= delta
    torch.testing.assert_close(loss[inside], error[inside] ** 2 / 2)
    slopes = loss[~inside].diff() / error[~inside].diff()
    torch.testing.assert_close(slopes, torch.full_like(slopes, delta))


@pytest.mark.parametrize("delta", [0, -1.0, float("nan")])
def test_huber_refuses_a_delta_that_is_not_positive(delta):
    with pytest.raises(ValueError, match=f"delta must be a positive number. Got {delta}"):
        Huber(delta)


@every_likelihood
@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x)), lambda x: eval(repr(x))]
)
def test_a_copy_is_equal(likelihood, copied):
    twin = copied(likelihood)
    assert twin is not likelihood
    assert twin == likelihood
    assert hash(twin) == hash(likelihood)


def test_likelihoods_of_other_classes_or_settings_differ():
    assert len(set(LIKELIHOODS)) == len(LIKELIHOODS)
    for likelihood in LIKELIHOODS:
        assert [likelihood == other for other in LIKELIHOODS].count(True) == 1
        assert likelihood != repr(likelihood)


@every_likelihood
def test_a_likelihood_is_cloned_with_its_estimator(likelihood):
    from skae import AutoEncoder

    assert clone(AutoEncoder(loss=likelihood)).loss == likelihood


@pytest.mark.parametrize("name", sorted(LOSS_NAMES))
def test_each_name_gives_a_likelihood_of_its_own(name):
    likelihood = get_likelihood(name)
    assert isinstance(likelihood, Likelihood)
    assert [get_likelihood(other) == likelihood for other in LOSS_NAMES].count(True) == 1


@every_likelihood
def test_an_object_stays_itself(likelihood):
    assert get_likelihood(likelihood) is likelihood
