"""Likelihoods as densities: they integrate to 1, and draws follow them."""

import math

import pytest
import torch
from torch.distributions import Normal

from skae.distributions import (
    AbsoluteError,
    Gaussian,
    Huber,
    LogLoss,
    MixedColumns,
    SquaredError,
)
from skae.nn import isolated_rng
from skae.preprocessing import TableEncoder
from tests.estimators import mixed_table

CONTINUOUS = [SquaredError(), AbsoluteError(), Huber(), Huber(0.3), Gaussian(0.7), Gaussian()]
by_name = pytest.mark.parametrize("likelihood", CONTINUOUS, ids=repr)


def output_at(likelihood, loc, log_scale=-0.4):
    """What a decoder gives for these means, and scales where they are learned."""
    scales = torch.full((len(loc), likelihood.n_scales(loc.shape[1])), log_scale)
    return torch.cat([loc, scales], dim=1)


def on_a_grid(likelihood, loc=0.3, half_width=60.0, n_points=400_001):
    """Values on a line, and their densities."""
    x = torch.linspace(-half_width, half_width, n_points, dtype=torch.float64)[:, None]
    output = output_at(likelihood, torch.full_like(x, loc)).double()
    return x[:, 0], torch.exp(-likelihood.neg_log_density(output, x))[:, 0]


@by_name
def test_the_density_integrates_to_one(likelihood):
    x, density = on_a_grid(likelihood)
    assert torch.trapezoid(density, x).item() == pytest.approx(1, abs=1e-4)


@by_name
def test_draws_have_the_quantiles_of_the_density(likelihood):
    x, density = on_a_grid(likelihood)
    with isolated_rng(0):
        draws = likelihood.sample(output_at(likelihood, torch.full((200_000, 1), 0.3)))[:, 0]
    for q in (0.02, 0.2, 0.5, 0.9, 0.99):
        below = torch.trapezoid(density[x <= draws.quantile(q).item()], dx=(x[1] - x[0]).item())
        assert below.item() == pytest.approx(q, abs=0.005)


@by_name
def test_the_normaliser_changes_no_difference_of_losses(likelihood):
    target = torch.linspace(-3, 3, 7)[:, None]
    output = output_at(likelihood, torch.zeros(7, 1))
    change = likelihood.neg_log_density(output, target) - likelihood.nll(output, target)
    torch.testing.assert_close(change, change[:1].expand(7, 1))


@by_name
def test_the_least_loss_is_that_of_the_likeliest_value(likelihood):
    _, density = on_a_grid(likelihood)
    least = likelihood.least_loss(output_at(likelihood, torch.full((1, 1), 0.3)), torch.zeros(1, 1))
    assert least.item() == pytest.approx(-density.max().log().item(), abs=1e-4)


def test_a_gaussian_is_the_one_of_torch():
    target, loc = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
    log_scale = torch.tensor([-1.0, 0.0, 0.5])
    output = torch.cat([loc, log_scale.expand(5, 3)], dim=1)
    expected = -Normal(loc, log_scale.exp()).log_prob(target)
    torch.testing.assert_close(Gaussian().nll(output, target), expected)
    fixed = -Normal(loc, 0.2).log_prob(target)
    torch.testing.assert_close(Gaussian(0.2).nll(loc, target), fixed)


def test_draws_of_a_bernoulli_are_as_frequent_as_its_mean():
    logits = torch.tensor([[-2.0, 0.0, 3.0]]).expand(50_000, 3)
    with isolated_rng(0):
        draws = LogLoss().sample(logits)
    assert set(draws.unique().tolist()) == {0.0, 1.0}
    torch.testing.assert_close(draws.mean(dim=0), LogLoss().mean(logits)[0], atol=0.01, rtol=0)


@pytest.mark.parametrize("scale", [0.0, -1.0, "large", None])
def test_a_scale_that_is_none_is_refused(scale):
    with pytest.raises(ValueError, match="scale must be"):
        Gaussian(scale)


@pytest.fixture(scope="module")
def mixed():
    X = mixed_table(200)
    encoder = TableEncoder().fit(X)
    return MixedColumns(encoder.schema_, Gaussian()), torch.from_numpy(encoder.transform(X)).float()


def test_the_density_of_a_mixed_row_is_a_sum_without_balance_and_missing_cells(mixed):
    likelihood, rows = mixed
    n_outputs = len(likelihood.labels)
    output = torch.zeros(len(rows), n_outputs + likelihood.n_scales(n_outputs))
    losses = likelihood.neg_log_density(output, rows)
    least = likelihood.least_loss(output, rows)
    schema = likelihood.schema
    for i, column in enumerate(schema.columns):
        cell = rows[:, schema.first_parts[i]]
        missing = cell.isnan()
        assert (losses[missing, i] == 0).all()
        assert (least[missing, i] == 0).all()
        assert (least[:, i] <= losses[:, i]).all()
        if column.kind == "categorical":
            expected = torch.full_like(cell[~missing], math.log(column.n_classes))
        elif column.kind == "boolean":
            expected = torch.full_like(cell[~missing], math.log(2))
        elif column.kind == "numeric":
            expected = -Normal(0.0, 1.0).log_prob(cell[~missing])
        else:
            continue
        torch.testing.assert_close(losses[~missing, i], expected)


def test_draws_of_mixed_rows_are_encoded_rows(mixed):
    likelihood, rows = mixed
    n_outputs = len(likelihood.labels)
    output = torch.zeros(2_000, n_outputs + likelihood.n_scales(n_outputs))
    with isolated_rng(0):
        draws = likelihood.sample(output)
    assert draws.shape == (2_000, rows.shape[1])
    schema = likelihood.schema
    for i, column in enumerate(schema.columns):
        values = draws[:, schema.first_parts[i]]
        if column.kind == "categorical":
            assert values.max() < column.n_known
        if column.kind == "boolean":
            assert set(values.unique().tolist()) == {0.0, 1.0}
        if column.kind == "numeric":
            assert values.std().item() == pytest.approx(1, abs=0.1)
