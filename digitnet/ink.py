"""Ink: strokes or an image become what the networks were trained on.

MNIST's manner (LeCun et al., 1998, "Gradient-based learning applied to document recognition"):
the digit fills a box of 20x20 pixels with its aspect kept, antialiased, and its centre of mass
lies at the centre of 28x28. Strokes are redrawn at one pen width, whatever brush was used;
images are cleaned first and then come to the same.
"""

from __future__ import annotations

import gzip
import io
import json
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from PIL import Image, ImageOps

Strokes = list[np.ndarray]  # each float64 (k, 2) of x (rightwards) and y (downwards), any unit

FIELD = 28  # pixels: the networks see FIELD x FIELD
BOX = 20  # pixels: the longer side of the ink, its antialiased edge included
CENTRE = 14  # pixel index of the centre of mass: MNIST's mean is 14.00 both ways

# Chosen on the 7,494 drawings of Pen-Based Recognition's training set with a cnn (and a fc):
# pen 1.6 reads 0.943 (0.919), 2.0 0.942 (0.918), 2.4 0.939 (0.912), 2.8 0.935 (0.904) and 3.4
# 0.924 (0.876). MNIST's own test digits, thinned to a line and redrawn, are read best at 2.0 to
# 2.4. That is thinner than MNIST's pens, so that small loops stay open.
PEN_WIDTH = 2.0  # pixels
PEN_EDGE = 1.4  # pixels over which the ink fades out; 1.0 to 1.8 differ by less than 0.002

SAMPLE_STEP = 0.35  # pixels between the points of a redrawn stroke: its edge is off by 0.01
MOST_SAMPLES = 20_000  # points; a scribble of more than 7,000 pixels is sampled more coarsely
MOST_POINTS = 100_000  # points of a drawing: half an hour of a mouse's
LARGEST_COORDINATE = 1e6
SMALLEST_EXTENT = 1e-6


class InkError(ValueError):
    """Ink that cannot be read; the message is a sentence for the user."""


# --- strokes ------------------------------------------------------------------------------------


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
    points, size = _fit_into_box(_check_strokes(strokes))
    points += CENTRE - size / 2
    half = (size + PEN_WIDTH + PEN_EDGE) / 2
    shift = CENTRE - _centre_of_mass(_draw(points))
    shift = np.clip(shift, half - CENTRE - 1, FIELD - CENTRE - half)  # no ink leaves the field
    return np.round(255 * _draw(points + shift)).astype(np.uint8)


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
        points = np.asarray(stroke, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise InkError("A stroke must be a list of points [x, y], both numbers.") from error
    if points.size == 0:
        return np.empty((0, 2))
    if points.ndim != 2 or points.shape[1] != 2:
        raise InkError("A stroke must be a list of points [x, y], both numbers.")
    if not (np.abs(points) <= LARGEST_COORDINATE).all():
        raise InkError("A coordinate is not a number or beyond a million: draw the digit again.")
    return points


def _fit_into_box(strokes: Strokes) -> tuple[np.ndarray, np.ndarray]:
    """Scales strokes so that their ink fills the box, and samples them evenly.

    Returns:
        The points of all strokes (n, 2) and their extent (2,), both in pixels from the origin.
    """
    everything = np.concatenate(strokes)
    origin, extent = everything.min(axis=0), np.ptp(everything, axis=0)
    if extent.max() < SMALLEST_EXTENT:
        raise InkError("A dot is too little to read: draw one digit, as large as you like.")
    scale = (BOX - PEN_WIDTH - PEN_EDGE) / extent.max()
    fitted = [(points - origin) * scale for points in strokes]
    length = sum(_distances_along(points)[-1] for points in fitted)
    step = max(SAMPLE_STEP, length / MOST_SAMPLES)
    return np.concatenate([_sample(points, step) for points in fitted]), extent * scale


def _distances_along(points: np.ndarray) -> np.ndarray:
    """Returns each point's distance (k,) from the start, measured along the stroke."""
    return np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])


def _sample(points: np.ndarray, step: float) -> np.ndarray:
    """Samples a stroke evenly at most a step apart, both ends included."""
    along = _distances_along(points)
    at = np.linspace(0, along[-1], 1 + math.ceil(along[-1] / step))
    return np.stack([np.interp(at, along, axis) for axis in points.T], axis=1)


_REACH = math.ceil((PEN_WIDTH + PEN_EDGE) / 2 - 0.5)  # pixels that the pen inks beside its own
_AROUND = np.stack(np.mgrid[-_REACH : _REACH + 1, -_REACH : _REACH + 1], axis=-1).reshape(-1, 2)


def _draw(points: np.ndarray) -> np.ndarray:
    """Draws points (n, 2) with a round pen; returns the ink (28, 28) in [0, 1]."""
    squared = np.full((FIELD + 2 * _REACH, FIELD + 2 * _REACH), np.inf)
    for part in np.array_split(points[:, ::-1], math.ceil(len(points) / 4096)):  # bounds memory
        pixels = np.round(part).astype(int)[:, None] + _AROUND
        rows, columns = np.moveaxis(pixels + _REACH, -1, 0)
        np.minimum.at(squared, (rows, columns), ((pixels - part[:, None]) ** 2).sum(axis=-1))
    distance = np.sqrt(squared[_REACH:-_REACH, _REACH:-_REACH])
    return _pen_profile(distance)


def _pen_profile(distance: np.ndarray) -> np.ndarray:
    """Returns the ink in [0, 1] at a distance, in pixels, from the pen's path."""
    return np.clip(0.5 + (PEN_WIDTH / 2 - distance) / PEN_EDGE, 0, 1)


def _centre_of_mass(image: np.ndarray) -> np.ndarray:
    """Returns the (x, y) of an image's centre of mass in pixel indices."""
    index = np.arange(FIELD)
    return np.array([image.sum(axis=0) @ index, image.sum(axis=1) @ index]) / image.sum()


# --- the canvas ---------------------------------------------------------------------------------

TAP = 4  # canvas pixels: a stroke within them is a dot, as when a finger taps
_ORIGIN = {"left": -0.5, "top": -0.5, "center": 0.0, "right": 0.5, "bottom": 0.5}


def strokes_from_canvas(json_data: Any, size: float = math.inf) -> Strokes:
    """Reads the freehand strokes of streamlit-drawable-canvas, whose JSON is Fabric.js's.

    Args:
        json_data: `CanvasResult.json_data`, None before the canvas is ready. Each object's own
            transform is applied: moved, scaled, rotated, skewed, flipped.
        size: Side of the canvas in pixels; strokes that lie wholly outside are left out.

    Returns:
        List of strokes, float64 (k, 2) in canvas pixels.

    Raises:
        InkError: An object is not as the canvas writes it.
    """
    try:
        objects = json_data["objects"] if json_data else []
        strokes = [
            stroke
            for item in objects
            if item["type"].lower() == "path"
            for stroke in _strokes_of_path(item)
        ]
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise InkError("The drawing cannot be read: clear the canvas and draw again.") from error
    return [stroke for stroke in strokes if not _is_outside(stroke, size)]


def _is_outside(stroke: np.ndarray, size: float) -> bool:
    low, high = stroke.min(axis=0), stroke.max(axis=0)
    return bool((high < 0).any() or (low > size).any())


def _strokes_of_path(item: dict[str, Any]) -> Strokes:
    """Returns the subpaths of a Fabric path where they lie on the canvas."""
    subpaths, measured = _read_path(item["path"])
    if not subpaths:
        return []
    matrix, centre = _transform_of(item)
    corners = (_CURVE @ measured).reshape(-1, 2)
    offset = (corners.min(axis=0) + corners.max(axis=0)) / 2  # Fabric's pathOffset
    strokes = [
        ((_CURVE @ np.array(curves)).reshape(-1, 2) - offset) @ matrix.T + centre
        for curves in subpaths
    ]
    return [
        stroke.mean(axis=0, keepdims=True) if np.ptp(stroke, axis=0).max() < TAP else stroke
        for stroke in strokes
    ]


_T = np.linspace(0, 1, 9)[:, None]
_CURVE = np.hstack([(1 - _T) ** 3, 3 * _T * (1 - _T) ** 2, 3 * _T**2 * (1 - _T), _T**3])


def _read_path(commands: list[list[Any]]) -> tuple[list[list[Any]], np.ndarray]:
    """Reads SVG-like commands (M, L, Q, C, Z, absolute) as cubic Bezier curves.

    Returns:
        For each subpath its curves, each (4, 2); and all curves (n, 4, 2) as Fabric measures
        them, which takes a quadratic for the cubic that has its control point twice.
    """
    subpaths: list[list[Any]] = []
    measured: list[list[tuple[float, float]]] = []
    start = here = (0.0, 0.0)
    for name, *numbers in commands:
        if name == "M":
            start = here = (float(numbers[0]), float(numbers[1]))
            subpaths.append([])
            continue
        points = [(float(x), float(y)) for x, y in zip(numbers[::2], numbers[1::2], strict=True)]
        end = points[-1] if points else start
        first, second = (points[0], points[-2]) if len(points) > 1 else (here, end)
        measured.append([here, first, second, end])
        if name == "Q":
            first, second = _towards(here, first), _towards(end, second)
        subpaths[-1].append([here, first, second, end])
        here = end
    return [curves for curves in subpaths if curves], np.array(measured)


def _towards(end: tuple[float, float], control: tuple[float, float]) -> tuple[float, float]:
    """Returns a cubic's control point for a quadratic's, which lies two thirds of the way."""
    return (end[0] + 2 * control[0]) / 3, (end[1] + 2 * control[1]) / 3


def _transform_of(item: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Returns a Fabric object's matrix (2, 2) and the place (2,) of its centre."""

    def pair(x: str, y: str, default: float = 0.0) -> np.ndarray:
        return np.array([float(item.get(x, default)), float(item.get(y, default))])

    scale = pair("scaleX", "scaleY", 1.0) * (1 - 2 * pair("flipX", "flipY"))
    skew_x, skew_y = np.tan(np.radians(pair("skewX", "skewY")))
    skew = np.array([[1 + skew_x * skew_y, skew_x], [skew_y, 1]])
    shape = np.diag(scale) @ skew
    angle = math.radians(float(item.get("angle", 0)))
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    size = np.abs(shape) @ (pair("width", "height") + float(item.get("strokeWidth", 1)))
    origin = [_ORIGIN[item.get(name, "center")] for name in ("originX", "originY")]
    return turn @ shape, pair("left", "top") - turn @ (size * origin)


# --- images -------------------------------------------------------------------------------------


def read_image(source: bytes | Path) -> np.ndarray:
    """Reads an image of one digit (first version)."""
    try:
        image = Image.open(io.BytesIO(source) if isinstance(source, bytes) else source)
        if image.width * image.height > 50_000_000:
            raise InkError("The image is too large.")
        grey = np.asarray(ImageOps.exif_transpose(image).convert("L"), dtype=np.float64)
    except InkError:
        raise
    except Exception as error:
        raise InkError("The file is not an image that can be read.") from error
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    ink = np.abs(grey - np.median(border)) / 255
    if ink.max() < 0.1:
        raise InkError("The image holds no digit: it is of a single colour.")
    ink /= ink.max()
    rows, columns = np.nonzero(ink.max(axis=1) > 0.4)[0], np.nonzero(ink.max(axis=0) > 0.4)[0]
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = BOX / max(ink.shape)
    size = [max(1, round(side * scale)) for side in ink.shape]
    small = np.asarray(
        Image.fromarray((255 * ink).astype(np.uint8)).resize((size[1], size[0]), Image.Resampling.BOX)
    )
    canvas = np.zeros((FIELD, FIELD))
    canvas[4 : 4 + size[0], 4 : 4 + size[1]] = small
    x, y = np.round(CENTRE - _centre_of_mass(canvas)).astype(int)
    return np.roll(canvas, (y, x), axis=(0, 1)).astype(np.uint8)


# --- files of drawings --------------------------------------------------------------------------


def read_drawings(
    path: Path | str,
) -> Iterator[tuple[int, Strokes | InkError, int | None, str | None]]:
    """Reads a `.jsonl` or `.jsonl.gz` of drawings, a line at a time.

    Yields:
        (index of the drawing, strokes or the error in its place, label or None, writer or None).

    Raises:
        InkError: The file cannot be opened.
    """
    path = Path(path)
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            index = 0
            for line in file:
                if line.strip():
                    yield (index, *_parse_drawing(line))
                    index += 1
    except (OSError, EOFError) as error:
        raise InkError(f"{path} cannot be read: {error}.") from error


def _parse_drawing(line: bytes) -> tuple[Strokes | InkError, int | None, str | None]:
    try:
        record = json.loads(line)
        strokes = [_as_points(stroke) for stroke in record["strokes"]]
        label, writer = record.get("label"), record.get("writer")
        return (
            strokes,
            None if label is None else int(label),
            None if writer is None else str(writer),
        )
    except InkError as error:
        return error, None, None
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        return InkError('The line is not a drawing {"strokes": [[[x, y], …], …]}.'), None, None
