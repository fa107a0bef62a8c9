"""Sprites: every factor does what it says, and nothing else."""

import numpy as np
import pytest

from skae.datasets import make_sprites

SHAPES = ["square", "ellipse", "heart"]
# Areas of the shapes that a circle of radius 1 encloses.
AREAS = [2, np.pi / 2, 1 + np.pi / 4]


def _grid(image_size=32, **n_levels):
    """All combinations of the named levels, and one level of all other factors."""
    single = dict.fromkeys(("n_scales", "n_rotations", "n_positions"), 1)
    images, factors = make_sprites(None, image_size=image_size, **(single | n_levels))
    return images.reshape(-1, image_size, image_size), factors


def _centres(images):
    """Centres of mass, (x, y) in pixels."""
    pixels = np.arange(images.shape[1]) + 0.5
    mass = images.sum(axis=(1, 2))
    return (
        np.stack([images.sum(axis=1) @ pixels, images.sum(axis=2) @ pixels], axis=1) / mass[:, None]
    )


def test_the_grid_has_every_combination_once():
    images, factors = make_sprites(None, n_scales=2, n_rotations=3, n_positions=4)
    assert images.shape == (3 * 2 * 3 * 4 * 4, 32 * 32)
    assert len(np.unique(factors, axis=0)) == len(factors)
    np.testing.assert_array_equal(factors.max(axis=0), [2, 1, 2, 3, 3])
    np.testing.assert_array_equal(factors, factors[np.lexsort(factors.T[::-1])])


def test_other_levels_are_other_images_but_for_symmetry():
    images, factors = _grid(n_scales=3, n_rotations=12, n_positions=4)
    for shape, n_alike in enumerate([4, 2, 1]):  # turns that look the same
        rows = images[factors[:, 0] == shape].reshape(-1, 32 * 32).round(4)
        assert len(np.unique(rows, axis=0)) == len(rows) / n_alike


def test_random_images_are_those_of_the_grid():
    n_levels = {"n_scales": 2, "n_rotations": 3, "n_positions": 4}
    images, factors = make_sprites(300, random_state=0, **n_levels)
    grid, levels = make_sprites(None, **n_levels)
    number = np.ravel_multi_index(factors.T, levels.max(axis=0) + 1)
    np.testing.assert_array_equal(images, grid[number])


def test_random_levels_are_even_and_independent():
    n_levels = (3, 2, 5, 4, 4)
    _, factors = make_sprites(
        4000, image_size=8, n_scales=2, n_rotations=5, n_positions=4, random_state=0
    )
    for factor, n in zip(factors.T, n_levels, strict=True):
        np.testing.assert_allclose(np.bincount(factor, minlength=n) / 4000, 1 / n, atol=0.03)
    correlation = np.corrcoef(factors.T) - np.eye(5)
    assert abs(correlation).max() < 0.06


def test_values_are_brightness_and_the_seed_decides():
    first, again, other = (make_sprites(50, random_state=seed) for seed in (0, 0, 1))
    assert first[0].dtype == np.float32
    assert first[1].dtype == np.int64
    assert first[0].min() == 0
    assert first[0].max() == 1
    np.testing.assert_array_equal(first[0], again[0])
    assert not np.array_equal(first[1], other[1])


@pytest.mark.parametrize("image_size", [8, 15, 32])
def test_shapes_stay_within_the_image(image_size):
    images, _ = _grid(image_size, n_scales=3, n_rotations=5, n_positions=5)
    mass = images.sum(axis=(1, 2)).reshape(-1, 25)
    np.testing.assert_allclose(mass, mass[:, :1].repeat(25, axis=1), rtol=0.15)
    if image_size > 8:  # where half a pixel is little
        assert images[:, [0, -1]].max() == images[:, :, [0, -1]].max() == 0


@pytest.mark.parametrize(("shape", "area"), list(enumerate(AREAS)), ids=SHAPES)
def test_areas_are_those_of_the_shapes(shape, area):
    images, factors = _grid(128, n_scales=4, n_rotations=3)
    chosen = factors[:, 0] == shape
    radius = 128 * (0.125 + 0.125 * (factors[chosen, 1] + 0.5) / 4)
    np.testing.assert_allclose(images[chosen].sum(axis=(1, 2)), area * radius**2, rtol=0.01)


def test_a_pixel_is_the_mean_of_the_finer_pixels_in_it():
    fine, _ = _grid(32 * 16, n_scales=2, n_rotations=7)
    coarse, _ = _grid(32, n_scales=2, n_rotations=7)
    mean = fine.reshape(-1, 32, 16, 32, 16).mean(axis=(2, 4))
    assert abs(coarse - mean).max() < 0.25  # at a corner
    assert np.sqrt(np.mean((coarse - mean) ** 2)) < 0.015


def test_places_move_shapes_to_the_right_and_down():
    images, _ = _grid(n_positions=6)
    start = _centres(images).reshape(3, 6, 6, 2)
    step = start[:, 1:, 1:] - start[:, :-1, :-1]
    np.testing.assert_allclose(step, (32 - 2 * 8.5) / 6, atol=0.1)
    np.testing.assert_allclose(start[:2].mean(axis=(1, 2)), 16, atol=1e-3)


def test_a_turn_is_anticlockwise_about_the_centre():
    images, _ = _grid(n_rotations=4)
    for turns in images.reshape(3, 4, 32, 32):
        for quarter in range(4):
            np.testing.assert_allclose(turns[quarter], np.rot90(turns[0], quarter), atol=1e-6)


def test_the_heart_stands_on_its_tip():
    heart = _grid()[0][2]
    np.testing.assert_allclose(heart, heart[:, ::-1], atol=1e-6)
    assert heart.sum(axis=1).argmax() < 16  # it is widest above the centre


@pytest.mark.parametrize("name", ["n_samples", "n_scales", "n_rotations", "n_positions"])
def test_numbers_that_are_too_small_are_named(name):
    with pytest.raises(ValueError, match=f"{name} is 0, and has to be at least 1"):
        make_sprites(**{name: 0})


def test_images_that_are_too_small_are_refused():
    with pytest.raises(ValueError, match="image_size is 7, and has to be at least 8"):
        make_sprites(image_size=7)
