"""Several digits are a number: the network itself finds which strokes make each digit.

Strokes in a row, from left to right, are parted in every way that gives a few to each digit. The
network reads every part, and the most probable parting is the number (as LeCun et al., 1998, part a
word). Against it stand that all strokes are one digit, and that they are none. Marks between or
beside the digits, such as a minus or a point, are left out. The pieces of a picture that do not
touch are parted like strokes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from digitnet.digits.ink import InkError, Pieces, draw_whole
from digitnet.experiments import CLASSES
from digitnet.serving.networks import digit_probabilities, temper

MOST_STROKES = 40  # of a number; more are read as one drawing
MOST_POINTS = 20_000  # likewise: each is drawn in every part that may be a digit, and so ten times
MOST_OF_DIGIT = 4  # strokes: of 16,000 digits at hand one has more
WIDEST_GAP = 0.6  # between the strokes of a digit
# A mark stands apart from all digits, is flat, and not as high as the bar of a 5. In heights of the
# tallest stroke; 6 of UNIPEN's and UJI's 16,092 digits have a stroke of their own that is like one.
APART, FLAT, BELOW = 0.05, 0.25, 0.3
# Log-odds: fitted by maximum likelihood on numbers composed of UNIPEN's and UJI's digits, on their
# digits of several strokes, and on UNIPEN's letters. Then SPLIT and NEAR were lowered (from 1.2 and
# 3.4), which halves the letters taken for numbers and costs one number of 500: of those 15,997
# digits, seven fall apart. Lengths are in heights of the tallest stroke.
SURENESS = 3.4  # for the log-probability that a part is a digit
SPLIT = 0.7  # for each digit after the first
SHORT, SHORTEST = 2.5, 0.7  # against each height that a digit lacks to the shortest
OVERLAP = 4.0  # against each height by which neighbours overlap
NEAR, NEAREST = 2.5, 0.5  # against each height that lacks between the middles of neighbours
LEAST = 1e-6  # probability, so that its logarithm is finite, and height

Evaluate = Callable[[np.ndarray], np.ndarray]
Part = tuple[int, int]  # of a row of strokes: the first, and the one after the last


@dataclass(frozen=True)
class ReadDigit:
    """A digit of a number.

    Args:
        pieces: Indices of the strokes, or of a picture's pieces, that make it, rising.
        box: Left, top, right and bottom of these, in their unit.
        digit: 0 to 9.
        probability: Of this digit, given that it is one; calibrated.
    """

    pieces: tuple[int, ...]
    box: tuple[float, ...]
    digit: int
    probability: float


@dataclass(frozen=True)
class Number:
    """A number as it was read.

    Args:
        digits: From left to right, at least one.
        marks: Indices of the strokes or pieces that are left out, from left to right: a minus, a
            point, a colon. None beside a single digit, which they may be a part of.
    """

    digits: tuple[ReadDigit, ...]
    marks: tuple[int, ...] = ()

    @property
    def text(self) -> str:
        """The number as one writes it."""
        return "".join(str(one.digit) for one in self.digits)


def read_number(pieces: Pieces, evaluate: Evaluate, temperature: float = 1) -> Number:
    """Reads a drawing's strokes or a picture's pieces as a number, which may have one digit.

    Args:
        pieces: What was drawn or pictured.
        evaluate: All outputs, float32 (n, 11), of a network that knows what is no digit, for
            images uint8 (n, 28, 28).
        temperature: The network's, for the digits' probabilities.

    Returns:
        The number; where it is none, what the whole is read as, as its one digit.

    Raises:
        InkError: Nothing or no more than a dot is drawn, or the coordinates are unusable.
    """
    whole = draw_whole(pieces)  # first, since it checks them
    places = pieces.boxes
    inked = np.flatnonzero(np.isfinite(places).all(axis=1))
    row = inked[(places[inked, 0] + places[inked, 2]).argsort(kind="stable")]
    is_mark = find_marks(places[row])
    row, marks = row[~is_mark], row[is_mark]
    boxes = places[row]
    images = {(0, len(row)): whole}
    parts = find_parts(boxes) if pieces.points <= MOST_POINTS else []
    for begin, end in set(parts) - images.keys():
        with suppress(InkError):  # a dot, which is no digit by itself
            images[begin, end] = pieces.draw(row[begin:end])
    outputs = dict(zip(images, evaluate(np.stack(list(images.values()))), strict=True))
    chosen = choose_parts(boxes, outputs)
    if len(chosen) == 1:
        everything = _join(places[inked], (0, len(inked)))
        return Number((_read_digit(inked, everything, outputs[chosen[0]], temperature),))
    digits = (
        _read_digit(row[begin:end], _join(boxes, (begin, end)), outputs[begin, end], temperature)
        for begin, end in chosen
    )
    return Number(tuple(digits), tuple(marks.tolist()))


def _read_digit(
    pieces: np.ndarray, box: np.ndarray, outputs: np.ndarray, temperature: float
) -> ReadDigit:
    probabilities = temper(digit_probabilities(outputs[None]), temperature)[0]
    digit, probability = int(probabilities.argmax()), float(probabilities.max())
    return ReadDigit(tuple(sorted(pieces.tolist())), tuple(box.tolist()), digit, probability)


def _join(boxes: np.ndarray, part: Part) -> np.ndarray:
    """The box (4,) around those of a part."""
    boxes = boxes[part[0] : part[1]]
    return np.array([*boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0)])


def find_marks(boxes: np.ndarray) -> np.ndarray:
    """Which strokes are marks, bool (n,); none where all would be.

    Args:
        boxes: float (n, 4): left, top, right and bottom of each stroke.
    """
    height, top = _height_of(boxes), boxes[:, 1].min()
    is_mark = np.zeros(len(boxes), bool)
    for column in _find_columns(boxes, APART * height):
        is_flat = _height_of(boxes[column]) < FLAT * height
        middle = (boxes[column, 1].min() + boxes[column, 3].max()) / 2
        is_mark[column] = is_flat and middle - top > BELOW * height
    return is_mark & ~is_mark.all()


def _find_columns(boxes: np.ndarray, gap: float) -> list[np.ndarray]:
    """The strokes, by index, that stand one above the other, with a wider gap to all others."""
    order = boxes[:, 0].argsort(kind="stable")
    return np.split(order, np.flatnonzero(_gaps_between(boxes[order]) > gap) + 1)


def find_parts(boxes: np.ndarray) -> list[Part]:
    """The parts of a row that may be a digit: a few strokes, with no wide gap between them.

    Args:
        boxes: float (n, 4): left, top, right and bottom of each stroke, by their middles.

    Returns:
        First and one after the last; none of too long a row.
    """
    count = len(boxes) if len(boxes) <= MOST_STROKES else 0
    widest = WIDEST_GAP * _height_of(boxes)
    return [
        (begin, end)
        for begin in range(count)
        for end in range(begin + 1, min(begin + MOST_OF_DIGIT, count) + 1)
        if _gap_in(boxes[begin:end]) <= widest
    ]


def _height_of(boxes: np.ndarray) -> float:
    """The height of the tallest stroke, which is about a digit's."""
    return max(float((boxes[:, 3] - boxes[:, 1]).max()), LEAST)


def _gap_in(boxes: np.ndarray) -> float:
    """The widest gap, from left to right, that boxes leave between them; 0 if they leave none."""
    return float(_gaps_between(boxes[boxes[:, 0].argsort()]).max(initial=0))


def _gaps_between(boxes: np.ndarray) -> np.ndarray:
    """How far each box but the first lies right of all before it, (n - 1,); sorted by the left."""
    return boxes[1:, 0] - np.maximum.accumulate(boxes[:, 2])[:-1]


def choose_parts(boxes: np.ndarray, outputs: Mapping[Part, np.ndarray]) -> list[Part]:
    """The most probable parting of a row of strokes into digits.

    Args:
        boxes: float (n, 4): left, top, right and bottom of each stroke.
        outputs: float (11,) for every part that may be a digit, and for the whole row.

    Returns:
        A part for each digit; the whole where that is more probable, be it a digit or none.
    """
    whole = (0, len(boxes))
    heights = boxes / _height_of(boxes)
    places = {part: _join(heights, part) for part in outputs}
    nothing = float(np.log(max(outputs[whole][CLASSES], LEAST)))
    # The best parting of the strokes so far, by the last part of it: its score, and the parts.
    best: dict[Part, tuple[float, list[Part]]] = {}
    for part in sorted(outputs, key=lambda part: part[1]):
        score, place = _score_digit(places[part], outputs[part]), places[part]
        ways = [
            (before + _score_neighbours(places[last], place), parts)
            for last, (before, parts) in best.items()
            if last[1] == part[0]
        ]
        if ways or part[0] == 0:
            before, parts = max(ways, default=(0.0, []))
            best[part] = before + score, [*parts, part]
    partings = [way for last, way in best.items() if last[1] == len(boxes)]
    return max([(nothing, [whole]), *partings])[1]


def _score_digit(place: np.ndarray, outputs: np.ndarray) -> float:
    """The log-odds of a part as a digit, its box (4,) in heights."""
    is_digit = np.log(max(1 - outputs[CLASSES], LEAST))
    return float(SURENESS * is_digit - SHORT * max(0, SHORTEST - (place[3] - place[1])))


def _score_neighbours(left: np.ndarray, right: np.ndarray) -> float:
    """The log-odds of two digits side by side, their boxes (4,) in heights."""
    overlap = max(0, left[2] - right[0])
    near = max(0, NEAREST - (right[0] + right[2] - left[0] - left[2]) / 2)
    return float(SPLIT - OVERLAP * overlap - NEAR * near)
