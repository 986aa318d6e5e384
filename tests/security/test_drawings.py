"""What a canvas may be made to say: a sentence follows, and the next drawing is read."""

from __future__ import annotations

import time

import pytest

from tests.security.attacks import CANVAS, LARGE, PICTURES
from tests.security.client import ONE, Json, drawing_of, path_of

READS_ONE = '<p class="dn-digit">1</p>'
WORST_SECONDS = 2.0  # of the processor for one message
WORST_MEGABYTES = 100
# As much as is taken in, in the shapes that cost most.
COSTLY = {
    "1,000 strokes": drawing_of(
        *[path_of(["M", 0, 0], ["L", 3, 200], *[["L", i, 9] for i in range(8)])] * 1_000
    ),
    "a number of 40 strokes": drawing_of(
        *[
            path_of(["M", 0, 0], *[["Q", i, 0, 9, 200] for i in range(54)], left=13 * place)
            for place in range(40)
        ]
    ),
    "10,000 curves": drawing_of(
        path_of(["M", 0, 0], *[["Q", 0, 280, 280, place % 280] for place in range(9_999)])
    ),
}


def test_no_drawing_breaks_the_session(visitor):
    visitor.open()
    assert READS_ONE in visitor.draw(ONE)
    for name, sent in CANVAS.items():
        said = visitor.draw(sent)
        assert not visitor.faults(), (name, visitor.faults())
        assert said.count("<p") >= 1 and "nan" not in said, name
        assert READS_ONE in visitor.draw(ONE), name


def test_the_first_drawing_of_a_session_may_be_none(server):
    for sent in ("hello{", "[" * 10_000, '{"drawing": 5}'):
        with server.visit() as visitor:
            visitor.open()
            assert "dn-invitation" in visitor.draw(sent)
            assert not visitor.faults()
            assert READS_ONE in visitor.draw(ONE)


@pytest.mark.parametrize("name", LARGE)
def test_what_is_larger_than_any_drawing_is_not_taken_in(server, name):
    before, memory = server.seconds, server.megabytes
    with server.visit() as visitor:
        canvas, fragment = visitor.open().find_board()
        assert visitor.is_refused({canvas.id: Json(LARGE[name])}, fragment)
    assert server.seconds - before < WORST_SECONDS
    assert server.megabytes - memory < WORST_MEGABYTES
    with server.visit() as visitor:
        assert READS_ONE in visitor.open().draw(ONE)


@pytest.mark.parametrize("name", COSTLY)
def test_the_costliest_drawing_is_answered_soon(server, visitor, name):
    visitor.open()
    before = server.seconds
    visitor.draw(COSTLY[name])
    assert not visitor.faults()
    assert server.seconds - before < WORST_SECONDS


def test_other_widgets_take_values_of_the_wrong_type(visitor):
    visitor.open()
    for widget, (kind, _) in list(visitor.widgets().items()):
        if kind == "page_link":
            continue
        for value in ("x", 5, 1e308, True, ["x"] * 50, Json("{"), Json("[1]")):
            visitor.act({widget: value})
            assert not visitor.faults(), (kind, value, visitor.faults())
    assert READS_ONE in visitor.draw(ONE)


def test_no_picture_is_more_than_a_sentence(server, visitor):
    visitor.open()
    [(way, fragment)] = [one for one in visitor.find("button_group") if "Way" in one[0].label]
    visitor.act({way.id: ["Upload"]}, fragment)
    memory = server.megabytes
    for name, make in PICTURES.items():
        content = make()
        [(uploader, fragment)] = visitor.find("file_uploader")
        started = time.monotonic()
        visitor.act({uploader.id: visitor.upload("digit.png", content)}, fragment)
        assert not visitor.faults(), (name, visitor.faults())
        assert "dn-invitation" in visitor.said(), name
        assert time.monotonic() - started < 20, name
    assert server.megabytes - memory < 400
