"""Keras builds exactly what the records say."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from digitnet.experiments import (
    READER,
    REPORT_EXPERIMENTS,
    find_experiment,
    make_network,
    parse_layers,
)
from digitnet.training.architectures import (
    ByteDropout,
    GreyLevelTable,
    _look_up,
    build_model,
    build_training_model,
)

# The widest network's weights alone take 0.8 GB: the arithmetic of `costs` vouches for it.
BUILDABLE = [one for one in REPORT_EXPERIMENTS if one.parameters < 100_000_000]


@pytest.mark.parametrize("experiment", BUILDABLE, ids=lambda one: one.name)
def test_layers_match_the_record(experiment):
    model = build_model(experiment)
    expected = experiment.costs
    assert model.count_params() == experiment.parameters
    assert model.input_shape == (None, 28, 28, 1)
    assert [layer.output.shape[1:] for layer in model.layers] == [
        cost.output_shape for cost in expected
    ]
    assert [layer.count_params() for layer in model.layers] == [
        cost.parameters for cost in expected
    ]


OWN = make_network(
    "mine",
    parse_layers("conv 4 5/2 same norm, max 2/1 same, conv 6, average 2/2, flatten, dense 5 norm"),
)


@pytest.mark.parametrize("experiment", [OWN, READER], ids=lambda one: one.name)
def test_normalized_layers_match_the_arithmetic(experiment):
    model = build_model(experiment)
    trainable = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    assert trainable == experiment.parameters
    kept = [
        layer.output.shape[1:]
        for layer in model.layers
        if not isinstance(layer, keras.layers.BatchNormalization | keras.layers.ReLU)
    ]
    assert kept == [cost.output_shape for cost in experiment.costs]


def test_hidden_layers_are_relu_and_the_output_is_a_float32_softmax():
    model = build_model(
        next(one for one in REPORT_EXPERIMENTS if one.name == "cnn_fc"), "mixed_bfloat16"
    )
    weighted = [layer for layer in model.layers if layer.count_params()]
    assert {layer.activation.__name__ for layer in weighted[:-1]} == {"relu"}
    assert {layer.compute_dtype for layer in weighted[:-1]} == {"bfloat16"}
    assert {weight.dtype for weight in model.weights} == {"float32"}
    assert weighted[-1].activation.__name__ == "softmax"
    assert weighted[-1].compute_dtype == "float32"


@pytest.mark.parametrize("name", ["fc", "fc_narrow", "cnn_min", "cnn_pool5", "lenet5"])
def test_training_model_computes_and_learns_the_same_as_the_plain_one(name):
    experiment = find_experiment(name)
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (32, 28, 28, 1)).astype("float32") / 255
    labels = keras.utils.to_categorical(generator.integers(0, 10, 32), 10)
    plain, table = build_model(experiment), build_training_model(experiment, "float32")
    table.set_weights(plain.get_weights())
    np.testing.assert_allclose(table(images), plain(images), atol=1e-6)
    # one step without dropout: equal weights mean equal gradients
    for model in (plain, table):
        for layer in model.layers:
            if isinstance(layer, keras.layers.Dropout):
                layer.rate = 0.0
        model.compile(keras.optimizers.SGD(0.1), "categorical_crossentropy", jit_compile=False)
        model.train_on_batch(images, labels)
    for one, other in zip(table.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_the_tables_gradient_adds_the_rows_of_every_grey_level():
    generator = np.random.default_rng(0)
    levels = generator.integers(0, 256, (4, 28, 28)) * (generator.random((4, 28, 28)) < 0.2)
    table = tf.constant(generator.normal(size=(256, 3)), tf.float32)
    upstream = tf.constant(generator.normal(size=(4, 28, 28, 3)), tf.float32)
    found, expected = (
        _differentiate(look_up, table, levels, upstream) for look_up in (_look_up, tf.gather)
    )
    np.testing.assert_allclose(found, expected, atol=1e-4)


def _differentiate(look_up, table, levels, upstream):
    with tf.GradientTape() as tape:
        tape.watch(table)
        rows = look_up(table, tf.constant(levels, tf.int32))
    return tf.convert_to_tensor(tape.gradient(rows, table, upstream))


@pytest.mark.parametrize("name", ["fc_narrow", "fc", "cnn_min", "lenet5"])
def test_only_a_dense_network_begins_with_a_table(name):
    model = build_training_model(find_experiment(name), "float32")
    assert isinstance(model.layers[0], GreyLevelTable) == name.startswith("fc")


def test_relu_follows_only_a_max_pool_that_leaves_fewer_values():
    experiment = make_network(
        "mine", parse_layers("conv 2, max 2/2, conv 3, max 2/1, conv 4, average 2/2, flatten")
    )
    model = build_training_model(experiment, "float32")
    convolutions = [one for one in model.layers if isinstance(one, keras.layers.Conv2D)]
    assert [one.activation.__name__ for one in convolutions] == ["linear", "relu", "relu"]
    assert [type(one) for one in model.layers[1:4]] == [
        keras.layers.MaxPooling2D,
        keras.layers.ReLU,
        keras.layers.Conv2D,
    ]


@pytest.mark.parametrize("rate", [0.25, 0.5])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_byte_dropout_drops_its_share_and_keeps_the_mean(rate, precision):
    keras.utils.set_random_seed(1)
    layer = ByteDropout(rate, dtype=precision)
    first, second = (tf.cast(layer(np.ones((99, 1001)), training=True), "float32") for _ in "ab")
    values, counts = np.unique(first, return_counts=True)
    np.testing.assert_allclose(values, [0, 1 / (1 - rate)], rtol=1e-2)
    assert counts[0] / first.numpy().size == pytest.approx(rate, abs=0.01)
    assert (first.numpy() != second.numpy()).any()
    np.testing.assert_array_equal(layer(np.ones((2, 3))), np.ones((2, 3)))


def test_dropout_of_a_rate_that_bytes_cannot_tell_is_left_as_it_is():
    experiment = make_network("mine", parse_layers("flatten, dropout 0.3, dense 5, dropout 0.5"))
    kinds = [type(layer) for layer in build_training_model(experiment, "float32").layers]
    assert [one for one in kinds if issubclass(one, keras.layers.Dropout)] == [
        keras.layers.Dropout,
        ByteDropout,
    ]
