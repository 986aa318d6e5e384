"""Layers as one line of text: "conv 32, max 2/2, flatten, dense 64, dropout .25"."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from digitnet.experiments.layers import (
    MOST_LAYERS,
    AveragePool,
    Convolution,
    Dense,
    Dropout,
    Flatten,
    Layer,
    LayerError,
    MaxPool,
)

_WHOLE, _WINDOW = r"(\d{1,20})", r"(\d{1,20})/(\d{1,20})"
_SHARE = r"(\d{1,20}|\d{0,20}\.\d{1,20})"

# How each kind of layer is written; in brackets what may be added.
_KINDS: dict[str, tuple[str, str, Callable[[re.Match[str]], Layer]]] = {
    "conv": (
        rf"{_WHOLE}(?: {_WINDOW})?(?P<same> same)?(?P<norm> norm)?",
        "conv 32 [3/1] [same] [norm]",
        lambda found: Convolution(
            int(found[1]),
            int(found[2] or 3),
            int(found[3] or 1),
            bool(found["same"]),
            bool(found["norm"]),
        ),
    ),
    "dense": (
        rf"{_WHOLE}(?P<norm> norm)?",
        "dense 64 [norm]",
        lambda found: Dense(int(found[1]), bool(found["norm"])),
    ),
    "max": (
        rf"{_WINDOW}(?P<same> same)?",
        "max 2/2 [same]",
        lambda found: MaxPool(int(found[1]), int(found[2]), bool(found["same"])),
    ),
    "average": (
        rf"{_WINDOW}(?P<same> same)?",
        "average 2/2 [same]",
        lambda found: AveragePool(int(found[1]), int(found[2]), bool(found["same"])),
    ),
    "flatten": ("", "flatten", lambda found: Flatten()),
    "dropout": (_SHARE, "dropout .25", lambda found: Dropout(float(found[1]))),
}


def format_layers(layers: Iterable[Layer]) -> str:
    """Layers in the notation that `parse_layers` reads."""
    return ", ".join(map(str, layers))


def parse_layers(text: str) -> tuple[Layer, ...]:
    """Reads hidden layers, in order, separated by commas or lines.

    Args:
        text: Such as "conv 32, max 2/2, flatten, dense 64"; white space and case do not count.

    Raises:
        LayerError: If a layer cannot be read or has a value out of its range (the message names
            its place), or they are too many.
    """
    parts = [" ".join(part.lower().split()) for part in re.split(r"\s*[,\n]\s*", text.strip())]
    if len(parts) > MOST_LAYERS:
        raise LayerError(f"a network has at most {MOST_LAYERS} layers: {len(parts)}")
    layers = []
    for place, part in enumerate(parts, start=1):
        try:
            layers.append(_parse_layer(part))
        except LayerError as error:
            raise LayerError(f"layer {place}, {part or 'empty'}: {error}") from None
    return tuple(layers)


def _parse_layer(text: str) -> Layer:
    kind, _, values = text.partition(" ")
    if kind not in _KINDS:
        written = ", ".join(example for _, example, _ in _KINDS.values())
        raise LayerError(f"a layer is one of: {written}")
    pattern, example, build = _KINDS[kind]
    found = re.fullmatch(pattern, values)
    if not found:
        raise LayerError(f"it is written like {example}")
    return build(found)
