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


UNIPEN_DIGITS = StrokeFile("unipen_digits.jsonl.gz", UNIPEN)
UJI_DIGITS = StrokeFile("uji_digits.jsonl.gz", UJI)
UNIPEN_LETTERS = StrokeFile("unipen_letters.jsonl.gz", UNIPEN)
STROKE_FILES = (UNIPEN_DIGITS, UJI_DIGITS, UNIPEN_LETTERS)


def find_strokes() -> Path:
    """Finds the folder of the stroke files.

    Raises:
        DataError: If DIGITNET_STROKES is not set, or a file is missing.
    """
    try:
        folder = strokes_folder()
    except DataError as error:
        raise DataError(f"Real handwriting needs drawings. {error} {_HOW}") from None
    missing = [one.name for one in STROKE_FILES if not (folder / one.name).is_file()]
    if missing:
        raise DataError(
            f"DIGITNET_STROKES names {folder}, where {', '.join(missing)} cannot be found. {_HOW}"
        )
    return folder


def strokes_folder() -> Path:
    """The folder that DIGITNET_STROKES names, whether or not it is there.

    Raises:
        DataError: If it names none.
    """
    named = os.environ.get("DIGITNET_STROKES")
    if not named:
        names = ", ".join(one.name for one in STROKE_FILES)
        raise DataError(f"Set DIGITNET_STROKES to a folder for {names}.")
    return Path(named).expanduser()


_HOW = (
    "The commands to make them, as the README says: python -m digitnet strokes unipen FOLDER, "
    "python -m digitnet strokes uji FILE"
)


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
