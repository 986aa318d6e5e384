"""Keras models of the experiments."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise, takewhile
from typing import Any

import keras
import tensorflow as tf

from digitnet.experiments import IMAGE_SHAPE, Experiment, layers
from digitnet.training.pooling import OverlappingMaxPool2D, can_pool
from digitnet.training.winograd import WINDOW, WinogradConv2D

FLOAT32_WINOGRAD = "float32_winograd"  # a precision of `build_training_model`
GREY_LEVELS = 256
MOMENTUM = 0.98  # of the means that normalization keeps: those of the last 50 steps or so
BYTES = 256  # values of a random byte


def build_model(experiment: Experiment, precision: str = "float32") -> keras.Sequential:
    """The network of an experiment, with fresh weights.

    Dense layers before Flatten act on the last axis, that is on each pixel's value by itself.

    Args:
        experiment: Whose layers to build.
        precision: Keras dtype policy of the hidden layers, "float32" or "mixed_bfloat16". The
            softmax is always in float32.

    Returns:
        A model from float32 (batch, 28, 28, 1) in [0, 1] to float32 probabilities (batch, 10), or
        (batch, 11) where the experiment refuses what is no digit.
    """
    return _build(experiment, precision, keras.layers.Conv2D)


def _build(
    experiment: Experiment, precision: str, convolution: type[keras.layers.Conv2D]
) -> keras.Sequential:
    """The network with a kind of layer for its convolutions of 3x3 windows at stride 1."""
    hidden = [
        one for layer in experiment.layers for one in _keras_layers(layer, precision, convolution)
    ]
    output = keras.layers.Dense(experiment.outputs, activation="softmax", dtype="float32")
    return keras.Sequential([keras.Input(IMAGE_SHAPE), *hidden, output], name=experiment.name)


def build_training_model(experiment: Experiment, precision: str) -> keras.Sequential:
    """The same network, with the same weights in the same order, arranged to be trained fast.

    Dense layers before Flatten are evaluated once for each of the 256 grey levels instead of once
    for each of an image's 784 pixels, ReLU follows the pool that leaves fewer values to it, max
    pools that overlap have a faster gradient, and dropout draws bytes instead of floats.

    Args:
        experiment: Whose layers to build.
        precision: Keras dtype policy of the hidden layers, as for `build_model`; or
            `FLOAT32_WINOGRAD`, for float32 whose wide convolutions are `WinogradConv2D`.

    Returns:
        A model for images whose pixels are whole grey levels, k/255 for k from 0 to 255.
    """
    convolution = keras.layers.Conv2D
    if precision == FLOAT32_WINOGRAD:
        precision, convolution = "float32", WinogradConv2D
    model = _build(experiment, precision, convolution)
    pixel_layers = _pixel_layers(model)
    table = [GreyLevelTable(pixel_layers, dtype=precision)] if pixel_layers else []
    others = [_quicken(layer) for layer in model.layers[len(pixel_layers) :]]
    return keras.Sequential([keras.Input(IMAGE_SHAPE), *table, *_pool_before_relu(others)])


def _pool_before_relu(model_layers: list[keras.Layer]) -> Iterator[keras.Layer]:
    """Layers whose convolutions leave the ReLU to after a max pool; the result is the same."""
    for before, layer in pairwise([None, *model_layers]):
        yield layer
        if isinstance(before, keras.layers.Conv2D) and _is_reducing_pool(layer):
            before.activation = keras.activations.linear
            yield keras.layers.ReLU(dtype=layer.dtype_policy)


def _is_reducing_pool(layer: keras.Layer) -> bool:
    return isinstance(layer, keras.layers.MaxPooling2D) and layer.strides[0] > 1


def _quicken(layer: keras.Layer) -> keras.Layer:
    """What does the same as a layer, faster; the layer itself where there is nothing."""
    if can_pool(layer):
        return OverlappingMaxPool2D.from_config(layer.get_config())
    if isinstance(layer, keras.layers.Dropout) and (layer.rate * BYTES).is_integer():
        return ByteDropout(layer.rate, dtype=layer.dtype_policy)
    return layer


class ByteDropout(keras.layers.Dropout):
    """Dropout by a random byte for each value: a quarter of the random numbers.

    Args:
        rate: The share of values that is dropped, a whole number of 256ths.
    """

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        if not training or not self.rate:
            return inputs
        size = tf.size(inputs)
        seed = self.seed_generator.next()
        words = tf.random.stateless_uniform([(size + 3) // 4], seed, None, None, tf.int32)
        drawn = tf.reshape(tf.bitcast(words, tf.uint8), [-1])[:size]
        kept = tf.reshape(drawn, tf.shape(inputs)) >= int(self.rate * BYTES)
        return inputs * (tf.cast(kept, inputs.dtype) / (1 - self.rate))


class GreyLevelTable(keras.Layer):
    """Dense layers on single pixels, computed once for each grey level and looked up.

    Args:
        pixel_layers: Layers that act on the last axis, of size 1.
    """

    def __init__(self, pixel_layers: list[keras.layers.Dense], **options: object) -> None:
        super().__init__(**options)
        self.pixel_layers = pixel_layers

    def call(self, images: tf.Tensor) -> tf.Tensor:
        table = tf.range(GREY_LEVELS, dtype=tf.float32)[:, None] / (GREY_LEVELS - 1)
        for layer in self.pixel_layers:
            table = layer(table)
        levels = tf.cast(tf.round(images[..., 0] * (GREY_LEVELS - 1)), tf.int32)
        return _look_up(table, levels)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return (*input_shape[:-1], self.pixel_layers[-1].units)


@tf.custom_gradient
def _look_up(table: tf.Tensor, levels: tf.Tensor) -> tuple[tf.Tensor, object]:
    """Rows of a table, with a gradient that is several times faster than `tf.gather`'s own.

    Four pixels in five are background: a matrix product adds these up, and only the others are
    added row by row.
    """

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, None]:
        rows, flat = tf.reshape(upstream, [-1, upstream.shape[-1]]), tf.reshape(levels, [-1])
        background = tf.matmul(tf.cast(flat == 0, rows.dtype)[None], rows)
        inked = tf.where(flat > 0)[:, 0]
        others = tf.math.unsorted_segment_sum(  # in float32, whose sums are exact enough
            tf.cast(tf.gather(rows, inked), tf.float32), tf.gather(flat, inked) - 1, GREY_LEVELS - 1
        )
        return tf.concat([background, tf.cast(others, rows.dtype)], axis=0), None

    return tf.gather(table, levels), gradient


def _pixel_layers(model: keras.Sequential) -> list[keras.layers.Dense]:
    """The dense layers that act on each pixel by itself: those that come first."""
    return list(takewhile(lambda one: isinstance(one, keras.layers.Dense), model.layers))


def _keras_layers(
    layer: layers.Layer, precision: str, convolution: type[keras.layers.Conv2D]
) -> list[keras.Layer]:
    match layer:
        case layers.Dense(units, normalized):
            options = _weighted(normalized, precision)
            return [keras.layers.Dense(units, **options), *_normalization(normalized, precision)]
        case layers.Convolution(filters, window, stride, same, normalized):
            options = _weighted(normalized, precision) | {"padding": _padding(same)}
            kind = convolution if (window, stride) == (WINDOW, 1) else keras.layers.Conv2D
            return [
                kind(filters, window, stride, **options),
                *_normalization(normalized, precision),
            ]
        case layers.MaxPool(window, stride, same):
            return [keras.layers.MaxPooling2D(window, stride, _padding(same), dtype=precision)]
        case layers.AveragePool(window, stride, same):
            return [keras.layers.AveragePooling2D(window, stride, _padding(same), dtype=precision)]
        case layers.Flatten():
            return [keras.layers.Flatten(dtype=precision)]
        case layers.Dropout(rate):
            return [keras.layers.Dropout(rate, dtype=precision)]
    raise TypeError(f"no Keras layer for {layer!r}")


def _weighted(normalized: bool, precision: str) -> dict[str, Any]:
    """Options of a layer with weights; normalization brings the bias and precedes the ReLU."""
    activation = None if normalized else "relu"
    return {"activation": activation, "use_bias": not normalized, "dtype": precision}


def _normalization(normalized: bool, precision: str) -> list[keras.Layer]:
    if not normalized:
        return []
    return [
        keras.layers.BatchNormalization(momentum=MOMENTUM, dtype=precision),
        keras.layers.ReLU(dtype=precision),
    ]


def _padding(same: bool) -> str:
    return "same" if same else "valid"
