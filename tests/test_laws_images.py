"""Laws of estimators with `input_shape`: rows are images, and all else is as it was."""

import pickle

import numpy as np
import pytest
import torch

from tests.estimators import (
    DENSITIES,
    WHOLE,
    assert_same_bits,
    fit,
    from_random,
    having,
    known,
    outputs,
    partial_fit,
    quick,
)

SHAPE = (2, 5, 7)
of_images = pytest.mark.parametrize("Estimator", having("input_shape"))


def images(n_samples=60, shape=SHAPE, seed=0):
    """Bright spots at random places, of another height in each channel; a dark corner."""
    rng = np.random.default_rng(seed)
    channels, height, width = shape
    y, x = np.mgrid[:height, :width]
    row, column = rng.uniform(0, height - 1, n_samples), rng.uniform(0, width - 1, n_samples)
    distance = (y - row[:, None, None]) ** 2 + (x - column[:, None, None]) ** 2
    spots = np.exp(-distance / 4)[:, None] * np.arange(50, 50 + 100 * channels, 100)[:, None, None]
    spots += rng.normal(size=spots.shape)
    spots[..., 0, 0] = 3.0
    return spots.reshape(n_samples, -1)


X = images()


def of_shape(Estimator, make=quick, shape=SHAPE, **params):
    small = {"n_components": 3, "hidden_layer_sizes": (4,)}
    return make(Estimator, input_shape=shape, **{**small, **params})


@pytest.mark.parametrize("shape", [(1, 4, 4), (3, 5, 7), (1, 8, 8), (1, 9, 16)], ids=str)
@of_images
def test_images_of_any_size_keep_their_rows(Estimator, shape):
    rows = images(shape=shape)
    estimator = fit(of_shape(Estimator, shape=shape, hidden_layer_sizes="auto"), rows)
    codes = estimator.transform(rows)
    assert len(codes) == len(rows)
    assert estimator.inverse_transform(codes).shape == rows.shape
    assert np.isfinite(estimator.score_samples(rows)).all()
    assert estimator.feature_contributions(rows).shape == rows.shape


@of_images
def test_the_networks_are_convolutional(Estimator):
    estimator = fit(of_shape(Estimator), X)
    kinds = [
        {type(part) for part in net.modules()}
        for net in (estimator.module_.encoder, estimator.module_.decoder)
    ]
    assert all(torch.nn.Conv2d in kind for kind in kinds)


@pytest.mark.parametrize("linear_skip", [True, False])
@pytest.mark.parametrize("init", ["pca", "random"])
@of_images
def test_every_parameter_tensor_changes(Estimator, init, linear_skip):
    params = {"init": init, "linear_skip": linear_skip, "early_stopping": False, "batch_size": 16}
    params |= {"hidden_layer_sizes": (4, 6), "scaler": "minmax"}
    start = dict(fit(of_shape(Estimator, **params, max_epochs=0), X).module_.named_parameters())
    end = dict(fit(of_shape(Estimator, **params, max_epochs=4), X).module_.named_parameters())
    assert start.keys() == end.keys()
    assert not [name for name in start if torch.equal(start[name], end[name])]


@of_images
def test_it_starts_as_the_perceptron_does(Estimator):
    """Both as PCA: the convolutions are silent at first."""
    params = {"max_epochs": 0, "init": "pca"}
    convolutional = fit(of_shape(Estimator, **params), X)
    perceptron = fit(of_shape(Estimator, shape=None, **params), X)
    with torch.no_grad():
        codes, expected = (
            model.module_.encoder(torch.ones(1, model.module_.encoder.first.in_features))
            for model in (convolutional, perceptron)
        )
    torch.testing.assert_close(codes, expected, rtol=1e-4, atol=1e-4)


@of_images
def test_training_lowers_the_error(Estimator):
    params = {"max_epochs": 30, "early_stopping": False, "lr": 3e-3, "batch_size": 16}
    start, end = (
        fit(of_shape(Estimator, make=from_random, **{**params, "max_epochs": n}), X)
        for n in (0, 30)
    )
    assert end.history_["train_loss"].iloc[-1] < end.history_["train_loss"].iloc[1]
    assert not np.array_equal(start.transform(X), end.transform(X))


@of_images
def test_the_same_seed_gives_the_same_bits(Estimator):
    first, second = (outputs(fit(of_shape(Estimator), X), X) for _ in range(2))
    assert_same_bits(first, second)
    other = outputs(fit(of_shape(Estimator, make=from_random, random_state=1), X), X)
    assert not np.array_equal(first["weights"], other["weights"])


@of_images
def test_a_row_does_not_depend_on_its_neighbours(Estimator):
    estimator = fit(of_shape(Estimator, make=from_random), X)
    for method in (estimator.transform, estimator.score_samples, estimator.reconstruct):
        np.testing.assert_array_equal(method(X)[7:50], method(X[7:50]))


@of_images
def test_one_image_is_not_padded_to_many(Estimator):
    estimator, seen = fit(of_shape(Estimator), X), []
    for part in estimator.module_.modules():
        if isinstance(part, torch.nn.Conv2d):
            part.register_forward_hook(lambda _, args, output: seen.append(len(output)))
    estimator.transform(X[:1])
    estimator.reconstruct(X[:1])
    assert seen
    assert max(seen) <= 32


@of_images
def test_saved_and_loaded_it_is_the_same(Estimator):
    estimator = fit(of_shape(Estimator, make=from_random), X)
    loaded = pickle.loads(pickle.dumps(estimator))
    assert_same_bits(outputs(estimator, X), outputs(loaded, X))
    assert loaded.get_params()["input_shape"] == SHAPE


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@of_images
def test_the_dtype_of_codes_is_that_of_rows(Estimator, dtype):
    estimator = fit(of_shape(Estimator), X.astype(dtype))
    codes = estimator.transform(X.astype(dtype))
    integer = np.issubdtype(codes.dtype, np.integer)  # tokens are no floats
    assert integer or codes.dtype == dtype
    assert estimator.score_samples(X.astype(dtype)).dtype == np.float64


@pytest.mark.parametrize("holes", [False, True], ids=["whole", "holes"])
@pytest.mark.parametrize("linear_skip", [True, False])
@pytest.mark.parametrize("scaler", ["standard", "minmax"])
@of_images
def test_nothing_jumps_when_the_scaler_moves(Estimator, scaler, linear_skip, holes):
    rows = X.copy()
    if holes:
        rows[np.random.default_rng(1).random(rows.shape) < 0.1] = np.nan
    params = {"scaler": scaler, "linear_skip": linear_skip, **known(Estimator, WHOLE)}
    estimator = of_shape(Estimator, **params)
    for _ in range(3):
        partial_fit(estimator, rows)
    reconstructed, codes = estimator.reconstruct(rows), estimator.transform(rows)
    further = np.nan_to_num(4 * rows[:30] - 60)  # the dark corner begins to vary
    partial_fit(estimator.set_params(lr=1e-30), further)
    change = (estimator.reconstruct(rows) - reconstructed) / (1 + X.std(axis=0))
    np.testing.assert_allclose(change, 0, atol=1e-3)
    np.testing.assert_allclose(estimator.transform(rows), codes, atol=1e-3)


@of_images
def test_the_first_missing_pixel_changes_nothing_for_others(Estimator):
    estimator = of_shape(Estimator, scaler="minmax")
    partial_fit(partial_fit(estimator, X), X)
    codes = estimator.transform(X)
    holed = X.copy()
    holed[3, 4] = np.nan
    partial_fit(estimator.set_params(lr=1e-30), holed)
    np.testing.assert_allclose(estimator.transform(X), codes, atol=1e-3)
    assert np.isfinite(estimator.impute(holed)).all()


@of_images
def test_black_and_white_images(Estimator):
    rows = np.median(X) < X
    estimator = fit(of_shape(Estimator), rows)
    assert estimator.inverse_transform(estimator.transform(rows)).shape == rows.shape
    assert np.isfinite(estimator.score_samples(rows)).all()


@of_images
def test_warm_start_goes_on(Estimator):
    estimator = of_shape(Estimator, make=from_random, warm_start=True, max_epochs=2)
    n_epochs = fit(estimator, X).n_iter_
    assert fit(estimator, X).n_iter_ > n_epochs


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((2, 5, 8), "2 x 5 x 8 = 80 columns, but X has 70"),
        ((5, 14), "three positive integers"),
        ((2.0, 5, 7), "three positive integers"),
        ((-2, -5, 7), "three positive integers"),
        ((10, 7, 1), "at least 4"),
        (("a", 5, 7), "three positive integers"),
        (70, "input_shape"),
        ("auto", "input_shape"),
    ],
    ids=str,
)
@of_images
def test_a_shape_that_rows_have_not_is_an_error_that_says_why(Estimator, shape, message):
    with pytest.raises(ValueError, match=f"input_shape.*{message}|{message}"):
        of_shape(Estimator, shape=shape).fit(X)


@of_images
def test_categories_are_no_pixels(Estimator):
    with pytest.raises(ValueError, match=r"input_shape.*kinds.*categorical"):
        of_shape(Estimator, categorical_features=[0]).fit(np.round(X / 50))


@of_images
def test_images_cannot_be_halved_for_ever(Estimator):
    with pytest.raises(ValueError, match=r"hidden_layer_sizes.*3 resolutions.*halved 2 times"):
        of_shape(Estimator, hidden_layer_sizes=(4, 4, 4)).fit(X)


@of_images
def test_without_hidden_layers_it_is_linear(Estimator):
    params = {"hidden_layer_sizes": (), "max_epochs": 2}
    convolutional, linear = (
        outputs(fit(of_shape(Estimator, shape=shape, **params), X), X) for shape in (SHAPE, None)
    )
    assert_same_bits(convolutional, linear)


@pytest.mark.slow
@of_images
def test_compiled_training_has_the_losses_of_uncompiled(Estimator):
    params = {"batch_size": 16, "early_stopping": False}
    params |= {"max_epochs": 2, **known(Estimator, {"dropout": 0, "noise_level": 0})}
    rows = images(200)
    compiled, plain = (
        fit(of_shape(Estimator, compile=compile, **params), rows) for compile in (True, False)
    )
    rtol = 0.5 if Estimator.__name__ in DENSITIES else 1e-2  # compiled code draws other numbers
    np.testing.assert_allclose(
        compiled.history_["train_loss"], plain.history_["train_loss"], rtol=rtol
    )
