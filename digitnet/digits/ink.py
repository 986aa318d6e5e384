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
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import ExifTags, Image, ImageOps

Strokes = list[np.ndarray]  # each float64 (k, 2) of x (rightwards) and y (downwards), any unit

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
# Pen and edge lie within the box, so the pen's path is 16.6 long, as in MNIST (20 less 3.2).
# 15.6: 0.925, 17.6: 0.922, 18.6: 0.911. The centre is not rounded to a pixel, as MNIST's is: 0.925;
# the box in the middle in place of the mass: 0.871. Smoothing the path by 0.5: 0.927.

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
    points, extent = _fit_into_box(_check_strokes(strokes))
    points += CENTRE - extent / 2
    return _centre_mass(lambda shift: _draw(points + shift), extent + PEN_WIDTH + PEN_EDGE)


def draw_over(image: np.ndarray, strokes: Iterable[Any], size: float) -> np.ndarray:
    """Adds strokes to an image in MNIST's manner; neither is moved.

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
    if not strokes:
        return image
    pixels = [points * FIELD / size - 0.5 for points in _check_strokes(strokes)]
    length = sum(_distances_along(points)[-1] for points in pixels)
    step = max(SAMPLE_STEP, length / MOST_SAMPLES)
    points = np.concatenate([_sample(points, step) for points in pixels])
    ink = _draw(np.clip(points, 0, FIELD - 1))
    return np.maximum(image, np.round(255 * ink).astype(np.uint8))


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
_AROUND = np.indices((2 * _REACH + 1, 2 * _REACH + 1)).reshape(2, -1).T - _REACH


def _draw(points: np.ndarray) -> np.ndarray:
    """Draws points (n, 2) with a round pen; returns the ink (28, 28) in [0, 1]."""
    squared = np.full((FIELD + 2 * _REACH, FIELD + 2 * _REACH), np.inf)
    for part in np.array_split(points[:, ::-1], math.ceil(len(points) / 4096)):  # bounds memory
        pixels = np.round(part).astype(int)[:, None] + _AROUND
        rows, columns = np.moveaxis(pixels + _REACH, -1, 0)
        np.minimum.at(squared, (rows, columns), ((pixels - part[:, None]) ** 2).sum(axis=-1))
    return _shade(PEN_WIDTH / 2 - np.sqrt(squared[_REACH:-_REACH, _REACH:-_REACH]))


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
    image = draw(np.zeros(2))
    index = np.arange(FIELD)
    mass = np.array([image.sum(axis=0) @ index, image.sum(axis=1) @ index]) / image.sum()
    shift = np.clip(CENTRE - mass, size / 2 - CENTRE - 1, FIELD - CENTRE - size / 2)
    return np.round(255 * draw(shift)).astype(np.uint8)


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

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
MOST_PIXELS = 64e6  # of a file, by its header: 50 megapixel phones pass
MOST_DECODED_PIXELS = 32e6  # 128 MB; JPEG decodes at an eighth where that is enough
LONGEST_SIDE = 480  # pixels of the longer side that is looked at: a digit of a tenth still has 48
SHORTEST_SIDE = 192  # smaller images are enlarged, so that strokes are several pixels wide
NARROWEST = 1 / 20  # of the sides
LEAST_CONTRAST = 0.06  # of the way from black to white

DIGIT_SIDE = 160  # pixels of the longer side of a digit whose strokes are measured
# Strokes as wide as most of MNIST's (5% are below, 10% above) stay; others are thinned or widened.
THINNEST, THICKEST = 2.2, 4.2  # pixels

NO_DIGIT = "No digit stands out from its background: write one digit, dark on plain paper."


def read_image(source: bytes | Path) -> np.ndarray:
    """Brings the picture of one digit, an upload or a photo, to MNIST's manner.

    Dark on light or light on dark, any colours, uneven light, a frame, the table around the
    sheet, specks, transparency and EXIF rotation are allowed for; only the digit is kept.

    Args:
        source: The file's bytes, or its path.

    Returns:
        uint8 (28, 28), 0 for the background, 255 for ink.

    Raises:
        InkError: The file is no image, too large, or no digit stands out in it.
    """
    colours = _open_image(source)
    contrast = _find_contrast(_crop_to_sheet(colours))
    return _fit_shape(_cut_out_digit(contrast))


def _open_image(source: bytes | Path) -> np.ndarray:
    """Returns float (height, width, 3) in [0, 1], upright and reduced to a bounded size."""
    too_large = InkError(
        "The image is too large to read: send one of at most 5,000 x 5,000 pixels."
    )
    try:
        file = io.BytesIO(source) if isinstance(source, bytes) else source
        with Image.open(file, formats=FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                raise too_large
            image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
            if image.width * image.height > MOST_DECODED_PIXELS:
                raise too_large
            if min(image.size) < NARROWEST * max(image.size):
                raise InkError("The image is too narrow to hold a digit.")
            return _reduce_image(image)
    except InkError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise too_large from error
    except Exception as error:  # the decoders raise whatever a broken file brings about
        raise InkError(
            "The file is no image that can be read: send a whole PNG, JPEG or WebP."
        ) from error


def _reduce_image(image: Image.Image) -> np.ndarray:
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    if image.mode.startswith(("I", "F")):  # 16 bits and more, which `convert` would clip
        levels = np.nan_to_num(np.asarray(image, dtype=np.float32))
        levels = (levels - levels.min()) / max(float(np.ptp(levels)), 1e-9)
        image = Image.fromarray((255 * levels).astype(np.uint8))
    mode = "RGBA" if image.has_transparency_data else "RGB"
    image = image if image.mode == mode else image.convert(mode)
    scale = np.clip(max(image.size), SHORTEST_SIDE, LONGEST_SIDE) / max(image.size)
    width, height = (max(1, round(side * scale)) for side in image.size)
    image = image.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=2)
    image.getexif()[ExifTags.Base.Orientation] = orientation
    pixels = np.asarray(ImageOps.exif_transpose(image), dtype=np.float64) / 255
    if pixels.shape[2] == 3:
        return pixels
    colours, cover = pixels[..., :3], pixels[..., 3:]
    is_light = (colours * cover).sum() > 1.5 * cover.sum()
    return colours * cover + (0.0 if is_light else 1.0) * (1 - cover)


def _crop_to_sheet(colours: np.ndarray) -> np.ndarray:
    """Crops to a sheet that lies on something else, or to what a broad frame encloses."""
    from scipy import ndimage  # here and below: a quarter of a second that only images need

    contrast = np.linalg.norm(colours - np.median(colours, axis=(0, 1)), axis=2)
    areas, _ = ndimage.label(contrast > _otsu_threshold(contrast))
    for number, box in enumerate(ndimage.find_objects(areas), start=1):
        inside = areas[box] == number
        is_broad = min(inside.shape) > 0.35 * min(areas.shape)
        if is_broad and inside.mean() > 0.7 and not _touches_border(box, areas.shape):
            rows, columns = (
                slice(part.start + margin, part.stop - margin)
                for part, margin in zip(box, (side // 25 + 1 for side in inside.shape), strict=True)
            )
            return colours[rows, columns]
    return colours


def _touches_border(box: tuple[slice, ...], shape: tuple[int, ...]) -> bool:
    return any(part.start == 0 or part.stop == side for part, side in zip(box, shape, strict=True))


def _find_contrast(colours: np.ndarray) -> np.ndarray:
    """Returns how far each pixel (h, w) stands off its surroundings, towards the ink's colour.

    The background is what a median over more than half of the image leaves. It tells the ink's
    colour; a top hat along that colour then removes uneven light, sharp shadows too.
    """
    from scipy import ndimage

    difference = colours - _local_median(colours)
    distance = np.linalg.norm(difference, axis=2)
    ink = distance > _otsu_threshold(distance)
    if not ink.any() or distance[ink].mean() < LEAST_CONTRAST:
        raise InkError(NO_DIGIT)
    direction = difference[ink].mean(axis=0)
    level = colours @ (direction / max(float(np.linalg.norm(direction)), 1e-9))
    level = ndimage.gaussian_filter(level, max(level.shape) / LONGEST_SIDE)
    window = int(0.35 * min(level.shape)) | 1  # wider than any pen
    padded = np.pad(level, window, mode="reflect")
    opened = ndimage.grey_opening(padded, size=(window, window))[window:-window, window:-window]
    return level - opened


def _local_median(colours: np.ndarray) -> np.ndarray:
    """Returns each channel's median around each pixel, found on a small copy."""
    from scipy import ndimage

    height, width = colours.shape[:2]
    scale = 48 / max(height, width)
    small = (max(3, round(width * scale)), max(3, round(height * scale)))
    window = int(0.6 * min(small)) | 1
    channels = []
    for channel in np.moveaxis(colours.astype(np.float32), -1, 0):
        reduced = np.asarray(Image.fromarray(channel).resize(small, Image.Resampling.BOX))
        median = Image.fromarray(ndimage.median_filter(reduced, size=window, mode="reflect"))
        channels.append(np.asarray(median.resize((width, height), Image.Resampling.BILINEAR)))
    return np.stack(channels, axis=-1)


def _otsu_threshold(values: np.ndarray) -> float:
    """Returns the threshold that parts values best into two classes (Otsu, 1979)."""
    counts, edges = np.histogram(values, bins=256)
    middles = (edges[1:] + edges[:-1]) / 2
    below, total = np.cumsum(counts), counts.sum()
    sums = np.cumsum(counts * middles)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = (sums[-1] * below / total - sums) ** 2 / (below * (total - below))
    return float(middles[np.nanargmax(np.where(np.isfinite(between), between, -1))])


def _cut_out_digit(contrast: np.ndarray) -> np.ndarray:
    """Returns the digit's shape, bool, as large as its box and with a margin around it."""
    from scipy import ndimage

    threshold = _otsu_threshold(contrast)
    pieces, count = ndimage.label(contrast > threshold, structure=np.ones((3, 3)))
    if not count:
        raise InkError(NO_DIGIT)
    digit = np.isin(pieces, _choose_pieces(pieces, ndimage.find_objects(pieces)))
    # Soft edges are kept for the enlargement, other pieces are not.
    near = ndimage.binary_dilation(digit, iterations=2)
    contrast = np.where(near, contrast, np.minimum(contrast, threshold / 2))
    rows, columns = np.nonzero(digit.any(axis=1))[0], np.nonzero(digit.any(axis=0))[0]
    side = int(max(np.ptp(rows), np.ptp(columns))) + 1
    margin = max(2, side // 3)
    box = np.pad(contrast, margin)[
        rows[0] : rows[-1] + 1 + 2 * margin, columns[0] : columns[-1] + 1 + 2 * margin
    ]
    enlarged = ndimage.zoom(box, DIGIT_SIDE / side, order=1, grid_mode=True, mode="grid-constant")
    return enlarged > threshold


def _choose_pieces(pieces: np.ndarray, boxes: list[tuple[slice, ...]]) -> list[int]:
    """Returns the numbers of the pieces that make the digit, without frame, shadow and specks."""
    area = np.bincount(pieces.ravel()).astype(np.float64)
    area[0] = 0
    border = np.concatenate([pieces[0], pieces[-1], pieces[:, 0], pieces[:, -1]])
    covered = np.bincount(border, minlength=len(area)) / len(border)
    largest_inside = np.where(covered > 0, 0, area).max()
    # What touches the border is a frame or a shadow, unless the image is cut to the digit.
    area[(covered > 0) & ((covered > 0.5) | (area < 4 * largest_inside))] = 0
    for number in np.flatnonzero(area > 0.02 * area.max()):
        enclosed = (
            _encloses(boxes[number - 1], boxes[other - 1]) * area[other]
            for other in np.flatnonzero(area)
        )
        if _is_frame(pieces[boxes[number - 1]] == number) and max(enclosed) > 0.04 * area[number]:
            area[number] = 0
    if not area.any():
        raise InkError(NO_DIGIT)
    return [int(number) for number in np.flatnonzero(area >= 0.05 * area.max())]


def _encloses(outer: tuple[slice, ...], inner: tuple[slice, ...]) -> bool:
    return all(a.start < b.start and b.stop < a.stop for a, b in zip(outer, inner, strict=True))


def _is_frame(piece: np.ndarray) -> bool:
    """Tells whether a piece runs along most of its own box."""
    sides = (piece[:3].any(0), piece[-3:].any(0), piece[:, :3].any(1), piece[:, -3:].any(1))
    return min(piece.shape) > 8 and float(np.mean([side.mean() for side in sides])) > 0.7


def _fit_shape(shape: np.ndarray) -> np.ndarray:
    """Draws a digit's shape, bool (h, w), in MNIST's manner as uint8 (28, 28).

    The distance to its edge (positive inside) does all: its mean tells the width of the strokes,
    adding to it widens them, and it shades the edge as the pen does.
    """
    from scipy import ndimage

    depth = _distance_to_edge(shape)
    width = 4 * depth[depth > 0].mean()  # a bar's depth is a quarter of its width in the mean
    target = np.clip(width * BOX / DIGIT_SIDE, THINNEST, THICKEST)
    depth += (DIGIT_SIDE * target - width * BOX) / (2 * (BOX - target))
    rows, columns = np.nonzero((depth > 0).any(axis=1))[0], np.nonzero((depth > 0).any(axis=0))[0]
    extent = np.array([np.ptp(columns), np.ptp(rows)]) + 1
    middle = np.array([columns[0] + columns[-1], rows[0] + rows[-1]]) / 2
    step = extent.max() / BOX  # of the shape's pixels to one of the field's

    def draw(shift: np.ndarray) -> np.ndarray:
        x, y = middle[:, None] + (np.arange(FIELD) - CENTRE - shift[:, None]) * step
        places = np.meshgrid(y, x, indexing="ij")
        return _shade(ndimage.map_coordinates(depth, places, order=1, mode="nearest") / step)

    return _centre_mass(draw, extent / step + PEN_EDGE)


def _distance_to_edge(shape: np.ndarray) -> np.ndarray:
    """Returns each pixel's distance to the shape's edge, in pixels, negative outside."""
    from scipy import ndimage

    inside, outside = (ndimage.distance_transform_edt(side) for side in (shape, ~shape))
    return np.where(shape, inside - 0.5, 0.5 - outside)


# --- files of drawings --------------------------------------------------------------------------

LONGEST_LINE = 8 * 2**20  # bytes; a drawing of the most points has 2 million


def read_drawings(
    path: Path | str,
) -> Iterator[tuple[int, Strokes | InkError, int | None, str | None]]:
    """Reads drawings from a `.jsonl` or `.jsonl.gz`, a line at a time.

    A line is `{"strokes": [[[x, y], ...], ...]}` with y downwards, and may carry a `label` (the
    digit) and a `writer`. Blank lines are passed over.

    Args:
        path: The file.

    Yields:
        (index, strokes, label or None, writer or None), index counting from 0. A bad line gives
        an InkError in the place of its strokes, and the rest goes on.

    Raises:
        InkError: The file cannot be opened, or breaks off.
    """
    path = Path(path)
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            lines = (line for line in _read_lines(file) if line.strip())
            for index, line in enumerate(lines):
                yield index, *_parse_drawing(line)
    except (OSError, EOFError, zlib.error) as error:
        raise InkError(f"{path.name} cannot be read: {error}.") from error


def _read_lines(file: BinaryIO | gzip.GzipFile) -> Iterator[bytes]:
    """Yields lines; of one that is too long, only the start."""
    while line := file.readline(LONGEST_LINE):
        yield line
        while len(line) == LONGEST_LINE and not line.endswith(b"\n"):
            line = file.readline(LONGEST_LINE)


def _parse_drawing(line: bytes) -> tuple[Strokes | InkError, int | None, str | None]:
    if len(line) == LONGEST_LINE:
        return InkError("The line is too long for a drawing."), None, None
    try:
        record = json.loads(line)
        strokes = [_as_points(stroke) for stroke in record["strokes"]]
        label, writer = record.get("label"), record.get("writer")
        if label is not None and (label := int(label)) not in range(10):
            raise InkError("The label must be a digit from 0 to 9.")
    except InkError as error:
        return error, None, None
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError, RecursionError):
        return InkError('The line is no drawing {"strokes": [[[x, y], ...], ...]}.'), None, None
    return strokes, label, None if writer is None else str(writer)
