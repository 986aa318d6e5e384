"""The layers of which networks are made, as plain records that know their own arithmetic.

A layer reads as in `str`: "conv 32" (of 3x3), "conv 32 5/2 same norm", "max 2/2", "dense 128".
Shapes are those of one image, (rows, columns, channels), or (values,) once it is flat.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from digitnet.errors import DigitnetError

CLASSES = 10
IMAGE_SHAPE = (28, 28, 1)
MOST_UNITS = 8_192
MOST_FILTERS = 1_024
MOST_LAYERS = 30

Shape = tuple[int, ...]


class LayerError(DigitnetError):
    """A layer cannot be, or cannot stand where it is; the message says why."""


@dataclass(frozen=True)
class Dense:
    """A dense layer with ReLU, acting on the last axis (before Flatten: pixel by pixel).

    Args:
        units: Outputs, 1 to 8,192.
        normalized: Normalize each batch before the ReLU (Ioffe and Szegedy, 2015).
    """

    units: int
    normalized: bool = False

    def __post_init__(self) -> None:
        _require_within("units", self.units, 1, MOST_UNITS)

    def __str__(self) -> str:
        return f"dense {self.units}{' norm' * self.normalized}"

    def output_shape(self, shape: Shape) -> Shape:
        return (*shape[:-1], self.units)

    def fan_in(self, shape: Shape) -> int:
        return shape[-1]


@dataclass(frozen=True)
class Convolution:
    """A convolution with ReLU.

    Args:
        filters: Outputs of each place, 1 to 1,024.
        window: Side of the square that each output sees, 1 to 28.
        stride: By how much it moves on, 1 to 28.
        same: Let the window reach over the edge, onto zeros ("same"); else not ("valid").
        normalized: Normalize each batch before the ReLU (Ioffe and Szegedy, 2015).
    """

    filters: int
    window: int = 3
    stride: int = 1
    same: bool = False
    normalized: bool = False

    def __post_init__(self) -> None:
        _require_within("filters", self.filters, 1, MOST_FILTERS)
        _require_window(self.window, self.stride)

    def __str__(self) -> str:
        is_usual = (self.window, self.stride) == (3, 1)
        window = "" if is_usual else f" {self.window}/{self.stride}"
        return f"conv {self.filters}{window}{' same' * self.same}{' norm' * self.normalized}"

    def output_shape(self, shape: Shape) -> Shape:
        return (*_slide(shape, self.window, self.stride, self.same), self.filters)

    def fan_in(self, shape: Shape) -> int:
        return self.window**2 * shape[-1]


@dataclass(frozen=True)
class _Pool:
    """Pooling over a square window.

    Args:
        window: Its side, 1 to 28.
        stride: By how much it moves on, 1 to 28.
        same: Pool what lies over the edge, too ("same"); else leave it out ("valid").
    """

    window: int
    stride: int
    same: bool = False

    def __post_init__(self) -> None:
        _require_window(self.window, self.stride)

    def _describe(self, kind: str) -> str:
        return f"{kind} {self.window}/{self.stride}{' same' * self.same}"

    def output_shape(self, shape: Shape) -> Shape:
        return (*_slide(shape, self.window, self.stride, self.same), shape[-1])

    def fan_in(self, shape: Shape) -> int:
        return 0


class MaxPool(_Pool):
    """Max pooling over a square window."""

    def __str__(self) -> str:
        return self._describe("max")


class AveragePool(_Pool):
    """Average pooling over a square window."""

    def __str__(self) -> str:
        return self._describe("average")


@dataclass(frozen=True)
class Flatten:
    """All values of an image in one vector."""

    def __str__(self) -> str:
        return "flatten"

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) == 1:
            raise LayerError("it is flat already")
        return (math.prod(shape),)

    def fan_in(self, shape: Shape) -> int:
        return 0


@dataclass(frozen=True)
class Dropout:
    """Dropout of the given share of values, in training only.

    Args:
        rate: The share, from 0 to below 1.
    """

    rate: float

    def __post_init__(self) -> None:
        if not 0 <= self.rate < 1:
            raise LayerError(f"dropout must be from 0 to below 1: {self.rate!r}")

    def __str__(self) -> str:
        return f"dropout {self.rate:.6f}".rstrip("0").rstrip(".")

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def fan_in(self, shape: Shape) -> int:
        return 0


Layer = Dense | Convolution | MaxPool | AveragePool | Flatten | Dropout


def count_parameters(layer: Layer, shape: Shape) -> int:
    """Trainable parameters of a layer on an input of this shape.

    A normalized layer has a scale and an offset for each output; they make its bias superfluous.
    """
    fan_in = layer.fan_in(shape)
    outputs = layer.output_shape(shape)[-1]
    own = 2 if getattr(layer, "normalized", False) else 1
    return (fan_in + own) * outputs if fan_in else 0


def _slide(shape: Shape, window: int, stride: int, same: bool) -> Shape:
    """Rows and columns that a window leaves; LayerError where it does not fit."""
    if len(shape) != 3:
        raise LayerError("it needs an image, and the one before it is flat already")
    rows, columns, _ = shape
    if same:
        return (math.ceil(rows / stride), math.ceil(columns / stride))
    if min(rows, columns) < window:
        raise LayerError(f"it needs at least {window}x{window}, and {rows}x{columns} is left")
    return ((rows - window) // stride + 1, (columns - window) // stride + 1)


def _require_window(window: int, stride: int) -> None:
    _require_within("the window", window, 1, IMAGE_SHAPE[0])
    _require_within("the stride", stride, 1, IMAGE_SHAPE[0])


def _require_within(what: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise LayerError(f"{what} must be a whole number from {low:,} to {high:,}: {value!r}")
