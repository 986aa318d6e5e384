"""The picture of a digit or a number, an upload or a photo, in MNIST's manner."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

from digitnet.digits.ink.strokes import (
    BOX,
    CENTRE,
    FIELD,
    PEN_EDGE,
    InkError,
    _centre_mass,
    _shade,
    no_file,
)

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
MOST_PIXELS = 64e6  # of a file, by its header: 50 megapixel phones pass
MOST_DECODED_PIXELS = 32e6  # 128 MB; JPEG decodes at an eighth where that is enough
TURNS = {  # by EXIF's orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
LONGEST_SIDE = 480  # pixels of the longer side that is looked at: a digit of a tenth still has 48
SHORTEST_SIDE = 192  # smaller images are enlarged, so that strokes are several pixels wide
SMALLEST = 12  # pixels of the longer side: in fewer, a 3, an 8 and a 9 are one blob
NARROWEST = 1 / 20  # of the sides
LEAST_CONTRAST = 0.06  # of the way from black to white
MOST_PIECES = 40  # of ink, about as large: more are the paper's grain, or a text
MOST_AREAS = 500  # without ink, which parts it: more are noise
SOLID = 0.8  # of its box, at least, that a band fills
DIGIT_SIDE = 160  # pixels of the longer side of a digit whose strokes are measured
# Strokes as wide as most of MNIST's (5% are below, 10% above) stay; others are thinned or widened.
THINNEST, THICKEST = 2.2, 4.2  # pixels
NO_DIGIT = "No digit stands out from its background: write one digit, dark on plain paper."


def find_pieces(source: bytes | Path) -> PhotoPieces:
    """Finds the ink in the picture of a digit or of several side by side, an upload or a photo.

    Dark on light or light on dark, any colours, uneven light, a frame, the table around the
    sheet, specks, transparency and EXIF rotation are allowed for; only the ink is kept.

    Args:
        source: The file's bytes, or its path.

    Raises:
        InkError: The file is no image, too large, or nothing stands out in it.
    """
    return PhotoPieces(_find_contrast(_crop_to_sheet(_open_image(source))))


class PhotoPieces:
    """The ink of a picture, in pieces that do not touch each other.

    Attributes:
        boxes: float (n, 4): left, top, right and bottom of each piece, in pixels.
        points: 0: no strokes are drawn.
        shape: bool (h, w), where there is ink; as large as the part of the picture that was read.
    """

    points = 0

    def __init__(self, contrast: np.ndarray) -> None:
        """Parts the ink.

        Args:
            contrast: float (h, w), how far each pixel stands off its surroundings.

        Raises:
            InkError: Nothing stands out.
        """
        from scipy import ndimage

        self._contrast = contrast
        self._threshold = _otsu_threshold(contrast)
        ink = contrast > self._threshold
        if np.ptp(contrast) < LEAST_CONTRAST or _gap(contrast, ink) < LEAST_CONTRAST:
            raise InkError(NO_DIGIT)
        self._labels, _ = ndimage.label(ink, np.ones((3, 3)))
        places = ndimage.find_objects(self._labels)
        self._chosen = np.array(_choose_pieces(self._labels, places))
        self.shape = np.isin(self._labels, self._chosen)
        if len(self._chosen) > MOST_PIECES or ndimage.label(~self.shape)[1] > MOST_AREAS:
            raise InkError(NO_DIGIT)
        self.boxes = np.array([_box_of(places[number - 1]) for number in self._chosen], float)

    def draw(self, pieces: Sequence[int]) -> np.ndarray:
        """Draws some of the pieces as one digit in MNIST's manner.

        Args:
            pieces: Their indices; at least one.

        Returns:
            uint8 (28, 28), 0 for the background, 255 for ink.

        Raises:
            InkError: They are so small that nothing of them is seen.
        """
        digit = np.isin(self._labels, self._chosen[list(pieces)])
        shape = _cut_out(self._contrast, self._threshold, digit)
        if not shape.any():
            raise InkError(NO_DIGIT)
        return _fit_shape(shape)


def _gap(values: np.ndarray, above: np.ndarray) -> float:
    """Returns by how much values differ in the mean between two classes, neither empty."""
    return float(values[above].mean() - values[~above].mean())


def _box_of(place: tuple[slice, ...]) -> tuple[int, int, int, int]:
    rows, columns = place
    return columns.start, rows.start, columns.stop, rows.stop


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
            if max(image.size) < SMALLEST:
                raise InkError(
                    f"The image is too small to read: a digit needs at least {SMALLEST} pixels."
                )
            if min(image.size) < NARROWEST * max(image.size):
                raise InkError("The image is too narrow to hold a digit.")
            return _reduce_image(image)
    except InkError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise too_large from error
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise no_file("The file", error) from error
    except Exception as error:  # the decoders raise whatever a broken file brings about
        raise InkError(
            "The file is no image that can be read: send a whole PNG, JPEG or WebP."
        ) from error


def _find_turn(image: Image.Image) -> Image.Transpose | None:
    """What brings an image upright, as its camera says; None where it is, or nothing is said."""
    image.load()  # which by itself turns a TIFF
    try:
        return TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # what is said beside the picture may be damaged, and the picture whole
        return None


def _reduce_image(image: Image.Image) -> np.ndarray:
    turn = _find_turn(image)
    if image.mode.startswith(("I", "F")):  # 16 bits and more, which `convert` would clip
        levels = np.nan_to_num(np.asarray(image, dtype=np.float32))
        levels = (levels - levels.min()) / max(float(np.ptp(levels)), 1e-9)
        image = Image.fromarray((255 * levels).astype(np.uint8))
    mode = "RGBA" if image.has_transparency_data else "RGB"
    image = image if image.mode == mode else image.convert(mode)
    scale = np.clip(max(image.size), SHORTEST_SIDE, LONGEST_SIDE) / max(image.size)
    width, height = (max(1, round(side * scale)) for side in image.size)
    image = image.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=2)
    upright = image if turn is None else image.transpose(turn)
    pixels = np.asarray(upright, dtype=np.float64) / 255
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
    direction = _direction_of_edges(colours, difference)
    level = colours @ (direction / max(float(np.linalg.norm(direction)), 1e-9))
    level = ndimage.gaussian_filter(level, max(level.shape) / LONGEST_SIDE)
    window = int(0.35 * min(level.shape)) | 1  # wider than any pen
    # Beyond the edges light goes on as it comes to them.
    padded = np.pad(level, window, mode="reflect", reflect_type="odd")
    opened = ndimage.grey_opening(padded, size=(window, window))[window:-window, window:-window]
    return level - opened


def _direction_of_edges(colours: np.ndarray, difference: np.ndarray) -> np.ndarray:
    """Returns the way (3,), of any length, off the background where colours change at once.

    Ink has edges; light, however bright, has none.
    """
    from scipy import ndimage

    sigma = max(colours.shape) / LONGEST_SIDE
    changes = sum(
        ndimage.gaussian_gradient_magnitude(channel, sigma) ** 2
        for channel in np.moveaxis(colours, -1, 0)
    )
    return np.tensordot(changes, difference, 2)


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


def _cut_out(contrast: np.ndarray, threshold: float, digit: np.ndarray) -> np.ndarray:
    """Returns a digit's shape, bool, as large as its box and with a margin around it."""
    from scipy import ndimage

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
    """Returns the numbers of the pieces that are ink, without frame, shadow and specks."""
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
        piece = pieces[boxes[number - 1]] == number
        is_frame = _is_frame(piece) and max(enclosed) > 0.04 * area[number]
        if is_frame or _is_band(piece, boxes[number - 1], pieces.shape):
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


def _is_band(piece: np.ndarray, box: tuple[slice, ...], shape: tuple[int, ...]) -> bool:
    """Tells whether a piece is a line of the paper, or what uneven light leaves along an edge."""
    rows, columns = box
    reaches_down = rows.start == 0 and rows.stop == shape[0]
    lies_beside = columns.start == 0 or columns.stop == shape[1]
    reaches_across = columns.start == 0 and columns.stop == shape[1]
    return (reaches_across or (reaches_down and lies_beside)) and bool(piece.mean() > SOLID)


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
