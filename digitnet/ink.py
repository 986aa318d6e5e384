"""Ink: strokes or an image become what the networks were trained on.

MNIST's manner (LeCun et al., 1998, "Gradient-based learning applied to document recognition"):
the digit fills a box of 20x20 pixels with its aspect kept, antialiased, and its centre of mass
lies at the centre of 28x28. Strokes are redrawn at MNIST's pen width, whatever brush was used;
images are cleaned first and then come to the same.
"""

from __future__ import annotations

import gzip
import io
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image, ImageOps

Strokes = list[np.ndarray]

FIELD = 28  # pixels: the network's input is FIELD x FIELD
BOX = 20.0  # pixels: the longer side of the ink, pen included
CENTRE = 14.0  # pixel index of the centre of mass: MNIST's mean is 14.00 in both directions

PEN_WIDTH = 2.8  # pixels
PEN_SOFTNESS = 1.4  # pixels over which the edge of the ink fades out
SAMPLING_STEP = 0.7  # pixels between the points of a redrawn stroke
MOST_SAMPLES = 4_000  # points; a longer scribble is sampled more coarsely
LARGEST_COORDINATE = 1e6

EMPTY_DRAWING = "Nothing is drawn yet: draw one digit, as large as you like."


class InkError(ValueError):
    """Ink that cannot be read; the message is a sentence for the user."""


# --- strokes ------------------------------------------------------------------------------------


def render_strokes(strokes: Sequence[Any]) -> np.ndarray:
    """Redraws strokes as a digit in MNIST's manner.

    Args:
        strokes: Sequence of strokes, each (k, 2) of x (rightwards) and y (downwards), any unit.

    Returns:
        uint8 (28, 28), 0 for the background, 255 for ink.

    Raises:
        InkError: Nothing or only a dot is drawn, or coordinates are unusable.
    """
    drawn = [points for points in map(_as_points, strokes) if len(points)]
    if not drawn:
        raise InkError(EMPTY_DRAWING)
    everything = np.concatenate(drawn)
    low, high = everything.min(axis=0), everything.max(axis=0)
    extent = float((high - low).max())
    if extent == 0:
        raise InkError("A single dot is too little to read: draw a whole digit.")
    scale = (BOX - PEN_WIDTH) / extent
    starts, ends = _segments([(points - low) * scale for points in drawn])
    offset = CENTRE - (high - low) * scale / 2
    ink = _draw(starts + offset, ends + offset)
    shift = CENTRE - _centre_of_mass(ink)
    return np.round(255 * _draw(starts + offset + shift, ends + offset + shift)).astype(np.uint8)


def _as_points(stroke: Any) -> np.ndarray:
    """Returns float64 (k, 2) or raises InkError."""
    try:
        points = np.asarray(stroke, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        points = None
    if points is not None and points.size == 0:
        return np.empty((0, 2))
    if points is None or points.ndim != 2 or points.shape[1] != 2:
        raise InkError("A stroke must be a list of points [x, y].")
    if not (np.abs(points) <= LARGEST_COORDINATE).all():
        raise InkError("The drawing has coordinates that are not numbers within a million.")
    return points


def _segments(strokes: Strokes) -> tuple[np.ndarray, np.ndarray]:
    """Returns the starts and ends, both (n, 2), of the segments of evenly sampled strokes."""
    length = sum(float(np.hypot(*np.diff(points, axis=0).T).sum()) for points in strokes)
    step = max(SAMPLING_STEP, length / MOST_SAMPLES)
    sampled = [_sample(points, step) for points in strokes]
    starts = [points[:-1] if len(points) > 1 else points for points in sampled]
    ends = [points[1:] if len(points) > 1 else points for points in sampled]
    return np.concatenate(starts), np.concatenate(ends)


def _sample(points: np.ndarray, step: float) -> np.ndarray:
    """Samples a polyline evenly along its length, both ends included."""
    lengths = np.hypot(*np.diff(points, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(lengths)])
    at = np.linspace(0, along[-1], 1 + math.ceil(along[-1] / step))
    return np.stack([np.interp(at, along, points[:, 0]), np.interp(at, along, points[:, 1])], 1)


_PIXELS = np.stack(np.meshgrid(np.arange(FIELD), np.arange(FIELD)), axis=-1).reshape(-1, 2)


def _draw(starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Draws round-capped segments, (n, 2) in pixels, as float (28, 28) coverage in [0, 1]."""
    along = ends - starts
    squared_length = np.maximum((along**2).sum(axis=1), 1e-12)
    offset = _PIXELS[:, None] - starts
    part = np.clip((offset * along).sum(axis=2) / squared_length, 0, 1)
    distance = np.sqrt(((offset - part[..., None] * along) ** 2).sum(axis=2).min(axis=1))
    return np.clip(0.5 + (PEN_WIDTH / 2 - distance) / PEN_SOFTNESS, 0, 1).reshape(FIELD, FIELD)


def _centre_of_mass(image: np.ndarray) -> np.ndarray:
    """Returns (x, y) in pixel indices."""
    index = np.arange(FIELD)
    return np.array([image.sum(axis=0) @ index, image.sum(axis=1) @ index]) / image.sum()


# --- the canvas ---------------------------------------------------------------------------------

_CURVE_STEPS = 4  # points a curve; a freehand curve spans a few pixels
_ORIGIN = {"left": -0.5, "top": -0.5, "center": 0.0, "right": 0.5, "bottom": 0.5}


def strokes_from_canvas(json_data: Any) -> Strokes:
    """Reads the freehand strokes of streamlit-drawable-canvas (Fabric.js) in canvas pixels.

    Args:
        json_data: `CanvasResult.json_data`: a dict with a list `objects`, or None before the
            first stroke. Each object's own transform is applied.

    Returns:
        List of float64 (k, 2) strokes.

    Raises:
        InkError: An object is not what the canvas writes.
    """
    objects = (json_data or {}).get("objects", [])
    try:
        return [
            stroke
            for item in objects
            if str(item["type"]).lower() == "path"
            for stroke in _strokes_of_path(item)
        ]
    except (AttributeError, KeyError, IndexError, TypeError, ValueError, OverflowError) as error:
        raise InkError("The drawing could not be read: clear the canvas and try again.") from error


def _strokes_of_path(item: dict[str, Any]) -> Strokes:
    subpaths, corners = _flatten_path(item["path"])
    if not subpaths:
        return []
    matrix, centre = _transform_of(item)
    middle = (corners.min(axis=0) + corners.max(axis=0)) / 2
    return [(points - middle) @ matrix.T + centre for points in subpaths]


def _flatten_path(commands: list[list[Any]]) -> tuple[Strokes, np.ndarray]:
    subpaths: list[list[np.ndarray]] = []
    extremes = []
    for name, *numbers in commands:
        points = np.array(numbers, dtype=np.float64).reshape(-1, 2)
        if name == "M":
            subpaths.append([points])
        elif name == "Z":
            subpaths[-1].append(subpaths[-1][0][:1])
        elif name in ("L", "Q", "C"):
            control = np.concatenate([subpaths[-1][-1][-1:], points])
            subpaths[-1].append(_bezier(control, _CURVE_STEPS if name != "L" else 1))
            # Fabric measures a quadratic as the cubic that has its control point twice.
            twice = control[[0, 1, 1, 2]] if name == "Q" else control
            extremes.append(_bezier(twice, 16))
        extremes.append(points[-1:])
    return [np.concatenate(parts) for parts in subpaths], np.concatenate(extremes)


def _bezier(control: np.ndarray, steps: int) -> np.ndarray:
    """Evaluates a Bezier curve of any degree at `steps` places, its start left out."""
    t = np.linspace(0, 1, steps + 1)[1:, None, None]
    points = np.broadcast_to(control, (steps, *control.shape))
    while points.shape[1] > 1:
        points = (1 - t) * points[:, :-1] + t * points[:, 1:]
    return points[:, 0]


def _transform_of(item: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Returns an object's matrix (2, 2) and where its centre comes to lie, as Fabric does."""

    def number(name: str, default: float) -> float:
        return float(item.get(name, default))

    angle, skew_x, skew_y = (math.radians(number(n, 0)) for n in ("angle", "skewX", "skewY"))
    scale_x = number("scaleX", 1) * (-1 if item.get("flipX") else 1)
    scale_y = number("scaleY", 1) * (-1 if item.get("flipY") else 1)
    skew = np.array([[1, math.tan(skew_x)], [0, 1]]) @ np.array([[1, 0], [math.tan(skew_y), 1]])
    shape = np.diag([scale_x, scale_y]) @ skew
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    size = np.abs(shape) @ (np.array([number("width", 0), number("height", 0)])
                            + number("strokeWidth", 1))
    origin = [_ORIGIN[item.get("originX", "center")], _ORIGIN[item.get("originY", "center")]]
    centre = np.array([number("left", 0), number("top", 0)]) - turn @ (size * origin)
    return turn @ shape, centre


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
