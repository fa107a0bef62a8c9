"""Corruptions: what they change, how much, and from where."""

import pytest
import torch

from skae.nn import NOISE_NAMES, corrupt, hide

N_ROWS, N_COLUMNS = 4000, 5
# A cell says where it comes from: 10 000 * column + row, and none is zero.
MARKED = 10_000.0 * torch.arange(1, N_COLUMNS + 1) + torch.arange(N_ROWS)[:, None]
CELL_NOISES = sorted(NOISE_NAMES - {"gaussian"})
every_noise = pytest.mark.parametrize("noise", sorted(NOISE_NAMES))


def _generator(seed=0):
    return torch.Generator().manual_seed(seed)


def _within(share, expected, n_cells=N_ROWS * N_COLUMNS):
    return abs(share - expected) < 5 * (expected * (1 - expected) / n_cells) ** 0.5 + 1e-9


@every_noise
@pytest.mark.parametrize("level", [0.0, 0.3, 1.0])
def test_the_rows_are_left_alone_and_the_result_has_their_form(noise, level):
    X = MARKED.clone()
    corrupted = corrupt(X, noise, level, _generator())
    assert torch.equal(X, MARKED)
    assert corrupted.shape == X.shape
    assert corrupted.dtype == X.dtype


@every_noise
def test_level_zero_is_no_noise(noise):
    assert torch.equal(corrupt(MARKED, noise, 0.0, _generator()), MARKED)


@every_noise
def test_it_depends_on_the_generator_only(noise):
    state = torch.get_rng_state()
    first, again, other = (corrupt(MARKED, noise, 0.5, _generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@every_noise
def test_a_generator_goes_on_to_other_noise(noise):
    generator = _generator()
    first, second = (corrupt(MARKED, noise, 0.5, generator) for _ in range(2))
    assert not torch.equal(first, second)


@pytest.mark.parametrize("noise", CELL_NOISES)
@pytest.mark.parametrize("level", [0.02, 0.1, 0.5, 0.9])
def test_the_level_is_the_share_of_changed_cells_in_each_column(noise, level):
    changed = corrupt(MARKED, noise, level, _generator()) != MARKED
    for column in changed.T:
        assert _within(column.float().mean().item(), level, N_ROWS)


@pytest.mark.parametrize("noise", CELL_NOISES)
def test_cells_are_chosen_one_by_one(noise):
    changed = (corrupt(MARKED, noise, 0.5, _generator()) != MARKED).float()
    n_changed = changed.sum(dim=1)
    assert n_changed.var().item() == pytest.approx(N_COLUMNS / 4, rel=0.15)
    assert n_changed.min() == 0
    assert n_changed.max() == N_COLUMNS


@pytest.mark.parametrize("level", [0.1, 1.0, 3.0])
def test_gaussian_noise_is_normal_with_the_level_as_deviation(level):
    noise = corrupt(torch.zeros(N_ROWS, N_COLUMNS), "gaussian", level, _generator()) / level
    assert noise.mean().abs() < 5 / noise.numel() ** 0.5
    assert noise.std().item() == pytest.approx(1, abs=0.03)
    quantiles = torch.quantile(noise.flatten(), torch.tensor([0.1587, 0.9772]))
    torch.testing.assert_close(quantiles, torch.tensor([-1.0, 2.0]), atol=0.1, rtol=0)


def test_gaussian_noise_does_not_depend_on_the_values():
    X = torch.linspace(-1, 1, 40).reshape(8, 5)
    noise = corrupt(torch.zeros_like(X), "gaussian", 0.5, _generator())
    torch.testing.assert_close(corrupt(X, "gaussian", 0.5, _generator()), X + noise)


def test_masked_cells_are_zero():
    corrupted = corrupt(MARKED, "masking", 0.4, _generator())
    assert not corrupted[corrupted != MARKED].any()


def test_salt_and_pepper_are_the_extremes_of_the_column_in_equal_parts():
    corrupted = corrupt(MARKED, "salt_and_pepper", 0.4, _generator())
    changed = corrupted != MARKED
    low, high = MARKED.amin(dim=0), MARKED.amax(dim=0)
    assert ((corrupted == low) | (corrupted == high) | ~changed).all()
    share = (corrupted == high)[changed].float().mean().item()
    assert _within(share, 0.5, int(changed.sum()))


def test_swapped_cells_come_from_the_same_column_of_another_row():
    corrupted = corrupt(MARKED, "swap", 1.0, _generator())
    column = corrupted // 10_000
    assert torch.equal(column, torch.arange(1.0, N_COLUMNS + 1).expand_as(column))
    own_row = torch.arange(N_ROWS)[:, None]
    assert not (corrupted % 10_000 == own_row).any()


def test_every_other_row_gives_as_often():
    X = torch.arange(5.0)[:, None].expand(-1, 20_000)
    swapped = corrupt(X, "swap", 1.0, _generator())
    for row, values in enumerate(swapped):
        shares = torch.bincount(values.long(), minlength=5) / 20_000
        expected = torch.full((5,), 0.25)
        expected[row] = 0.0
        torch.testing.assert_close(shares, expected, atol=0.02, rtol=0)


@pytest.mark.parametrize("noise", CELL_NOISES)
def test_the_mean_of_a_swapped_column_stays_and_a_single_row_works(noise):
    corrupted = corrupt(MARKED, "swap", 0.8, _generator())
    torch.testing.assert_close(corrupted.mean(dim=0), MARKED.mean(dim=0), atol=150, rtol=0)
    assert corrupt(MARKED[:1], noise, 1.0, _generator()).shape == (1, N_COLUMNS)


def test_a_single_row_has_no_other_to_swap_with():
    assert torch.equal(corrupt(MARKED[:1], "swap", 1.0, _generator()), MARKED[:1])


def test_two_rows_swap_with_each_other():
    assert torch.equal(corrupt(MARKED[:2], "swap", 1.0, _generator()), MARKED[:2].flip(0))


# ---- codes and missing cells ----

CODES = torch.tensor([1, 3])
NUMBERS = torch.tensor([0, 2, 4])


@pytest.mark.parametrize("noise", ["gaussian", "salt_and_pepper", "swap"])
def test_codes_take_the_value_of_another_row(noise):
    corrupted = corrupt(MARKED, noise, 0.4, _generator(), codes=CODES)[:, CODES]
    column, own = corrupted // 10_000, MARKED[:, CODES]
    assert torch.equal(column, (CODES + 1.0).expand_as(column))
    assert _within((corrupted != own).float().mean().item(), 0.4, own.numel())


def test_codes_are_hidden_by_masking():
    corrupted = corrupt(MARKED, "masking", 0.4, _generator(), codes=CODES)
    hidden = torch.isnan(corrupted)
    assert not hidden[:, NUMBERS].any()
    assert _within(hidden[:, CODES].float().mean().item(), 0.4, 2 * N_ROWS)
    assert torch.equal(corrupted[:, CODES][~hidden[:, CODES]], MARKED[:, CODES][~hidden[:, CODES]])


@every_noise
def test_numbers_beside_codes_get_the_noise_that_they_get_alone(noise):
    with_codes = corrupt(MARKED, noise, 0.4, _generator(), codes=CODES)
    alone = corrupt(MARKED, noise, 0.4, _generator())
    assert torch.equal(with_codes[:, NUMBERS], alone[:, NUMBERS])
    none = corrupt(MARKED, noise, 0.4, _generator(), codes=CODES[:0])
    assert torch.equal(none, alone)


def test_a_large_normal_noise_changes_every_code_at_most():
    corrupted = corrupt(MARKED, "gaussian", 3.0, _generator(), codes=CODES)
    assert (corrupted[:, CODES] != MARKED[:, CODES]).all()


@every_noise
def test_rows_with_codes_are_left_as_they_were(noise):
    own = MARKED.clone()
    corrupt(own, noise, 0.5, _generator(), codes=CODES)
    assert torch.equal(own, MARKED)
    single = corrupt(own[:1], noise, 1.0, _generator(), codes=CODES)
    assert single.shape == (1, N_COLUMNS)
    assert torch.equal(own, MARKED)


@pytest.mark.parametrize("noise", CELL_NOISES)
def test_missing_cells_are_no_extremes(noise):
    holed = MARKED.clone()
    holed[::3, 2] = torch.nan
    corrupted = corrupt(holed, noise, 0.3, _generator())
    low, high = MARKED[:, 2].min(), MARKED[:, 2].max()
    values = corrupted[:, 2][~torch.isnan(corrupted[:, 2])]
    assert ((values == 0) | ((values >= low) & (values <= high))).all()
    if noise == "salt_and_pepper":
        assert torch.equal(torch.isnan(corrupted), torch.isnan(holed))


@pytest.mark.parametrize("level", [0.0, 0.3, 1.0])
def test_hidden_cells_are_missing(level):
    hidden = torch.isnan(hide(MARKED, level, _generator()))
    assert _within(hidden.float().mean().item(), level)
    assert torch.equal(hide(MARKED, level, _generator())[~hidden], MARKED[~hidden])
