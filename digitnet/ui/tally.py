"""How much a class draws: counted in memory at each stroke, written down now and then."""

from __future__ import annotations

import threading
import time

from digitnet.runs import Classroom, RunError, RunStore

WRITE_SECONDS = 5.0  # at most so much is lost when the app ends

_lock = threading.Lock()
_drawings = _readings = 0
_written = 0.0


def count(before: str, after: str) -> None:
    """Counts a board that networks read: as a reading, and as a drawing if it was empty.

    Args:
        before: What was on the board, as the address has it.
        after: What is there now.
    """
    global _drawings, _readings
    if after and after != before:
        with _lock:
            _readings += 1
            _drawings += not before


def write(store: RunStore) -> None:
    """Adds what was counted to what is kept, unless that was done just now."""
    global _drawings, _readings, _written
    with _lock:
        now = time.monotonic()
        if not _readings or now - _written < WRITE_SECONDS:
            return
        added, _written = (_drawings, _readings), now
        _drawings = _readings = 0
    try:
        Classroom(store).add_counts(*added)
    except RunError:  # such as a full disk, which may pass
        with _lock:
            _drawings, _readings = _drawings + added[0], _readings + added[1]


def total(store: RunStore) -> tuple[int, int]:
    """Drawings and readings of the class so far, those not yet written included."""
    drawings, readings = Classroom(store).counts()
    return drawings + _drawings, readings + _readings


def forget() -> None:
    """Forgets what was not yet written."""
    global _drawings, _readings
    with _lock:
        _drawings = _readings = 0
