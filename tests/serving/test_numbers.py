"""Numbers: strokes are parted into digits as the probabilities and the geometry have it."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image, ImageDraw

from benchmarks.numbers import compose
from digitnet.digits import ink, load_samples
from digitnet.runs import RunStore
from digitnet.serving import ModelServer, Number, read_number
from digitnet.serving.numbers import MOST_STROKES, choose_parts, find_marks, find_parts
from digitnet.study import measured
from digitnet.study.files import find_reader

NO_DIGIT = np.eye(11)[10] * 0.94 + 0.005


def surely(digit: int) -> np.ndarray:
    """A network's outputs, float (11,), when it is about sure of a digit."""
    return np.eye(11)[digit] * 0.945 + 0.005


def box(left: float, width: float, top: float = 0, height: float = 100) -> list[float]:
    return [left, top, left + width, top + height]


def part(boxes: list[list[float]], digits: dict[tuple[int, int], int]) -> list[tuple[int, int]]:
    """How a row is parted where these parts look like digits and all others like none."""
    places = np.array(boxes, float)
    parts = {*find_parts(places), (0, len(boxes))}
    outputs = {one: surely(digits[one]) if one in digits else NO_DIGIT for one in parts}
    return choose_parts(places, outputs)


def line(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    return np.linspace((left, top), (right, bottom), 8)


def sample(digit: int, left: float) -> list[np.ndarray]:
    return [np.array(stroke, float) + [left, 0] for stroke in load_samples()[digit]]


class InkNetwork:
    """Knows images by their pixels; takes all others for no digit."""

    def __init__(self, digits: dict[int, list[np.ndarray]]):
        self.known = {ink.render_strokes(strokes).tobytes(): one for one, strokes in digits.items()}
        self.asked = 0

    def __call__(self, images: np.ndarray) -> np.ndarray:
        self.asked += len(images)
        digits = [self.known.get(image.tobytes()) for image in images]
        return np.stack([NO_DIGIT if one is None else surely(one) for one in digits])


def read(
    strokes: list[np.ndarray], network: Callable[[np.ndarray], np.ndarray], temperature: float = 1
) -> Number:
    return read_number(ink.DrawnPieces(strokes), network, temperature)


NETWORK = {digit: sample(digit, 0) for digit in range(10)}


def test_two_digits_side_by_side_are_two() -> None:
    assert part([box(0, 60), box(80, 60)], {(0, 1): 1, (1, 2): 2}) == [(0, 1), (1, 2)]


def test_strokes_that_are_a_digit_only_together_stay_together() -> None:
    boxes = [box(0, 60), box(80, 50, top=30, height=70), box(90, 60, height=1)]
    assert part(boxes, {(0, 1): 2, (1, 3): 5}) == [(0, 1), (1, 3)]


def test_a_crossed_stroke_stays_with_its_digit_though_both_parts_look_like_digits() -> None:
    crossed = [box(0, 50, height=60), box(30, 5)]  # a 4 of which the hook could be a 6, the bar a 1
    assert part(crossed, {(0, 1): 6, (1, 2): 1, (0, 2): 4}) == [(0, 2)]


def test_a_base_line_is_no_digit_of_its_own() -> None:
    flat = [box(40, 5), box(0, 90, top=100, height=2)]
    assert part(flat, {(0, 1): 1, (1, 2): 1, (0, 2): 1}) == [(0, 2)]


def test_what_is_no_digit_in_any_parting_stays_whole() -> None:
    assert part([box(0, 60), box(80, 60)], {(0, 1): 3}) == [(0, 2)]


def test_strokes_far_apart_are_never_one_digit() -> None:
    assert find_parts(np.array([box(0, 10), box(200, 10)])) == [(0, 1), (1, 2)]


def test_real_strokes_are_read_from_left_to_right_with_what_makes_each_digit() -> None:
    strokes = [*sample(4, 300), *sample(2, 0)]  # the right one was drawn first
    number = read(strokes, InkNetwork(NETWORK))
    assert number.text == "24"
    first, second = number.digits
    assert (first.pieces, second.pieces) == ((2,), (0, 1))
    assert first.probability == pytest.approx(0.95 / 0.995, abs=1e-3)
    everything = np.concatenate(sample(4, 300))
    assert second.box == (*everything.min(axis=0), *everything.max(axis=0))


def test_a_stroke_drawn_late_finds_its_digit() -> None:
    upright, bar = sample(5, 0)
    number = read([upright, *sample(3, 300), bar], InkNetwork(NETWORK))
    assert [(one.digit, one.pieces) for one in number.digits] == [(5, (0, 2)), (3, (1,))]


MARKS = {
    "a minus": [line(-90, 140, -30, 140)],
    "a point": [line(245, 228, 248, 231)],
    "a colon": [line(245, 110, 246, 112), line(245, 190, 246, 192)],
    "an equals sign": [line(225, 120, 270, 120), line(225, 160, 270, 160)],
}


@pytest.mark.parametrize("mark", MARKS)
def test_a_mark_beside_digits_is_left_out_of_their_number(mark: str) -> None:
    digits = [*sample(2, 0), *sample(4, 300)]
    number = read([*digits, *MARKS[mark]], InkNetwork(NETWORK))
    assert number.text == "24"
    assert [one.pieces for one in number.digits] == [(0,), (1, 2)]
    assert number.marks == tuple(range(3, 3 + len(MARKS[mark])))


def test_a_mark_beside_a_single_digit_stays_with_it() -> None:
    seven, minus = sample(7, 0), MARKS["a minus"]
    number = read([*minus, *seven], InkNetwork({7: [*minus, *seven]}))
    (one,) = number.digits
    assert (number.marks, one.digit, one.pieces) == ((), 7, tuple(range(1 + len(seven))))
    assert one.box[0] == -90


def test_what_belongs_to_a_digit_is_no_mark() -> None:
    flag_of_a_5 = box(80, 40, top=10, height=3)
    base_of_a_1 = box(30, 60, top=100, height=2)
    upright, next_digit = box(0, 70), box(150, 60)
    for stroke in (flag_of_a_5, base_of_a_1):
        assert not find_marks(np.array([upright, stroke, next_digit])).any()
    assert not find_marks(np.array([box(0, 40, height=1), box(60, 40, top=2, height=1)])).any()


@pytest.mark.parametrize("digit", range(10))
def test_a_digit_alone_is_a_number_of_one_digit(digit: int) -> None:
    (one,) = read(sample(digit, 0), InkNetwork(NETWORK)).digits
    assert (one.digit, one.pieces) == (digit, tuple(range(len(load_samples()[digit]))))


def test_dots_and_empty_strokes_break_nothing() -> None:
    strokes = [np.empty((0, 2)), *sample(1, 0), np.array([[600.0, 100.0]]), *sample(1, 300)]
    number = read(strokes, InkNetwork(NETWORK))
    assert [one.pieces for one in number.digits] == [(1, 2, 3)]  # the dot is no digit
    assert read([strokes[0], strokes[1], strokes[3]], InkNetwork(NETWORK)).text == "11"


def test_nothing_drawn_is_told_in_a_sentence() -> None:
    for strokes in ([], [np.empty((0, 2))], [np.array([[3.0, 3.0]])]):
        with pytest.raises(ink.InkError, match="draw one digit"):
            read(strokes, InkNetwork({}))


def test_a_long_number_asks_for_each_group_once() -> None:
    network = InkNetwork(NETWORK)
    strokes = [stroke for place in range(12) for stroke in sample(place % 2 * 7, 300 * place)]
    assert read(strokes, network).text == "07" * 6
    assert network.asked <= 4 * len(strokes) + 1


def test_too_many_strokes_are_read_as_one_drawing() -> None:
    network = InkNetwork({})
    scribble = [line(10 * i, 0, 10 * i + 5, 100) for i in range(MOST_STROKES + 1)]
    assert len(read(scribble, network).digits) == 1
    assert network.asked == 1


def test_a_composed_number_holds_every_stroke_of_its_digits_in_their_order() -> None:
    drawings = [(sample(digit, 0), digit) for digit in range(10)]
    for seed in range(30):
        strokes, text, overlaps = compose(drawings, np.random.default_rng(seed))
        assert 2 <= len(text) <= 5
        assert len(strokes) == sum(len(load_samples()[int(digit)]) for digit in text)
        edges = [(stroke[:, 0].min(), stroke[:, 0].max()) for stroke in strokes]
        if {*text}.isdisjoint("45"):  # which alone have several strokes, or late ones
            assert overlaps == any(a[1] > b[0] for a, b in pairwise(edges))
            assert all(a[1] - b[0] < 15.1 for a, b in pairwise(edges))


def test_the_readme_tells_what_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    record = {
        "numbers": 1000,
        "set": "tablet",
        "network": "reader",
        "served_sha256": "abc",
        "accuracy": 0.975,
        "interval": [0.963, 0.983],
        "milliseconds": 13.7,
        "overlapping": 136,
        "writers": 30,
    }
    monkeypatch.setattr(measured, "load_measured", lambda name: record)
    told = measured.format_numbers(["abc"])
    assert "1,000 numbers" in told and "`reader` read **97.5%** (96.3% to 98.3%, by writer)" in told
    assert "python -m benchmarks.numbers FILE" in measured.format_numbers(["another"])
    monkeypatch.setattr(measured, "load_measured", lambda name: {})
    assert "python -m benchmarks.numbers FILE" in measured.format_numbers(["abc"])


def test_digits_are_as_sure_as_the_network_is_calibrated() -> None:
    strokes = [*sample(2, 0), *sample(7, 300)]
    raw, cool = (read(strokes, InkNetwork(NETWORK), one) for one in (1.0, 0.5))
    assert raw.text == cool.text == "27"
    assert cool.digits[0].probability > 0.999 > raw.digits[0].probability


def photo_of(strokes: list[np.ndarray]) -> bytes:
    """Dark strokes on paper that is lit from one side, as a JPEG."""
    points = np.concatenate(strokes)
    width, height = (points.max(axis=0) + 60).astype(int)
    paper = Image.fromarray(np.tile(np.linspace(170, 235, width), (height, 1)).astype(np.uint8))
    pen = ImageDraw.Draw(paper)
    for stroke in strokes:
        pen.line([(x + 20, y + 20) for x, y in stroke], fill=60, width=14, joint="curve")
    file = io.BytesIO()
    paper.save(file, "JPEG")
    return file.getvalue()


def test_a_speck_too_small_to_be_seen_is_no_digit() -> None:
    picture = Image.new("L", (300, 40), 255)
    ImageDraw.Draw(picture).line([(5, 10), (5, 15)], 0, 2)
    picture.putpixel((234, 11), 30)
    file = io.BytesIO()
    picture.save(file, "PNG")
    pieces = ink.find_pieces(file.getvalue())
    assert len(pieces.boxes) == 2
    with pytest.raises(ink.InkError, match="stands out"):
        pieces.draw([1])
    number = read_number(pieces, partial(ModelServer().evaluate, find_reader(RunStore.default())))
    assert len(number.digits) == 1


@pytest.mark.parametrize("digits", [(2, 4), (5, 0, 7), (3,)])
def test_a_photo_of_a_number_is_read_piece_by_piece(digits: tuple[int, ...]) -> None:
    reader = find_reader(RunStore.default())
    strokes = [one for place, digit in enumerate(digits) for one in sample(digit, 300 * place)]
    pieces = ink.find_pieces(photo_of(strokes))
    number = read_number(pieces, partial(ModelServer().evaluate, reader))
    assert number.text == "".join(map(str, digits))
    assert sorted(index for one in number.digits for index in one.pieces) == [
        *range(len(pieces.boxes))
    ]
    lefts = [one.box[0] for one in number.digits]
    assert lefts == sorted(lefts) and number.digits[-1].box[2] <= pieces.shape.shape[1]


def test_a_row_of_too_many_points_is_read_as_one_drawing() -> None:
    network = InkNetwork(NETWORK)
    few, many = (
        [line(30 * index, 0, 30 * index, 100).repeat(times, 0) for index in range(30)]
        for times in (1, 100)
    )
    read(few, network)
    assert network.asked > 100
    network.asked = 0
    read(many, network)
    assert network.asked == 1
