"""The stroke files: which they are, where they lie and whom they are owed to."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from digitnet.digits.handwriting.drawings import Drawing, load_drawings
from digitnet.digits.records import DataError

UNIPEN = "UNIPEN train_r01_v07, doi.org/10.5281/zenodo.1195803"
UJI = "UJI Pen Characters, version 2, archive.ics.uci.edu"


@dataclass(frozen=True)
class StrokeFile:
    """A file of drawings that the handwriting data set is made from.

    Args:
        name: Its name in the folder that DIGITNET_STROKES names.
        source: Where its drawings come from.
        licence: Under which they may be used.
    """

    name: str
    source: str
    licence: str = "CC BY 4.0"


STROKE_FILES = (
    StrokeFile("unipen_digits.jsonl.gz", UNIPEN),
    StrokeFile("uji_digits.jsonl.gz", UJI),
    StrokeFile("unipen_letters.jsonl.gz", UNIPEN),
)


def find_strokes() -> Path:
    """Finds the folder of the stroke files.

    Raises:
        DataError: If DIGITNET_STROKES is not set, or a file is missing.
    """
    named = os.environ.get("DIGITNET_STROKES")
    if not named:
        raise DataError(
            "Real handwriting needs drawings: set DIGITNET_STROKES to a folder with "
            f"{', '.join(one.name for one in STROKE_FILES)}. {_HOW}"
        )
    folder = Path(named).expanduser()
    missing = [one.name for one in STROKE_FILES if not (folder / one.name).is_file()]
    if missing:
        raise DataError(
            f"DIGITNET_STROKES names {named}, where {', '.join(missing)} cannot be found. {_HOW}"
        )
    return folder


_HOW = "The command to make them: python -m digitnet strokes unipen FOLDER"


def load_collections() -> list[Drawing]:
    """Loads all drawings, digits first, but for those that are known to be wrong.

    Raises:
        DataError: If a file is missing or broken.
    """
    folder, left_out = find_strokes(), _load_left_out()
    return [one for file in STROKE_FILES for one in load_drawings(folder / file.name, left_out)]


def describe_files() -> list[dict[str, Any]]:
    """The very files and whom they are owed to, for the record; raises as `find_strokes`."""
    folder = find_strokes()
    return [
        {
            "name": file.name,
            "source": file.source,
            "licence": file.licence,
            "sha256": hashlib.sha256((folder / file.name).read_bytes()).hexdigest(),
        }
        for file in STROKE_FILES
    ]


def _load_left_out() -> frozenset[str]:
    path = Path(__file__).with_name("left_out.json")
    return frozenset(json.loads(path.read_text(encoding="utf-8"))["left_out"])
