"""Images of simple shapes, made from known factors."""

import numpy as np
from sklearn.utils import check_random_state

N_SHAPES = 3
# Of the circle around the smallest and the largest shape, as shares of the image size.
RADII = (0.125, 0.25)
# Images that are drawn at a time: what fits the cache.
BLOCK_IMAGES = 32


def make_sprites(
    n_samples=1000,
    *,
    image_size=32,
    n_scales=6,
    n_rotations=40,
    n_positions=32,
    random_state=None,
):
    """Make images of one shape each, whose factors are known, in the manner of dSprites [1]_.

    A white square, ellipse or heart on black, in some size, turned by some angle, at some place.
    The factors are independent, so that disentanglement can be measured on them. Edges are
    smooth over a pixel, so that the smallest step of a factor shows in small images, too.

    Parameters
    ----------
    n_samples : int or None, default=1000
        Number of images, each of random levels. None gives every combination of levels once, in
        order, the last factor fastest: 737 280 images (3 GB) by default, so choose fewer levels.
    image_size : int, default=32
        Height and width of an image in pixels, at least 8.
    n_scales : int, default=6
        Sizes, evenly spaced: a circle around the shape has an eighth to a quarter of the image
        size for a radius.
    n_rotations : int, default=40
        Angles, evenly spaced on a full turn. A square looks the same after a quarter, and
        an ellipse after half a turn, as in dSprites.
    n_positions : int, default=32
        Places along each axis, evenly spaced such that a shape stays within the image.
    random_state : int, RandomState instance or None, default=None
        For the levels.

    Returns
    -------
    images : ndarray of float32 of shape (n_samples, image_size * image_size)
        Values from 0 to 1; ``images.reshape(-1, image_size, image_size)`` to look at them.
    factors : ndarray of int64 of shape (n_samples, 5)
        Levels, counted from 0: of shape (square, ellipse, heart), scale (small to large), rotation
        (anticlockwise), x (left to right) and y (top to bottom).

    Raises
    ------
    ValueError
        If a number is too small.

    References
    ----------
    .. [1] Matthey, Higgins, Hassabis, Lerchner, "dSprites: Disentanglement testing Sprites
       dataset", 2017.

    Examples
    --------
    >>> from skae.datasets import make_sprites
    >>> images, factors = make_sprites(100, random_state=0)
    >>> images.shape, factors.shape
    ((100, 1024), (100, 5))
    >>> images, factors = make_sprites(None, n_scales=1, n_rotations=4, n_positions=5)
    >>> len(images)
    300
    """
    _check_at_least(1, n_scales=n_scales, n_rotations=n_rotations, n_positions=n_positions)
    _check_at_least(8, image_size=image_size)
    n_levels = (N_SHAPES, n_scales, n_rotations, n_positions, n_positions)
    factors = _levels(n_samples, n_levels, random_state)
    images = np.empty((len(factors), image_size * image_size), dtype=np.float32)
    for start in range(0, len(factors), BLOCK_IMAGES):
        block = slice(start, start + BLOCK_IMAGES)
        images[block] = _drawn(factors[block], n_levels, image_size)
    return images, factors


def _check_at_least(smallest, **numbers):
    for name, number in numbers.items():
        if number < smallest:
            raise ValueError(f"{name} is {number}, and has to be at least {smallest}.")


def _levels(n_samples, n_levels, random_state):
    if n_samples is None:
        return np.stack(np.unravel_index(np.arange(np.prod(n_levels)), n_levels), axis=1)
    _check_at_least(1, n_samples=n_samples)
    rng = check_random_state(random_state)
    return rng.randint(n_levels, size=(n_samples, len(n_levels)), dtype=np.int64)


def _drawn(factors, n_levels, image_size):
    """Images as rows: the share of each pixel that the shape covers."""
    shape, scale, rotation, x, y = factors.T[..., None, None]
    _, n_scales, n_rotations, n_positions, _ = n_levels
    radius = image_size * _between(*RADII, scale, n_scales)
    margin = image_size * RADII[1] + 0.5  # half a pixel for the smooth edge
    across, down = (_between(margin, image_size - margin, at, n_positions) for at in (x, y))
    pixels = np.arange(image_size) + 0.5
    right, up = (pixels - across) / radius, (down - pixels[:, None]) / radius
    cos, sin = (function(2 * np.pi * rotation / n_rotations) for function in (np.cos, np.sin))
    u, v = cos * right + sin * up, cos * up - sin * right
    outside = np.empty(u.shape)
    for number, distance in enumerate((_square, _ellipse, _heart)):
        chosen = shape.ravel() == number
        outside[chosen] = distance(u[chosen], v[chosen])
    return np.clip(0.5 - radius * outside, 0, 1).reshape(len(factors), -1)


def _between(low, high, level, n_levels):
    """The middles of `n_levels` equal parts of an interval."""
    return low + (high - low) * (level + 0.5) / n_levels


# Signed distances from the edge of a shape that the unit circle encloses; negative within.


def _square(u, v):
    return np.maximum(np.abs(u), np.abs(v)) - np.sqrt(0.5)


def _ellipse(u, v, height=0.5):
    """To first order near the edge: the excess over 1 of the norm, by its slope."""
    norm = np.hypot(u, v / height)
    slope = np.hypot(u, v / height**2) / np.maximum(norm, 1e-9)
    return (norm - 1) / np.clip(slope, 1, 1 / height)


def _heart(u, v):
    """A square on its corner, and a disc on the middle of each upper side."""
    u, corner = np.abs(u), np.sqrt(0.5)
    square = (u + np.abs(v) - corner) / np.sqrt(2)
    disc = np.hypot(u - corner / 2, v - corner / 2) - 0.5
    return np.minimum(square, disc)
