"""Keras models of the experiments."""

from __future__ import annotations

import keras
import tensorflow as tf

from digitnet.experiments import CLASSES, IMAGE_SHAPE, Experiment, layers

GREY_LEVELS = 256
LEAST_TABLE_UNITS = 64  # fewer values a pixel are computed sooner than looked up


def build_model(experiment: Experiment, precision: str = "float32") -> keras.Sequential:
    """The network of an experiment, with fresh weights.

    Dense layers before Flatten act on the last axis, that is on each pixel's value by itself.

    Args:
        experiment: Whose layers to build.
        precision: Keras dtype policy of the hidden layers, "float32" or "mixed_bfloat16". The
            softmax is always in float32.

    Returns:
        A model from float32 (batch, 28, 28, 1) in [0, 1] to float32 probabilities (batch, 10).
    """
    hidden = [_keras_layer(layer, precision) for layer in experiment.layers]
    output = keras.layers.Dense(CLASSES, activation="softmax", dtype="float32")
    return keras.Sequential([keras.Input(IMAGE_SHAPE), *hidden, output], name=experiment.name)


def build_training_model(experiment: Experiment, precision: str) -> keras.Sequential:
    """The same network, with the same weights in the same order, arranged to be trained fast.

    Wide dense layers before Flatten are evaluated once for each of the 256 grey levels instead of
    once for each of an image's 784 pixels.

    Args:
        experiment: Whose layers to build.
        precision: Keras dtype policy of the hidden layers, as for `build_model`.

    Returns:
        A model for images whose pixels are whole grey levels, k/255 for k from 0 to 255.
    """
    model = build_model(experiment, precision)
    flatten = experiment.layers.index(layers.Flatten())
    pixel_layers = model.layers[:flatten]
    last = pixel_layers[-1]
    if not isinstance(last, keras.layers.Dense) or last.units < LEAST_TABLE_UNITS:
        return model
    table = GreyLevelTable(pixel_layers, dtype=precision)
    return keras.Sequential([keras.Input(IMAGE_SHAPE), table, *model.layers[flatten:]])


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
    """Rows of a table; its gradient is a matrix product, far faster than adding row by row."""

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, None]:
        chosen = tf.one_hot(tf.reshape(levels, [-1]), GREY_LEVELS, dtype=upstream.dtype)
        rows = tf.reshape(upstream, [-1, upstream.shape[-1]])
        return tf.matmul(chosen, rows, transpose_a=True), None

    return tf.gather(table, levels), gradient


def _keras_layer(layer: layers.Layer, precision: str) -> keras.Layer:
    match layer:
        case layers.Dense(units):
            return keras.layers.Dense(units, activation="relu", dtype=precision)
        case layers.Convolution(filters):
            return keras.layers.Conv2D(filters, 3, activation="relu", dtype=precision)
        case layers.MaxPool(window, stride):
            return keras.layers.MaxPooling2D(window, stride, dtype=precision)
        case layers.AveragePool(window, stride):
            return keras.layers.AveragePooling2D(window, stride, dtype=precision)
        case layers.Flatten():
            return keras.layers.Flatten(dtype=precision)
        case layers.Dropout(rate):
            return keras.layers.Dropout(rate, dtype=precision)
    raise TypeError(f"no Keras layer for {layer!r}")
