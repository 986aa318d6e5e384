"""Keras models of the experiments."""

from __future__ import annotations

import keras

from digitnet import experiments as records
from digitnet.experiments import CLASSES, IMAGE_SHAPE, Experiment


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


def _keras_layer(layer: records.Layer, precision: str) -> keras.Layer:
    match layer:
        case records.Dense(units):
            return keras.layers.Dense(units, activation="relu", dtype=precision)
        case records.Convolution(filters):
            return keras.layers.Conv2D(filters, 3, activation="relu", dtype=precision)
        case records.MaxPool(window, stride):
            return keras.layers.MaxPooling2D(window, stride, dtype=precision)
        case records.AveragePool(window, stride):
            return keras.layers.AveragePooling2D(window, stride, dtype=precision)
        case records.Flatten():
            return keras.layers.Flatten(dtype=precision)
        case records.Dropout(rate):
            return keras.layers.Dropout(rate, dtype=precision)
    raise TypeError(f"no Keras layer for {layer!r}")
