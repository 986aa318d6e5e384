"""Stroke files that are made up: forty writers in two collections."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from digitnet.digits import load_samples
from digitnet.digits.handwriting import STROKE_FILES

CROSS = [[[0, 0], [10, 12]], [[10, 0], [0, 12]]]


def write_strokes(folder: Path) -> None:
    """Writes the files that `DIGITNET_STROKES` asks for; every fourth writer draws a letter."""
    digits = [
        {"strokes": _widen(strokes, writer), "label": digit, "writer": f"w{writer}"}
        for writer in range(40)
        for digit, strokes in load_samples().items()
    ]
    letters = [
        {"strokes": _widen(CROSS, writer), "label": "x", "writer": f"w{writer}"}
        for writer in range(0, 20, 4)
    ]
    parts = ((digits[:200], "abc"), (digits[200:], "uji"), (letters, "abc"))
    for file, (records, collection) in zip(STROKE_FILES, parts, strict=True):
        _write_lines(folder / file.name, [one | {"collection": collection} for one in records])


def _write_lines(path: Path, records: list[dict[str, Any]]) -> None:
    with gzip.open(path, "wt", encoding="utf-8") as stream:
        stream.writelines(json.dumps(record) + "\n" for record in records)


def _widen(strokes: list[list[list[int]]], writer: int) -> list[list[list[float]]]:
    """The same drawing, a little wider with each writer: no two are alike."""
    return [[[x * (1 + writer / 50), y] for x, y in stroke] for stroke in strokes]
