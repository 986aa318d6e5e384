"""Convolutions of 3x3 windows with a quarter of the multiplications.

Winograd's minimal filtering F(4x4, 3x3): A. Lavin and S. Gray, "Fast algorithms for convolutional
neural networks", CVPR 2016. Sixteen outputs that lie together are computed at once: the 6x6 inputs
that they depend on and the 3x3 kernel are both mapped to 36 values, these are multiplied, and the
36 sums over all channels are mapped back. So the work is 36 matrix products, over the channels.

It is the same sum in another order, exact to some 1e-5 of the largest value in float32. It pays
where many channels make up for the mappings, and where a processor multiplies slowly; bfloat16 is
too coarse for it.
"""

from __future__ import annotations

import math
from functools import partial

import keras
import numpy as np
import tensorflow as tf

from digitnet.training.parts import map_parts

WINDOW = 3
TILE = 4  # outputs along each side that are computed at once
REACH = TILE + WINDOW - 1  # inputs along each side that they depend on
PART_BYTES = 24_000_000  # of a batch's sums that are computed at once
FLOAT_BYTES = 4
LEAST_CHANNELS, LEAST_FILTERS = 64, 128

_INPUT = np.array(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
)
_KERNEL = np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]) / 24
_OUTPUT = np.array(
    [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]]
)


class WinogradConv2D(keras.layers.Conv2D):
    """A convolution as Keras', with the same weights; its window must be 3x3, its stride 1."""

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        if not pays(*kernel.shape[2:]):
            return super().convolution_op(inputs, kernel)
        if self.padding == "same":
            inputs = tf.pad(inputs, [[0, 0], [1, 1], [1, 1], [0, 0]])
        return convolve(inputs, kernel)


def pays(channels: int, filters: int) -> bool:
    """Whether a convolution can gain; with fewer, mapping to and fro takes longer than is saved."""
    return channels >= LEAST_CHANNELS and filters >= LEAST_FILTERS


def convolve(images: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Convolves images, without padding, at stride 1.

    Args:
        images: float32 (n, height, width, channels), at least 3 pixels a side.
        kernel: float32 (3, 3, channels, filters).

    Returns:
        float32 (n, height - 2, width - 2, filters).
    """
    mapped = _map_both_ways(_KERNEL, tf.reshape(kernel, [WINDOW, WINDOW, -1]))
    mapped = tf.reshape(mapped, [REACH * REACH, *kernel.shape[2:]])
    tiles = math.prod(_count_tiles(images))
    image_bytes = FLOAT_BYTES * REACH * REACH * tiles * kernel.shape[-1]
    return map_parts(partial(_convolve_part, mapped), images, image_bytes, PART_BYTES)


def _count_tiles(images: tf.Tensor) -> list[int]:
    """How many tiles the outputs have, down and across."""
    return [math.ceil((side - WINDOW + 1) / TILE) for side in images.shape[1:3]]


def _convolve_part(mapped: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
    """Convolves images with a kernel that is mapped: (36, channels, filters)."""
    count, (height, width, channels) = tf.shape(images)[0], images.shape[1:]
    rows, columns = _count_tiles(images)
    below, beside = rows * TILE + WINDOW - 1 - height, columns * TILE + WINDOW - 1 - width
    padded = tf.pad(images, [[0, 0], [0, below], [0, beside], [0, 0]])
    tiles = _cut(_cut(padded, 1, rows), 3, columns)  # (n, rows, 6, columns, 6, channels)
    values = _map_both_ways(_INPUT, tf.transpose(tiles, [2, 4, 0, 1, 3, 5]))
    sums = tf.reshape(values, [REACH * REACH, -1, channels]) @ mapped
    outputs = _map_both_ways(_OUTPUT, tf.reshape(sums, [REACH, REACH, -1]))
    filters = mapped.shape[-1]
    outputs = tf.reshape(outputs, [TILE, TILE, count, rows, columns, filters])
    joined = tf.transpose(outputs, [2, 3, 0, 4, 1, 5])
    whole = tf.reshape(joined, [count, rows * TILE, columns * TILE, filters])
    return whole[:, : height - WINDOW + 1, : width - WINDOW + 1]


def _map_both_ways(matrix: np.ndarray, tiles: tf.Tensor) -> tf.Tensor:
    """Maps both sides of tiles, the first two axes, by a matrix; returns (sides squared, rest)."""
    both = tf.constant(np.kron(matrix, matrix), tiles.dtype)
    return both @ tf.reshape(tiles, [both.shape[1], -1])


def _cut(images: tf.Tensor, axis: int, count: int) -> tf.Tensor:
    """Cuts an axis of 4 count + 2 into `count` pieces of 6, of which the next piece has 2, too.

    They are copied in large parts: the gradients of single slices would take longer than the rest.
    """
    size, common = count * TILE, REACH - TILE
    own, _ = tf.split(images, [size, common], axis)
    _, later = tf.split(images, [TILE, size + common - TILE], axis)
    later = tf.pad(later, [[0, common * (place == axis)] for place in range(len(images.shape))])
    shape = [*tf.unstack(tf.shape(images))]
    shape[axis : axis + 1] = [count, TILE]
    begun, _ = tf.split(tf.reshape(later, shape), [common, TILE - common], axis + 1)
    return tf.concat([tf.reshape(own, shape), begun], axis + 1)
