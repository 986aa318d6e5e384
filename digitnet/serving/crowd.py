"""While a crowd draws, large networks do not vote.

A few large networks take nearly all of a reading's time: cnn_long alone more than the thirteen
smallest. What they cost a hundred people is a page that answers each of them late; what they add
is two votes of sixteen. So they vote whenever fewer people draw.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable

from digitnet.runs import Run
from digitnet.serving.checks import is_smaller

READINGS = 200  # within so many
SECONDS = 10.0  # seconds: twenty a second, as of forty people who draw
SMALL = 1_000_000  # bytes of a model; smaller ones take less than to be asked one by one


class Crowd:
    """Tells a crowd by how many drawings were read lately; for use by many threads."""

    def __init__(self) -> None:
        self._moments: deque[float] = deque(maxlen=READINGS)
        self._lock = threading.Lock()

    def count(self) -> bool:
        """Counts a reading; returns whether it is one of a crowd's."""
        now = time.monotonic()
        with self._lock:
            self._moments.append(now)
            return len(self._moments) == READINGS and now - self._moments[0] < SECONDS


def find_quick(runs: Iterable[Run]) -> list[Run]:
    """Those that vote for a crowd: of small models, and the one that tells what is no digit."""
    return [run for run in runs if is_smaller(run, SMALL) or run.experiment.refuses]
