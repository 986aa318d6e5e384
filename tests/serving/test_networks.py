"""Served models: right answers, whichever thread asks and whatever lies on the disk."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from digitnet.experiments import find_experiment
from digitnet.runs import CALIBRATION, Calibration, Run, RunStore
from digitnet.serving import (
    BATCH_SIZE,
    InferenceError,
    ModelServer,
    Pool,
    ServedNetwork,
    find_verdict,
    temper,
)
from digitnet.serving import networks as inference
from digitnet.serving import server as serving
from tests.made_runs import fill, write_calibration

keras = pytest.importorskip("keras", reason="makes the models that are served here")

IMAGES = np.random.default_rng(0).integers(0, 256, (2 * BATCH_SIZE + 5, 28, 28), dtype=np.uint8)


def make_model(seed: int, pool: int = 2, outputs: int = 10) -> keras.Sequential:
    keras.utils.set_random_seed(seed)
    layers = [
        keras.Input((28, 28, 1)),
        keras.layers.Conv2D(2, 3, activation="relu"),
        keras.layers.MaxPooling2D(pool),
        keras.layers.Flatten(),
        keras.layers.Dense(outputs, activation="softmax"),
    ]
    return keras.Sequential(layers)


def keras_probabilities(model: keras.Sequential, images: np.ndarray) -> np.ndarray:
    return model.predict(images[..., np.newaxis] / np.float32(255), verbose=0)


@pytest.fixture(scope="module")
def models() -> list[tuple[bytes, np.ndarray]]:
    """Two LiteRT models and what Keras says they give for IMAGES."""
    from digitnet.training.export import export_served_model

    made = [make_model(seed) for seed in (1, 2)]
    return [
        (export_served_model(model, IMAGES[:9]).tflite, keras_probabilities(model, IMAGES))
        for model in made
    ]


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "runs", tmp_path / "checkpoints")


def ship(store: RunStore, name: str, content: bytes) -> None:
    folder = store.shipped / name
    folder.mkdir(parents=True, exist_ok=True)
    fill(folder, served=content)


def make_current(store: RunStore, run_id: str, content: bytes) -> None:
    """A run trained here becomes current, as far as a server can see."""
    name, _, _ = run_id.partition("/")
    folder = store.local / "finished" / run_id
    folder.mkdir(parents=True)
    fill(folder, served=content)
    pointer = store.local / "current" / name
    pointer.parent.mkdir(exist_ok=True)
    pointer.write_text(f"{run_id}\n")


@pytest.mark.parametrize("count", [0, 1, BATCH_SIZE, len(IMAGES)])
@pytest.mark.parametrize("packed", [True, False])
def test_network_gives_the_probabilities_of_keras(models, count: int, packed: bool) -> None:
    content, expected = models[0]
    probabilities = ServedNetwork(content, packed).predict(IMAGES[:count])
    assert probabilities.dtype == np.float32
    assert probabilities.shape == (count, 10)
    np.testing.assert_allclose(probabilities, expected[:count], atol=1e-5)


def test_an_eleventh_output_is_told_apart_from_the_ten() -> None:
    from digitnet.training.export import export_served_model

    model = make_model(3, outputs=11)
    outputs = keras_probabilities(model, IMAGES)
    network = ServedNetwork(export_served_model(model, IMAGES[:9]).tflite)
    probabilities = network.predict(IMAGES)
    assert probabilities.dtype == np.float32 and probabilities.shape == (len(IMAGES), 10)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    expected = outputs[:, :10] / outputs[:, :10].sum(axis=1, keepdims=True)
    np.testing.assert_allclose(probabilities, expected, atol=1e-4)
    np.testing.assert_allclose(network.evaluate(IMAGES)[:, 10], outputs[:, 10], atol=1e-5)


def test_what_is_surely_no_digit_has_probabilities_all_the_same() -> None:
    outputs = np.zeros((1, 11), np.float32)
    outputs[0, 10] = 1
    np.testing.assert_allclose(inference.digit_probabilities(outputs), 0.1)


def test_a_model_of_other_outputs_is_refused() -> None:
    keras_model = make_model(1, outputs=12)
    from digitnet.training.export import _convert

    with pytest.raises(InferenceError, match="shape"):
        ServedNetwork(_convert(keras_model))


def test_network_changes_between_one_image_and_many(models) -> None:
    content, expected = models[0]
    network = ServedNetwork(content)
    for images in (slice(0, 1), slice(0, None), slice(3, 4), slice(7, 20)):
        np.testing.assert_allclose(network.predict(IMAGES[images]), expected[images], atol=1e-5)


def test_network_from_a_file_outlives_the_release_of_its_pages(models, tmp_path: Path) -> None:
    content, expected = models[0]
    path = tmp_path / "served.tflite"
    path.write_bytes(content)
    for packed in (True, False):
        network = ServedNetwork(path, packed)
        inference._release_mapped_pages(path)
        np.testing.assert_allclose(network.predict(IMAGES), expected, atol=1e-5)


@pytest.mark.parametrize(
    "images",
    [IMAGES[0], IMAGES.astype(np.float32), IMAGES[..., np.newaxis], IMAGES[:, :27]],
    ids=["one image", "float32", "channel", "27 rows"],
)
def test_network_refuses_other_images(models, images: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"images must be uint8 \(n, 28, 28\)"):
        ServedNetwork(models[0][0]).predict(images)


def test_server_serves_runs_in_their_order(models, store: RunStore) -> None:
    ship(store, "cnn", models[0][0])
    ship(store, "fc", models[1][0])
    readings = ModelServer().read_all(store.finished(), IMAGES)
    assert [network.name for network in readings] == ["fc", "cnn"]
    for name, (_, expected) in zip(("cnn", "fc"), models, strict=True):
        reading = readings[find_experiment(name)]
        np.testing.assert_allclose(reading.probabilities, expected, atol=1e-5)
        assert reading.is_digit is None
    assert find_verdict(readings) is None


def test_a_model_that_is_replaced_under_its_run_is_loaded_anew(models, store: RunStore) -> None:
    (first, first_expected), (second, second_expected) = models
    ship(store, "cnn", first)
    server, run = ModelServer(), store.current("cnn")
    np.testing.assert_allclose(server.predict(run, IMAGES), first_expected, atol=1e-5)
    ship(store, "cnn", second)
    np.testing.assert_allclose(server.predict(run, IMAGES), second_expected, atol=1e-5)


def test_of_networks_of_ones_own_only_the_last_stay_loaded(
    models, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "MOST_OWN", 2)
    server = ModelServer()
    for name in ("mine", "other", "third"):
        folder = store.local / "finished" / name / "20260102-030405-00aa"
        folder.mkdir(parents=True)
        fill(folder, served=models[0][0])
        own = replace(find_experiment("cnn"), name=name)
        server.evaluate(Run(own, folder.name, folder), IMAGES)
    assert [folder.name for folder in server._own_seats] == ["other", "third"]


def test_server_loads_once_and_anew_when_a_run_becomes_current(
    models, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = []

    make = serving.load_network

    def load(run: Run) -> ServedNetwork:
        loads.append(run)
        return make(run)

    monkeypatch.setattr(serving, "load_network", load)
    (first, first_expected), (second, second_expected) = models
    ship(store, "cnn", first)
    server = ModelServer()
    for _ in range(3):
        np.testing.assert_allclose(
            server.predict(store.current("cnn"), IMAGES), first_expected, atol=1e-5
        )
    assert len(loads) == 1
    make_current(store, "cnn/20260102-030405-00aa", second)
    for _ in range(3):
        np.testing.assert_allclose(
            server.predict(store.current("cnn"), IMAGES), second_expected, atol=1e-5
        )
    assert len(loads) == 2
    store.roll_back("cnn")
    np.testing.assert_allclose(
        server.predict(store.current("cnn"), IMAGES), first_expected, atol=1e-5
    )


def test_many_threads_get_their_own_answers(models, store: RunStore) -> None:
    ship(store, "cnn", models[0][0])
    ship(store, "fc", models[1][0])
    expected = {"cnn": models[0][1], "fc": models[1][1]}
    server, runs = ModelServer(), {name: store.current(name) for name in expected}
    together = threading.Barrier(8)

    def ask(seed: int) -> None:
        generator = np.random.default_rng(seed)
        together.wait()
        for _ in range(60):
            start = generator.integers(0, len(IMAGES) - 3)
            part = slice(start, start + generator.integers(1, 4))
            name = ("cnn", "fc")[generator.integers(2)]
            answer = server.predict(runs[name], IMAGES[part])
            np.testing.assert_allclose(answer, expected[name][part], atol=1e-5)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(8)))


def broken_models(whole: bytes) -> dict[str, bytes | None]:
    noise = np.random.default_rng(1).bytes(5000)
    return {
        "missing": None,
        "empty": b"",
        "text": b"<html>not found</html>",
        "noise": noise,
        "noise that begins like a model": whole[:8] + noise,
        "half": whole[: len(whole) // 2],
    }


@pytest.mark.parametrize("fault", list(broken_models(b"")))
def test_a_broken_model_is_told_and_leaves_the_others_alone(
    models, store: RunStore, fault: str
) -> None:
    ship(store, "cnn", models[0][0])
    ship(store, "fc", b"")
    path = store.shipped / "fc" / "served.tflite"
    content = broken_models(models[1][0])[fault]
    path.unlink() if content is None else path.write_bytes(content)
    server = ModelServer()
    message = "the served model of fc/shipped .* train fc"
    with pytest.raises(InferenceError, match=message) as caught:
        server.predict(store.current("fc"), IMAGES[:1])
    assert "\n" not in str(caught.value)
    fc, cnn = server.read_all(store.finished(), IMAGES[:1]).values()
    assert str(fc) == str(caught.value) and cnn.probabilities.shape == (1, 10)
    ship(store, "fc", models[1][0])
    fc, cnn = server.read_all(store.finished(), IMAGES[:1]).values()
    assert fc.probabilities.shape == cnn.probabilities.shape == (1, 10)


def test_a_model_of_something_else_is_refused(store: RunStore) -> None:
    import tensorflow as tf

    other = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten()])
    with pytest.raises(InferenceError, match="not a served model of digits"):
        ServedNetwork(tf.lite.TFLiteConverter.from_keras_model(other).convert())


def test_a_model_with_altered_bytes_is_refused_before_it_is_run(store, models) -> None:
    content = bytearray(models[0][0])
    ship(store, "cnn", bytes(content))
    content[len(content) // 2] ^= 0xFF
    (store.shipped / "cnn" / "served.tflite").write_bytes(content)
    with pytest.raises(InferenceError, match="not those that were exported"):
        ModelServer().predict(store.current("cnn"), IMAGES[:1])


# --- calibration ---------------------------------------------------------------------------------


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
def test_tempered_logits_are_divided_by_the_temperature(temperature: float) -> None:
    logits = np.random.default_rng(3).normal(0, 4, (50, 10))
    expected = keras.ops.softmax(logits / temperature, axis=1)
    plain = np.asarray(keras.ops.softmax(logits, axis=1), np.float32)
    np.testing.assert_allclose(temper(plain, temperature), expected, atol=1e-5)
    assert temper(plain, temperature).dtype == np.float32
    assert temper(plain[:0], temperature).shape == (0, 10)


@pytest.mark.parametrize("temperature", [0.05, 20.0])
def test_tempering_outlives_probabilities_of_none(temperature: float) -> None:
    certain = np.eye(10, dtype=np.float32)
    tempered = temper(certain, temperature)
    assert (tempered.argmax(axis=1) == np.arange(10)).all()
    np.testing.assert_allclose(tempered.sum(axis=1), 1, atol=1e-6)


def test_a_calibration_of_this_very_model_is_applied(models, store: RunStore) -> None:
    content, expected = models[0]
    ship(store, "cnn", content)
    server = ModelServer()
    np.testing.assert_allclose(server.predict(store.current("cnn"), IMAGES), expected, atol=1e-5)
    write_calibration(store.current("cnn"), temperature=3.0)
    calibrated = server.predict(store.current("cnn"), IMAGES)  # seen at once
    np.testing.assert_allclose(calibrated, temper(expected, 3.0), atol=1e-5)
    ship(store, "cnn", models[1][0])  # and is not this one's
    np.testing.assert_allclose(
        server.predict(store.current("cnn"), IMAGES), models[1][1], atol=1e-5
    )


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"format": 1}', '{"format": 1, "served_sha256": "x"}']
)
def test_a_broken_calibration_is_none(models, store: RunStore, content: str) -> None:
    ship(store, "cnn", models[0][0])
    run = store.current("cnn")
    (run.folder / CALIBRATION).write_text(content)
    assert run.calibration == Calibration()


@pytest.mark.parametrize(
    "validation",
    [
        {"refused": [1]},
        {"refused": {"mnist": [float("inf"), 1]}},
        {"calibration_error": {"before": "a", "after": 0.1}},
    ],
)
def test_a_calibration_of_damaged_figures_is_none(models, store: RunStore, validation) -> None:
    ship(store, "cnn", models[0][0])
    run = store.current("cnn")
    write_calibration(run, temperature=3.0)
    values = json.loads((run.folder / CALIBRATION).read_text())
    assert run.calibration.temperature == 3
    values["validation"] |= validation
    (run.folder / CALIBRATION).write_text(json.dumps(values))
    assert store.current("cnn").calibration == Calibration()


@pytest.mark.parametrize("temperature", [0, -1, "1", None, float("nan"), float("inf")])
def test_a_temperature_that_cannot_be_is_none(models, store: RunStore, temperature) -> None:
    ship(store, "cnn", models[0][0])
    write_calibration(store.current("cnn"), temperature=temperature)
    assert store.current("cnn").calibration == Calibration()


def test_small_networks_are_asked_together_and_say_the_same(
    models, store: RunStore, monkeypatch
) -> None:
    ship(store, "fc", models[0][0])
    ship(store, "cnn", models[1][0])
    lines, submit = [], Pool.submit

    def note(pool: Pool, line: str, *rest) -> object:
        lines.append(line)
        return submit(pool, line, *rest)

    monkeypatch.setattr(Pool, "submit", note)
    together = ModelServer().read_all(store.finished(), IMAGES[:3])
    assert len(lines) == 1
    monkeypatch.setattr(serving, "SMALL", 0)
    alone = ModelServer().read_all(store.finished(), IMAGES[:3])
    assert len(set(lines[1:])) == 2
    for network, reading in together.items():
        np.testing.assert_array_equal(reading.probabilities, alone[network].probabilities)


class Outputs(ServedNetwork):
    """A network whose outputs are given."""

    def __init__(self, outputs: np.ndarray, calibration: Calibration) -> None:
        self._outputs, self._calibration = outputs, calibration

    def evaluate(self, images: np.ndarray) -> np.ndarray:
        return self._outputs


def test_what_is_above_the_threshold_is_no_digit() -> None:
    none = np.array([0.1, 0.25, 0.3, 0.95], np.float32)
    outputs = np.column_stack([np.repeat((1 - none)[:, None] / 10, 10, axis=1), none])
    reading = Outputs(outputs, Calibration(threshold=0.25)).read(IMAGES[:4])
    assert reading.is_digit.tolist() == [True, True, False, False]
    np.testing.assert_allclose(reading.probabilities, 0.1, atol=1e-6)
    assert Outputs(outputs, Calibration()).read(IMAGES[:4]).is_digit is None
    assert Outputs(outputs[:, :10], Calibration(threshold=0.25)).read(IMAGES).is_digit is None
