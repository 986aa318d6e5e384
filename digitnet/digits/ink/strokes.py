"""Strokes become what the networks were trained on.

MNIST's manner (LeCun et al., 1998, "Gradient-based learning applied to document recognition"):
the digit fills a box of 20x20 pixels with its aspect kept, antialiased, and its centre of mass
lies at the centre of 28x28. Strokes are redrawn at one pen width, whatever brush was used.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from digitnet.errors import DigitnetError

Strokes = list[np.ndarray]  # each float64 (k, 2) of x (rightwards) and y (downwards), any unit
INK_VERSION = 1  # of `render_strokes`: raise it when strokes come to other pixels than before
FIELD = 28  # pixels: the networks see FIELD x FIELD
BOX = 20  # pixels: the longer side of a digit
CENTRE = 14  # pixel index of the centre of mass: MNIST's mean is 14.00 both ways
# Chosen on Pen-Based Recognition's training set (every third of 7,494 drawings), by the mean
# accuracy of cnn, cnn_fc, cnn_short, lenet5, fc and fc_small: 0.929 as it stands.
# Pen 2.4: 0.925, 2.8: 0.918, 3.4: 0.901; 1.6 is no better and looks thin. MNIST's own test digits,
# thinned to a line and redrawn, are read best at 2.0 to 2.4 too. That is thinner than MNIST's mean
# of 3.2, so that small loops stay open.
PEN_WIDTH = 2.0  # pixels
PEN_EDGE = 1.4  # pixels over which the ink fades out. 0.7: 0.924, 2.0: 0.925
SAMPLE_STEP = 0.35  # pixels between the points of a redrawn stroke: its edge is off by 0.01
MOST_SAMPLES = 20_000  # points; a scribble of more than 7,000 pixels is sampled more coarsely
MOST_POINTS = 100_000  # points of a drawing: half an hour of a mouse's
LARGEST_COORDINATE = 1e6
SMALLEST_EXTENT = 1e-6
NO_STROKE = "A stroke must be a list of points [x, y], both numbers."
_EDGES = (-0.5, FIELD - 0.5)  # of the field, where pixel 0 has its centre at 0


class InkError(DigitnetError):
    """Ink that cannot be read; the message is a sentence for the user."""


def no_file(name: str, error: OSError) -> InkError:
    """That a file cannot be read, and the system's reason."""
    return InkError(f"{name} cannot be read: {str(error.strerror or error).lower()}.")


def render_strokes(strokes: Iterable[Any]) -> np.ndarray:
    """Redraws strokes as a digit in MNIST's manner.

    Position, size, brush and the density of points do not matter: the box is fitted to the
    strokes and a round pen follows them.

    Args:
        strokes: Strokes, each (k, 2) of x (rightwards) and y (downwards) in any unit.

    Returns:
        uint8 (28, 28), 0 for the background, 255 for ink.

    Raises:
        InkError: Nothing or no more than a dot is drawn, or the coordinates are unusable.
    """
    fitted, extent = _fit_into_box(_check_strokes(strokes))
    points = _sample_all(fitted)
    return _centre_mass(lambda shift: _draw(points + shift), extent + PEN_WIDTH + PEN_EDGE)


def place_strokes(strokes: Iterable[Any]) -> Strokes:
    """Where strokes lie in what `render_strokes` makes of them.

    Args:
        strokes: Strokes as in `render_strokes`.

    Returns:
        The same strokes in pixels, where the first pixel has its centre at 0.

    Raises:
        InkError: Nothing or no more than a dot is drawn, or the coordinates are unusable.
    """
    fitted, extent = _fit_into_box(_check_strokes(strokes))
    shift = _find_shift(_draw(_sample_all(fitted)), extent + PEN_WIDTH + PEN_EDGE)
    return [points + shift for points in fitted]


def draw_placed(strokes: Strokes, width: float = PEN_WIDTH) -> np.ndarray:
    """Draws strokes where they lie, with a round pen; what is outside of the field is not seen.

    Args:
        strokes: In pixels, as `place_strokes` returns them.
        width: Of the pen, pixels.

    Returns:
        uint8 (28, 28).
    """
    return np.round(255 * _draw(_sample_all(strokes), width)).astype(np.uint8)


def add_strokes(image: np.ndarray, strokes: Iterable[Any], size: float) -> np.ndarray:
    """Adds strokes to an image in MNIST's manner; neither is moved.

    A stroke that leaves the board ends at its edge, and begins there anew where it returns.

    Args:
        image: uint8 (28, 28), 0 for the background, 255 for ink.
        strokes: Strokes as in `render_strokes`, on a square board; perhaps none.
        size: Side of the board, in the strokes' unit.

    Returns:
        uint8 (28, 28).

    Raises:
        InkError: The coordinates are unusable.
    """
    strokes = [stroke for stroke in strokes if len(stroke)]
    checked = _check_strokes(strokes) if strokes else []
    pixels = [part for points in checked for part in _cut_at_edges(points * FIELD / size - 0.5)]
    if not pixels:
        return image
    return np.maximum(image, draw_placed(pixels))


def _cut_at_edges(points: np.ndarray) -> Strokes:
    """Returns the parts of a stroke (k, 2), in pixels, that lie in the field."""
    if len(points) == 1:
        return [points] if _is_in_field(points).all() else []
    at = np.sort(np.concatenate([np.arange(len(points)), *_find_crossings(points)]))
    cut = np.stack([np.interp(at, np.arange(len(points)), axis) for axis in points.T], axis=1)
    inside = _is_in_field((cut[:-1] + cut[1:]) / 2)  # each piece between two edges, by its middle
    turns = np.flatnonzero(np.diff(inside)) + 1
    parts = np.split(np.arange(len(inside)), turns)
    return [cut[part[0] : part[-1] + 2] for part in parts if inside[part[0]]]


def _find_crossings(points: np.ndarray) -> list[np.ndarray]:
    """Returns where a stroke crosses each edge's line, counted in points from its start."""
    crossings = []
    for edge in _EDGES:
        for beyond in (points - edge).T:
            before = np.flatnonzero(beyond[:-1] * beyond[1:] < 0)
            crossings.append(before + beyond[before] / (beyond[before] - beyond[before + 1]))
    return crossings


def _is_in_field(points: np.ndarray) -> np.ndarray:
    """Returns for each point (k, 2), in pixels, whether it is in the field or on its edge."""
    return np.all((points >= _EDGES[0]) & (points <= _EDGES[1]), axis=1)


def _check_strokes(strokes: Iterable[Any]) -> Strokes:
    """Returns the strokes that have points; raises InkError where they cannot be drawn."""
    drawn, count = [], 0
    for stroke in strokes:
        points = _as_points(stroke)
        count += len(points)
        if count > MOST_POINTS:
            raise InkError(f"The drawing has more than {MOST_POINTS:,} points: draw one digit.")
        if len(points):
            drawn.append(points)
    if not drawn:
        raise InkError("Nothing is drawn yet: draw one digit, as large as you like.")
    return drawn


def _as_points(stroke: Any) -> np.ndarray:
    """Returns a stroke as float64 (k, 2) or raises InkError."""
    try:
        given = np.asarray(stroke)
        points = given.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise InkError(NO_STROKE) from error
    if points.size == 0:
        return np.empty((0, 2))
    if points.ndim != 2 or points.shape[1] != 2 or given.dtype.kind not in "iufO":
        raise InkError(NO_STROKE)
    if not (np.abs(points) <= LARGEST_COORDINATE).all():
        raise InkError("A coordinate is not a number or beyond a million: draw the digit again.")
    return points


def _fit_into_box(strokes: Strokes) -> tuple[Strokes, np.ndarray]:
    """Scales strokes so that their ink fills the box, and puts them in the middle of the field.

    Returns:
        The strokes and their extent (2,), both in pixels.
    """
    everything = np.concatenate(strokes)
    origin, extent = everything.min(axis=0), np.ptp(everything, axis=0)
    if extent.max() < SMALLEST_EXTENT:
        raise InkError("A dot is too little to read: draw one digit, as large as you like.")
    scale = (BOX - PEN_WIDTH - PEN_EDGE) / extent.max()
    corner = CENTRE - extent * scale / 2
    return [(points - origin) * scale + corner for points in strokes], extent * scale


def _sample_all(strokes: Strokes) -> np.ndarray:
    """Samples strokes, in pixels, evenly; returns the points of all (n, 2)."""
    length = sum(_distances_along(points)[-1] for points in strokes)
    step = max(SAMPLE_STEP, length / MOST_SAMPLES)
    return np.concatenate([_sample(points, step) for points in strokes])


def _distances_along(points: np.ndarray) -> np.ndarray:
    """Returns each point's distance (k,) from the start, measured along the stroke."""
    return np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])


def _sample(points: np.ndarray, step: float) -> np.ndarray:
    """Samples a stroke evenly at most a step apart, both ends included."""
    along = _distances_along(points)
    at = np.linspace(0, along[-1], 1 + math.ceil(along[-1] / step))
    return np.stack([np.interp(at, along, axis) for axis in points.T], axis=1)


def _draw(points: np.ndarray, width: float = PEN_WIDTH) -> np.ndarray:
    """Draws points (n, 2) with a round pen; returns the ink (28, 28) in [0, 1]."""
    reach = math.ceil((width + PEN_EDGE) / 2 - 0.5)  # pixels that the pen inks beside its own
    around = np.indices((2 * reach + 1, 2 * reach + 1)).reshape(2, -1) - reach
    squared = np.full((FIELD + 2 * reach, FIELD + 2 * reach), np.inf)
    for part in np.array_split(points, math.ceil(len(points) / 4096)):  # bounds memory
        rows, columns, distances = _find_distances(part, around)
        np.minimum.at(squared, (rows + reach, columns + reach), distances)
    return _shade(width / 2 - np.sqrt(squared[reach:-reach, reach:-reach]))


def _find_distances(points: np.ndarray, around: np.ndarray) -> tuple[np.ndarray, ...]:
    """How near points (n, 2) come to the pixels around them.

    Many points share their nearest pixel, and with it the pixels around it: for each of these, the
    nearest of those points stands for all.

    Args:
        points: In pixels.
        around: Rows and columns (2, m) of pixels beside a point's own.

    Returns:
        Rows, columns and squared distances, each (k, m), of k nearest pixels.
    """
    nearest = np.clip(np.round(points), 0, FIELD - 1).astype(int)  # 27.5, the edge, rounds to 28
    order = np.lexsort(nearest.T)
    (x, y), (column, row) = points[order].T[..., None], nearest[order].T[..., None]
    first = np.flatnonzero(np.diff(row * FIELD + column, axis=0, prepend=-1))
    rows, columns = row + around[0], column + around[1]
    distances = (rows - y) ** 2 + (columns - x) ** 2
    return rows[first], columns[first], np.minimum.reduceat(distances, first)


def _shade(depth: np.ndarray) -> np.ndarray:
    """Returns the ink in [0, 1] at a depth, in pixels, inside (positive) the edge of the ink."""
    return np.clip(0.5 + depth / PEN_EDGE, 0, 1)


def _centre_mass(draw: Callable[[np.ndarray], np.ndarray], size: np.ndarray) -> np.ndarray:
    """Draws ink with its centre of mass at the field's centre, but none of it outside.

    Args:
        draw: Draws the ink, its box in the middle of the field, shifted by (x, y) in pixels.
        size: Width and height (2,) of the ink in pixels.

    Returns:
        uint8 (28, 28).
    """
    shift = _find_shift(draw(np.zeros(2)), size)
    return np.round(255 * draw(shift)).astype(np.uint8)


def _find_shift(image: np.ndarray, size: np.ndarray) -> np.ndarray:
    """By how much (x, y) ink of this size (2,), in pixels, is moved to be centred by its mass."""
    index = np.arange(FIELD)
    mass = np.array([image.sum(axis=0) @ index, image.sum(axis=1) @ index]) / image.sum()
    return np.clip(CENTRE - mass, size / 2 - CENTRE - 1, FIELD - CENTRE - size / 2)
