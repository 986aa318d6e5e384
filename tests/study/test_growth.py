"""A drawing as it grew, and how far it can be altered."""

from __future__ import annotations

import numpy as np
import pytest

from digitnet.digits import ink, load_samples
from digitnet.study.alterations import POINTS, WAYS, draw_along, find_flips
from digitnet.study.growth import MOMENTS, cut_strokes, watch

FOUR = [np.array(stroke, float) for stroke in load_samples()[4]]
LINE = [np.array([[0.0, 0], [10, 0]]), np.array([[0.0, 5], [0, 15], [10, 15]])]


def length(strokes):
    return sum(float(np.hypot(*np.diff(one, axis=0).T).sum()) for one in strokes)


@pytest.mark.parametrize("share", [0.1, 1 / 3, 0.5, 0.9])
def test_a_part_is_as_long_as_its_share(share):
    part = cut_strokes(LINE, share)
    assert length(part) == pytest.approx(share * 30)
    assert (part[0][0] == LINE[0][0]).all()
    whole = cut_strokes(LINE, 1)
    assert len(whole) == 2 and all((a == b).all() for a, b in zip(whole, LINE, strict=True))


def test_a_dot_is_drawn_with_what_comes_before_it():
    dotted = [LINE[0], np.array([[5.0, 9]])]
    assert len(cut_strokes(dotted, 0.5)) == 1
    assert len(cut_strokes(dotted, 1)) == 2


def test_a_film_ends_with_the_whole_drawing_and_is_read_at_once():
    calls = []

    def predict(images):
        calls.append(images)
        return np.eye(10)[np.arange(len(images)) % 10]

    found = watch(FOUR, predict)
    [images] = calls
    assert len(images) == len(found.strokes) == MOMENTS
    assert (images[-1] == ink.render_strokes(FOUR)).all()
    assert found.readings == [one % 10 for one in range(MOMENTS)]
    lengths = [length(one) for one in found.strokes]
    assert np.diff(lengths) == pytest.approx(length(FOUR) / MOMENTS)


def test_a_shorter_film_ends_with_the_whole_drawing_too():
    found = watch(FOUR, lambda images: np.eye(10)[: len(images)], 6)
    assert len(found.strokes) == len(found.probabilities) == 6
    assert length(found.strokes[-1]) == pytest.approx(length(FOUR))


def test_two_dots_are_a_film_of_one_moment():
    dots = [np.array([[0.0, 0]]), np.array([[9.0, 9]])]
    found = watch(dots, lambda images: np.eye(10)[: len(images)])
    assert len(found.strokes[-1]) == 2


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_a_way_has_the_drawing_as_it_is_in_its_middle(way):
    images = draw_along(FOUR, way)
    assert len(images) == len(way.points) == POINTS
    assert way.points[0] == way.low and way.points[-1] == way.high
    assert (np.diff(way.points) > 0).all() and way.points[POINTS // 2] == way.rest
    assert (images[POINTS // 2] == ink.render_strokes(FOUR)).all()
    assert (images[0] != images[-1]).any()


def test_flips_are_the_nearest_on_both_sides():
    way, readings = WAYS[0], [5] * 2 + [3] * 2 + [4] * 7 + [1] * 2
    found = find_flips(readings, way)
    assert found.reading == 4
    assert found.below == (float(way.points[3]), 3)
    assert found.above == (float(way.points[11]), 1)
    steady = find_flips([4] * POINTS, way)
    assert steady.below is None and steady.above is None
