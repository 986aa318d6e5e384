"""Overlapping max pools are TensorFlow's, and so are their gradients."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from digitnet.experiments import make_network, parse_layers
from digitnet.training.architectures import build_training_model
from digitnet.training.pooling import OverlappingMaxPool2D


@pytest.mark.parametrize("count, height, width, levels", [(3, 5, 7, 1000), (9, 26, 26, 3)])
def test_values_and_gradients_are_tensorflows(count, height, width, levels) -> None:
    """Of few levels many are equal: the gradient must go to the same one."""
    generator = np.random.default_rng(count)
    images = tf.constant(generator.integers(0, levels, (count, height, width, 4)), tf.float32)
    upstream = tf.constant(generator.normal(size=(count, height - 1, width - 1, 4)), tf.float32)

    def run(pool: keras.Layer) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(images)
            pooled = pool(images)
        return pooled, tape.gradient(pooled, images, upstream)

    (found, slope), (expected, its_slope) = map(
        run, (OverlappingMaxPool2D(2, 1), keras.layers.MaxPooling2D(2, 1))
    )
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(slope, its_slope, atol=1e-5)


@pytest.mark.parametrize(
    "pool, precision, is_faster",
    [
        ("max 2/1", "float32", True),
        ("max 2/1", "mixed_bfloat16", False),
        ("max 2/2", "float32", False),
        ("max 3/1", "float32", False),
        ("max 2/1 same", "float32", False),
    ],
)
def test_only_such_pools_are_replaced(pool, precision, is_faster) -> None:
    network = make_network("mine", parse_layers(f"conv 2, {pool}, flatten"))
    kinds = [type(layer) for layer in build_training_model(network, precision).layers]
    assert (OverlappingMaxPool2D in kinds) == is_faster
