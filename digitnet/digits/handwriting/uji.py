"""UJI Pen Characters, version 2: ujipenchars2.txt -> signs.

Source: D. Llorens et al., "The UJIpenchars database: a pen-based database of isolated handwritten
characters" (LREC 2008). A sign is `WORD 7 trn_UJI_W01-01`, `NUMSTROKES n` and n lines
`POINTS k # x y x y ...`, y downwards; lines that begin with // are comments.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from digitnet.digits.handwriting.signs import Conversion, Sign, SignError, scale
from digitnet.digits.handwriting.stroke_files import UJI_DIGITS
from digitnet.digits.records import DataError

COLLECTION = "uji"
DIGITS = "0123456789"
MOST_BYTES = 64 * 2**20  # twenty times the file


def read_uji(path: Path) -> Conversion:
    """Reads the digits of ujipenchars2.txt.

    Raises:
        DataError: If it cannot be read, is no such file, or a digit in it is broken.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise DataError(f"{path} is too large to be ujipenchars2.txt.")
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from None
    try:
        signs = [_parse(word, points) for word, points in _split(lines) if _is_digit(word)]
    except SignError as error:
        raise DataError(f"{path} is damaged: {error}; unpack it anew.") from None
    if not signs:
        raise DataError(f"{path} holds no digits; the command wants ujipenchars2.txt.")
    return Conversion({UJI_DIGITS.name: signs}, [])


def _split(lines: Iterable[str]) -> Iterator[tuple[list[str], list[str]]]:
    """Yields the words of each sign's first line, and the other lines that it has."""
    word: list[str] = []
    others: list[str] = []
    for line in lines:
        if line.startswith("WORD"):
            if word:
                yield word, others
            word, others = line.split(), []
        elif line.strip() and not line.startswith("//"):
            others.append(line)
    if word:
        yield word, others


def _is_digit(word: list[str]) -> bool:
    return len(word) == 3 and len(word[1]) == 1 and word[1] in DIGITS


def _parse(word: list[str], lines: list[str]) -> Sign:
    _, label, name = word
    try:
        strokes = [_parse_stroke(line) for line in lines[1:]]
        if lines[0].split() != ["NUMSTROKES", str(len(strokes))]:
            raise SignError("its number of strokes is another")
        return Sign(label, scale(strokes), name.rpartition("-")[0], COLLECTION)
    except (ValueError, OverflowError, IndexError) as error:
        reason = error if isinstance(error, SignError) else "its lines are no strokes"
        raise SignError(f"the {label} of {name[:99]} cannot be read, as {reason}") from None


def _parse_stroke(line: str) -> np.ndarray:
    head, _, numbers = line.partition("#")
    keyword, count = head.split()
    points = np.array(numbers.split(), np.int32).reshape(-1, 2)
    if keyword != "POINTS" or len(points) != int(count):
        raise SignError("a stroke has not as many points as it says")
    return points.astype(float)
