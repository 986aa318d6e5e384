"""Signs as a collection holds them, made into the lines of a stroke file."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SIDE = 1_000  # of the box that a drawing is scaled into, as long as its longer side


class SignError(ValueError):
    """A sign cannot be taken over; the message is a sentence."""


@dataclass(frozen=True, eq=False)
class Sign:
    """A sign that somebody wrote.

    Attributes:
        label: What it shows, one character.
        strokes: Each int (k, 2) of x (rightwards) and y (downwards), from 0 to SIDE.
        writer: Who wrote it, as the collection says.
        collection: Where it comes from.
    """

    label: str
    strokes: Sequence[np.ndarray]
    writer: str
    collection: str


def scale(strokes: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Scales strokes into their box; points that then coincide with the one before are left out.

    Args:
        strokes: Each float (k, 2).

    Raises:
        SignError: If they have no points or no extent.
    """
    strokes = [stroke for stroke in strokes if len(stroke)]
    if not strokes:
        raise SignError("it has no points")
    everything = np.concatenate(strokes)
    low = everything.min(axis=0)
    side = (everything.max(axis=0) - low).max()
    if side <= 0:
        raise SignError("it is a dot")
    return [_thin(np.rint((stroke - low) * (SIDE / side)).astype(int)) for stroke in strokes]


def _thin(stroke: np.ndarray) -> np.ndarray:
    moved = (np.diff(stroke, axis=0) != 0).any(axis=1)
    return stroke[np.concatenate([[True], moved])]


@dataclass(frozen=True)
class Conversion:
    """What is made of a collection.

    Attributes:
        files: By name of the stroke file, what goes into it.
        faults: What was left out and why, a sentence each.
    """

    files: dict[str, list[Sign]]
    faults: list[str]


def pack_files(conversion: Conversion) -> dict[str, bytes]:
    """Packs each file as a .jsonl.gz such as `load_drawings` expects.

    Writers are numbered in the order in which they come, that no name is published; who wrote
    digits and letters has one number for both.
    """
    everything = (sign for signs in conversion.files.values() for sign in signs)
    writers = dict.fromkeys((one.collection, one.writer) for one in everything)
    numbers = {one: f"{one[0]}-{number:03d}" for number, one in enumerate(writers)}
    return {name: _pack(signs, numbers) for name, signs in conversion.files.items()}


def _pack(signs: Sequence[Sign], numbers: dict[tuple[str, str], str]) -> bytes:
    records = [
        {
            "strokes": [stroke.tolist() for stroke in one.strokes],
            "label": int(one.label) if one.label.isdecimal() else one.label,
            "writer": numbers[one.collection, one.writer],
            "collection": one.collection,
        }
        for one in signs
    ]
    lines = [json.dumps(record, separators=(",", ":")) + "\n" for record in records]
    return gzip.compress("".join(lines).encode(), mtime=0)
