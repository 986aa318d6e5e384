"""A network that is being built: rows of layers, and the same as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from digitnet.experiments import (
    AveragePool,
    Convolution,
    Dense,
    Dropout,
    Experiment,
    Flatten,
    Layer,
    LayerError,
    MaxPool,
    format_layers,
    parse_layers,
)

# The kinds of layers, each as it begins.
KINDS: dict[str, Layer] = {
    "Convolution": Convolution(32),
    "Max pooling": MaxPool(2, 2),
    "Average pooling": AveragePool(2, 2),
    "Flatten": Flatten(),
    "Dense": Dense(64),
    "Dropout": Dropout(0.25),
}
_ids = count()


def kind_of(layer: Layer) -> str:
    """What kind of layer it is, one of `KINDS`."""
    return next(kind for kind, one in KINDS.items() if type(one) is type(layer))


def change_kind(layer: Layer, kind: str) -> Layer:
    """A layer of another kind; a pooling keeps its window, whichever way it pools."""
    fresh = KINDS[kind]
    if isinstance(layer, MaxPool | AveragePool) and isinstance(fresh, MaxPool | AveragePool):
        return type(fresh)(layer.window, layer.stride, layer.same)
    return fresh


@dataclass
class Row:
    """A layer that keeps its identity when it is moved or changed."""

    layer: Layer
    id: int = field(default_factory=lambda: next(_ids))


class Draft:
    """A network that is being built.

    Args:
        layers: Those to begin with.
        name: What it is to be called.
        reason: What is to be learnt from it.

    Attributes:
        rows: Its layers in order, each by itself well-formed.
        text: The same as text; what the user wrote, if that cannot be read.
        problem: Why the text cannot be read, and the rows are older; None if they say the same.
        refused: Why a row's last value was refused, by the row's id; empty once all is well.
    """

    def __init__(self, layers: Sequence[Layer], name: str, reason: str = "") -> None:
        self.name, self.reason = name, reason
        self.problem: str | None = None
        self.refused: dict[int, str] = {}
        self._start_with(layers)

    @classmethod
    def of(cls, experiment: Experiment) -> Draft:
        """A draft that begins with another network's layers; one's own keeps its name."""
        if experiment.is_own:
            return cls(experiment.layers, experiment.name, experiment.question)
        return cls(experiment.layers, f"my_{experiment.name}")

    @property
    def layers(self) -> tuple[Layer, ...]:
        return tuple(row.layer for row in self.rows)

    def read(self, text: str) -> None:
        """Takes over what the user wrote; keeps the rows if it cannot be read."""
        try:
            self._start_with(parse_layers(text))
        except LayerError as error:
            self.text, self.problem = text, str(error)

    def find(self, row_id: int) -> int | None:
        """Where a row is now; None once it is gone: a click may be older than the rows."""
        return next((place for place, row in enumerate(self.rows) if row.id == row_id), None)

    def add(self) -> None:
        """A new layer at the end."""
        self._insert(len(self.rows))

    def insert(self, row_id: int) -> None:
        """A new layer before a row's."""
        if (place := self.find(row_id)) is not None:
            self._insert(place)

    def _insert(self, place: int) -> None:
        """A new layer, of a kind that can stand there."""
        is_flat = any(isinstance(row.layer, Flatten) for row in self.rows[:place])
        self.rows.insert(place, Row(KINDS["Dense" if is_flat else "Convolution"]))
        self._write()

    def remove(self, row_id: int) -> None:
        if (place := self.find(row_id)) is not None:
            del self.rows[place]
            self._write()

    def move(self, row_id: int, by: int) -> None:
        if (place := self.find(row_id)) is not None:
            self.rows.insert(max(place + by, 0), self.rows.pop(place))
            self._write()

    def set_kind(self, row_id: int, kind: str) -> None:
        if (place := self.find(row_id)) is not None:
            self.rows[place].layer = change_kind(self.rows[place].layer, kind)
            self._write()

    def set_value(self, row_id: int, name: str, value: object) -> None:
        """Gives a layer another value; keeps the one it has, and why, if that cannot be."""
        place = self.find(row_id)
        if place is None or not hasattr(self.rows[place].layer, name):
            return
        layer: Any = self.rows[place].layer
        try:
            self.rows[place].layer = replace(layer, **{name: value})
            self._write()
        except LayerError as error:
            self.refused = {row_id: f"{error}, so {getattr(layer, name):,} stays"}

    def _start_with(self, layers: Sequence[Layer]) -> None:
        self.rows = [Row(layer) for layer in layers]
        self._write()

    def _write(self) -> None:
        self.text = format_layers(self.layers)
        self.problem, self.refused = None, {}
