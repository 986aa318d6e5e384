"""Whether a crowd draws, for which large networks do not vote.

A few large networks take nearly all of a reading's time: cnn_long alone more than the thirteen
smallest. What they cost a hundred people is a page that answers each of them late; what they add
is four votes of sixteen. So they vote whenever fewer people draw.
"""

from __future__ import annotations

import threading
import time
from collections import deque

READINGS = 200  # within so many
SECONDS = 10.0  # seconds: twenty a second, as of forty people who draw
LONG = 0.25  # seconds that one waits for one's turn where fewer are too many for the machine


class Crowd:
    """Tells a crowd by how much is read, and how long that waits; for use by many threads."""

    def __init__(self) -> None:
        self._moments: deque[float] = deque(maxlen=READINGS)
        self._last_seen = -SECONDS
        self._lock = threading.Lock()

    def count(self, waited: float) -> bool:
        """Counts a reading; returns whether there is a crowd, or was one just now.

        Args:
            waited: Seconds that it waited for its turn.
        """
        now = time.monotonic()
        with self._lock:
            self._moments.append(now)
            are_many = len(self._moments) == READINGS and now - self._moments[0] < SECONDS
            if are_many or waited > LONG:
                self._last_seen = now
            return now - self._last_seen < SECONDS
