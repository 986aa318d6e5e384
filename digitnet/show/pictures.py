"""Arrays as small pictures: data URLs that pages hold."""

from __future__ import annotations

import base64
import io
import math
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor

BOARD, CHALK = "#1c2430", "#f5f2e9"  # white chalk on a dark board, in both themes
TILE, GAP = 28, 3  # pixels of a picture among others, and between two
SHADES = 127  # of a coloured picture: a byte a pixel, and nobody sees the steps


def png_url(pixels: NDArray) -> str:
    """An image, uint8 (rows, columns) or with 3 or 4 channels, as a data URL."""
    return _url(Image.fromarray(pixels))


def _url(picture: Image.Image) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def svg_url(svg: str) -> str:
    """A drawing in SVG as a data URL."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def shade(shares: NDArray, colour: str) -> NDArray:
    """Values in [0, 1] as colours, from the board's by way of `colour` to the chalk's.

    Returns:
        uint8 (..., 3).
    """
    stops = np.array([ImageColor.getrgb(one) for one in (BOARD, colour, CHALK)], np.float64)
    axes = [np.interp(shares, (0, 0.6, 1), channel) for channel in stops.T]
    return np.stack(axes, axis=-1).astype(np.uint8)


def tile_pictures(pictures: NDArray, most: int) -> NDArray:
    """The first pictures, beside and below each other in a square.

    Args:
        pictures: float (n, rows, columns) in [0, 1].
        most: How many to show.

    Returns:
        float (side, side); NaN between them.
    """
    across = math.ceil(math.sqrt(min(most, len(pictures))))
    side = across * (TILE + GAP) - GAP
    field = np.full((side, side), np.nan)
    for place, picture in enumerate(pictures[: across**2]):
        top, left = (one * (TILE + GAP) for one in divmod(place, across))
        field[top : top + TILE, left : left + TILE] = _enlarge(picture)
    return field


def _enlarge(picture: NDArray) -> NDArray:
    """A picture (rows, columns) at the size of a tile, every pixel visible."""
    rows, columns = (np.arange(TILE) * side // TILE for side in picture.shape)
    return picture[np.ix_(rows, columns)]


def tile_units(values: NDArray) -> NDArray:
    """Values (n,) in [0, 1] as a square of pixels, row by row; NaN where there are no more."""
    across = math.ceil(math.sqrt(len(values)))
    field = np.full(across * math.ceil(len(values) / across), np.nan)
    field[: len(values)] = values
    return field.reshape(-1, across)


def coloured_url(field: NDArray, colour: str) -> str:
    """What was tiled as a data URL; what is NaN is transparent."""
    places = np.where(np.isnan(field), 0, 1 + np.round((SHADES - 1) * field))
    picture = Image.fromarray(places.astype(np.uint8))
    picture.putpalette(_palette(colour))
    picture.info["transparency"] = 0
    return _url(picture)


@cache
def _palette(colour: str) -> bytes:
    """What is transparent, and all shades."""
    return bytes(3) + shade(np.linspace(0, 1, SHADES), colour).tobytes()
