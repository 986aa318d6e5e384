"""Ten digits drawn by the project: examples for the Draw page and drawings for its tests."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from digitnet.digits.ink import Strokes

CANVAS_SIZE = 280  # pixels: ten for each of a network's 28
SMALLEST_DRAWN = 8  # pixels: what is smaller is enlarged
ROOM = 200  # pixels of the board's middle, which a drawing of another size is brought to

Stroke = list[list[float]]


@cache
def load_samples() -> dict[int, list[Stroke]]:
    """The digits 0 to 9, each a list of strokes of [x, y] on the canvas, y down."""
    text = Path(__file__).with_name("samples.json").read_text(encoding="utf-8")
    return {int(digit): strokes for digit, strokes in json.loads(text).items()}


def canvas_drawing(strokes: list[Stroke], brush: dict[str, Any]) -> dict[str, Any]:
    """Strokes as the canvas keeps its own (Fabric.js paths), ready for `initial_drawing`.

    Args:
        strokes: Lists of [x, y] in canvas pixels.
        brush: The canvas's `stroke_width` in pixels and its CSS `stroke_color`.
    """
    return {"objects": [_path(stroke, brush) for stroke in strokes]}


def fit_to_canvas(strokes: Strokes) -> Strokes:
    """Strokes of any unit, y downwards, on the canvas; those that lie on it already as they are.

    Args:
        strokes: Each (k, 2); together of some extent.
    """
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    extent = float((high - low).max())
    is_near = low.min() >= -CANVAS_SIZE and high.max() <= 3 * CANVAS_SIZE  # pens leave the board
    return strokes if is_near and extent >= SMALLEST_DRAWN else bring_to_middle(strokes)


def bring_to_middle(strokes: Strokes) -> Strokes:
    """Strokes, as for `fit_to_canvas`, as large as there is room for in the canvas's middle."""
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    centre, scale = (low + high) / 2, ROOM / max(float((high - low).max()), 1e-9)
    return [(stroke - centre) * scale + CANVAS_SIZE / 2 for stroke in strokes]


def _path(stroke: Stroke, brush: dict[str, Any]) -> dict[str, Any]:
    columns, rows = zip(*stroke, strict=True)
    way = stroke if len(stroke) > 1 else 2 * stroke  # a path of one point is not drawn
    return {
        "type": "Path",
        "originX": "center",
        "originY": "center",
        "left": (min(columns) + max(columns)) / 2,
        "top": (min(rows) + max(rows)) / 2,
        "width": max(columns) - min(columns),
        "height": max(rows) - min(rows),
        "path": [["L" if index else "M", *point] for index, point in enumerate(way)],
        "fill": None,
        "stroke": brush["stroke_color"],
        "strokeWidth": brush["stroke_width"],
        "strokeLineCap": "round",
        "strokeLineJoin": "round",
    }
