"""Several digits are a number: the network itself finds which strokes make each digit.

Strokes are parted in every way that gives a few neighbours to each digit. The network reads every
group, and the most probable parting is the number (as LeCun et al., 1998, part a word). Against it
stand that all strokes are one digit, and that they are none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from digitnet.digits.ink import InkError, render_strokes
from digitnet.experiments import CLASSES
from digitnet.serving.networks import digit_probabilities

MOST_STROKES = 40  # of a number; more are read as one drawing
MOST_OF_DIGIT = 4  # strokes: none of 16,000 digits at hand has more but one 8
WIDEST_GAP = 0.6  # between the strokes of a digit
# Log-odds: fitted by maximum likelihood on numbers composed of UNIPEN's and UJI's digits, on their
# digits of several strokes, and on UNIPEN's letters. SPLIT and NEAR are a little less than so
# found: of those 15,997 digits, five fall apart. Lengths are in heights of the tallest stroke.
SURENESS = 3.4  # for the log-probability that a group is a digit
SPLIT = 1.0  # for each digit after the first
SHORT, SHORTEST = 2.5, 0.7  # against each height that a digit lacks to the shortest
OVERLAP = 4.0  # against each height by which neighbours overlap
NEAR, NEAREST = 3.0, 0.5  # against each height that lacks between the middles of neighbours
LEAST = 1e-6  # probability, so that its logarithm is finite

Evaluate = Callable[[np.ndarray], np.ndarray]
Group = tuple[int, ...]  # indices of strokes, rising
Box = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True)
class ReadDigit:
    """A digit of a number.

    Args:
        strokes: Indices of the strokes that make it, rising.
        box: Left, top, right and bottom of its strokes, in their unit.
        digit: 0 to 9.
        probability: Of this digit, given that it is one.
    """

    strokes: Group
    box: Box
    digit: int
    probability: float


@dataclass(frozen=True)
class Number:
    """A number as it was read; its digits from left to right, at least one."""

    digits: tuple[ReadDigit, ...]

    @property
    def text(self) -> str:
        """The number as one writes it."""
        return "".join(str(one.digit) for one in self.digits)


def read_number(strokes: Sequence[np.ndarray], evaluate: Evaluate) -> Number:
    """Reads strokes as a number, which may have one digit.

    Args:
        strokes: Each float (k, 2) of x (rightwards) and y (downwards) in any unit.
        evaluate: All outputs, float32 (n, 11), of a network that knows what is no digit, for
            images uint8 (n, 28, 28).

    Returns:
        The number; where the strokes are no number, what the whole is read as, as its one digit.

    Raises:
        InkError: Nothing or no more than a dot is drawn, or the coordinates are unusable.
    """
    places = [index for index, points in enumerate(strokes) if len(points)]
    drawn = [strokes[index] for index in places]
    images = {tuple(range(len(drawn))): render_strokes(drawn)}  # first, since it checks them
    boxes = np.array([[*points.min(axis=0), *points.max(axis=0)] for points in drawn])
    rows = find_rows(boxes) if len(drawn) <= MOST_STROKES else []
    for group in find_groups(rows, boxes) - images.keys():
        with suppress(InkError):  # a dot, which is no digit by itself
            images[group] = render_strokes([drawn[index] for index in group])
    outputs = dict(zip(images, evaluate(np.stack(list(images.values()))), strict=True))
    groups = choose_groups(rows, boxes, outputs)
    shares = digit_probabilities(np.stack([outputs[group] for group in groups]))
    digits = (
        ReadDigit(
            strokes=tuple(places[index] for index in group),
            box=_box_of(group, boxes),
            digit=int(share.argmax()),
            probability=float(share.max()),
        )
        for group, share in zip(groups, shares, strict=True)
    )
    return Number(tuple(digits))


def find_rows(boxes: np.ndarray) -> list[Group]:
    """The orders in which the strokes of a digit may be neighbours: by middle, and as drawn.

    Args:
        boxes: float (n, 4): left, top, right and bottom of each stroke.
    """
    by_middle = np.argsort(boxes[:, 0] + boxes[:, 2], kind="stable")
    return list(dict.fromkeys([tuple(by_middle.tolist()), tuple(range(len(boxes)))]))


def find_groups(rows: Sequence[Group], boxes: np.ndarray) -> set[Group]:
    """Neighbours in a row that may be a digit: a few, with no wide gap between them."""
    runs = {
        tuple(sorted(row[start : start + size]))
        for row in rows
        for size in range(1, MOST_OF_DIGIT + 1)
        for start in range(len(row) - size + 1)
    }
    widest = WIDEST_GAP * _height_of(boxes)
    return {run for run in runs if _gap_in(boxes[list(run)]) <= widest}


def _height_of(boxes: np.ndarray) -> float:
    """The height of the tallest stroke, which is about a digit's."""
    return max(float((boxes[:, 3] - boxes[:, 1]).max()), LEAST)


def _gap_in(boxes: np.ndarray) -> float:
    """The widest gap, from left to right, that boxes leave between them; 0 if they leave none."""
    boxes = boxes[boxes[:, 0].argsort()]
    reached = np.maximum.accumulate(boxes[:, 2])
    return float((boxes[1:, 0] - reached[:-1]).max(initial=0))


def _box_of(group: Group, boxes: np.ndarray) -> Box:
    left, top = boxes[list(group), :2].min(axis=0)
    right, bottom = boxes[list(group), 2:].max(axis=0)
    return float(left), float(top), float(right), float(bottom)


def choose_groups(
    rows: Sequence[Group], boxes: np.ndarray, outputs: Mapping[Group, np.ndarray]
) -> list[Group]:
    """The most probable parting of strokes into digits.

    Args:
        rows: The orders of strokes to part.
        boxes: float (n, 4): left, top, right and bottom of each stroke.
        outputs: float (11,) for every group that may be a digit, and for all strokes.

    Returns:
        A group for each digit, from left to right; one of all strokes where that is more probable,
        be it a digit or none.
    """
    whole = tuple(range(len(boxes)))
    height = _height_of(boxes)
    unit = {group: np.array(_box_of(group, boxes)) / height for group in outputs}
    scores = {group: _score_group(unit[group], outputs[group]) for group in outputs}
    nothing = float(np.log(max(outputs[whole][CLASSES], LEAST)))
    best, chosen = max(scores[whole], nothing), [whole]
    for row in rows:
        score, groups = _part_row(row, unit, scores)
        if score > best:
            best, chosen = score, groups
    return sorted(chosen, key=lambda group: unit[group][0] + unit[group][2])


def _score_group(box: np.ndarray, outputs: np.ndarray) -> float:
    """The log-odds of a group, its box (4,) in heights, as a digit."""
    is_digit = np.log(max(1 - outputs[CLASSES], LEAST))
    return float(SURENESS * is_digit - SHORT * max(0, SHORTEST - (box[3] - box[1])))


def _score_neighbours(left: np.ndarray, right: np.ndarray) -> float:
    """The log-odds of two digits, their boxes (4,) in heights, side by side."""
    overlap = max(0, left[2] - right[0])
    near = max(0, NEAREST - (right[0] + right[2] - left[0] - left[2]) / 2)
    return float(SPLIT - OVERLAP * overlap - NEAR * near)


def _part_row(
    row: Group, unit: Mapping[Group, np.ndarray], scores: Mapping[Group, float]
) -> tuple[float, list[Group]]:
    """The best parting of a row into runs, by dynamic programming over the last run."""
    ends: list[dict[Group, tuple[float, list[Group]]]] = [{(): (0.0, [])}]
    for end in range(1, len(row) + 1):
        ways = {}
        for start in range(max(0, end - MOST_OF_DIGIT), end):
            group = tuple(sorted(row[start:end]))
            if group in scores and ends[start]:
                ways[group] = max(
                    (
                        score
                        + scores[group]
                        + (_score_neighbours(unit[last], unit[group]) if last else 0.0),
                        [*groups, group],
                    )
                    for last, (score, groups) in ends[start].items()
                )
        ends.append(ways)
    return max(ends[-1].values(), default=(-np.inf, []))
