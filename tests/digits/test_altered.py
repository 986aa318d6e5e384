"""Strokes that are placed, drawn with any pen, and altered."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from digitnet.digits import ink, load_samples
from digitnet.digits.ink import Alteration, InkError, alter_strokes, place_strokes, render_strokes
from digitnet.digits.ink.strokes import draw_placed

SAMPLES = [[np.array(stroke, float) for stroke in strokes] for strokes in load_samples().values()]


def centre_of(image):
    """Where the middle of the ink's mass is, (x, y) in pixels."""
    index = np.arange(28)
    return np.array([image.sum(axis=0) @ index, image.sum(axis=1) @ index]) / image.sum()


def alter(strokes, **changes):
    return alter_strokes(strokes, replace(Alteration(), **changes))


@pytest.mark.parametrize("strokes", SAMPLES)
def test_what_is_not_altered_is_what_the_networks_see(strokes):
    seen = render_strokes(strokes)
    assert (alter(strokes) == seen).all()
    assert (draw_placed(place_strokes(strokes)) == seen).all()


def test_placed_strokes_fill_the_box_and_keep_their_shape():
    strokes = [np.array([[10.0, 20], [30, 60]]), np.array([[20.0, 40]])]
    placed = place_strokes(strokes)
    assert np.ptp(np.concatenate(placed)[:, 1]) == pytest.approx(16.6)  # less the pen
    np.testing.assert_allclose(placed[1][0], placed[0].mean(axis=0))
    assert [len(one) for one in placed] == [2, 1]


def test_a_turn_is_clockwise():
    upright, turned = [[[0, 0], [0, 10]]], [[[10, 0], [0, 0]]]
    assert (alter(upright, turn=90) == render_strokes(turned)).all()
    leaning = place_strokes([np.array([[0.0, 0], [5, 10]])])
    assert (alter(leaning, turn=360) == render_strokes(leaning)).all()


def test_a_slant_leans_the_top_to_the_right():
    rows, columns = np.nonzero(alter([[[0, 0], [0, 10]]], slant=45) > 128)
    assert columns[rows.argmin()] > columns[rows.argmax()] + 10


def test_a_shift_moves_the_ink_by_pixels():
    strokes = SAMPLES[7]
    moved = centre_of(alter(strokes, right=2, down=-3)) - centre_of(render_strokes(strokes))
    np.testing.assert_allclose(moved, (2, -3), atol=0.05)


def test_size_and_thickness_change_how_much_ink_there_is():
    strokes = SAMPLES[0]
    whole = render_strokes(strokes).sum()
    assert alter(strokes, thickness=4).sum() > 1.6 * whole
    assert 0.4 * whole < alter(strokes, size=0.5).sum() < 0.6 * whole


def test_what_is_moved_out_of_the_field_is_gone_and_leaves_no_edge():
    assert not alter(SAMPLES[3], right=40).any()
    half = alter(SAMPLES[3], right=12, size=1.6)
    assert half.any() and not half[:, :3].any()


@pytest.mark.parametrize("strokes", [[], [[[3, 3]]], [[[np.nan, 0], [1, 1]]], [[["x", 0]]]])
def test_what_cannot_be_drawn_cannot_be_altered(strokes):
    with pytest.raises(InkError):
        alter(strokes, turn=5)
    with pytest.raises(InkError):
        ink.place_strokes(strokes)
