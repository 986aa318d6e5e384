"""What the Draw page shows of a number: its digits, and the strokes that make each."""

from __future__ import annotations

import numpy as np
from PIL import Image

from digitnet.digits import ink
from digitnet.serving import Number, ReadDigit
from digitnet.show.html import Markup, tag
from digitnet.show.pictures import BOARD, CHALK, png_url, svg_url
from digitnet.show.words import format_share, number_in_words

WHO_READS = (
    "Numbers are read by the reader alone, which knows what is no digit; the other networks would "
    "take all that is drawn for one. Draw one digit to compare them."
)
MARKS_LEFT_OUT = (
    "Only digits are read: what stands beside them, such as a minus, a point or a colon, "
    "is left out."
)
FRAME = "#6bb0c6"
MARGIN = 12  # around each box, as all lengths here in hundredths of the drawing's height
LABEL = 30  # height of the digits above the boxes
PEN = 6


def number_html(number: Number) -> Markup:
    """The number in large type, and how sure its digits are."""
    doubtful = min(number.digits, key=lambda one: one.probability)
    least, most = format_share(doubtful.probability), format_share(1)
    place = number.digits.index(doubtful) + 1
    sure = f"least sure of the {doubtful.digit} in place {place}: {least}."
    if least == most:
        sure = f"each {most} sure."
    said = f"A number of {number_in_words(len(number.digits))} digits, {sure}"
    large = tag("p", number.text, class_="dn-digit dn-number")
    return tag("div", large, tag("p", said), class_="dn-reading", role="status")


def boxes_html(number: Number, pieces: ink.DrawnPieces | ink.PhotoPieces) -> Markup:
    """The ink on a board, with a box around that of each digit and the digit above it.

    Args:
        number: As it was read of the pieces.
        pieces: Of the drawing or picture.
    """
    said = f"What was read, with a box around each digit: {', '.join(number.text)}"
    picture = tag("img", src=svg_url(_draw_boxes(number, pieces)), alt=said)
    caption = tag("figcaption", "What makes which digit")
    return tag("figure", picture, caption, class_="dn-boxes")


def _draw_boxes(number: Number, pieces: ink.DrawnPieces | ink.PhotoPieces) -> str:
    boxes = pieces.boxes
    origin, end = np.nanmin(boxes[:, :2], axis=0), np.nanmax(boxes[:, 2:], axis=0)
    scale = 100 / max(float(end[1] - origin[1]), 1e-6)
    width = float(end[0] - origin[0]) * scale + 4 * MARGIN
    height = 100 + 4 * MARGIN + LABEL
    if isinstance(pieces, ink.DrawnPieces):
        picture = _strokes_svg(pieces.strokes, origin, scale)
    else:
        picture = _photo_svg(pieces.shape, origin, scale)
    frames = "".join(_digit_svg(one, origin, scale) for one in number.digits)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" '
        f'width="{width:.0f}" height="{height}" '
        f'viewBox="{-2 * MARGIN} {-2 * MARGIN - LABEL} {width:.0f} {height}">'
        f'<rect x="-50%" y="-50%" width="200%" height="200%" fill="{BOARD}"/>'
        f"{picture}"
        f'<g fill="{FRAME}" font-family="sans-serif" font-size="{0.8 * LABEL}" font-weight="600" '
        f'text-anchor="middle">{frames}</g></svg>'
    )


def _strokes_svg(strokes: ink.Strokes, origin: np.ndarray, scale: float) -> str:
    lines = (stroke_svg((one - origin) * scale) for one in strokes if len(one))
    return (
        f'<g fill="none" stroke="{CHALK}" stroke-width="{PEN}" stroke-linecap="round" '
        f'stroke-linejoin="round">{"".join(lines)}</g>'
    )


def _photo_svg(shape: np.ndarray, origin: np.ndarray, scale: float) -> str:
    """A picture's ink, bool (h, w), as chalk."""
    height, width = shape.shape
    cover = Image.fromarray((255 * shape).astype(np.uint8))
    chalk = Image.new("RGBA", cover.size, CHALK)
    chalk.putalpha(cover)
    x, y = -origin * scale
    return (
        f'<image x="{x:.1f}" y="{y:.1f}" width="{width * scale:.1f}" '
        f'height="{height * scale:.1f}" '
        f'href="{png_url(np.asarray(chalk))}"/>'
    )


def stroke_svg(points: np.ndarray) -> str:
    """A stroke; a dot twice, since a line of one point is not drawn."""
    way = np.concatenate([points, points[-1:]])
    return f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in way)}"/>'


def _digit_svg(digit: ReadDigit, origin: np.ndarray, scale: float) -> str:
    """A digit's box, and the digit above it."""
    (left, top), (right, bottom) = (np.reshape(digit.box, (2, 2)) - origin) * scale
    return (
        f'<rect x="{left - MARGIN:.1f}" y="{top - MARGIN:.1f}" rx="5" '
        f'width="{right - left + 2 * MARGIN:.1f}" height="{bottom - top + 2 * MARGIN:.1f}" '
        f'fill="none" stroke="{FRAME}" stroke-width="2"/>'
        f'<text x="{(left + right) / 2:.1f}" y="{top - MARGIN - 5:.1f}">{digit.digit}</text>'
    )
