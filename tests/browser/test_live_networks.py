"""The page's own JavaScript beside Python: the same ink, the same outputs, the same readings."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Route

from benchmarks.browser import REPOSITORY
from benchmarks.numbers import compose, load_writers
from digitnet.digits import ink, load_samples
from digitnet.runs import RunStore
from digitnet.serving import ServedNetwork, read_number
from digitnet.serving.numbers import MOST_STROKES
from digitnet.study.files import find_reader
from tests.browser.conftest import place

pytestmark = pytest.mark.browser

SCRIPTS = REPOSITORY / "digitnet" / "ui" / "assets" / "live"
SERVED = sorted((REPOSITORY / "checkpoints").glob("*/served.tflite"))
HOST = "http://digitnet.test"

RENDER = """async (drawings) => {
    const {renderStrokes} = await import("/ink.js");
    return drawings.map((strokes) => [...(renderStrokes(strokes) ?? [])]);
}"""
EVALUATE = """async ([name, images]) => {
    const {Network} = await import("/network.js");
    const network = new Network(await (await fetch(`/${name}/served.tflite`)).arrayBuffer());
    return images.map((image) => [...network.evaluate(Uint8Array.from(image))]);
}"""
CALIBRATE = """async ([outputs, calibration]) => {
    const {calibrate} = await import("/reading.js");
    return outputs.map((one) => calibrate(Float32Array.from(one), calibration));
}"""
FOLLOW = """async (points) => (await import("/ink.js")).strokeOf(points)"""

READ_NUMBERS = """async ([name, calibration, drawings]) => {
    const {readNumber} = await import("/numbers.js"), {renderStrokes} = await import("/ink.js");
    const {Network} = await import("/network.js");
    const network = new Network(await (await fetch(`/${name}/served.tflite`)).arrayBuffer());
    const evaluate = (pieces) => {
        const pixels = renderStrokes(pieces.map(({points}) => points));
        return pixels && network.evaluate(pixels);
    };
    return drawings.map((strokes) =>
        readNumber(strokes.map((points) => ({points})), evaluate, calibration));
}"""

COUNT_EVALUATIONS = """async ([drawings, outputs]) => {
    const {readNumber} = await import("/numbers.js"), {Memory} = await import("/memory.js");
    const memory = new Memory();
    return drawings.map((strokes) => {
        let count = 0;
        memory.turn();
        const pieces = strokes.map((points) => ({points, name: JSON.stringify(points)}));
        const evaluate = (some) =>
            memory.recall("reader", some, () => (count++, Float32Array.from(outputs)));
        readNumber(pieces, evaluate, {temperature: 1, threshold: null});
        return count;
    });
}"""


@pytest.fixture(scope="module")
def scripts(browser: Browser) -> Iterator[Page]:
    """An empty page that may import the scripts and fetch the served networks."""

    def answer(route: Route) -> None:
        path = route.request.url.removeprefix(HOST).lstrip("/")
        if path.endswith(".tflite"):
            route.fulfill(path=REPOSITORY / "checkpoints" / path)
        elif path.endswith(".js"):
            route.fulfill(path=SCRIPTS / path, content_type="text/javascript")
        else:
            route.fulfill(body="<!doctype html>", content_type="text/html")

    page = browser.new_page()
    page.route(f"{HOST}/**", answer)
    page.goto(HOST)
    yield page
    page.close()


def vary(strokes: list[Any], rng: np.random.Generator) -> list[list[list[float]]]:
    """A drawing turned, slanted, scaled and with an unsteady hand."""
    change = np.eye(2) + rng.normal(0, 0.15, (2, 2))
    return [
        (np.array(one) @ change * rng.uniform(0.2, 3) + rng.normal(0, 1.5, (len(one), 2))).tolist()
        for one in strokes
    ]


@pytest.fixture(scope="module")
def drawings() -> list[list[list[list[float]]]]:
    """Sample digits as they are and varied, and recorded drawings where there are any."""
    rng = np.random.default_rng(0)
    samples = list(load_samples().values())
    made = [vary(strokes, rng) for _ in range(3) for strokes in samples]
    return [*samples, *made, *recorded_drawings()]


def recorded_drawings() -> list[list[list[list[float]]]]:
    if not (named := os.environ.get("DIGITNET_DRAWINGS")):
        return []
    some = itertools.islice(ink.read_drawings(Path(named)), 0, 3000, 100)
    return [[stroke.tolist() for stroke in strokes] for _, strokes, _, _ in some]


@pytest.fixture(scope="module")
def images(drawings: list[list[list[list[float]]]]) -> np.ndarray:
    return np.stack([ink.render_strokes(strokes) for strokes in drawings])


def test_strokes_are_redrawn_alike(scripts: Page, drawings: list, images: np.ndarray) -> None:
    drawn = np.array(scripts.evaluate(RENDER, drawings))
    assert np.abs(drawn - images.reshape(len(images), -1)).max() <= 1


@pytest.mark.parametrize(
    "strokes",
    [[[[5, 5]]], [[[0, 0], [0, 9]], [[4, 4]]], [[[0, 3], [9, 3]]], [[], [[0, 0], [9, 9]]]],
    ids=["a dot", "a line and a dot", "a level line", "an empty stroke"],
)
def test_what_is_no_whole_drawing_is_redrawn_alike(scripts: Page, strokes: list) -> None:
    [drawn] = scripts.evaluate(RENDER, [strokes])
    try:
        expected = ink.render_strokes(strokes).ravel()
    except ink.InkError:
        assert drawn == []
    else:
        assert np.abs(np.array(drawn) - expected).max() <= 1


def test_there_is_nothing_to_draw_without_strokes(scripts: Page) -> None:
    assert scripts.evaluate(RENDER, [[]]) == [[]]


def test_a_stroke_is_followed_as_the_board_draws_it(scripts: Page) -> None:
    points = [[20, 30], [60, 34], [80, 90], [40, 140]]
    path = [["M", *points[0]]]
    for (x, y), (next_x, next_y) in itertools.pairwise(points):
        path.append(["Q", x, y, (x + next_x) / 2, (y + next_y) / 2])
    path.append(["L", *points[-1]])
    drawn = {"type": "path", "path": path, "left": 50, "top": 85, "width": 60, "height": 110}
    [expected] = ink.strokes_from_canvas({"objects": [drawn | {"strokeWidth": 0}]})
    followed = np.array(scripts.evaluate(FOLLOW, points))
    difference = ink.render_strokes([followed]).astype(int) - ink.render_strokes([expected])
    assert np.abs(difference).max() <= 1


def test_a_tap_is_a_dot(scripts: Page) -> None:
    assert scripts.evaluate(FOLLOW, [[20, 30], [22, 31]]) == [[21, 30.5]]


@pytest.mark.parametrize("model", SERVED, ids=lambda path: path.parent.name)
def test_networks_compute_alike(scripts: Page, images: np.ndarray, model: Path) -> None:
    some = images if model.stat().st_size < 4e6 else images[::20]  # no browser is given these
    pixels = some.reshape(len(some), -1).tolist()
    outputs = np.array(scripts.evaluate(EVALUATE, [model.parent.name, pixels]))
    expected = ServedNetwork(model).evaluate(some)
    assert np.abs(outputs - expected).max() <= 1e-4
    assert (outputs.argmax(axis=1) == expected.argmax(axis=1)).all()


@pytest.mark.parametrize("name", ["reader", "cnn"])
def test_readings_are_calibrated_alike(scripts: Page, images: np.ndarray, name: str) -> None:
    run = RunStore.default().current(name)
    assert run
    network = ServedNetwork(run.served_model, calibration=run.calibration)
    calibration = {
        "temperature": run.calibration.temperature,
        "threshold": run.calibration.threshold,
    }
    read = scripts.evaluate(CALIBRATE, [network.evaluate(images).tolist(), calibration])
    expected = network.read(images)
    probabilities = np.array([one["probabilities"] for one in read])
    assert np.abs(probabilities - expected.probabilities).max() <= 1e-4
    told = [one["isDigit"] for one in read]
    assert told == ([None] * len(read) if expected.is_digit is None else expected.is_digit.tolist())


@pytest.fixture(scope="module")
def numbers() -> list[list[list[list[float]]]]:
    """Numbers of a writer's digits, what are rather no numbers, and digits with marks beside."""
    rng = np.random.default_rng(0)
    samples = [([np.array(one, float) for one in s], d) for d, s in load_samples().items()]
    written = [samples]
    if named := os.environ.get("DIGITNET_DRAWINGS"):
        written += load_writers(Path(named))
    made = [compose(written[i % len(written)], rng)[0] for i in range(120)]
    none = [
        [line(0, 0, 90, 100), line(90, 0, 0, 100)],
        [line(0, 0, 0, 100), line(20, 20, 20, 20), line(30, 0, 30, 90)],  # a dot in it
        [line(10 * i, 0, 10 * i + 5, 60) for i in range(MOST_STROKES + 1)],
        [line(0, 0, 40, 0), line(60, 2, 90, 2)],  # marks alone
    ]
    beside = place([5, 2])
    minus, point, colon = (
        [line(-20, 100, 35, 100)],
        [line(165, 148, 166, 149)],
        [line(165, 90, 166, 91), line(165, 130, 166, 131)],
    )
    marked = [[*map(np.array, beside), *marks] for marks in (minus, point, colon)]
    return [[stroke.tolist() for stroke in strokes] for strokes in [*made, *none, *marked]]


def line(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    return np.linspace((left, top), (right, bottom), 8)


def test_numbers_are_read_alike(scripts: Page, numbers: list) -> None:
    run = find_reader(RunStore.default())
    network = ServedNetwork(run.served_model, calibration=run.calibration)
    calibration = {"temperature": run.calibration.temperature, "threshold": None}
    read = scripts.evaluate(READ_NUMBERS, [run.experiment.name, calibration, numbers])
    lengths = []
    for strokes, digits in zip(numbers, read, strict=True):
        pieces = ink.DrawnPieces([np.array(one) for one in strokes])
        expected = read_number(pieces, network.evaluate, run.calibration.temperature)
        assert "".join(str(one["digit"]) for one in digits) == expected.text
        for one, known in zip(digits, expected.digits, strict=True):
            assert one["box"] == pytest.approx(known.box)
            assert one["probability"] == pytest.approx(known.probability, abs=1e-3)
        lengths.append(len(digits))
    assert {1, 2, 3, 4, 5} <= set(lengths)


def test_only_what_the_pen_changes_is_read_anew(scripts: Page) -> None:
    beside = [line(30 * i, 0, 30 * i, 100).tolist() for i in range(6)]
    begun, gone_on = (line(180, 0, 180, end).tolist() for end in (50, 60))
    drawings = [[*beside, begun], [*beside, gone_on], [*beside, gone_on], beside]
    counts = scripts.evaluate(COUNT_EVALUATIONS, [drawings, [0.1] * 11])
    # Of seven strokes at most four make a digit, the last of them being the pen's, or all.
    assert counts == [7 + 6 + 5 + 4 + 1, 4 + 1, 0, 1]


@pytest.mark.parametrize("damage", ["cut short", "no model", "another operation"])
def test_what_cannot_be_read_is_refused(scripts: Page, damage: str) -> None:
    content = bytearray((REPOSITORY / "checkpoints/cnn_min/served.tflite").read_bytes())
    content = {
        "cut short": content[:2000],
        "no model": bytearray(json.dumps([0] * 500).encode()),
        "another operation": rename_convolution(content),
    }[damage]
    refuse = """async (bytes) => {
        const {Network} = await import("/network.js");
        try { new Network(Uint8Array.from(bytes).buffer); return "taken"; }
        catch (error) { return "refused"; }
    }"""
    assert scripts.evaluate(refuse, list(content)) == "refused"


def rename_convolution(content: bytearray) -> bytearray:
    """A model whose convolutions are said to be another operation (a depthwise one)."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(bytes(content), 0)
    for code in model.operatorCodes:
        if code.builtinCode == schema.BuiltinOperator.CONV_2D:
            code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.DEPTHWISE_CONV_2D
    import flatbuffers

    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytearray(builder.Output())
