"""Drawings in links: they lose nothing that a network sees, stay short, and no link does harm."""

import base64
import contextlib
import itertools
import math
import os
import re
import time
from pathlib import Path

import numpy as np
import pytest

from digitnet.digits import CANVAS_SIZE, canvas_drawing, fit_to_canvas, ink, load_samples
from digitnet.digits.ink import links
from digitnet.runs import RunStore
from digitnet.serving import ServedNetwork

BRUSH = {"stroke_width": 16, "stroke_color": "#ffffff"}
USUAL = 300  # characters


def samples():
    return [[np.array(one, float) for one in strokes] for strokes in load_samples().values()]


def draw_something(seed):
    """A drawing of some strokes that wander, of any size on the board or a little beyond."""
    rng = np.random.default_rng(seed)
    scale = 10 ** rng.uniform(-0.3, 1.2)
    sizes = rng.integers(1, 60, rng.integers(1, 6))
    return [
        rng.uniform(-20, CANVAS_SIZE) + np.cumsum(rng.normal(0, scale, (size, 2)), axis=0)
        for size in sizes
    ]


def farthest(points, line):
    """How far the farthest of points lies from a line's pieces, found by brute force."""
    dense = [np.linspace(a, b, 200) for a, b in itertools.pairwise(line)] or [line]
    distances = np.linalg.norm(points[:, None] - np.concatenate(dense), axis=2)
    return distances.min(axis=1).max()


def encode_numbers(*numbers):
    content = b"".join(links._pack(number) for number in numbers)
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


@pytest.fixture(scope="module")
def reader():
    run = RunStore.default().current("reader")
    return ServedNetwork(run.served_model, calibration=run.calibration)


def assert_reads_alike(reader, drawings):
    returned = [ink.decode_strokes(ink.encode_strokes(one)) for one in drawings]
    before = reader.read(np.stack([ink.render_strokes(one) for one in drawings]))
    after = reader.read(np.stack([ink.render_strokes(one) for one in returned]))
    assert (before.probabilities.argmax(axis=1) == after.probabilities.argmax(axis=1)).all()
    assert (before.is_digit == after.is_digit).all()


# --- round trips ---------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(40))
def test_no_line_moves_farther_than_a_pixel_or_a_hundredth_of_the_drawing(seed):
    strokes = draw_something(seed)
    returned = ink.decode_strokes(ink.encode_strokes(strokes))
    extent = np.ptp(np.concatenate(strokes), axis=0).max()
    assert len(returned) == len(strokes)
    for stroke, back in zip(strokes, returned, strict=True):
        assert farthest(stroke, back) <= max(min(1.5, extent / 70), 0.1)
        assert np.abs(back[[0, -1]] - stroke[[0, -1]]).max() <= 0.5


@pytest.mark.parametrize("seed", range(40))
def test_a_drawing_that_came_by_a_link_has_the_same_link(seed):
    code = ink.encode_strokes(draw_something(seed))
    assert ink.encode_strokes(ink.decode_strokes(code)) == code


@pytest.mark.parametrize("strokes", samples())
def test_a_sample_on_the_board_again_has_the_same_link(strokes):
    code = ink.encode_strokes(strokes)
    board = canvas_drawing([one.tolist() for one in ink.decode_strokes(code)], BRUSH)
    assert ink.encode_strokes(ink.strokes_from_canvas(board, CANVAS_SIZE)) == code


def test_a_dot_is_kept_and_is_on_the_board_again():
    strokes = [np.array([[100.0, 20], [100, 200]]), np.array([[60.0, 30]])]
    returned = ink.decode_strokes(ink.encode_strokes(strokes))
    board = canvas_drawing([one.tolist() for one in returned], BRUSH)
    dot = ink.strokes_from_canvas(board, CANVAS_SIZE)[1]
    np.testing.assert_allclose(dot, [[60, 30]])


def test_the_reader_reads_the_samples_alike(reader):
    assert_reads_alike(reader, samples())


def test_a_link_is_short():
    codes = [ink.encode_strokes(one) for one in samples()]
    assert max(map(len, codes)) < USUAL
    assert all(re.fullmatch("[A-Za-z0-9_-]+", code) for code in codes)


@pytest.mark.skipif(
    not os.environ.get("DIGITNET_DRAWINGS"), reason="DIGITNET_DRAWINGS names no labelled drawings"
)
def test_other_peoples_drawings_are_read_alike_and_their_links_are_short(reader):
    path = Path(os.environ["DIGITNET_DRAWINGS"])
    found = itertools.islice(ink.read_drawings(path), 0, None, 18)
    drawings = [fit_to_canvas([4 * one for one in strokes]) for _, strokes, _, _ in found]
    drawings = drawings[:300]
    assert len(drawings) >= 200
    assert_reads_alike(reader, drawings)
    assert max(len(ink.encode_strokes(one)) for one in drawings) < USUAL


# --- whatever a link may hold --------------------------------------------------------------------


HOSTILE = {
    "empty": "",
    "no letters of a link": "%00<script>",
    "not ASCII": "drawing\u0661",
    "padding": "AQA=",
    "a line break": "AQAB\n",
    "one letter": "A",
    "too long": "A" * (links.MOST_CHARACTERS + 1),
    "another format": encode_numbers(2, 0, 1, 2, 2),
    "halved too often": encode_numbers(1, 30, 1, 2, 2),
    "no stroke": encode_numbers(1, 0),
    "an empty stroke": encode_numbers(1, 0, 0),
    "cut short": encode_numbers(1, 0, 3, 2, 2),
    "a billion points": encode_numbers(1, 0, 10**8, 2, 2),
    "far away": encode_numbers(1, 0, 1, 10**6, 2),
    "a huge number": base64.urlsafe_b64encode(b"\x01\x00\x01" + b"\xff" * 900).decode(),
    "a number without end": base64.urlsafe_b64encode(b"\x01\x00\x01\x82").decode().rstrip("="),
    "only the head": encode_numbers(1),
}


@pytest.mark.parametrize("code", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_is_no_drawing_is_told_in_a_sentence(code):
    with pytest.raises(ink.InkError) as caught:
        ink.decode_strokes(code)
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)


@pytest.mark.parametrize("seed", range(200))
def test_altered_links_are_drawings_or_told_of(seed):
    rng = np.random.default_rng(seed)
    letters = list(ink.encode_strokes(samples()[seed % 10]))
    for place in rng.integers(len(letters), size=rng.integers(1, 8)):
        letters[place] = rng.choice(list("ABCxyz019-_"))
    if seed % 2:  # cut short as well, which hardly any survives
        del letters[rng.integers(len(letters)) :]
    with contextlib.suppress(ink.InkError):
        strokes = ink.decode_strokes("".join(letters))
        assert all(np.isfinite(one).all() and one.shape[1] == 2 for one in strokes)
        assert sum(map(len, strokes)) <= links.MOST_CHARACTERS


def test_a_letter_that_is_altered_often_leaves_a_drawing():
    decoded = 0
    for seed in range(50):
        rng = np.random.default_rng(seed)
        letters = list(ink.encode_strokes(samples()[seed % 10]))
        letters[rng.integers(len(letters))] = rng.choice(list("ABCxyz019-_"))
        with contextlib.suppress(ink.InkError):
            decoded += bool(ink.decode_strokes("".join(letters)))
    assert decoded > 5  # so that what the test above says of drawings is put to the test


@pytest.mark.parametrize(
    "strokes",
    [
        [],
        [np.empty((0, 2))],
        [np.full((2, 2), math.nan)],
        [np.array([[0.0, 0], [5000, 0]])],
        [np.array([[i % 7 * 40.0, i * 0.01] for i in range(links.MOST_THINNED + 1)])],
        [np.array([[i % 2 * 200.0, i * 0.05] for i in range(5000)])],
    ],
    ids=["nothing", "empty", "not a number", "far away", "many points", "a long way"],
)
def test_what_has_no_link_is_told_in_a_sentence(strokes):
    with pytest.raises(ink.InkError):
        ink.encode_strokes(strokes)


def test_no_scribble_is_waited_for():
    rng = np.random.default_rng(0)
    scribble = [rng.uniform(0, CANVAS_SIZE, (links.MOST_THINNED, 2))]
    start = time.process_time()
    with pytest.raises(ink.InkError):
        ink.encode_strokes(scribble)
    assert time.process_time() - start < 5


# --- drawings of any unit ------------------------------------------------------------------------


def test_what_lies_on_the_canvas_stays_where_it_is():
    strokes = [np.array([[-3.0, 10], [270, 283]])]
    assert fit_to_canvas(strokes) is strokes


@pytest.mark.parametrize("scale", [1e-6, 1e-2, 50, 1e4])
def test_drawings_of_another_unit_come_to_the_middle_and_look_alike(scale):
    strokes = samples()[4]
    fitted = fit_to_canvas([one * scale for one in strokes])
    points = np.concatenate(fitted)
    assert points.min() >= 0 and points.max() <= CANVAS_SIZE
    seen = ink.render_strokes(fitted).astype(int)
    assert np.abs(seen - ink.render_strokes(strokes)).max() <= 1
