"""A drawing as a short text that a link can hold, and back.

Strokes are thinned to the points that make their shape (Ramer, 1972; Douglas and Peucker, 1973)
and rounded to a grid; each point is told by its step from the one before, in one byte for each of
x and y where it is near, and the bytes are written in the URL's own 64 characters.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np

from digitnet.digits.ink.strokes import InkError, Strokes, _check_strokes

FORMAT = 1  # the first number of a link: raise it when the others come to mean something else
MOST_CHARACTERS = 4000  # a usual digit has about 100
MOST_THINNED = 20_000  # points that are thinned, so that no scribble is waited for
LARGEST_PLACE = 4000  # pixels from the board's corner, either way
FINEST = 4  # times that a pixel may be halved
FEWEST_UNITS = 128  # of the longer side: a small drawing's pixels are halved until it has as many
TOLERANCE = 0.5  # units: thinning moves a line no further than rounding does
_MOST_ROUNDS = 8
_UNREADABLE = "The link's drawing cannot be read: it was cut short or altered. Draw it again."


def encode_strokes(strokes: Iterable[np.ndarray]) -> str:
    """Writes a drawing so that a link can hold it.

    What `decode_strokes` makes of it looks alike to the networks, and is written just the same.

    Args:
        strokes: Each (k, 2) of x (rightwards) and y (downwards), in pixels of the canvas.

    Returns:
        Letters, digits, "-" and "_", at most `MOST_CHARACTERS`.

    Raises:
        InkError: Nothing is drawn, or it is too much or too far away for a link.
    """
    drawn = _check_strokes(strokes)
    if sum(map(len, drawn)) > MOST_THINNED:
        raise InkError("The drawing is too long for a link: draw one digit.")
    if max(np.abs(points).max() for points in drawn) > LARGEST_PLACE:
        raise InkError("The drawing lies too far from the board for a link.")
    code = _write(drawn)
    for _ in range(_MOST_ROUNDS):  # rounding may have made a point needless
        before, code = code, _write(_read(code))
        if code == before:
            break
    if len(code) > MOST_CHARACTERS:
        raise InkError("The drawing is too long for a link: draw one digit.")
    return code


def decode_strokes(code: str) -> Strokes:
    """The strokes, float64 (k, 2) in pixels of the canvas, that `encode_strokes` wrote.

    Raises:
        InkError: It is no drawing's.
    """
    if len(code) > MOST_CHARACTERS or not re.fullmatch(r"[A-Za-z0-9_-]+", code):
        raise InkError(_UNREADABLE)
    try:
        return _read(code)
    except (ValueError, StopIteration) as error:
        raise InkError(_UNREADABLE) from error


def _write(strokes: Strokes) -> str:
    halvings = _count_halvings(strokes)
    numbers, here = [FORMAT, halvings], np.zeros(2, np.int64)
    for stroke in strokes:
        units = np.round(_thin(stroke * 2**halvings, TOLERANCE)).astype(np.int64)
        steps = np.diff(units, axis=0, prepend=here[None])
        is_new = np.append(True, steps[1:].any(axis=1))
        numbers += [int(is_new.sum()), *(_fold(step) for step in steps[is_new].ravel().tolist())]
        here = units[-1]
    content = b"".join(map(_pack, numbers))
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _read(code: str) -> Strokes:
    """Raises ValueError or StopIteration where the numbers are no drawing's."""
    content = base64.b64decode(code + "=" * (-len(code) % 4), altchars=b"-_", validate=True)
    numbers, here = _unpack(content), np.zeros(2, np.int64)
    version, halvings = next(numbers), next(numbers)
    if version != FORMAT or halvings > FINEST:
        raise ValueError(f"a link of format {version}, {halvings}")
    strokes = []
    for count in numbers:
        steps = [_unfold(number) for number in islice(numbers, 2 * count)]
        if not count or len(steps) < 2 * count:
            raise ValueError("a stroke is cut short")
        units = here + np.cumsum(np.reshape(steps, (count, 2)), axis=0)
        strokes.append(units / 2**halvings)
        here = units[-1]
    if not strokes or max(np.abs(points).max() for points in strokes) > LARGEST_PLACE:
        raise ValueError("no stroke, or one too far away")
    return strokes


def _count_halvings(strokes: Strokes) -> int:
    """How often a pixel is to be halved, so that a small drawing has units enough."""
    extent = float(np.ptp(np.concatenate(strokes), axis=0).max())
    return next((one for one in range(FINEST) if extent * 2**one >= FEWEST_UNITS), FINEST)


def _thin(points: np.ndarray, tolerance: float) -> np.ndarray:
    """Returns those of a stroke's points (k, 2) that the line through them cannot do without."""
    kept = np.zeros(len(points), bool)
    kept[[0, -1]] = True
    places = points @ (1, 1j)
    open_parts = [(0, len(points) - 1)]
    while open_parts:
        first, last = open_parts.pop()
        if last - first < 2:
            continue
        away = _distances_to(places[first + 1 : last], places[first], places[last])
        farthest = int(away.argmax())
        if away[farthest] > tolerance:
            middle = first + 1 + farthest
            kept[middle] = True
            open_parts += [(first, middle), (middle, last)]
    return points[kept]


def _distances_to(points: np.ndarray, start: complex, end: complex) -> np.ndarray:
    """Returns how far points x + iy lie from a line's piece; rounded, so that equals are equal."""
    along, offsets = end - start, points - start
    length = abs(along) ** 2
    if length:
        at = (offsets * along.conjugate()).real / length
        offsets = offsets - np.minimum(np.maximum(at, 0), 1) * along
    return np.abs(offsets).round(3)


def _fold(number: int) -> int:
    """An integer as one of 0 or more, small where it is near 0."""
    return 2 * number if number >= 0 else -2 * number - 1


def _unfold(number: int) -> int:
    return -(number + 1) // 2 if number % 2 else number // 2


def _pack(number: int) -> bytes:
    """A number of 0 or more, seven bits a byte, the lowest first."""
    low, high = number % 128, number // 128
    return bytes([low | 128]) + _pack(high) if high else bytes([low])


def _unpack(content: bytes) -> Iterator[int]:
    number = shift = 0
    for byte in content:
        number |= (byte & 127) << shift
        shift += 7
        if shift > 28:
            raise ValueError("a number is too large")
        if byte < 128:
            yield number
            number = shift = 0
    if shift:
        raise ValueError("a number is cut short")
