"""Rows that are images."""

import math
from numbers import Integral

import numpy as np
import torch

from skae.nn import PixelUnits

SMALLEST_SIDE = 4
# What all pixels may be.
PIXEL_KINDS = ({"numeric"}, {"boolean"})


def check_input_shape(shape, n_features):
    """Check that rows can be images of a shape.

    Parameters
    ----------
    shape : array-like of int
        Channels, height and width.
    n_features : int
        Columns of the table.

    Raises
    ------
    ValueError
        If these are not three sizes whose product is `n_features`, with sides of 4 pixels or more.
    """
    what = f"input_shape must be (channels, height, width). Got {shape!r} instead"
    if len(shape) != 3 or not all(isinstance(n, Integral) and n > 0 for n in shape):
        raise ValueError(f"{what}: three positive integers are needed.")
    channels, height, width = map(int, shape)
    if min(height, width) < SMALLEST_SIDE:
        raise ValueError(
            f"{what}: height and width must be at least {SMALLEST_SIDE} for convolutions. "
            "Set input_shape=None for smaller images."
        )
    if math.prod(shape) != n_features:
        raise ValueError(
            f"{what}: that is {channels} x {height} x {width} = {math.prod(shape)} columns, but X "
            f"has {n_features} features."
        )


def check_levels(shape, n_levels):
    """Check that images can be halved so often.

    Parameters
    ----------
    shape : tuple of int
        Channels, height and width.
    n_levels : int
        Resolutions below the full one.

    Raises
    ------
    ValueError
        If the last resolution would be padding for the most part.
    """
    most = int(math.log2(min(shape[1:])))
    if n_levels > most:
        raise ValueError(
            f"hidden_layer_sizes has {n_levels} resolutions, each half of the one before, and "
            f"images of {shape[1]} x {shape[2]} pixels can be halved {most} times. "
            "Give fewer channels, or 'auto'."
        )


def check_pixels(schema):
    """Refuse columns that cannot be pixels.

    Parameters
    ----------
    schema : TableSchema
        The columns.

    Raises
    ------
    ValueError
        If some are categories or datetimes, or only some are booleans.
    """
    kinds = {column.kind for column in schema.columns}
    if kinds not in PIXEL_KINDS:
        raise ValueError(
            "input_shape is for images, whose columns are all numbers or all booleans. X has "
            f"columns of the kinds {sorted(kinds)}. Set input_shape=None, or pass pixels only."
        )


def pixel_units(encoder, n_channels):
    """Units that all pixels of a channel have in common, however columns are scaled.

    Parameters
    ----------
    encoder : TableEncoder
        Fitted; its affine scaler is undone, and each channel standardised as a whole.
    n_channels : int
        Channels of the images.

    Returns
    -------
    PixelUnits
        Of the columns of an encoded row.
    """
    columns = (encoder.offset_, encoder.scale_, ~encoder.constant_)
    offset, scale, varies = (values.reshape(n_channels, -1) for values in columns)
    n_varying = np.maximum(varies.sum(axis=1, keepdims=True), 1)
    mean = (offset * varies).sum(axis=1, keepdims=True) / n_varying
    square = (scale**2 + (offset - mean) ** 2) * varies
    deviation = np.sqrt(square.sum(axis=1, keepdims=True) / n_varying)
    deviation[deviation == 0] = 1.0
    units = (scale / deviation, (offset - mean) / deviation)
    return PixelUnits(*(torch.as_tensor(v.ravel(), dtype=torch.float32) for v in units))
