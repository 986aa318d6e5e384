"""Drawings as strokes, told apart by who drew them."""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from digitnet.digits.records import DataError
from digitnet.experiments import CLASSES

OUTLIER = CLASSES  # the label of what is no digit

Strokes = list[np.ndarray]  # each (k, 2) of x (rightwards) and y (downwards)


@dataclass(frozen=True, eq=False)
class Drawing:
    """A drawing as somebody made it.

    Attributes:
        strokes: Each float64 (k, 2), the longer side of the whole 1 long, its middle at 0.
        label: 0 to 9, or OUTLIER.
        sign: What the drawing shows: a digit, a letter or another sign.
        writer: Who drew it.
        collection: Where it comes from.
        key: Hash of its strokes as stored.
    """

    strokes: Strokes
    label: int
    sign: str
    writer: str
    collection: str
    key: str


def load_drawings(path: Path, left_out: frozenset[str] = frozenset()) -> list[Drawing]:
    """Reads drawings, one JSON object per line; signs other than digits are outliers.

    Args:
        path: A .jsonl.gz file.
        left_out: Keys of the drawings that are wrongly labelled or cut, and not wanted.

    Raises:
        DataError: If the file cannot be read.
    """
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            drawings = [_parse(json.loads(line)) for line in lines]
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is no file of drawings ({error}); make it anew.") from error
    return [one for one in drawings if one is not None and one.key not in left_out]


def _parse(record: dict) -> Drawing | None:
    """Returns the record's drawing, or None for a dot."""
    strokes = [np.asarray(stroke, np.float64).reshape(-1, 2) for stroke in record["strokes"]]
    strokes = fit(strokes)
    if not strokes:
        return None
    label = record["label"]
    is_digit = isinstance(label, int) and not isinstance(label, bool)
    if is_digit and label not in range(CLASSES):
        raise ValueError(f"the label is {label!r}")
    if not all(np.isfinite(stroke).all() for stroke in strokes):
        raise ValueError("a coordinate is not a number")
    key = hashlib.sha256(json.dumps(record["strokes"]).encode()).hexdigest()[:16]
    return Drawing(
        strokes=strokes,
        label=label if is_digit else OUTLIER,
        sign=str(label),
        writer=record["writer"],
        collection=record["collection"],
        key=key,
    )


def fit(strokes: Strokes) -> Strokes:
    """Scales strokes to a longer side of 1 and moves their middle to 0; nothing for a dot.

    Those without points are left out.
    """
    strokes = [stroke for stroke in strokes if len(stroke)]
    if not strokes:
        return []
    everything = np.concatenate(strokes)
    low, high = everything.min(axis=0), everything.max(axis=0)
    side = (high - low).max()
    if side < 1e-6:
        return []
    return [(stroke - (low + high) / 2) / side for stroke in strokes]
