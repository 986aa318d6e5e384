"""Strokes as they would look had another hand, or another pen, drawn them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from digitnet.digits.ink.strokes import (
    CENTRE,
    PEN_WIDTH,
    _check_strokes,
    draw_placed,
    place_strokes,
)


@dataclass(frozen=True)
class Alteration:
    """What is done to a drawing before a network sees it; nothing by default.

    Args:
        turn: Degrees, clockwise.
        slant: Degrees by which upright lines lean to the right.
        thickness: Width of the pen, pixels.
        size: Times the size that every drawing is brought to.
        right: Pixels.
        down: Pixels.
    """

    turn: float = 0.0
    slant: float = 0.0
    thickness: float = PEN_WIDTH
    size: float = 1.0
    right: float = 0.0
    down: float = 0.0


def alter_strokes(strokes: Iterable[Any], alteration: Alteration) -> np.ndarray:
    """Redraws strokes as `render_strokes` does, but altered.

    What is turned or slanted is fitted into the box and centred as any drawing; thickness, size
    and place are then others than all that a network has learnt from.

    Args:
        strokes: Strokes, each (k, 2) of x (rightwards) and y (downwards) in any unit.
        alteration: What to alter.

    Returns:
        uint8 (28, 28), 0 for the background, 255 for ink.

    Raises:
        InkError: Nothing or no more than a dot is drawn, or the coordinates are unusable.
    """
    matrix = _matrix(alteration)
    placed = place_strokes(points @ matrix for points in _check_strokes(strokes))
    shift = CENTRE + np.array([alteration.right, alteration.down])
    moved = [(points - CENTRE) * alteration.size + shift for points in placed]
    return draw_placed(moved, alteration.thickness)


def _matrix(alteration: Alteration) -> np.ndarray:
    """What rows (x, y) are multiplied by to be slanted, then turned."""
    turn, lean = math.radians(alteration.turn), math.tan(math.radians(alteration.slant))
    slanted = np.array([[1, 0], [-lean, 1]])
    return slanted @ np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
