"""Why a digit was read: exact sums, and what rubbing out tells."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from digitnet.digits import ink, load_samples
from digitnet.experiments import find_experiment, make_network, parse_layers
from digitnet.runs import Run
from digitnet.serving import OpenNetwork, ServedNetwork, open_network
from digitnet.study import evidence as module
from digitnet.study.evidence import Evidence, find_evidence

CHECKPOINTS = Path(__file__).parents[2] / "checkpoints"
SEVEN = ink.render_strokes(load_samples()[7])
EXACT = ["cnn", "cnn_short", "cnn_min", "cnn_max", "cnn_pool5", "cnn_avg"]


def explain(name, image=SEVEN, evaluate=None):
    run = Run(find_experiment(name), "shipped", CHECKPOINTS / name)
    network = open_network(run)
    insides = network.look(image[None])
    evaluate = evaluate or ServedNetwork(run.served_model).evaluate
    return network, insides, find_evidence(run.experiment, insides, network.kernel, image, evaluate)


@pytest.mark.parametrize("name", EXACT)
def test_where_one_dense_layer_follows_the_places_add_up_to_the_answer(name):
    def never(images):
        raise AssertionError("the network need not be asked again")

    network, insides, found = explain(name, evaluate=never)
    assert found.is_exact
    total = found.values.sum(axis=(0, 1)) + network.bias
    np.testing.assert_allclose(total, insides.logits[0], atol=1e-3)
    pair = found.compare(7, 1).sum() + network.bias[7] - network.bias[1]
    assert pair == pytest.approx(insides.logits[0, 7] - insides.logits[0, 1], abs=1e-3)
    assert len(found.values) >= 6  # finer than what the pooling leaves


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    ["dense 6, flatten", "conv 4 5/2 same norm, average 3/2 same, dense 5 norm, max 2/1, flatten"],
)
def test_networks_of_ones_own_add_up_too(text):
    pytest.importorskip("keras", reason="only the app's own machine may lack what trains")
    from digitnet.training import architectures, export

    experiment = make_network("x", parse_layers(text))
    model = architectures.build_model(experiment)
    if text.startswith("dense"):
        model = export.fold_model(model, 2, np.ones(256))
    network = OpenNetwork(export._convert(model), experiment.layers)
    insides = network.look(SEVEN[None])
    found = find_evidence(experiment, insides, network.kernel, SEVEN, lambda images: images)
    total = found.values.sum(axis=(0, 1)) + network.bias
    np.testing.assert_allclose(total, insides.logits[0], atol=1e-4)


@pytest.mark.parametrize(
    ("text", "start", "step"),
    [
        ("conv 4", 1, 1),
        ("conv 4, max 2/2, conv 4", 3.5, 2),
        ("conv 4 5/2 same", 1, 2),  # one zero before the first row, as Keras pads
        ("max 5/3, conv 4", 5, 3),
        ("conv 4 same, average 2/2 same", 0.5, 2),
        ("conv 4 28/1", 13.5, 1),
    ],
)
def test_places_lie_in_the_middle_of_what_they_see(text, start, step):
    assert module._locate(parse_layers(text)) == (start, step)


def test_a_pooled_value_goes_back_to_where_it_came_from():
    before = np.array([[1.0, 5, 2, 0], [3, 4, 0, 6], [0, 0, 0, 0], [7, 1, 0, 0]])[..., None]
    added = np.zeros((2, 2, 1, 10))
    added[..., 3] = np.array([[10, 20], [30, 40]])[..., None]
    largest = module._unpool(parse_layers("max 2/2")[0], before, added)[..., 3]
    expected = np.zeros((4, 4))
    expected[0, 1], expected[1, 3], expected[3, 0], expected[2, 2] = 10, 20, 30, 40
    np.testing.assert_array_equal(largest, expected)
    mean = module._unpool(parse_layers("average 2/2")[0], before, added)[..., 3]
    np.testing.assert_allclose(mean[:2, :2], 10 * before[:2, :2, 0] / 13)
    np.testing.assert_allclose(mean[2:, :2], [[0, 0], [30 * 7 / 8, 30 / 8]])


@pytest.mark.parametrize("text", ["max 3/2 same", "average 3/2 same", "max 5/3", "average 3/2"])
@pytest.mark.parametrize("side", [6, 7, 11])
def test_unpooling_keeps_the_sum_at_every_size_and_padding(text, side):
    pool = parse_layers(text)[0]
    rng = np.random.default_rng(side)
    rows, columns, _ = pool.output_shape((side, side, 3))
    before, added = rng.random((side, side, 3)) + 0.01, rng.normal(size=(rows, columns, 3, 10))
    back = module._unpool(pool, before, added)
    assert back.shape == (side, side, 10)
    np.testing.assert_allclose(back.sum(axis=(0, 1)), added.sum(axis=(0, 1, 2)))


@pytest.mark.parametrize("name", ["lenet5", "fc_narrow", "reader"])
def test_other_networks_are_asked_once_with_ink_rubbed_out(name):
    calls = []
    run = Run(find_experiment(name), "shipped", CHECKPOINTS / name)
    network = ServedNetwork(run.served_model)

    def evaluate(images):
        calls.append(images)
        return network.evaluate(images)

    _, _, found = explain(name, evaluate=evaluate)
    assert not found.is_exact
    [images] = calls
    assert (images[0] == SEVEN).all() and (images <= SEVEN).all()
    assert all((one != SEVEN).any() for one in images[1:])  # where there is no ink, none is asked
    assert found.compare(7).max() > 0.1
    np.testing.assert_allclose(found.compare(7, 1), -found.compare(1, 7))


def test_of_a_large_network_each_pixel_is_rubbed_out_once():
    calls = []

    def evaluate(images):
        calls.append(images)
        return np.full((len(images), 10), 0.1, np.float32)

    found = module._rub_out(SEVEN, evaluate, module.LARGE_STEP)
    [images] = calls
    rubbed = sum((images[:1] > one).astype(int) for one in images[1:])
    assert (rubbed[0][SEVEN > 0] == 1).all()
    assert found.step == module.LARGE_STEP and len(images) <= 25


def test_rubbing_out_tells_by_how_much_a_logarithm_falls():
    image = np.zeros((28, 28), np.uint8)
    image[14, 14] = 255

    def evaluate(images):
        share = np.where(images.any(axis=(1, 2)), 0.8, 0.1)[:, None]
        rest = np.repeat((1 - share) / 9, 9, axis=1)
        return np.concatenate([share, rest], axis=1).astype(np.float32)

    found = module._rub_out(image, evaluate, 2)
    rows, columns = np.nonzero(found.values[..., 0])
    places = found.start + found.step * np.stack([rows, columns])
    assert (np.abs(places - 14) <= 2).all() and len(rows)
    np.testing.assert_allclose(found.values[rows, columns, 0], np.log(8), rtol=1e-5)


def test_without_ink_or_with_certain_networks_nothing_breaks():
    certain = np.zeros((1, 10), np.float32)
    certain[:, 3] = 1
    for image in (np.zeros((28, 28), np.uint8), np.full((28, 28), 255, np.uint8)):
        found = module._rub_out(image, lambda images: np.repeat(certain, len(images), axis=0), 3)
        assert isinstance(found, Evidence) and np.isfinite(found.values).all()
