"""Laws of the contract: what the methods return, and how they belong together."""

import inspect
import warnings

import numpy as np
import pytest
from sklearn.utils._param_validation import InvalidParameterError, generate_invalid_param_val

from skae.exceptions import CalibrationWarning
from tests.estimators import (
    DENSITIES,
    ESTIMATORS,
    INTEGER_CODES,
    TABLES,
    TRAINED_OTHERWISE,
    WHOLE,
    assert_close_cells,
    fit,
    full_batch,
    having,
    having_lossless_codes,
    having_rows_scored_as_reconstructed,
    known,
    n_codes,
    parameters,
    partial_fit,
    quick,
    rows_of,
    score_of_nothing,
    scored_by_loss,
    table,
)

X = table()
all_estimators = pytest.mark.parametrize("Estimator", ESTIMATORS)


@pytest.fixture(scope="module", params=ESTIMATORS)
def fitted(request, X):
    return fit(quick(request.param, n_components=2), X)


@pytest.fixture(scope="module", params=ESTIMATORS)
def fitted_on_numbers(request):
    return fit(quick(request.param, n_components=2), X)


def test_the_list_of_estimators_is_not_empty():
    assert {"AutoEncoder", "DenoisingAE"} <= {cls.__name__ for cls in ESTIMATORS}


# ---- parameters ----


@all_estimators
def test_only_n_components_may_be_positional(Estimator):
    first, *others = list(inspect.signature(Estimator).parameters.values())
    assert first.name == "n_components"
    assert {other.kind for other in others} == {inspect.Parameter.KEYWORD_ONLY}


@all_estimators
def test_init_stores_the_very_objects_and_nothing_else(Estimator):
    given = {name: object() for name in parameters(Estimator)}
    estimator = Estimator(**given)
    assert vars(estimator).keys() == given.keys()
    assert all(vars(estimator)[name] is value for name, value in given.items())


@all_estimators
def test_every_parameter_has_a_declared_range_and_a_description(Estimator):
    assert set(Estimator._parameter_constraints) == set(parameters(Estimator))
    described = (
        inspect.getdoc(Estimator).partition("Parameters\n----")[2].partition("\nAttributes\n")[0]
    )
    for name in parameters(Estimator):
        assert any(
            name in line.partition(" : ")[0].split(", ") for line in described.splitlines()
        ), f"{name} is not described"


def _bad_values():
    for cls in ESTIMATORS:
        for name, constraints in cls._parameter_constraints.items():
            yield pytest.param(cls, name, object(), id=f"{cls.__name__}-{name}-object")
            for place, constraint in enumerate(constraints):
                try:
                    bad = generate_invalid_param_val(constraint)
                except (NotImplementedError, TypeError, AttributeError):
                    continue  # a type: the bare object above is none of it
                yield pytest.param(cls, name, bad, id=f"{cls.__name__}-{name}-{place}")


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(("Estimator", "name", "bad"), list(_bad_values()))
def test_a_value_out_of_range_is_an_error_that_names_the_parameter(Estimator, name, bad, method):
    estimator = Estimator(**{name: bad})
    message = f"The '{name}' parameter of {Estimator.__name__} must be"
    with pytest.raises(InvalidParameterError, match=message):
        getattr(estimator, method)(X)


WRONG = [
    ("n_components", 0),
    ("n_components", 2.0),
    ("n_components", "mle"),
    ("activation", "swish"),
    ("init", "zeros"),
    ("loss", "mse"),
    ("scaler", "robust"),
    ("optimizer", "Adam"),
    ("lr", 0.0),
    ("lr", -1e-3),
    ("weight_decay", -1.0),
    ("batch_size", 0),
    ("max_epochs", -1),
    ("validation_fraction", 0.0),
    ("validation_fraction", 1.0),
    ("n_iter_no_change", 0),
    ("tol", -1e-9),
    ("contamination", 0.0),
    ("contamination", 0.6),
    ("contamination", "all"),
    ("callbacks", "early"),
    ("net_params", []),
    ("random_state", "seed"),
    ("noise", "poisson"),
    ("noise_level", -0.1),
]


@pytest.mark.parametrize(
    ("Estimator", "name", "bad"),
    [(cls, name, bad) for name, bad in WRONG for cls in having(name)],
)
def test_a_plausible_but_wrong_value_is_refused_in_the_form_of_scikit_learn(Estimator, name, bad):
    with pytest.raises(
        InvalidParameterError, match=f"The '{name}' parameter of {Estimator.__name__}"
    ):
        Estimator(**{name: bad}).fit(X)


@pytest.mark.parametrize("bad", [(0,), (8, -1), (2.5,), ("8",), -3, ((4, 4), 2)])
@pytest.mark.parametrize("Estimator", having("hidden_layer_sizes"))
def test_hidden_layer_sizes_must_be_positive_integers(Estimator, bad):
    with pytest.raises(ValueError, match="hidden_layer_sizes"):
        Estimator(hidden_layer_sizes=bad).fit(X)


@pytest.mark.parametrize("bad", ["abacus", "cuda:99", ""])
@pytest.mark.parametrize("Estimator", having("device"))
def test_an_unknown_device_is_an_error_that_names_it(Estimator, bad):
    with pytest.raises(ValueError, match=f"device.*{bad}"):
        quick(Estimator, device=bad).fit(X)


@pytest.mark.parametrize("scaler", ["standard", "quantile"])
@pytest.mark.parametrize("Estimator", having("loss", "scaler"))
def test_log_loss_with_a_scaler_that_leaves_its_range_is_an_error_that_names_both(
    Estimator, scaler
):
    with pytest.raises(ValueError, match=f"log_loss.*{scaler}"):
        quick(Estimator, loss="log_loss", scaler=scaler).fit(X)


@pytest.mark.parametrize("bad", [-0.01, 1.01])
@pytest.mark.parametrize("Estimator", having("loss", "scaler"))
def test_log_loss_without_a_scaler_refuses_values_out_of_range(Estimator, bad):
    inside = np.random.default_rng(0).uniform(size=(40, 3))
    estimator = quick(Estimator, loss="log_loss", scaler=None)
    fit(estimator, inside)
    inside[7, 1] = bad
    with pytest.raises(ValueError, match=r"log_loss.*scaler=None.*minmax"):
        estimator.fit(inside)


@pytest.mark.parametrize("Estimator", having("loss", "scaler"))
def test_log_loss_takes_the_range_to_which_minmax_scales(Estimator):
    estimator = fit(quick(Estimator, loss="log_loss", scaler="minmax"), X)
    rebuilt = estimator.reconstruct(X)
    assert (rebuilt >= X.min(axis=0) - 1e-3).all()
    assert (rebuilt <= X.max(axis=0) + 1e-3).all()


@pytest.mark.parametrize("name", ["lr", "max_epochs", "batch_size", "optimizer", "device"])
@pytest.mark.parametrize("Estimator", having("net_params"))
def test_net_params_must_not_repeat_a_parameter(Estimator, name):
    with pytest.raises(ValueError, match=f"net_params.*{name}"):
        Estimator(net_params={name: 1}).fit(X)


@pytest.mark.parametrize("Estimator", having("net_params"))
def test_net_params_reach_the_net(Estimator):
    estimator = fit(quick(Estimator, net_params={"optimizer__betas": (0.5, 0.9)}), X)
    assert estimator.net_.optimizer_.param_groups[0]["betas"] == (0.5, 0.9)


@pytest.mark.parametrize("Estimator", having("net_params"))
def test_an_unknown_net_param_is_an_error_that_names_it(Estimator):
    with pytest.raises((TypeError, ValueError), match="warp_speed"):
        quick(Estimator, net_params={"warp_speed": 9}).fit(X)


@pytest.mark.parametrize("Estimator", having("lr"))
def test_a_training_that_diverges_is_an_error_that_says_what_to_lower(Estimator, X):
    estimator = quick(Estimator, lr=1e30, max_epochs=5, early_stopping=False, optimizer="sgd")
    with pytest.raises(FloatingPointError, match="lr"):
        fit(estimator, X)


# ---- transformer ----


def test_fit_returns_the_estimator_itself(fitted, X):
    assert fit(fitted, X) is fitted


@all_estimators
def test_y_is_ignored(Estimator, X):
    without = fit(quick(Estimator), X).score_samples(X)
    given = fit(quick(Estimator), X, np.arange(len(X)))
    np.testing.assert_array_equal(given.score_samples(X), without)


@all_estimators
def test_fit_changes_what_the_network_says(Estimator, X):
    start = fit(quick(Estimator, max_epochs=0), X)
    trained = fit(quick(Estimator, max_epochs=5, early_stopping=False), X)
    assert not np.allclose(start.score_samples(X), trained.score_samples(X), rtol=1e-3)


@pytest.mark.parametrize("Estimator", scored_by_loss(having("init")))
def test_training_from_a_random_start_lowers_the_error(Estimator, X):
    start = fit(quick(Estimator, init="random", max_epochs=0), X).score(X)
    trained = fit(quick(Estimator, init="random", max_epochs=60, batch_size=16), X).score(X)
    assert trained > 0.5 * start  # both are negative


def test_transform_gives_n_components_columns(fitted, X):
    assert fitted.n_components_ == 2
    assert fitted.transform(X).shape == (len(X), n_codes(fitted))


def test_reconstruct_is_decoding_the_code(fitted, X):
    decoded = fitted.inverse_transform(fitted.transform(X))
    assert_close_cells(fitted.reconstruct(X), decoded)


@pytest.mark.parametrize("Estimator", having_lossless_codes("n_components"))
def test_reconstruct_is_in_the_units_that_fit_saw(Estimator):
    start = fit(quick(Estimator, n_components=5, max_epochs=0), X)
    error = ((start.reconstruct(X) - X) ** 2).sum(axis=0) / ((X - X.mean(axis=0)) ** 2).sum(axis=0)
    assert (error < 0.2).all()


@all_estimators
def test_fit_transform_is_fit_and_then_transform(Estimator, X):
    estimator = quick(Estimator, max_epochs=4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        codes = estimator.fit_transform(X)
    np.testing.assert_array_equal(codes, estimator.transform(X))


def test_names_of_the_codes_are_the_class_and_a_number(fitted, X):
    prefix = type(fitted).__name__.lower()
    names = [f"{prefix}{i}" for i in range(n_codes(fitted))]
    assert list(fitted.get_feature_names_out()) == names


def test_inverse_transform_refuses_codes_of_another_width(fitted, X):
    with pytest.raises(ValueError, match="n_components_=2"):
        fitted.inverse_transform(np.zeros((4, n_codes(fitted) + 1)))


@pytest.mark.parametrize("n_components", [6, 9])
@pytest.mark.parametrize("Estimator", having_lossless_codes("n_components"))
def test_codes_may_be_as_wide_as_the_table_or_wider(Estimator, n_components):
    estimator = fit(quick(Estimator, n_components=n_components), X)
    assert estimator.transform(X).shape == (len(X), n_components)
    assert np.isfinite(estimator.score_samples(X)).all()
    # all information passes: nearly nothing is lost
    narrow = fit(quick(Estimator, n_components=1), X)
    lost, lost_of_one = (np.abs(e.reconstruct(X) - X) / X.std(axis=0) for e in (estimator, narrow))
    assert (lost**2).mean() < (lost_of_one**2).mean() / 10


# ---- scores ----


def test_score_samples_is_one_float64_a_row(fitted_on_numbers):
    scores = fitted_on_numbers.score_samples(X.astype(np.float32))
    assert scores.shape == (len(X),)
    assert scores.dtype == np.float64


def test_a_row_off_the_pattern_scores_lower_than_every_normal_row(fitted_on_numbers):
    odd = X[:1] + np.where(np.arange(X.shape[1]) % 2, 20, -20) * X.std(axis=0)
    scores = fitted_on_numbers.score_samples(X)
    assert fitted_on_numbers.score_samples(odd) < scores.min()


def test_contributions_of_a_row_sum_to_its_score(fitted, X):
    shares = fitted.feature_contributions(X)
    assert shares.shape == X.shape
    assert shares.dtype == np.float64
    total = shares.sum(axis=1) + score_of_nothing(fitted, X)
    np.testing.assert_allclose(total, fitted.score_samples(X), rtol=1e-5)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_contributions_sum_to_the_score_where_the_start_was_kept(Estimator):
    estimator = fit(quick(Estimator, max_epochs=0, contamination="auto"), X)
    total = estimator.feature_contributions(X).sum(axis=1) + score_of_nothing(estimator, X)
    np.testing.assert_allclose(total, estimator.score_samples(X), rtol=1e-5)


@pytest.mark.parametrize("column", range(X.shape[1]))
def test_the_column_that_is_off_contributes_most(fitted_on_numbers, column):
    start = fit(quick(type(fitted_on_numbers), n_components=2, max_epochs=0), X)
    odd = X.mean(axis=0, keepdims=True)
    odd[0, column] += 50 * X[:, column].std()
    contributions = start.feature_contributions(odd)
    assert contributions.sum() < 0
    # one changed cell also moves the reconstruction of the others, by less than itself in sum
    assert contributions[0, column] == contributions.min()


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_contributions_do_not_depend_on_units(Estimator):
    units = 2.0 ** np.arange(-10, 11, 4)
    first, second = (
        fit(quick(Estimator), rows).feature_contributions(rows) for rows in (X, X * units)
    )
    np.testing.assert_allclose(first, second, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber", "log_loss"])
@pytest.mark.parametrize("Estimator", having("loss", "scaler"))
def test_contributions_sum_to_the_score_under_every_loss(Estimator, loss):
    estimator = fit(quick(Estimator, loss=loss, scaler="minmax"), X)
    total = estimator.feature_contributions(X).sum(axis=1) + score_of_nothing(estimator, X)
    np.testing.assert_allclose(total, estimator.score_samples(X), rtol=1e-5)


@pytest.mark.parametrize("Estimator", having_rows_scored_as_reconstructed())
def test_the_score_is_minus_the_mean_squared_error_in_scaled_units(Estimator):
    estimator = fit(quick(Estimator, loss="squared_error"), X)
    deviation = X.std(axis=0)
    error = (((estimator.reconstruct(X) - X) / deviation) ** 2).mean(axis=1)
    np.testing.assert_allclose(-estimator.score_samples(X), error, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("Estimator", having("loss"))
def test_losses_with_the_same_formula_are_the_same_by_name_and_as_object(Estimator):
    from skae.distributions import Huber

    by_name, as_object, other = (
        fit(quick(Estimator, loss=loss, early_stopping=False), X)
        for loss in ("huber", Huber(1.0), Huber(0.01))
    )
    np.testing.assert_array_equal(by_name.score_samples(X), as_object.score_samples(X))
    assert not np.allclose(other.reconstruct(X), as_object.reconstruct(X))
    if Estimator in scored_by_loss(ESTIMATORS):
        assert not np.allclose(other.score_samples(X), as_object.score_samples(X))


def test_score_is_the_mean_score_of_the_rows(fitted, X):
    scores = fitted.score_samples(X)
    assert fitted.score(X) == pytest.approx(scores.mean())
    weight = np.arange(len(X), dtype=float)
    weighted = fitted.score(X, sample_weight=weight)
    assert weighted == pytest.approx((scores * weight).sum() / weight.sum())
    assert isinstance(weighted, float)


# ---- outliers ----


def test_the_threshold_means_what_it_means_in_isolation_forest(fitted, X):
    scores = fitted.score_samples(X)
    np.testing.assert_array_equal(fitted.decision_function(X), scores - fitted.offset_)
    np.testing.assert_array_equal(fitted.predict(X), np.where(scores < fitted.offset_, -1, 1))
    assert set(fitted.predict(X)) == {-1, 1}


@all_estimators
def test_fit_predict_is_fit_and_then_predict(Estimator, X):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        predicted = quick(Estimator).fit_predict(X)
    np.testing.assert_array_equal(predicted, fit(quick(Estimator), X).predict(X))


@pytest.mark.parametrize("early_stopping", [True, False])
@pytest.mark.parametrize("contamination", [0.01, 0.07, 0.5])
@all_estimators
def test_a_contamination_flags_exactly_that_share_of_the_training_rows(
    Estimator, contamination, early_stopping, X
):
    params = {"contamination": contamination, "early_stopping": early_stopping}
    estimator = fit(quick(Estimator, **params), X)
    assert (estimator.predict(X) == -1).sum() == int(contamination * len(X) + 1e-9)


@all_estimators
def test_contamination_does_not_change_the_scores(Estimator, X):
    few = fit(quick(Estimator, contamination=0.05), X)
    many = fit(quick(Estimator, contamination=0.4), X)
    np.testing.assert_array_equal(few.score_samples(X), many.score_samples(X))
    assert few.offset_ < many.offset_


@all_estimators
def test_contamination_auto_gives_about_one_percent_of_false_alarms(Estimator):
    everything = table(24_000, 4)
    rows, fresh = everything[:4_000], everything[4_000:]
    estimator = quick(Estimator, contamination="auto", validation_fraction=0.5, max_epochs=1)
    rate = (fit(estimator, rows).predict(fresh) == -1).mean()
    # rank 20 of 2 000: mean 1 %, standard deviation 0.22 %
    assert 0.004 < rate < 0.017


@all_estimators
def test_contamination_auto_takes_the_rank_of_the_held_out_rows(Estimator):
    rows = table(1_000, 4)
    # without early stopping training is kept; a start that is kept learns all rows in the end
    params = {"contamination": "auto", "early_stopping": False, "max_epochs": 1}
    estimator = quick(Estimator, validation_fraction=0.25, **params)
    scores = fit(estimator, rows).score_samples(rows)
    assert estimator.offset_ in scores
    # rank 2 of 250 held-out rows, which are not the lowest of all rows alone
    assert 2 <= (scores <= estimator.offset_).sum() <= 40


def _false_alarms_on_wide_noise(Estimator, seed, **params):
    """Rate on fresh rows; 75 axes of PCA flatter those of the 600 rows that took part in it."""
    rows = np.random.default_rng(seed).normal(size=(4_600, 150))
    params |= {"n_components": 75, "contamination": "auto", "random_state": seed}
    params |= known(Estimator, {"n_sweeps": 0})  # 600 decoded rows a row
    estimator = fit(quick(Estimator, **params), rows[:600])
    return (estimator.predict(rows[600:]) == -1).mean()


@pytest.mark.parametrize("early_stopping", [True, False])
@all_estimators
def test_the_rate_of_false_alarms_holds_on_wide_tables(Estimator, early_stopping):
    params = {"early_stopping": early_stopping, "validation_fraction": 0.5}
    rates = [_false_alarms_on_wide_noise(Estimator, seed, **params) for seed in range(8)]
    # rank 3 of 300: mean 1 %, standard deviation 0.57 %, of the mean of 8 0.2 %
    assert np.mean(rates) <= 0.015


@pytest.mark.parametrize("early_stopping", [True, False])
@all_estimators
def test_the_rate_on_wide_tables_is_as_warned_where_few_rows_are_held_out(
    Estimator, early_stopping
):
    params = {"early_stopping": early_stopping}
    rates = [_false_alarms_on_wide_noise(Estimator, seed, **params) for seed in range(10)]
    # between ranks 1 and 2 of 60: a mean of 1/61 to 2/61, a standard deviation of about as much
    assert np.mean(rates) <= 2 / 61


@pytest.mark.parametrize("make", TABLES.values(), ids=TABLES)
@all_estimators
def test_too_few_rows_for_the_false_alarm_rate_are_a_warning_with_the_numbers(Estimator, make):
    rows = make(1000)
    estimator = quick(Estimator, contamination="auto", max_epochs=0)
    with pytest.warns(CalibrationWarning, match=r"\b8\b.*\b99\b"):
        estimator.fit(rows_of(rows, slice(80)))
    # the lowest of the 8 that were held out, which is nothing unheard of
    assert estimator.offset_ >= estimator.score_samples(rows_of(rows, slice(80, None))).min()


@all_estimators
def test_enough_held_out_rows_are_no_warning(Estimator):
    estimator = quick(Estimator, contamination="auto", max_epochs=0, validation_fraction=0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        estimator.fit(table(198, 3))


# ---- more data ----


@all_estimators
def test_partial_fit_is_one_epoch_a_call(Estimator, X):
    estimator = quick(Estimator)
    for calls in range(1, 4):
        assert partial_fit(estimator, X) is estimator
        assert estimator.n_iter_ == calls
        assert len(estimator.history_) == calls + 1
    assert np.isfinite(estimator.score_samples(X)).all()


@pytest.mark.parametrize("Estimator", scored_by_loss(ESTIMATORS))
def test_partial_fit_learns_from_chunks(Estimator):
    rows = table(600, 6)
    estimator = quick(Estimator, n_components=2, lr=1e-2, batch_size=32, early_stopping=False)
    partial_fit(estimator, rows[:100])
    first = estimator.score(rows)
    for _ in range(4):
        for start in range(0, 600, 100):
            partial_fit(estimator, rows[start : start + 100])
    assert estimator.score(rows) > first


@pytest.mark.parametrize("scaler", ["standard", "minmax"])
@pytest.mark.parametrize("Estimator", having_rows_scored_as_reconstructed())
def test_the_scaler_follows_all_rows_seen_so_far(Estimator, scaler):
    rows = table(300, 5)
    rows[200:] = rows[200:] * 3 + 7
    params = {"scaler": scaler, "lr": 1e-30, "max_epochs": 0, "n_components": 5}
    chunked = full_batch(Estimator, **params)
    for start in range(0, 300, 100):
        partial_fit(chunked, rows[start : start + 100])
    whole = fit(full_batch(Estimator, **params), rows)
    # the same deviation of one cell from its reconstruction counts as much in both
    for model in (chunked, whole):
        error = model.reconstruct(rows) - rows
        unit = rows.std(axis=0) if scaler == "standard" else np.ptp(rows, axis=0)
        np.testing.assert_allclose(
            -model.score_samples(rows), ((error / unit) ** 2).mean(axis=1), rtol=2e-3, atol=1e-6
        )


@pytest.mark.parametrize("hidden_layer_sizes", [(), (16,), (16, 8)])
@pytest.mark.parametrize("linear_skip", [True, False])
@pytest.mark.parametrize("scaler", ["standard", "minmax"])
@pytest.mark.parametrize("Estimator", having("scaler", "lr", "linear_skip", "hidden_layer_sizes"))
def test_reconstructions_and_codes_do_not_jump_when_the_scaler_moves(
    Estimator, scaler, linear_skip, hidden_layer_sizes
):
    settings = {"scaler": scaler, "linear_skip": linear_skip, "n_components": 3}
    settings |= known(Estimator, WHOLE)
    estimator = quick(Estimator, hidden_layer_sizes=hidden_layer_sizes, **settings)
    for _ in range(3):
        partial_fit(estimator, X)
    reconstructed, codes = estimator.reconstruct(X), estimator.transform(X)
    score = estimator.score_samples(X)
    partial_fit(estimator.set_params(lr=1e-30), 4 * X[:50] - 60)
    np.testing.assert_allclose(
        (estimator.reconstruct(X) - reconstructed) / X.std(axis=0), 0, atol=1e-4
    )
    np.testing.assert_allclose(estimator.transform(X), codes, atol=1e-4)
    stays = Estimator.__name__ in DENSITIES
    of_codes = Estimator.__name__ in TRAINED_OTHERWISE | INTEGER_CODES
    if stays or not of_codes:
        assert np.allclose(estimator.score_samples(X), score, rtol=0.1) is stays


@pytest.mark.parametrize("scaler", ["standard", "minmax"])
@pytest.mark.parametrize("Estimator", having("scaler", "lr"))
def test_nothing_jumps_when_a_constant_column_begins_to_vary(Estimator, scaler):
    rows = X.copy()
    rows[:, 2] = 3.0
    estimator = partial_fit(quick(Estimator, scaler=scaler), rows)
    before = estimator.reconstruct(rows)
    partial_fit(estimator.set_params(lr=1e-30), X)
    np.testing.assert_allclose((estimator.reconstruct(rows) - before) / X.std(axis=0), 0, atol=1e-4)


@all_estimators
def test_partial_fit_after_fit_goes_on(Estimator):
    estimator = fit(quick(Estimator, lr=1e-30), X)
    before = estimator.reconstruct(X)
    epochs = estimator.n_iter_
    partial_fit(estimator, X)
    assert estimator.n_iter_ == epochs + 1
    np.testing.assert_allclose((estimator.reconstruct(X) - before) / X.std(axis=0), 0, atol=1e-4)


@all_estimators
def test_a_fit_after_partial_fit_forgets_it(Estimator):
    fresh = fit(quick(Estimator), X).score_samples(X)
    used = partial_fit(quick(Estimator), 100 * X)
    np.testing.assert_array_equal(fit(used, X).score_samples(X), fresh)


@all_estimators
def test_partial_fit_takes_a_single_row(Estimator, X):
    estimator = partial_fit(quick(Estimator), X)
    partial_fit(estimator, rows_of(X, slice(1)))
    assert np.isfinite(estimator.decision_function(X)).all()


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_the_threshold_follows_the_scores_of_all_chunks(Estimator):
    rows = table(400, 4)
    estimator = quick(Estimator, contamination=0.1, lr=1e-30, early_stopping=False)
    partial_fit(estimator, rows)
    for start in range(0, 400, 100):
        partial_fit(estimator, rows[start : start + 100])
    # every row was scored twice by (nearly) the same network
    assert (estimator.predict(rows) == -1).mean() == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize("Estimator", having("warm_start"))
def test_warm_start_goes_on_where_fit_ended(Estimator, X):
    estimator = fit(quick(Estimator, warm_start=True, max_epochs=2), X)
    fit(estimator.set_params(max_epochs=3), X)
    assert estimator.n_iter_ == 5
    assert list(estimator.history_["epoch"]) == list(range(6))


@pytest.mark.parametrize("Estimator", having("warm_start"))
def test_without_warm_start_each_fit_begins_anew(Estimator, X):
    estimator = fit(quick(Estimator), X)
    scores = estimator.score_samples(X)
    fit(estimator, X)
    assert estimator.n_iter_ == 3
    np.testing.assert_array_equal(estimator.score_samples(X), scores)


@pytest.mark.parametrize("scaler", ["standard", "minmax", "quantile", None])
@pytest.mark.parametrize("Estimator", having("warm_start", "scaler", "lr"))
def test_warm_start_leaves_the_scaler_as_it_was(Estimator, scaler):
    estimator = fit(quick(Estimator, warm_start=True, scaler=scaler, early_stopping=False), X)
    before, scores = estimator.reconstruct(X), estimator.score_samples(X)
    fit(estimator.set_params(lr=1e-30), 2 * X + 5)
    np.testing.assert_allclose(estimator.reconstruct(X), before, rtol=1e-6)
    if Estimator in scored_by_loss(ESTIMATORS):
        np.testing.assert_allclose(estimator.score_samples(X), scores, rtol=1e-6)


@pytest.mark.parametrize("Estimator", having("warm_start"))
def test_warm_start_refuses_another_number_of_columns(Estimator):
    estimator = fit(quick(Estimator, warm_start=True), X)
    with pytest.raises(ValueError, match="features"):
        estimator.fit(X[:, :3])


@pytest.mark.parametrize("Estimator", having("warm_start", "weight_decay"))
def test_warm_start_goes_on_under_the_current_parameters(Estimator, X):
    params = {"warm_start": True, "early_stopping": False, "contamination": 0.1}
    estimator = fit(quick(Estimator, **params), X)
    fit(estimator.set_params(weight_decay=0.5, lr=0.125), X)
    group = estimator.net_.optimizer_.param_groups[0]
    assert group["lr"] == 0.125
    assert group["weight_decay"] == 0.5
