"""What the Inside page shows of why a digit was read: a map over the strokes, and its words."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from digitnet.digits.ink import FIELD, PEN_WIDTH, Strokes
from digitnet.show.html import Markup, tag
from digitnet.show.pictures import BOARD, CHALK, png_url, svg_url
from digitnet.show.words import a_digit
from digitnet.study.evidence import Evidence

FOR, AGAINST = (240, 138, 75), (74, 160, 216)  # told apart by anyone on the board
FINENESS = 4  # points of the map a pixel
FULL = 0.985  # share of the image whose colours are not full
FAINTEST = 0.2  # by how much a logarithm must change for full colours
SMOOTH = 2.0  # pixels over which a place is spread, at least
_ROWS, _COLUMNS = ("top", "middle", "bottom"), ("left", "centre", "right")


def evidence_html(
    evidence: Evidence, digit: int, other: int | None, image: NDArray, strokes: Strokes
) -> Markup:
    """The evidence for a digit, over the strokes.

    Args:
        evidence: Of every digit.
        digit: Which one to tell of.
        other: Rather than which; than the average digit if None.
        image: What the network saw, uint8 (28, 28).
        strokes: Where they lie in it, in pixels; none of a photo.
    """
    said = describe_evidence(evidence, digit, other)
    heat = _heat(evidence, evidence.compare(digit, other))
    ink = _ink(strokes) if strokes else _picture(image)
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-0.5 -0.5 {FIELD} {FIELD}">'
        f'<rect x="-1" y="-1" width="30" height="30" fill="{BOARD}"/>{ink}'
        f'<image href="{png_url(heat)}" {_BOX}/>{_lines(strokes, 0.3, 0.9)}</svg>'
    )
    legend = tag("p", tag("i", class_="dn-for"), " for ", tag("i", class_="dn-against"), " against")
    picture = tag("img", src=svg_url(svg), alt=f"Your drawing, coloured. {said}")
    return tag("figure", picture, tag("figcaption", legend, said), class_="dn-evidence")


_BOX = f'x="-0.5" y="-0.5" width="{FIELD}" height="{FIELD}" preserveAspectRatio="none"'


def _ink(strokes: Strokes) -> str:
    return _lines(strokes, PEN_WIDTH, 0.3)


def _picture(image: NDArray) -> str:
    style = 'style="image-rendering:pixelated" opacity="0.6"'
    return f'<image href="{png_url(image)}" {_BOX} {style}/>'


def _lines(strokes: Strokes, width: float, opacity: float) -> str:
    """Strokes; a dot twice, since a line of one point is not drawn."""
    ways = [np.concatenate([points, points[-1:]]) for points in strokes]
    drawn = "".join(
        f'<polyline points="{" ".join(f"{x:.2f},{y:.2f}" for x, y in way)}"/>' for way in ways
    )
    return (
        f'<g fill="none" stroke="{CHALK}" stroke-width="{width}" stroke-opacity="{opacity}" '
        f'stroke-linecap="round" stroke-linejoin="round">{drawn}</g>'
    )


def _heat(evidence: Evidence, values: NDArray) -> NDArray:
    """The evidence as colours over the image, uint8 (112, 112, 4)."""
    at = (np.arange(FIELD * FINENESS) + 0.5) / FINENESS - 0.5
    rows, columns = (_interpolation(evidence, at, count) for count in values.shape)
    fine = rows @ values @ columns.T
    strength = np.minimum(1, np.abs(fine) / max(float(np.quantile(np.abs(fine), FULL)), FAINTEST))
    colours = np.where(fine[..., np.newaxis] > 0, FOR, AGAINST)
    opacity = np.round(240 * np.sqrt(strength) * (strength > 0.06))
    return np.concatenate([colours, opacity[..., np.newaxis]], axis=-1).astype(np.uint8)


def _interpolation(evidence: Evidence, at: NDArray, count: int) -> NDArray:
    """Weights of the places along one axis, (points, places), for points in pixels: linear."""
    places = (at[:, np.newaxis] - evidence.start) / evidence.step - np.arange(count)
    width = max(1.0, SMOOTH / evidence.step)
    return np.maximum(0, 1 - np.abs(places) / width) / width


def describe_evidence(evidence: Evidence, digit: int, other: int | None) -> str:
    """Where the strongest evidence lies, in a sentence."""
    values = evidence.compare(digit, other)
    rather = "" if other is None else f" rather than {a_digit(other)}"
    parts = _sum_parts(evidence, values)
    best, worst = max(parts, key=lambda one: parts[one]), min(parts, key=lambda one: parts[one])
    if parts[best] <= 0:
        return f"Nothing speaks for {a_digit(digit)}{rather}; the {worst} most against it."
    said = f"The {best} speaks most for {a_digit(digit)}{rather}"
    if parts[worst] >= 0:
        return f"{said}; nothing speaks against it."
    return f"{said}; the {worst} most against it."


def _sum_parts(evidence: Evidence, values: NDArray) -> dict[str, float]:
    """The evidence in each ninth of the box that a digit fills, such as "top left"."""
    names: dict[str, float] = {}
    for (row, column), value in np.ndenumerate(values):
        places = ((one * evidence.step + evidence.start - 4) / 20 * 3 for one in (row, column))
        down, right = (int(np.clip(one, 0, 2)) for one in places)
        middle = "middle" if (down, right) == (1, 1) else f"{_ROWS[down]} {_COLUMNS[right]}"
        names[middle] = names.get(middle, 0.0) + float(value)
    return names


def describe_method(evidence: Evidence) -> str:
    """How the map was found, in a sentence."""
    if evidence.is_exact:
        return (
            "Exact: this network adds up what it found at each place, times a weight. The colours "
            "are the terms of that sum."
        )
    return (
        "By rubbing out: a small patch is wiped away, place by place, and the colours show how "
        "much the answer suffers. This network mixes all places, so there is no sum to show."
    )
