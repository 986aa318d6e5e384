"""Drawings of which a person has said what they are, in one file of the run store.

<local>/own_drawings.jsonl    a line each, as `evaluate --drawings` reads them
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from digitnet.digits import fit_to_canvas, ink
from digitnet.runs.files import RunError, write_atomically
from digitnet.runs.locks import changing

OWN_DRAWINGS, LOCK = "own_drawings.jsonl", "own_drawings.lock"
MOST_DRAWINGS = 2000
MOST_BYTES = 16 * 2**20  # of a file; that many usual drawings have 1 million
LONGEST_LINE = 32 * 2**10  # bytes, of one that is kept; a usual drawing has 500


@dataclass(frozen=True, eq=False)
class OwnDrawing:
    """A drawing, and the digit that its drawer says it is.

    Args:
        strokes: Each float64 (k, 2), y downwards.
        label: The digit.
    """

    strokes: ink.Strokes
    label: int

    @classmethod
    def of(cls, strokes: ink.Strokes, label: int) -> OwnDrawing:
        """A drawing as it is kept: no finer than a link has it.

        Args:
            strokes: Each (k, 2), in pixels of the canvas.
            label: The digit.

        Raises:
            InkError: If they are no more than a dot, or too much for a link.
        """
        drawing = cls(ink.decode_strokes(ink.encode_strokes(strokes)), label)
        ink.render_strokes(drawing.strokes)
        return drawing

    @cached_property
    def image(self) -> np.ndarray:
        """What a network sees of it, uint8 (28, 28); raises InkError if it is only a dot."""
        return ink.render_strokes(self.strokes)

    @cached_property
    def id(self) -> str:
        """The same for the same strokes, whatever they are said to be."""
        return hashlib.sha256(json.dumps(self._points()).encode()).hexdigest()[:16]

    @property
    def line(self) -> str:
        """The line of a file that `read_lines` makes this drawing of."""
        return json.dumps({"strokes": self._points(), "label": self.label}, separators=(",", ":"))

    def _points(self) -> list[list[list[float]]]:
        return [np.round(stroke, 6).tolist() for stroke in self.strokes]


@dataclass(frozen=True)
class OwnLines:
    """What a file of drawings holds.

    Args:
        drawings: Those that can be read, in the file's order, none twice.
        damaged: The other lines, as they are.
    """

    drawings: tuple[OwnDrawing, ...] = ()
    damaged: tuple[bytes, ...] = ()

    def write(self) -> bytes:
        """The file."""
        lines = [one.line.encode() for one in self.drawings]
        return b"".join(line + b"\n" for line in (*lines, *self.damaged))


def read_lines(content: bytes, longest: int = LONGEST_LINE) -> OwnLines:
    """Reads a file of drawings, as `evaluate --drawings` does; a label must stand with each.

    Args:
        content: The file's.
        longest: Bytes of a line that may hold a drawing.

    Raises:
        RunError: If it is too large, or has too many lines.
    """
    _require_room(content)
    found: dict[str, OwnDrawing] = {}
    damaged = []
    for line in filter(bytes.strip, content.split(b"\n")):
        read = _read_line if len(line) > LONGEST_LINE else _remember_line
        if len(line) <= longest and (drawing := read(line)):
            found[drawing.id] = drawing
        else:
            damaged.append(line)
    return OwnLines(tuple(found.values()), tuple(damaged))


def _require_room(content: bytes) -> None:
    if len(content) > MOST_BYTES or content.count(b"\n") > MOST_DRAWINGS:
        raise RunError(
            f"a file has no more than {MOST_DRAWINGS:,} drawings and {MOST_BYTES // 2**20} MB"
        )


def _read_line(line: bytes) -> OwnDrawing | None:
    """A line's drawing; None if it holds none, or does not say which digit it is."""
    strokes, label, _ = ink.parse_drawing(line)
    if label is None or isinstance(strokes, ink.InkError):
        return None
    with contextlib.suppress(ink.InkError):  # it is no more than a dot
        ink.render_strokes(strokes)
        return OwnDrawing(strokes, label)
    return None


_remember_line = lru_cache(maxsize=MOST_DRAWINGS)(_read_line)


def take_in(content: bytes) -> tuple[list[OwnDrawing], int]:
    """Reads a file that somebody sends.

    Returns:
        Its drawings, on the board whatever their unit, as they are kept; and how many lines hold
        none.

    Raises:
        RunError: If it is too large, has too many lines, or no drawing.
    """
    lines = read_lines(content, MOST_BYTES)
    taken = []
    for one in lines.drawings:
        with contextlib.suppress(ink.InkError):
            taken.append(OwnDrawing.of(fit_to_canvas(one.strokes), one.label))
    if not taken:
        raise RunError(
            'the file holds no labelled drawing {"strokes": [[[x, y], ...], ...], "label": 7}'
        )
    return taken, len(lines.drawings) + len(lines.damaged) - len(taken)


def put(kept: OwnLines, drawings: Iterable[OwnDrawing]) -> OwnLines:
    """Adds drawings; one that is there already is from now on what it is said to be now.

    Raises:
        RunError: If they would be too many.
    """
    found = {one.id: one for one in kept.drawings} | {one.id: one for one in drawings}
    if len(found) > MOST_DRAWINGS:
        raise RunError(f"more than {MOST_DRAWINGS:,} drawings are not kept; delete some first")
    return OwnLines(tuple(found.values()), kept.damaged)


def without(kept: OwnLines, id: str) -> OwnLines:
    """Leaves a drawing out, if it is there."""
    return OwnLines(tuple(one for one in kept.drawings if one.id != id), kept.damaged)


class OwnDrawings:
    """The file of one's own drawings in a run store, for several visits and processes at once.

    It is replaced whole or not at all. Lines that cannot be read stay in it as they are.

    Args:
        local: Folder of the runs trained here; made when first written to.
    """

    def __init__(self, local: Path) -> None:
        self.path = Path(local) / OWN_DRAWINGS

    def read(self) -> OwnLines:
        """What is kept; RunError if the file cannot be read."""
        try:
            stat = self.path.stat()
            return _read_file(self.path, (stat.st_ino, stat.st_size, stat.st_mtime_ns))
        except FileNotFoundError:
            return OwnLines()
        except RunError as error:
            raise RunError(f"{self.path} is too large: {error}; move it elsewhere") from None
        except OSError as error:
            raise RunError(f"{self.path} cannot be read: {error.strerror}") from None

    def put(self, drawings: Iterable[OwnDrawing]) -> None:
        """Adds drawings, as `put` does; RunError if they are too many or cannot be written."""
        self._change(lambda: put(self.read(), drawings))

    def delete(self, id: str) -> None:
        """Deletes a drawing, if it is there; RunError if it cannot be written."""
        self._change(lambda: without(self.read(), id))

    def delete_all(self) -> None:
        """Deletes all of them, and what could not be read; RunError if that cannot be written."""
        self._change(OwnLines)

    def _change(self, change: Callable[[], OwnLines]) -> None:
        with changing(self.path.with_name(LOCK), f"{self.path} cannot be written"):
            for copy in self.path.parent.glob(f".{self.path.name}.*"):
                copy.unlink()  # of a write that was killed
            if content := change().write():
                _require_room(content)  # else nobody could read it
                write_atomically(self.path, content)
            else:
                self.path.unlink(missing_ok=True)


@lru_cache(maxsize=4)
def _read_file(path: Path, _: tuple[int, ...]) -> OwnLines:
    with path.open("rb") as stream:
        return read_lines(stream.read(MOST_BYTES + 1))
