"""The layers of which networks are made, as plain records."""

from __future__ import annotations

from dataclasses import dataclass

CLASSES = 10
IMAGE_SHAPE = (28, 28, 1)


@dataclass(frozen=True)
class Dense:
    """A dense layer with ReLU, acting on the last axis (before Flatten: pixel by pixel)."""

    units: int

    def __str__(self) -> str:
        return f"dense {self.units}"


@dataclass(frozen=True)
class Convolution:
    """A 3x3 "valid" convolution with ReLU."""

    filters: int

    def __str__(self) -> str:
        return f"conv {self.filters}"


@dataclass(frozen=True)
class MaxPool:
    """Max pooling over a square window, "valid"."""

    window: int
    stride: int

    def __str__(self) -> str:
        return f"max {self.window}/{self.stride}"


@dataclass(frozen=True)
class AveragePool:
    """Average pooling over a square window, "valid"."""

    window: int
    stride: int

    def __str__(self) -> str:
        return f"average {self.window}/{self.stride}"


@dataclass(frozen=True)
class Flatten:
    """All values of an image in one vector."""

    def __str__(self) -> str:
        return "flatten"


@dataclass(frozen=True)
class Dropout:
    """Dropout of the given share of values, in training only."""

    rate: float

    def __str__(self) -> str:
        return f"dropout {self.rate:g}"


Layer = Dense | Convolution | MaxPool | AveragePool | Flatten | Dropout
