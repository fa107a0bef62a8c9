"""The likelihood of mixed columns: values, gradients, balance, missing and unseen cells."""

import copy
import math
import pickle

import numpy as np
import pytest
import torch
from scipy.special import huber
from sklearn.metrics import log_loss
from torch.distributions import Bernoulli, Categorical

from skae.distributions import AbsoluteError, Huber, LogLoss, MixedColumns, SquaredError
from skae.nn import TableInput
from skae.utils import TableSchema
from tests.schemas import boolean, category, datetime, encoded_rows, number, random_schema

SEEDS = range(4)
FORMULAS = {
    SquaredError(): lambda output, target: (output - target) ** 2,
    AbsoluteError(): lambda output, target: np.abs(output - target),
    Huber(0.5): lambda output, target: huber(0.5, output - target),
}
every_seed = pytest.mark.parametrize("seed", SEEDS)
every_loss = pytest.mark.parametrize("numbers", [*FORMULAS, LogLoss()], ids=repr)
# Sizes that share a softmax, and sizes that do not.
CLASSES = TableSchema(
    tuple(category(np.arange(1.0, n + 1), n % 2, name=n) for n in (1, 2, 3, 5, 8, 41, 200, 1000))
)


def _outputs(likelihood, n_rows, seed=0, scale=2.0):
    generator = torch.Generator().manual_seed(seed)
    shape = (n_rows, len(likelihood.labels))
    return scale * torch.randn(shape, generator=generator, dtype=torch.float64)


def _case(seed, numbers=None, n_rows=30, missing=0.25):
    """Likelihood, outputs and rows of a random schema."""
    schema = random_schema(seed, n_columns=10)
    likelihood = MixedColumns(schema, SquaredError() if numbers is None else numbers)
    return likelihood, _outputs(likelihood, n_rows, seed), encoded_rows(schema, n_rows, missing)


def _of(likelihood, output, i):
    """Outputs of a column of the table, in the order of its parts."""
    place = {label: j for j, label in enumerate(likelihood.labels)}
    return output[:, [place[i, part] for part in likelihood.schema.columns[i].parts]]


def _cells(schema, x, i):
    return x[:, schema.encoded_features == i]


# ---- the formula ----


@every_seed
def test_the_labels_name_every_output_once(seed):
    schema = random_schema(seed)
    likelihood = MixedColumns(schema, SquaredError())
    expected = {(i, part) for i, column in enumerate(schema.columns) for part in column.parts}
    assert set(likelihood.labels) == expected
    assert len(likelihood.labels) == len(expected)


def _expected_loss(column, output, cells, formula):
    """The loss of a column, by SciPy and torch.distributions."""
    if column.kind == "boolean":
        nats = -Bernoulli(logits=output[:, 0]).log_prob(cells[:, 0])
        return nats / max(column.entropy, 0.5)
    if column.kind == "categorical":
        nats = -Categorical(logits=output).log_prob(cells[:, 0])
        return nats / max(column.entropy, 0.5)
    losses = formula(output.numpy(), cells.numpy())
    return torch.from_numpy(losses.sum(axis=1)) / column.variance


@every_seed
@pytest.mark.parametrize("numbers", list(FORMULAS), ids=repr)
def test_nll_is_the_density_of_each_column_over_its_entropy(seed, numbers):
    likelihood, output, x = _case(seed, numbers, missing=0.0)
    losses = likelihood.nll(output, x)
    assert losses.shape == (30, likelihood.schema.n_features)
    for i, column in enumerate(likelihood.schema.columns):
        own, cells = _of(likelihood, output, i), _cells(likelihood.schema, x, i)
        expected = _expected_loss(column, own, cells, FORMULAS[numbers])
        torch.testing.assert_close(losses[:, i], expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("i", range(len(CLASSES.columns)))
def test_nll_of_a_category_is_the_log_loss_of_scikit_learn(i):
    likelihood = MixedColumns(CLASSES, SquaredError())
    output, x = _outputs(likelihood, 50), encoded_rows(CLASSES, 50)
    column = CLASSES.columns[i]
    if column.n_classes == 1:
        assert not likelihood.nll(output, x)[:, i].any()
        return
    p = torch.softmax(_of(likelihood, output, i), dim=1).numpy()
    expected = log_loss(x[:, i].numpy(), p, labels=np.arange(column.n_classes))
    loss = likelihood.nll(output, x)[:, i].mean().item() * max(column.entropy, 0.5)
    assert loss == pytest.approx(expected, rel=1e-6)


@every_seed
@every_loss
def test_reduction_mean_is_the_mean_over_all_cells(seed, numbers):
    likelihood, output, x = _case(seed, numbers)
    losses = likelihood.nll(output, x)
    torch.testing.assert_close(likelihood.nll(output, x, reduction="mean"), losses.mean())
    assert likelihood.n_cells(x) == losses.numel()


def test_log_loss_is_for_numbers_and_squared_error_for_datetimes_that_leave_its_range():
    schema = TableSchema((number(), datetime(3)))
    likelihood = MixedColumns(schema, LogLoss())
    output = _outputs(likelihood, 20)
    x = encoded_rows(schema, 20)
    x[:, 0] = torch.rand(20, dtype=torch.float64)
    losses = likelihood.nll(output, x)
    torch.testing.assert_close(losses[:, 0], LogLoss().nll(output[:, 0], x[:, 0]))
    torch.testing.assert_close(losses[:, 1], (output[:, 1:] - x[:, 1:]).square().sum(1) / 2)
    assert not likelihood.identity_link
    torch.testing.assert_close(likelihood.mean(output)[:, 1:], output[:, 1:])


# ---- gradients ----


def _gradient_of_autograd(likelihood, output, x):
    output = output.clone().requires_grad_()
    return torch.autograd.grad(likelihood.nll(output, x).sum(), output)[0]


@every_seed
@every_loss
@pytest.mark.parametrize("missing", [0.0, 0.3, 1.0])
def test_the_gradient_in_closed_form_is_that_of_autograd(seed, numbers, missing):
    likelihood, output, x = _case(seed, numbers, missing=missing)
    gradient = likelihood.gradient(output, x)
    torch.testing.assert_close(gradient, _gradient_of_autograd(likelihood, output, x))
    assert not gradient.requires_grad


@pytest.mark.parametrize("scale", [0.1, 3.0, 300.0])
def test_the_gradient_holds_for_classes_of_every_number_and_sure_outputs(scale):
    likelihood = MixedColumns(CLASSES, SquaredError())
    output, x = _outputs(likelihood, 60, scale=scale), encoded_rows(CLASSES, 60, 0.1)
    expected = _gradient_of_autograd(likelihood, output, x)
    torch.testing.assert_close(likelihood.gradient(output, x), expected)
    assert expected.isfinite().all()


@every_seed
@every_loss
@pytest.mark.parametrize("reduction", ["none", "mean"])
def test_loss_and_gradient_at_once_are_those_one_by_one(seed, numbers, reduction):
    likelihood, output, x = _case(seed, numbers)
    kept = output.clone()
    loss, gradient = likelihood.nll_and_gradient(output, x, reduction)
    torch.testing.assert_close(loss, likelihood.nll(output, x, reduction))
    assert torch.equal(gradient, likelihood.gradient(output, x))
    assert torch.equal(output, kept)


# ---- balance ----


def _best_constant(column, x, i):
    """Outputs that predict the frequencies of the rows, or their mean."""
    if column.kind == "categorical":
        counts = torch.bincount(x[:, 0].long(), minlength=column.n_classes)
        return torch.log(counts.clamp(min=1e-3) / len(x))
    return torch.logit(x.mean(0)) if column.kind == "boolean" else x.mean(0)


@pytest.mark.parametrize(
    "column",
    [
        number(),
        boolean(0.4),
        datetime(1),
        datetime(3),
        datetime(7),
        category([1, 1]),
        category(np.arange(1.0, 8.0)),
        category(np.ones(200)),
        category(1 / np.arange(1.0, 201.0), bucket=True),
    ],
    ids=lambda column: f"{column.kind}-{column.n_classes or column.width}",
)
def test_the_best_constant_prediction_costs_about_one_in_every_column(column):
    schema = TableSchema((column,))
    likelihood = MixedColumns(schema, SquaredError())
    x = encoded_rows(schema, 20_000)
    output = _best_constant(column, x, 0).expand(len(x), -1)
    assert likelihood.nll(output, x).mean().item() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("column", [category([1 - 1e-4, 1e-4]), boolean(1e-4)])
def test_a_column_that_hardly_varies_counts_less_and_its_rare_value_a_bounded_amount(column):
    schema = TableSchema((column,))
    likelihood = MixedColumns(schema, SquaredError())
    output = likelihood.log_frequencies()[None].double()
    common, rare = torch.tensor([[0.0], [1.0]], dtype=torch.float64)
    assert likelihood.nll(output, common[None]).item() < 0.01
    assert likelihood.nll(output, rare[None]).item() <= -math.log(1e-4) / 0.5 + 1e-3


@pytest.mark.parametrize("seed", SEEDS)
def test_shares_of_a_row_sum_to_its_loss_which_is_the_mean_over_the_cells_that_are_there(seed):
    likelihood, output, x = _case(seed)
    losses, shares = likelihood.nll(output, x), likelihood.shares(output, x)
    row_loss = likelihood.row_loss(output, x)
    torch.testing.assert_close(shares.sum(dim=1), row_loss)
    present = ~torch.isnan(x[:, likelihood.schema.first_parts])
    expected = [row[there].mean() for row, there in zip(losses, present, strict=True)]
    torch.testing.assert_close(row_loss, torch.stack(expected).nan_to_num())


# ---- cells that are missing, cells that are new ----


@every_seed
@every_loss
def test_missing_cells_cost_nothing_and_teach_nothing(seed, numbers):
    likelihood, output, x = _case(seed, numbers, missing=0.5)
    missing = torch.isnan(x[:, likelihood.schema.first_parts])
    losses, gradient = likelihood.nll_and_gradient(output, x)
    assert losses.isfinite().all()
    assert not losses[missing].any()
    column_of_output = torch.tensor([i for i, _ in likelihood.labels])
    assert not gradient[missing[:, column_of_output]].any()
    assert not likelihood.shares(output, x)[missing].any()


@every_seed
def test_a_missing_cell_changes_nothing_in_the_other_columns(seed):
    likelihood, output, x = _case(seed, missing=0.0)
    holed = x.clone()
    features = likelihood.schema.encoded_features
    for row in range(len(x)):
        holed[row, features == row % likelihood.schema.n_features] = torch.nan
    missing = torch.isnan(holed[:, likelihood.schema.first_parts])
    full, part = likelihood.nll(output, x), likelihood.nll(output, holed)
    torch.testing.assert_close(part[~missing], full[~missing])


@every_seed
def test_a_row_that_is_all_missing_costs_nothing(seed):
    likelihood, output, x = _case(seed)
    x[3] = torch.nan
    assert likelihood.row_loss(output, x)[3] == 0
    assert not likelihood.shares(output, x)[3].any()
    assert not likelihood.gradient(output, x)[3].any()
    assert likelihood.nll(output[3:4], x[3:4], reduction="mean") == 0


@pytest.mark.parametrize("n_classes", [1, 2, 41, 200])
def test_an_unseen_value_costs_a_finite_surprise_and_teaches_nothing(n_classes):
    schema = TableSchema((category(np.ones(n_classes)), category(np.ones(3)), number()))
    likelihood = MixedColumns(schema, SquaredError())
    output = _outputs(likelihood, 2).requires_grad_()
    x = torch.tensor([[n_classes, 0, 0], [n_classes + 99, 1, 0]], dtype=torch.float64)
    losses = likelihood.nll(output, x)
    surprise = math.log(1001) / max(schema.columns[0].entropy, 0.5)
    np.testing.assert_allclose(losses[:, 0].detach(), surprise, rtol=1e-6)
    column = torch.tensor([i for i, _ in likelihood.labels])
    (expected,) = torch.autograd.grad(losses.sum(), output)
    gradient = likelihood.gradient(output.detach(), x)
    torch.testing.assert_close(gradient, expected)
    assert not gradient[:, column == 0].any()
    assert gradient[:, column == 1].any()


# ---- the reconstruction ----


@every_seed
@pytest.mark.parametrize("numbers", [SquaredError(), LogLoss()], ids=repr)
def test_the_mean_of_sure_outputs_is_the_row(seed, numbers):
    schema = random_schema(seed)
    likelihood = MixedColumns(schema, numbers)
    x = encoded_rows(schema, 40)
    if isinstance(numbers, LogLoss):
        places = schema.encoded_positions("numeric")
        x[:, places] = x[:, places].sigmoid()
    for place, column in zip(schema.first_parts, schema.columns, strict=True):
        if column.kind == "categorical":
            x[:, place] %= column.n_known
    output = torch.zeros(40, len(likelihood.labels), dtype=torch.float64)
    for j, (i, part) in enumerate(likelihood.labels):
        cells = _cells(schema, x, i)
        kind = schema.columns[i].kind
        if kind == "categorical":
            output[:, j] = 50.0 * (cells[:, 0] == part)
        elif kind == "boolean":
            output[:, j] = 100.0 * cells[:, 0] - 50.0
        else:
            density = numbers if kind == "numeric" else SquaredError()
            output[:, j] = density.output_for_mean(cells[:, part])
    tolerance = 2e-3 if isinstance(numbers, LogLoss) else 1e-9  # logits are kept finite
    torch.testing.assert_close(likelihood.mean(output), x, rtol=0, atol=tolerance)


def test_the_bucket_is_never_the_likeliest_value_but_where_nothing_is_known():
    schema = TableSchema((category([1, 1, 98], bucket=True), category([1], bucket=True)))
    likelihood = MixedColumns(schema, SquaredError())
    place = {label: j for j, label in enumerate(likelihood.labels)}
    output = torch.zeros(1, len(likelihood.labels))
    output[0, place[0, "other"]], output[0, place[0, 1]] = 9.0, 1.0
    assert likelihood.mean(output).tolist() == [[1.0, 0.0]]


@every_seed
def test_the_mean_has_no_missing_cells(seed):
    likelihood, output, x = _case(seed)
    mean = likelihood.mean(output)
    assert mean.shape == x.shape
    assert mean.isfinite().all()


# ---- the start ----


@every_seed
def test_log_frequencies_are_the_outputs_that_give_the_frequencies(seed):
    likelihood, *_ = _case(seed)
    output = likelihood.log_frequencies()[None].double()
    for i, column in enumerate(likelihood.schema.columns):
        own = _of(likelihood, output, i)[0]
        if column.kind == "categorical":
            np.testing.assert_allclose(torch.softmax(own, 0), column.frequencies, rtol=1e-5)
        elif column.kind == "boolean":
            np.testing.assert_allclose(torch.sigmoid(own), column.frequencies[1:], rtol=1e-5)
        else:
            assert not own.any()


def _linear_start(seed, numbers, n_components=3):
    schema = random_schema(seed)
    likelihood = MixedColumns(schema, numbers)
    inputs = TableInput(schema, torch.Generator().manual_seed(0))
    x = encoded_rows(schema, 4000, dtype=torch.float32)
    if isinstance(numbers, LogLoss):
        places = schema.encoded_positions("numeric")
        x[:, places] = x[:, places].sigmoid()
    values = inputs.values(x)
    mean = values.mean(0)
    _, _, axes = torch.linalg.svd(values - mean, full_matrices=False)
    loadings = axes[:n_components].T
    return schema, likelihood, x, values, likelihood.linear_start(mean, loadings, inputs)


@every_seed
@every_loss
def test_the_decoder_starts_at_the_frequencies_and_the_means(seed, numbers):
    schema, likelihood, x, _, (weight, bias) = _linear_start(seed, numbers)
    assert weight.shape == (len(likelihood.labels), 3)
    mean = likelihood.mean(bias[None])[0]
    for i, column in enumerate(schema.columns):
        own = _of(likelihood, bias[None], i)[0]
        if column.kind == "categorical":
            np.testing.assert_allclose(torch.softmax(own, 0), column.frequencies, rtol=1e-4)
        elif column.kind == "boolean":
            np.testing.assert_allclose(torch.sigmoid(own), column.frequencies[1:], rtol=1e-4)
        else:
            at = schema.encoded_features == i
            np.testing.assert_allclose(mean[at], x[:, at].mean(0), atol=1e-3)


def test_numbers_and_datetimes_start_as_pca():
    schema = TableSchema((number(), datetime(3), number(), boolean()))
    likelihood = MixedColumns(schema, SquaredError())
    inputs = TableInput(schema, torch.Generator())
    x = encoded_rows(schema, 500, dtype=torch.float32)
    values = inputs.values(x)
    mean = values.mean(0)
    weight, bias = likelihood.linear_start(mean, torch.eye(inputs.n_values), inputs)
    decoded = likelihood.mean((values - mean) @ weight.T + bias)  # all axes: nothing is lost
    numbers = schema.encoded_positions("numeric", "datetime")
    torch.testing.assert_close(decoded[:, numbers], x[:, numbers], atol=1e-5, rtol=1e-5)


@every_seed
def test_logits_start_towards_the_class_that_is_there(seed):
    _, likelihood, x, values, (weight, bias) = _linear_start(seed, SquaredError(), 6)
    _, _, axes = torch.linalg.svd(values - values.mean(0), full_matrices=False)
    output = (values - values.mean(0)) @ axes[:6].T @ weight.T + bias
    start = likelihood.nll(output, x)
    constant = likelihood.nll(bias.expand(len(x), -1), x)
    assert start.mean() < constant.mean()


# ---- numbers alone ----


def test_of_numbers_alone_it_is_the_loss_of_numbers_over_the_cells_that_are_there():
    schema = TableSchema(tuple(number(i, True) for i in range(5)))
    likelihood = MixedColumns(schema, Huber(0.7))
    output, x = _outputs(likelihood, 20), encoded_rows(schema, 20)
    assert likelihood.identity_link
    torch.testing.assert_close(likelihood.nll(output, x), Huber(0.7).nll(output, x))
    torch.testing.assert_close(likelihood.row_loss(output, x), Huber(0.7).row_loss(output, x))
    assert torch.equal(likelihood.mean(output), output)


@every_seed
def test_new_units_of_numbers_are_those_of_their_outputs(seed):
    schema = random_schema(seed)
    likelihood = MixedColumns(schema, SquaredError())
    output = _outputs(likelihood, 10)
    scale = torch.ones(schema.n_encoded, dtype=torch.float64)
    shift = torch.zeros(schema.n_encoded, dtype=torch.float64)
    places = schema.encoded_positions("numeric", "datetime")
    scale[places], shift[places] = 1.7, -0.4
    by_output = likelihood.of_numbers(scale, shift)
    moved = likelihood.mean(output * by_output[0] + by_output[1])
    torch.testing.assert_close(moved, likelihood.mean(output) * scale + shift)


# ---- copies ----


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_says_the_same(copied):
    likelihood, output, x = _case(0)
    expected = likelihood.nll(output, x)  # tensors were moved to the device
    twin = copied(likelihood)
    assert torch.equal(twin.nll(output, x), expected)
    assert twin != likelihood
    assert likelihood == likelihood
    assert hash(likelihood) == hash(likelihood)
    assert repr(twin) == "MixedColumns(10 columns, SquaredError())"


def test_a_saved_likelihood_does_not_grow_with_use():
    likelihood, output, x = _case(0)
    size = len(pickle.dumps(likelihood))
    likelihood.nll(output, x)
    assert len(pickle.dumps(likelihood)) == size


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
@every_seed
def test_a_gpu_says_what_a_cpu_says(seed):
    likelihood, output, x = _case(seed)
    loss, gradient = likelihood.nll_and_gradient(output.cuda(), x.cuda())
    torch.testing.assert_close(loss.cpu(), likelihood.nll(output, x))
    torch.testing.assert_close(gradient.cpu(), likelihood.gradient(output, x))
    torch.testing.assert_close(likelihood.mean(output.cuda()).cpu(), likelihood.mean(output))


def test_the_bits_of_a_row_do_not_depend_on_its_neighbours():
    likelihood, output, x = _case(1, n_rows=64)
    for rows in ([63, 0, 7], range(63, -1, -1)):
        part = likelihood.shares(output[list(rows)], x[list(rows)])
        assert torch.equal(part, likelihood.shares(output, x)[list(rows)])


# ---- columns that are given ----


@every_seed
def test_given_columns_cost_nothing_and_are_no_cells(seed):
    whole, output, target = _case(seed, missing=0.0)
    part = MixedColumns(whole.schema, whole.numbers, given=[0, 3])
    counted = [i for i in range(10) if i not in (0, 3)]
    for loss in ("nll", "neg_log_density"):
        losses, expected = (getattr(one, loss)(output, target) for one in (part, whole))
        assert (losses[:, [0, 3]] == 0).all()
        torch.testing.assert_close(losses[:, counted], expected[:, counted])
    assert part.n_cells(target) == len(target) * 8
    losses = part.nll(output, target)
    torch.testing.assert_close(part.row_loss(output, target), losses[:, counted].mean(dim=1))
    mean = part.nll(output, target, "mean")
    torch.testing.assert_close(mean, losses[:, counted].mean())
