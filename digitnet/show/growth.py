"""What the Inside page shows of a drawing as it grew: the frames of a film."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitnet.digits.ink import Strokes
from digitnet.show.words import a_digit, format_share
from digitnet.study.growth import Growth

SIDE = 100  # of the longer side of the drawing, in the film's units
MARGIN = 12


def film_data(growth: Growth) -> dict[str, Any]:
    """What the film's script draws: a path for each moment, the digit read and ten shares."""
    whole = np.concatenate(growth.strokes[-1])
    origin, extent = whole.min(axis=0), np.ptp(whole, axis=0)
    scale = SIDE / max(float(extent.max()), 1e-6)
    corner = (extent * scale - SIDE) / 2 - MARGIN
    side = SIDE + 2 * MARGIN
    moments = [
        _moment([(points - origin) * scale for points in strokes], row)
        for strokes, row in zip(growth.strokes, growth.probabilities, strict=True)
    ]
    return {"moments": moments, "box": f"{corner[0]:.1f} {corner[1]:.1f} {side} {side}"}


def _moment(strokes: Strokes, probabilities: NDArray) -> dict[str, Any]:
    read = int(probabilities.argmax())
    return {
        "path": " ".join(_path(points) for points in strokes),
        "shares": [round(float(one), 4) for one in probabilities],
        "read": read,
        "said": f"{format_share(float(probabilities[read]))} sure of {a_digit(read)}",
    }


def _path(points: NDArray) -> str:
    """A stroke in SVG; a dot twice, since a line of one point is not drawn."""
    way = np.concatenate([points, points[-1:]])
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in way)


def describe_growth(growth: Growth, is_digit: bool) -> str:
    """When the reading became what it is, in a sentence, or in two where it is none.

    Args:
        growth: Of a drawing.
        is_digit: Whether the whole of it is taken for one.
    """
    said = _describe_readings(growth)
    if is_digit:
        return said
    return f"The whole is taken for no digit; this is which one it would be. {said}"


def _describe_readings(growth: Growth) -> str:
    readings, total = growth.readings, len(growth.readings)
    final = readings[-1]
    since = total
    while since and readings[since - 1] == final:
        since -= 1
    if not since:
        return f"It read {a_digit(final)} from the first moment on."
    before = [digit for digit, _ in groupby(readings[:since])]
    named = ", then ".join(a_digit(one) for one in before[:4])
    share = f"{(since + 1) / total:.0%}"
    return f"At first it read {named}; from {share} of the line on, {a_digit(final)}."
