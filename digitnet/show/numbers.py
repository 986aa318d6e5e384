"""What the Draw page shows of a number: its digits, and the strokes that make each."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import numpy as np

from digitnet.serving import Number, ReadDigit
from digitnet.show.html import Markup, tag
from digitnet.show.pictures import BOARD, CHALK
from digitnet.show.words import format_share, number_in_words

WHO_READS = (
    "Numbers are read by the reader alone, which knows what is no digit; the other networks would "
    "take all that is drawn for one. Draw one digit to compare them."
)
FRAME = "#6bb0c6"
MARGIN = 12  # around each box, as all lengths here in hundredths of the drawing's height
LABEL = 30  # height of the digits above the boxes
PEN = 6


def number_html(number: Number) -> Markup:
    """The number in large type, and the digit of it that is least sure."""
    doubtful = min(number.digits, key=lambda one: one.probability)
    said = (
        f"A number of {number_in_words(len(number.digits))} digits. Least sure is the "
        f"{doubtful.digit} in place {number.digits.index(doubtful) + 1}: "
        f"{format_share(doubtful.probability)}."
    )
    large = tag("p", number.text, class_="dn-digit dn-number")
    return tag("div", large, tag("p", said), class_="dn-reading", role="status")


def boxes_html(number: Number, strokes: Sequence[np.ndarray]) -> Markup:
    """The strokes on a board, with a box around those of each digit and the digit above it.

    Args:
        number: As it was read of the strokes.
        strokes: Each (k, 2) of x (rightwards) and y (downwards).
    """
    source = base64.b64encode(_draw_boxes(number, strokes).encode()).decode()
    said = f"Your strokes, with a box around those of each digit: {', '.join(number.text)}"
    picture = tag("img", src=f"data:image/svg+xml;base64,{source}", alt=said)
    caption = tag("figcaption", "Which strokes make which digit")
    return tag("figure", picture, caption, class_="dn-boxes")


def _draw_boxes(number: Number, strokes: Sequence[np.ndarray]) -> str:
    points = np.concatenate(strokes)
    origin, scale = points.min(axis=0), 100 / max(float(np.ptp(points[:, 1])), 1e-6)
    width = float(np.ptp(points[:, 0])) * scale + 4 * MARGIN
    height = 100 + 4 * MARGIN + LABEL
    lines = "".join(_stroke_svg((stroke - origin) * scale) for stroke in strokes)
    boxes = "".join(_digit_svg(one, origin, scale) for one in number.digits)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" '
        f'width="{width:.0f}" height="{height}" '
        f'viewBox="{-2 * MARGIN} {-2 * MARGIN - LABEL} {width:.0f} {height}">'
        f'<rect x="-50%" y="-50%" width="200%" height="200%" fill="{BOARD}"/>'
        f'<g fill="none" stroke="{CHALK}" stroke-width="{PEN}" stroke-linecap="round" '
        f'stroke-linejoin="round">{lines}</g>'
        f'<g fill="{FRAME}" font-family="sans-serif" font-size="{0.8 * LABEL}" font-weight="600" '
        f'text-anchor="middle">{boxes}</g></svg>'
    )


def _stroke_svg(points: np.ndarray) -> str:
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
