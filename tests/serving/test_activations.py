"""Served models opened: each layer against Keras, and all those that ship."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from digitnet.digits import ink, load_samples
from digitnet.experiments import (
    EXPERIMENTS,
    Dropout,
    Flatten,
    find_experiment,
    make_network,
    parse_layers,
)
from digitnet.runs import Run
from digitnet.serving import InferenceError, OpenNetwork, ServedNetwork, open_network

CHECKPOINTS = Path(__file__).parents[2] / "checkpoints"
IMAGES = np.stack([ink.render_strokes(strokes) for strokes in load_samples().values()])
KINDS = (
    "conv 4 3/1 same norm, dense 5, max 1/1, average 3/2 same, conv 6 1/1, max 1/2, dense 4 norm, "
    "flatten",
    "conv 3 5/2 same, max 2/2, conv 5 norm, average 2/1, dropout 0.5, flatten, dense 7, dense 4",
    "dense 8 norm, flatten, dense 6 norm",
    "conv 3 28/1, flatten",
    "max 3/2 same, average 1/1, flatten, dropout 0.5, dense 5",
    "flatten",
)


def shipped(name):
    return Run(find_experiment(name), "shipped", CHECKPOINTS / name)


def computing(experiment):
    """The layers that compute something, with their places and shapes."""
    pairs = zip(experiment.layers, experiment.costs, strict=False)
    return [
        (place, cost.output_shape)
        for place, (layer, cost) in enumerate(pairs, start=1)
        if not isinstance(layer, Flatten | Dropout)
    ]


@pytest.fixture(scope="module")
def training():
    """What makes models: Keras, and our own export."""
    pytest.importorskip("keras", reason="only the app's own machine may lack what trains")
    from digitnet.training import architectures, export

    return architectures, export


def build(training, text):
    """A Keras model of these layers with clear opinions, even of its normalizations."""
    model = training[0].build_model(make_network("x", parse_layers(text)))
    generator = np.random.default_rng(0)
    for weight in model.weights:
        drawn = generator.normal(0, 0.3, weight.shape)
        weight.assign(np.abs(drawn) + 0.5 if "variance" in weight.path else drawn)
    return model


def keras_outputs(model, experiment):
    """Each computing layer's output by Keras: the last of its Keras layers, such as its ReLU."""
    import keras

    shown, values = [], IMAGES[..., np.newaxis] / np.float32(255)
    fresh = (keras.layers.Dense, keras.layers.Conv2D, keras.layers.MaxPooling2D)
    for layer in model.layers[:-1]:
        values = np.asarray(layer(values, training=False))
        if isinstance(layer, (*fresh, keras.layers.AveragePooling2D)):
            shown.append(values)
        elif not isinstance(layer, keras.layers.Flatten | keras.layers.Dropout):
            shown[-1] = values
    return shown, values


@pytest.mark.slow
@pytest.mark.parametrize("text", KINDS)
def test_every_kind_of_layer_is_what_keras_makes_of_it(training, text):
    experiment = make_network("x", parse_layers(text))
    model = build(training, text)
    found = OpenNetwork(training[1]._convert(model), experiment.layers).look(IMAGES)
    expected, last = keras_outputs(model, experiment)
    assert [one.name for one in found.layers] == [
        str(experiment.layers[place - 1]) for place, _ in computing(experiment)
    ]
    for one, values in zip(found.layers, expected, strict=True):
        np.testing.assert_allclose(one.values, values, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found.features, last.reshape(len(IMAGES), -1), atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("text", ["dense 6, flatten, dense 5", "dense 6, dense 4, flatten"])
def test_a_folded_network_shows_its_code_and_the_curve_from_grey_to_it(training, text):
    export, experiment = training[1], make_network("x", parse_layers(text))
    model = build(training, text)
    folded = export.fold_model(model, 2, np.ones(256))
    network = OpenNetwork(export._convert(folded), experiment.layers)
    first, *_ = network.look(IMAGES).layers
    assert first.is_code and first.name == "code 2" and first.values.shape[1:] == (28, 28, 2)
    assert first.place == experiment.layers.index(Flatten()) + 1
    curve = network.code_grey_levels()
    np.testing.assert_allclose(curve[0], 0, atol=1e-5)  # the background, by the way it is folded
    np.testing.assert_allclose(curve[IMAGES], first.values, atol=1e-5)


@pytest.mark.parametrize("name", [one.name for one in EXPERIMENTS])
def test_every_network_that_ships_can_be_looked_into(name):
    run = shipped(name)
    network = open_network(run)
    found = network.look(IMAGES[:2])
    stops = computing(run.experiment)
    if rank := run.result["rank"]:
        flat = run.experiment.layers.index(Flatten()) + 1
        stops = [(flat, (28, 28, rank)), *(one for one in stops if one[0] > flat)]
    assert [(one.place, one.values.shape[1:]) for one in found.layers] == stops
    assert found.features.shape == (2, math.prod(stops[-1][1]))
    np.testing.assert_allclose(
        found.features @ network.kernel + network.bias, found.logits, rtol=1e-4, atol=1e-4
    )
    powers = np.exp(found.logits - found.logits.max(axis=1, keepdims=True))
    served = ServedNetwork(run.served_model, run.experiment.is_convolutional)
    np.testing.assert_allclose(
        powers / powers.sum(axis=1, keepdims=True), served.evaluate(IMAGES[:2]), atol=1e-5
    )


def test_images_are_the_same_alone_and_among_many():
    network = open_network(shipped("cnn_min"))
    many = network.look(np.concatenate([IMAGES] * 4)).layers[-1].values  # more than one batch
    np.testing.assert_allclose(many[37], network.look(IMAGES[7:8]).layers[-1].values[0], atol=1e-5)


@pytest.mark.parametrize("text", ["conv 4, flatten", "conv 4, max 2/2, conv 16, flatten, dense 3"])
def test_a_model_of_other_layers_is_refused(text):
    with pytest.raises(InferenceError, match="layers"):
        OpenNetwork(shipped("cnn_min").served_model, parse_layers(text))


def test_a_model_of_other_sizes_is_refused():
    other = parse_layers("conv 5, max 2/2, conv 16, max 2/2, flatten, dropout 0.5")
    with pytest.raises(InferenceError, match="layers"):
        OpenNetwork(shipped("cnn_min").served_model, other)


def test_what_is_no_model_is_refused_in_a_sentence(tmp_path):
    with pytest.raises(InferenceError, match="not a served model"):
        OpenNetwork(b"not a model", find_experiment("cnn_min").layers)
    folder = tmp_path / "cnn_min"
    folder.mkdir()
    for path in (CHECKPOINTS / "cnn_min").iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "served.tflite").write_bytes(b"damaged")
    with pytest.raises(InferenceError, match="cannot be looked into"):
        open_network(Run(find_experiment("cnn_min"), "shipped", folder))
    (folder / "served.tflite").unlink()
    with pytest.raises(InferenceError, match="cannot be looked into"):
        open_network(Run(find_experiment("cnn_min"), "shipped", folder))
