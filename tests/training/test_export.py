"""Served models against the Keras models that they came from."""

from __future__ import annotations

import numpy as np
import pytest

from digitnet.digits import load_sample
from digitnet.experiments import (
    find_experiment,
    folded_parameters,
    make_network,
    parse_layers,
)
from digitnet.serving import ServedNetwork

keras = pytest.importorskip("keras", reason="only the app's own machine may lack what trains")

from digitnet.training import export  # noqa: E402
from digitnet.training.architectures import build_model  # noqa: E402
from digitnet.training.export import (  # noqa: E402
    ExportError,
    export_served_model,
    fold_model,
    halve_large_weights,
)

Dense = keras.layers.Dense
EQUAL = np.ones(256)  # every grey level as frequent as the others


def scale(images: np.ndarray) -> np.ndarray:
    return images[..., np.newaxis] / np.float32(255)


def make_model(*layers: keras.layers.Layer) -> keras.Sequential:
    """A network of random weights, the same everywhere, with opinions as clear as a trained one's.

    Biases are drawn too, as those before Flatten are what bends the pixels' features.
    """
    output = Dense(10, activation="softmax")
    model = keras.Sequential([keras.Input((28, 28, 1)), *layers, output], name="example")
    generator = np.random.default_rng(0)
    shapes = [weight.shape for weight in model.get_weights()]
    scales = [0.3 if len(shape) == 1 else np.sqrt(4 / np.prod(shape[:-1])) for shape in shapes]
    drawn = [generator.normal(0, *pair) for pair in zip(scales, shapes, strict=True)]
    model.set_weights(drawn)
    return model


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return load_sample().images[:300]


@pytest.fixture(scope="module")
def dense_model() -> keras.Sequential:
    return make_model(
        Dense(12, activation="relu"),
        Dense(16, activation="relu"),
        keras.layers.Flatten(),
        Dense(24, activation="relu"),
        keras.layers.Dropout(0.25),
    )


@pytest.fixture(scope="module")
def convolutional_model() -> keras.Sequential:
    return make_model(
        keras.layers.Conv2D(8, 3, activation="relu"),
        keras.layers.MaxPooling2D(2),
        keras.layers.Flatten(),
        Dense(32, activation="relu"),
    )


@pytest.fixture(scope="module")
def served_dense(dense_model, images) -> export.ServedModel:
    return export_served_model(dense_model, images)


def predict(model: keras.Sequential, images: np.ndarray) -> np.ndarray:
    return model.predict(scale(images), verbose=0)


def difference(one: keras.Sequential, other: keras.Sequential, images: np.ndarray) -> float:
    return float(np.abs(predict(one, images) - predict(other, images)).max())


def test_folding_at_full_rank_changes_nothing(dense_model, images) -> None:
    assert difference(dense_model, fold_model(dense_model, 16, EQUAL), images) < 1e-5


def test_folding_gains_with_rank(dense_model, images) -> None:
    one, two = (
        difference(dense_model, fold_model(dense_model, rank, EQUAL), images) for rank in (1, 2)
    )
    assert two < one / 4


def test_a_folded_network_is_of_standard_layers_and_small(dense_model) -> None:
    folded = fold_model(dense_model, 3, EQUAL)
    assert {type(layer).__module__.split(".")[0] for layer in folded.layers} == {"keras"}
    shapes = [layer.kernel.shape for layer in folded.layers if isinstance(layer, Dense)]
    assert shapes == [(1, 12), (12, 16), (16, 3), (784 * 3, 24), (24, 10)]


def test_the_parameters_of_a_folded_network_are_known_beforehand() -> None:
    experiment = find_experiment("fc_narrow")
    folded = fold_model(build_model(experiment), 3, EQUAL)
    assert folded.count_params() == folded_parameters(experiment, 3)


def test_the_background_is_exact_at_every_rank(dense_model) -> None:
    blank = np.zeros((1, 28, 28), np.uint8)
    assert difference(dense_model, fold_model(dense_model, 1, EQUAL), blank) < 1e-6


def test_frequent_grey_levels_are_served_best(dense_model) -> None:
    """At rank 1 one level can be exact: the one that matters."""
    level = 90
    image = np.full((1, 28, 28), level, np.uint8)
    frequencies = np.ones(256)
    frequencies[level] = 1e9
    folded, equal = (fold_model(dense_model, 1, weights) for weights in (frequencies, EQUAL))
    assert difference(dense_model, folded, image) < 1e-4 < difference(dense_model, equal, image)


def test_a_layer_behind_flatten_that_is_normalized_can_be_folded(images) -> None:
    model = build_model(make_network("mine", parse_layers("dense 6, flatten, dense 8 norm")))
    assert difference(model, fold_model(model, 6, EQUAL), images) < 1e-5
    probabilities = ServedNetwork(export_served_model(model, images).tflite).predict(images)
    np.testing.assert_allclose(probabilities, predict(model, images), atol=1e-3)


def test_dead_features_can_be_folded(images) -> None:
    """A network whose pixel layers always give zero, as a too high learning rate makes them."""
    model = make_model(Dense(4, activation="relu"), keras.layers.Flatten(), Dense(5))
    kernel, bias = model.layers[0].get_weights()
    model.layers[0].set_weights([-np.abs(kernel), bias * 0])
    served = export_served_model(model, images)
    assert served.rank == 1
    probabilities = ServedNetwork(served.tflite).predict(images)
    np.testing.assert_allclose(probabilities, predict(model, images), atol=1e-5)


@pytest.mark.slow
def test_the_served_model_predicts_as_keras_does(
    dense_model, served_dense, convolutional_model, images
) -> None:
    served_convolutional = export_served_model(convolutional_model, images)
    for model, served, folds in (
        (dense_model, served_dense, True),
        (convolutional_model, served_convolutional, False),
    ):
        probabilities = ServedNetwork(served.tflite).predict(images)
        expected = predict(model, images)
        np.testing.assert_allclose(probabilities, expected, rtol=0, atol=1e-3)
        np.testing.assert_array_equal(probabilities.argmax(axis=1), expected.argmax(axis=1))
        assert (served.rank is not None) == folds
        assert served.dtype == "float16"


@pytest.mark.slow
def test_no_smaller_rank_would_do(dense_model, served_dense, images) -> None:
    assert served_dense.rank is not None and served_dense.rank > 1
    frequencies = np.maximum(1, np.bincount(images.ravel(), minlength=256))
    smaller = fold_model(dense_model, served_dense.rank - 1, frequencies)
    assert not export._agree(predict(smaller, images), predict(dense_model, images))


def test_agreement_asks_for_the_same_predictions_and_probabilities() -> None:
    reference = np.array([[0.5002, 0.4998], [0.1, 0.9]], np.float32)
    assert export._agree(reference + np.float32(9e-4), reference)
    assert not export._agree(reference[:, ::-1], reference)
    assert not export._agree(reference + np.float32([[-3e-4, 3e-4], [0, 0]]), reference)
    assert not export._agree(reference + np.float32(2e-3), reference)
    assert not export._agree(reference * np.float32(np.nan), reference)


def test_a_changed_prediction_is_never_served(convolutional_model, images, monkeypatch) -> None:
    """Where storage in float16 would change predictions, weights stay in float32."""
    *weights, bias = convolutional_model.get_weights()
    spoilt = keras.models.clone_model(convolutional_model)
    spoilt.set_weights([*weights, bias + 5 * np.eye(10, dtype=np.float32)[3]])
    changed = export._convert(spoilt)
    monkeypatch.setattr(export, "halve_large_weights", lambda tflite: changed)
    served = export_served_model(convolutional_model, images)
    assert served.dtype == "float32" and served.tflite != changed


def test_float16_takes_half_the_bytes_of_large_kernels_only(convolutional_model) -> None:
    whole = export._convert(convolutional_model)
    half = halve_large_weights(whole)
    assert half is not None
    large = convolutional_model.layers[3].kernel.shape  # 8 * 13 * 13 inputs of the dense layer
    assert len(whole) - len(half) == pytest.approx(2 * np.prod(large), abs=1000)
    tiny = make_model(keras.layers.MaxPooling2D(4), keras.layers.Flatten())
    assert halve_large_weights(export._convert(tiny)) is None


def test_a_model_of_broken_weights_is_refused(convolutional_model, images) -> None:
    broken = keras.models.clone_model(convolutional_model)
    broken.set_weights([weight * np.nan for weight in convolutional_model.get_weights()])
    with pytest.raises(ExportError, match="not finite"):
        export_served_model(broken, images)
