"""Drawings that visitors gave to their class, in one file; no names.

<local>/class/donated.jsonl   a line each: strokes, the digit, the giver's number, if it is shown
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from digitnet.runs.files import RunError, write_atomically
from digitnet.runs.locks import changing
from digitnet.runs.own_drawings import LONGEST_LINE, OwnDrawing, read_lines
from digitnet.runs.records import CLASS
from digitnet.runs.store import RunStore

DONATED, DONATED_LOCK = "donated.jsonl", "donated.lock"
MOST_GIVEN = 20  # of one visitor
MOST_DRAWINGS = 600  # of all
MOST_BYTES = MOST_DRAWINGS * LONGEST_LINE


@dataclass(frozen=True, eq=False)
class Donation:
    """A drawing that a visitor gave.

    Args:
        drawing: It, and the digit that it is said to be.
        giver: The visitor, for the bound on each; is shown to nobody.
        is_shown: Whether the owner has approved it.
    """

    drawing: OwnDrawing
    giver: str
    is_shown: bool = False

    @property
    def id(self) -> str:
        return self.drawing.id

    @property
    def line(self) -> bytes:
        values = json.loads(self.drawing.line) | {"giver": self.giver, "shown": self.is_shown}
        return json.dumps(values, separators=(",", ":")).encode() + b"\n"


class Donations:
    """The drawings given to a class, for several visits and processes at once.

    Args:
        store: The one that all share, or a visitor's.
    """

    def __init__(self, store: RunStore) -> None:
        self.path = store.shared.local / CLASS / DONATED

    def read(self) -> tuple[Donation, ...]:
        """Those that can be read, the oldest first; RunError if the file cannot be read."""
        try:
            stat = self.path.stat()
            return _read_file(self.path, (stat.st_ino, stat.st_size, stat.st_mtime_ns))
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise RunError(f"{self.path} cannot be read: {error.strerror}") from None

    def give(self, drawing: OwnDrawing, giver: str) -> None:
        """Adds a drawing, not yet shown; once is enough, unless it is said to be another digit.

        Raises:
            RunError: If this visitor, or all together, gave as many as may be; or if another gave
                the same drawing as another digit.
        """
        if len(drawing.line) > LONGEST_LINE // 2:
            raise RunError("this drawing is too long to be given")

        def add(kept: list[Donation]) -> list[Donation]:
            same = next((one for one in kept if one.id == drawing.id), None)
            if same and same.drawing.label == drawing.label:
                return kept
            if same and same.giver != giver:
                raise RunError(f"this drawing was given by another, as a {same.drawing.label}")
            if same:
                kept.remove(same)
            if sum(one.giver == giver for one in kept) >= MOST_GIVEN:
                raise RunError(f"you have given {MOST_GIVEN} drawings; no more can be given")
            if len(kept) >= MOST_DRAWINGS:
                raise RunError(f"the class has been given {MOST_DRAWINGS} drawings; it is full")
            return [*kept, Donation(drawing, giver)]

        self._change(add)

    def show(self, ids: Iterable[str]) -> None:
        """Approves drawings, to be shown from now on."""
        chosen = set(ids)
        self._change(
            lambda kept: [replace(one, is_shown=one.is_shown or one.id in chosen) for one in kept]
        )

    def delete(self, ids: Iterable[str]) -> None:
        """Deletes drawings, as far as they are there."""
        chosen = set(ids)
        self._change(lambda kept: [one for one in kept if one.id not in chosen])

    def forget(self) -> None:
        """Deletes all; RunError if that cannot be done."""
        with self._changing():
            self.path.unlink(missing_ok=True)

    def _change(self, change: Callable[[list[Donation]], list[Donation]]) -> None:
        with self._changing():
            lines = [one.line for one in change(list(self.read()))]
            write_atomically(self.path, b"".join(lines))

    def _changing(self) -> AbstractContextManager[None]:
        return changing(self.path.with_name(DONATED_LOCK), "the class's drawings cannot be written")


@lru_cache(maxsize=4)
def _read_file(path: Path, _: tuple[int, ...]) -> tuple[Donation, ...]:
    with path.open("rb") as stream:
        content = stream.read(MOST_BYTES)
    found: dict[str, Donation] = {}
    for line in content.split(b"\n")[:MOST_DRAWINGS]:
        if donation := _read_line(line):
            found[donation.id] = donation
    return tuple(found.values())


@lru_cache(maxsize=2 * MOST_DRAWINGS)
def _read_line(line: bytes) -> Donation | None:
    """A line's drawing; None if it holds none."""
    if not line.strip():
        return None
    with contextlib.suppress(ValueError, TypeError, RunError, RecursionError):
        values = json.loads(line)
        drawings = read_lines(line).drawings
        if isinstance(values, dict) and drawings:
            return Donation(drawings[0], str(values.get("giver", "")), values.get("shown") is True)
    return None
