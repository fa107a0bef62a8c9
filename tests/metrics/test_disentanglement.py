"""Disentanglement: best for codes that are the factors, chance for independent ones."""

from functools import partial

import numpy as np
import pytest
from scipy.stats import entropy, norm
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.preprocessing import KBinsDiscretizer

from skae.metrics import (
    DCI,
    beta_vae_score,
    dci,
    explicitness,
    factor_vae_score,
    interventional_robustness,
    modularity,
    mutual_information_gap,
    sap_score,
)

N_ROWS = 2000
N_LEVELS = (3, 4, 5)


def _disentanglement_and_completeness(codes, factors):
    return np.array(dci(codes, factors, random_state=0)[:2])


DETERMINISTIC = [mutual_information_gap, sap_score, modularity, interventional_robustness]
RANDOM = [explicitness, factor_vae_score, beta_vae_score, dci]
# Scores that a rotation of the codes lowers, whichever the factors.
AXIS_ALIGNED = [*DETERMINISTIC, _disentanglement_and_completeness]
ALL = [*DETERMINISTIC, *(partial(score, random_state=0) for score in RANDOM)]


def _name(score):
    return getattr(score, "func", score).__name__.strip("_")


@pytest.fixture(scope="module")
def factors():
    generator = np.random.default_rng(0)
    return np.column_stack([generator.integers(k, size=N_ROWS) for k in N_LEVELS])


def _standardised(factors):
    return (factors - factors.mean(axis=0)) / factors.std(axis=0)


def _rotated(factors):
    """Every code is of all factors alike, but for signs."""
    mix = np.array([[2, 2, -1], [2, -1, 2], [-1, 2, 2]]) / 3
    return _standardised(factors) @ mix


def _independent(factors):
    return np.random.default_rng(1).uniform(size=factors.shape)


# ---- perfect, independent, rotated ----


@pytest.mark.parametrize("score", ALL, ids=_name)
def test_codes_that_are_the_factors_have_the_best_score(score, factors):
    # what is left to 1 is what factors of finitely many rows know of each other
    np.testing.assert_allclose(score(_standardised(factors), factors), 1, atol=0.05)


@pytest.mark.parametrize(
    ("score", "chance"),
    [
        (mutual_information_gap, 0),
        (sap_score, 0),
        (interventional_robustness, 0),
        (_disentanglement_and_completeness, 0),
        (partial(explicitness, random_state=0), 1 / 2),
        (partial(factor_vae_score, random_state=0), 1 / 3),
        (partial(beta_vae_score, random_state=0), 1 / 3),
    ],
    ids=lambda value: _name(value) if callable(value) else None,
)
def test_independent_codes_score_like_chance(score, chance, factors):
    np.testing.assert_allclose(score(_independent(factors), factors), chance, atol=0.09)


@pytest.mark.parametrize("score", AXIS_ALIGNED, ids=_name)
def test_rotated_codes_are_between(score, factors):
    rotated = score(_rotated(factors), factors)
    assert np.all(rotated < score(_standardised(factors), factors) - 0.1)
    if score is not modularity:  # anywhere for independent codes, as its docstring says
        assert np.all(rotated > score(_independent(factors), factors) + 0.02)


def test_codes_that_carry_both_factors_alike_leave_the_vote_to_chance():
    factors = np.random.default_rng(0).integers(5, size=(N_ROWS, 2))
    turned = factors @ np.array([[1.0, 1.0], [1.0, -1.0]])
    assert factor_vae_score(factors, factors, random_state=0) == 1
    assert factor_vae_score(turned, factors, random_state=0) < 0.65


def test_a_linear_classifier_still_reads_rotated_codes(factors):
    assert explicitness(_rotated(factors), factors, random_state=0) > 0.99


# ---- closed forms and a second way ----


def test_mutual_information_gap_of_a_code_that_flips_its_factor_at_random():
    # a binary channel with error e knows log 2 - H(e); the other code knows nothing
    flips = np.repeat([1, 0], [100, 900])
    factor = np.tile([0, 1], 1000)
    code = factor ^ np.repeat(flips, 2)
    noise = np.tile([0, 0, 1, 1], 500)
    noise[:200] = np.tile([0, 0, 1, 1], 50)
    expected = 1 - entropy([0.1, 0.9]) / np.log(2)
    score = mutual_information_gap(np.column_stack([code, noise]), factor[:, None])
    assert score == pytest.approx(expected)


def test_bins_have_equal_width(factors):
    codes = np.random.default_rng(2).normal(size=(N_ROWS, 3)) + factors
    bins = KBinsDiscretizer(20, encode="ordinal", strategy="uniform").fit_transform(codes)
    assert mutual_information_gap(codes, factors) == pytest.approx(
        mutual_information_gap(bins, factors)
    )


def test_modularity_of_a_code_that_knows_two_factors_alike():
    grid = np.stack(np.meshgrid([0, 1], [0, 1], [0, 1]), axis=-1).reshape(-1, 3)
    both = 2 * grid[:, 0] + grid[:, 1]  # one of two other factors, fully: 1 - 1 / 2
    assert modularity(both[:, None], grid) == pytest.approx(0.5)
    assert modularity(np.column_stack([both, grid[:, 2]]), grid) == pytest.approx(0.75)


def test_disentanglement_and_completeness_see_different_faults():
    grid = np.stack(np.meshgrid(range(4), range(4)), axis=-1).reshape(-1, 2).repeat(20, axis=0)
    parts = np.column_stack([grid[:, 0] // 2, grid[:, 0] % 2, grid[:, 1]])
    split = dci(parts, grid, random_state=0)  # one factor in two codes
    assert split.disentanglement == pytest.approx(1, abs=0.01)
    assert split.completeness < 0.85
    assert isinstance(split, DCI)
    merged = dci(np.column_stack([4 * grid[:, 0] + grid[:, 1], 0 * grid[:, 0]]), grid)
    assert merged.completeness == pytest.approx(1)  # two factors in one code
    assert merged.disentanglement == pytest.approx(0, abs=0.1)


def test_interventional_robustness_of_a_sum():
    # the code a + b / 2: the other factor moves it by 1/4 of the 3/4 that it moves by at all
    grid = np.stack(np.meshgrid([0, 1], [0, 1]), axis=-1).reshape(-1, 2)
    score = interventional_robustness(grid @ [[1], [0.5]], grid, quantile=1)
    assert score == pytest.approx(1 - (1 / 4) / (3 / 4))


def test_thresholds_are_counted_above_chance():
    factor = np.repeat([0, 1], 500)
    code = np.where(np.arange(1000) % 500 < 400, factor, 1 - factor)  # right in 80 of 100
    noise = np.tile([0, 1], 500)
    score = sap_score(np.column_stack([code, noise]), factor[:, None])
    assert score == pytest.approx(2 * 0.8 - 1)


def test_explicitness_of_normal_codes_is_the_closed_form():
    # two levels, d standard deviations apart: a code of one is above one of the other with
    # probability Phi(d / sqrt 2)
    factor = np.random.default_rng(0).integers(2, size=(20_000, 1))
    code = 1.5 * factor + np.random.default_rng(1).normal(size=(20_000, 1))
    expected = norm.cdf(1.5 / np.sqrt(2))
    assert explicitness(code, factor, random_state=0) == pytest.approx(expected, abs=0.015)


def _noisy(factors, noise=0.8):
    turned = 0.8 * _standardised(factors) + 0.2 * _rotated(factors)
    return turned + noise * np.random.default_rng(3).normal(size=factors.shape)


def _votes_one_by_one(codes, factors, n_votes, batch_size):
    """Draw a factor, a row and a batch that shares its level, again and again."""
    generator = np.random.default_rng(0)
    votes = np.zeros((codes.shape[1], factors.shape[1]))
    for _ in range(n_votes):
        factor = generator.integers(factors.shape[1])
        level = generator.choice(factors[:, factor])
        batch = generator.choice(codes[factors[:, factor] == level], batch_size)
        votes[np.argmin(batch.var(axis=0) / codes.var(axis=0)), factor] += 1
    return votes.max(axis=1).sum() / n_votes


@pytest.mark.parametrize("batch_size", [5, 20])
def test_the_score_of_factor_vae_is_that_of_votes_drawn_one_by_one(batch_size, factors):
    codes = _noisy(factors)
    expected = _votes_one_by_one(codes, factors, 2000, batch_size)
    score = factor_vae_score(codes, factors, batch_size=batch_size, n_batches=700, random_state=0)
    assert 0.4 < expected < 0.97
    assert score == pytest.approx(expected, abs=0.05)


def _pairs_one_by_one(codes, factors, n_batches, batch_size):
    generator = np.random.default_rng(0)
    differences, fixed = [], generator.integers(factors.shape[1], size=n_batches)
    for factor in fixed:
        batch = []
        for row in generator.integers(len(codes), size=batch_size):
            alike = np.flatnonzero(factors[:, factor] == factors[row, factor])
            batch.append(np.abs(codes[row] - codes[generator.choice(alike)]))
        differences.append(np.mean(batch, axis=0))
    half = n_batches // 2
    analysis = LinearDiscriminantAnalysis().fit(differences[:half], fixed[:half])
    return analysis.score(differences[half:], fixed[half:])


def test_the_score_of_beta_vae_is_that_of_pairs_drawn_one_by_one(factors):
    codes = _noisy(factors)
    expected = _pairs_one_by_one(codes, factors, 1500, 5)
    score = beta_vae_score(codes, factors, batch_size=5, n_batches=1000, random_state=0)
    assert 0.4 < expected < 0.97
    assert score == pytest.approx(expected, abs=0.06)


def test_importances_are_about_those_of_gradient_boosting(factors):
    codes = _noisy(factors, noise=0.3)
    importances = np.column_stack(
        [
            GradientBoostingClassifier(n_estimators=20, random_state=0)
            .fit(codes, factor)
            .feature_importances_
            for factor in factors.T
        ]
    )
    shares = importances / importances.sum(axis=1, keepdims=True)
    concentration = 1 + (shares * np.log(shares)).sum(axis=1) / np.log(3)
    expected = concentration @ importances.sum(axis=1) / importances.sum()
    assert 0.2 < expected < 0.95
    score = dci(codes, factors, random_state=0).disentanglement
    assert score == pytest.approx(expected, abs=0.08)


# ---- what must not matter ----


# without dci, whose forest tries codes in an order of its own
@pytest.mark.parametrize("score", ALL[:-1], ids=_name)
def test_order_and_offset_of_codes_and_names_of_levels_do_not_matter(score, factors):
    codes = _rotated(factors) + 0.1 * _independent(factors)
    words = np.array(["blue", "green", "red", "white", "yellow"], dtype=object)[factors]
    renamed = score(2 * codes[:, ::-1] + 5, words)
    np.testing.assert_allclose(renamed, score(codes, factors), atol=0.02)


@pytest.mark.parametrize("score", ALL, ids=_name)
def test_constant_codes_change_nothing(score, factors):
    codes = _rotated(factors)
    constant = np.column_stack([codes, np.full(N_ROWS, 7.0)])
    if getattr(score, "func", None) is dci:  # completeness is to the base of the number of codes
        without, extra = score(codes, factors), score(constant, factors)
        assert extra.disentanglement == pytest.approx(without.disentanglement, abs=0.02)
    else:
        assert score(constant, factors) == pytest.approx(score(codes, factors))


@pytest.mark.parametrize("score", RANDOM)
def test_the_seed_decides(score, factors):
    codes = _rotated(factors)[:500] + _independent(factors)[:500]
    first, again, other = (score(codes, factors[:500], random_state=seed) for seed in (0, 0, 1))
    assert first == again
    assert first != other


# ---- bad input ----


@pytest.mark.parametrize("score", ALL, ids=_name)
def test_factors_that_no_score_can_use_are_named(score, factors):
    codes = _standardised(factors)
    with pytest.raises(ValueError, match=r"factors\[:, 1\] is 1 in every row"):
        score(codes, factors * [1, 0, 1] + [0, 1, 0])
    with pytest.raises(ValueError, match=r"factors\[:, 2\] is continuous.*KBinsDiscretizer"):
        score(codes, factors * [1, 1, 0.5])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        score(codes[1:], factors)
    with pytest.raises(ValueError, match="All codes are constant"):
        score(0 * codes, factors)
    with pytest.raises(ValueError, match="codes contains NaN"):
        score(codes * np.nan, factors)


@pytest.mark.parametrize("score", [explicitness, factor_vae_score, beta_vae_score])
def test_a_level_of_one_row_is_named(score, factors):
    rare = factors.copy()
    rare[0, 1] = 99
    with pytest.raises(ValueError, match=r"factors\[:, 1\] has a level of one row"):
        score(_standardised(factors), rare, random_state=0)


@pytest.mark.parametrize("score", [mutual_information_gap, sap_score, dci])
def test_a_gap_takes_two_codes(score, factors):
    with pytest.raises(ValueError, match="minimum of 2 is required"):
        score(factors[:, :1], factors)


@pytest.mark.parametrize("score", [modularity, beta_vae_score, dci])
def test_a_comparison_of_factors_takes_two(score, factors):
    with pytest.raises(ValueError, match="minimum of 2 is required"):
        score(factors, factors[:, :1])
