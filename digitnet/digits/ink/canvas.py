"""The canvas's drawing, Fabric.js paths, as strokes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from digitnet.digits.ink.strokes import InkError, Strokes

TAP = 4  # canvas pixels: a stroke within them is a dot, as when a finger taps
MOST_PATHS = 1_000  # that are drawn without lifting the pen
MOST_CURVES = 10_000  # of a drawing: minutes of a mouse's; computed in a tenth of a second
MOST_NUMBERS = 6  # of a curve: three points
_ORIGIN = {"left": -0.5, "top": -0.5, "center": 0.0, "right": 0.5, "bottom": 0.5}


def strokes_from_canvas(json_data: Any, size: ArrayLike = math.inf) -> Strokes:
    """Reads the freehand strokes of streamlit-drawable-canvas, whose JSON is Fabric.js's.

    Args:
        json_data: `CanvasResult.json_data`, None before the canvas is ready. Each object's own
            transform is applied: moved, scaled, rotated, skewed, flipped.
        size: Width and height of the canvas in pixels, or its side; strokes that lie wholly
            outside are left out.

    Returns:
        List of strokes, float64 (k, 2) in canvas pixels.

    Raises:
        InkError: An object is not as the canvas writes it, or there are too many.
    """
    try:
        objects = json_data["objects"] if json_data else []
        paths = [item for item in objects if item["type"].lower() == "path"]
        _require_few(paths)
        strokes = [stroke for item in paths for stroke in _strokes_of_path(item)]
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise InkError("The drawing cannot be read: clear the canvas and draw again.") from error
    return [stroke for stroke in strokes if not _is_outside(stroke, size)]


def _require_few(paths: list[dict[str, Any]]) -> None:
    """Refuses more than a hand draws before anything is computed of it."""
    curves = sum(len(item["path"]) for item in paths)
    if len(paths) > MOST_PATHS or curves > MOST_CURVES:
        raise InkError(
            "The drawing has too many points to be read: clear the canvas and draw again."
        )
    if any(len(curve) > 1 + MOST_NUMBERS for item in paths for curve in item["path"]):
        raise ValueError("a curve has more than three points")


def _is_outside(stroke: np.ndarray, size: ArrayLike) -> bool:
    low, high = stroke.min(axis=0), stroke.max(axis=0)
    return bool((high < 0).any() or (low > np.asarray(size)).any())


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
