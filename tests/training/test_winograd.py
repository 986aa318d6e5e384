"""Winograd's minimal filtering is a convolution, and learns as one."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from digitnet.experiments import find_experiment, make_network, parse_layers
from digitnet.training.architectures import FLOAT32_WINOGRAD, build_model, build_training_model
from digitnet.training.precision import precisions_of
from digitnet.training.winograd import WinogradConv2D, convolve

TOLERANCE = 2e-5  # of the largest value

WIDE = make_network(
    "mine", parse_layers("conv 64 5/2, conv 128 same norm, max 2/2, conv 128, flatten, dense 8")
)


def require_close(found: object, expected: object) -> None:
    found, expected = np.asarray(found), np.asarray(expected)
    np.testing.assert_allclose(found, expected, atol=TOLERANCE * np.abs(expected).max(), rtol=0)


@pytest.mark.parametrize("count, height, width", [(1, 3, 3), (2, 6, 10), (3, 13, 8), (9, 7, 7)])
def test_it_is_a_convolution_and_so_are_its_gradients(count, height, width) -> None:
    generator = np.random.default_rng(height)
    images = tf.constant(generator.random((count, height, width, 5)), tf.float32)
    kernel = tf.constant(generator.normal(size=(3, 3, 5, 7)), tf.float32)
    upstream = tf.constant(generator.normal(size=(count, height - 2, width - 2, 7)), tf.float32)

    def run(operation) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch([images, kernel])
            outputs = operation(images, kernel)
        return [outputs, *tape.gradient(outputs, [images, kernel], upstream)]

    plain = run(lambda images, kernel: tf.nn.conv2d(images, kernel, 1, "VALID"))
    for found, expected in zip(run(convolve), plain, strict=True):
        require_close(found, expected)


def test_a_network_computes_and_learns_the_same_with_it() -> None:
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (6, 28, 28, 1)).astype("float32") / 255
    labels = keras.utils.to_categorical(generator.integers(0, 10, 6), 10)
    plain, fast = build_model(WIDE), build_training_model(WIDE, FLOAT32_WINOGRAD)
    assert sum(isinstance(layer, WinogradConv2D) for layer in fast.layers) == 2
    fast.set_weights(plain.get_weights())
    require_close(fast(images), plain(images))
    for model in (plain, fast):
        model.compile(keras.optimizers.SGD(0.01), "categorical_crossentropy", jit_compile=False)
        model.train_on_batch(images, labels)
    for one, other in zip(fast.get_weights(), plain.get_weights(), strict=True):
        require_close(one, other)


@pytest.mark.parametrize(
    "channels, filters, pays", [(64, 128, True), (32, 128, False), (64, 64, False)]
)
def test_narrow_convolutions_are_left_as_they_are(monkeypatch, channels, filters, pays) -> None:
    used = []
    monkeypatch.setattr(
        "digitnet.training.winograd.convolve",
        lambda images, kernel: (
            used.append(kernel.shape) or tf.nn.conv2d(images, kernel, 1, "VALID")
        ),
    )
    WinogradConv2D(filters, 3)(tf.zeros([1, 5, 5, channels]))
    assert bool(used) == pays


@pytest.mark.parametrize("name, is_tried", [("cnn_max", True), ("cnn_long", True), ("cnn", False)])
def test_it_is_tried_where_a_network_has_wide_convolutions(name, is_tried) -> None:
    assert (FLOAT32_WINOGRAD in precisions_of(find_experiment(name))) == is_tried
    assert FLOAT32_WINOGRAD in precisions_of(WIDE)
