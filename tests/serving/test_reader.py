"""The network for real handwriting, as it ships: what it takes for a digit, and what for none."""

from __future__ import annotations

import numpy as np
import pytest

from digitnet.digits import ink, load_samples
from digitnet.runs import RunStore
from digitnet.serving import Reading, ServedNetwork

HALF = np.linspace(np.pi, 0, 20)
ROUND = np.linspace(0, 2 * np.pi, 40)


def arc(angles, x, y, wide, high):
    """Points on an ellipse around (x, y); y is downwards."""
    return [[x + wide * np.cos(one), y - high * np.sin(one)] for one in angles]


DOODLES = {
    "heart": [[[140, 220], *arc(HALF, 100, 120, 40, 45), *arc(HALF, 180, 120, 40, 45), [140, 220]]],
    "house": [
        [[80, 130], [80, 220], [200, 220], [200, 130], [80, 130]],
        [[70, 135], [140, 60], [210, 135]],
    ],
    "fir": [[[140, 50], [200, 180], [80, 180], [140, 50]], [[140, 180], [140, 240]]],
    "arrow up": [[[140, 230], [140, 50]], [[95, 100], [140, 50], [185, 100]]],
    "arrow right": [[[50, 140], [230, 140]], [[180, 95], [230, 140], [180, 185]]],
    "eye": [arc(ROUND, 140, 140, 100, 50), arc(ROUND, 140, 140, 22, 22)],
    "sun": [
        arc(ROUND, 140, 140, 50, 50),
        *([arc([one], 140, 140, r, r)[0] for r in (62, 95)] for one in ROUND[:-1:5]),
    ],
    "dash": [[[50, 140], [230, 145]]],
    "slanting dash": [[[50, 120], [230, 165]]],
}


@pytest.fixture(scope="module")
def reader() -> ServedNetwork:
    run = RunStore.default().current("reader")
    assert run
    return ServedNetwork(run.served_model, calibration=run.calibration)


def read(reader: ServedNetwork, strokes) -> Reading:
    drawn = [np.array(stroke, float) for stroke in strokes]
    return reader.read(ink.render_strokes(drawn)[np.newaxis])


@pytest.mark.parametrize("doodle", DOODLES.values(), ids=DOODLES.keys())
def test_a_doodle_is_no_digit(reader, doodle):
    assert read(reader, doodle).is_digit.tolist() == [False]


@pytest.mark.parametrize("digit", range(10))
def test_a_digit_is_one(reader, digit):
    reading = read(reader, load_samples()[digit])
    assert reading.is_digit.tolist() == [True] and reading.probabilities.argmax() == digit
