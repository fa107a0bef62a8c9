"""Rows between rows, and along one number of a code."""

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import VAE, VQVAE, AutoEncoder
from skae.generation import interpolate, traverse
from tests.estimators import fit, mixed_table, table

X = table()


@pytest.fixture(scope="module")
def autoencoder():
    return fit(AutoEncoder(3, max_epochs=3, random_state=0), X)


@pytest.mark.parametrize("path", ["linear", "spherical"])
def test_a_path_begins_and_ends_at_the_reconstructions(autoencoder, path):
    rows = interpolate(autoencoder, X[:1], X[1:2], 7, path=path)
    ends = autoencoder.reconstruct(X[:2])
    assert rows.shape == (7, X.shape[1])
    np.testing.assert_allclose(rows[[0, -1]], ends, rtol=1e-4, atol=1e-4)


def test_paths_of_a_pipeline_come_back_through_its_steps():
    inner = AutoEncoder(3, max_epochs=3, random_state=0)
    pipeline = fit(make_pipeline(StandardScaler(), inner), X)
    ends = pipeline.inverse_transform(pipeline.transform(X[:2]))
    rows = interpolate(pipeline, X[:1], X[1:2], 3)
    np.testing.assert_allclose(rows[[0, -1]], ends, rtol=1e-4, atol=1e-4)
    value = pipeline.transform(X[:1])[0, 1]
    np.testing.assert_allclose(traverse(pipeline, X[:1], 1, [value]), ends[:1], atol=1e-4)


def test_the_middle_of_a_line_is_the_mean_code(autoencoder):
    middle = interpolate(autoencoder, X[:1], X[1:2], 3)[1]
    mean = autoencoder.transform(X[:2]).mean(axis=0, keepdims=True)
    expected = autoencoder.inverse_transform(mean)[0]
    np.testing.assert_allclose(middle, expected, rtol=1e-4, atol=1e-4)


def test_an_arc_turns_at_one_speed_and_keeps_equal_lengths():
    from skae.generation._paths import _spherical

    start, end = np.array([2.0, 0.0, 0.0]), np.array([0.0, 2.0, 0.0])
    share = np.linspace(0, 1, 10)[:, None]
    first, second = _spherical(start, end, 1 - share, share)
    codes = first * start + second * end
    np.testing.assert_allclose(np.linalg.norm(codes, axis=1), 2)
    angles = np.arctan2(codes[:, 1], codes[:, 0])
    np.testing.assert_allclose(np.diff(angles), np.pi / 18)


@pytest.mark.parametrize("factor", [1.0, -1.0, 0.0])
def test_without_a_way_around_an_arc_is_a_line(factor):
    from skae.generation._paths import _spherical

    start, share = np.array([1.0, 2.0]), np.linspace(0, 1, 5)[:, None]
    first, second = _spherical(start, factor * start, 1 - share, share)
    np.testing.assert_array_equal(first, 1 - share)
    np.testing.assert_array_equal(second, share)


def test_a_traversal_changes_one_number_of_the_code(autoencoder):
    rows = traverse(autoencoder, X[:1], 1, [-1.0, 0.5])
    codes = np.repeat(autoencoder.transform(X[:1]), 2, axis=0)
    codes[:, 1] = [-1.0, 0.5]
    np.testing.assert_allclose(rows, autoencoder.inverse_transform(codes), rtol=1e-5)


def test_a_traversal_of_integers_takes_integers():
    vqvae = fit(VQVAE(3, max_epochs=3, random_state=0), X)
    codes = np.repeat(vqvae.transform(X[:1]), 8, axis=0)
    codes[:, 1] = range(8)
    rows = traverse(vqvae, X[:1], 1, range(8))
    np.testing.assert_allclose(rows, vqvae.inverse_transform(codes), rtol=1e-5, atol=1e-5)
    with pytest.raises(ValueError, match="values from 0 to 7"):
        traverse(vqvae, X[:1], 1, [8])
    with pytest.raises(ValueError, match="list of integers"):
        traverse(vqvae, X[:1], 1, [0.5])
    vqvae.set_params(output="embeddings")
    assert traverse(vqvae, X[:1], 1, [0.5]).shape == X[:1].shape


def test_results_have_the_schema_of_fit():
    frame = mixed_table()
    vae = FrozenEstimator(fit(VAE(2, max_epochs=2, random_state=0), frame))
    full = frame.notna().all(axis=1)
    a, b = frame[full].iloc[:1], frame[full].iloc[1:2]
    for rows in (interpolate(vae, a, b, 4), traverse(vae, a, 0, [0, 1, 2, 3])):
        assert list(rows.columns) == list(frame.columns)
        assert list(rows.dtypes) == list(frame.dtypes)
        assert list(rows.index) == [0, 1, 2, 3]


def test_numeric_frames_come_back_as_frames():
    frame = pd.DataFrame(X, columns=list("abcdef"))
    rows = interpolate(fit(AutoEncoder(2, max_epochs=1), frame), frame[:1], frame[1:2], 2)
    assert list(rows.columns) == list("abcdef")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda ae: interpolate(ae, X[0], X[1:2]), "a has to be one row"),
        (lambda ae: interpolate(ae, X[:1], X[:2]), "b has to be one row"),
        (lambda ae: interpolate(ae, X[:1], X[1:2], 1), "n == 1, must be >= 2"),
        (lambda ae: interpolate(ae, X[:1], X[1:2], path="round"), "'linear' or 'spherical'"),
        (lambda ae: traverse(ae, X[:2], 0, [1]), "row has to be one row"),
        (lambda ae: traverse(ae, X[:1], 3, [1]), "component == 3, must be <= 2"),
        (lambda ae: traverse(ae, X[:1], 0, []), "list of finite numbers"),
        (lambda ae: traverse(ae, X[:1], 0, [np.nan]), "list of finite numbers"),
    ],
)
def test_bad_arguments_say_what_is_right(autoencoder, call, message):
    with pytest.raises(ValueError, match=message):
        call(autoencoder)


def test_other_estimators_are_refused():
    with pytest.raises(NotFittedError):
        interpolate(AutoEncoder(), X[:1], X[1:2])
    with pytest.raises(TypeError, match="auto-encoder of skae"):
        interpolate(PCA(2).fit(X), X[:1], X[1:2])
