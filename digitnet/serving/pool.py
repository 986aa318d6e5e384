"""A few threads that run networks for many readers.

    readers ── images ──► the networks' line ──► a worker: those who wait, as one batch ──► answers

Each network waits in one line, some alone and some with others, and a line is served by one worker
at a time. What is asked of it meanwhile waits, and runs together next: a batch costs less than its
images one by one, so the more is asked, the less each costs. Lines take turns, and in each one the
first is always among those who are answered next.
"""

from __future__ import annotations

import os
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from digitnet.serving.networks import BATCH_SIZE

WORKERS = min(2, os.cpu_count() or 1)

Evaluate = Callable[[np.ndarray], Any]  # images -> what is said of them, which can be sliced


@dataclass(eq=False)
class _Ask:
    evaluate: Evaluate
    kind: Hashable
    images: np.ndarray
    answer: Future[Any] = field(default_factory=Future)


@dataclass(eq=False)
class _Line:
    """Those who wait for the same networks; `seconds` is what an image took them last."""

    asks: deque[_Ask] = field(default_factory=deque)
    is_served: bool = False
    seconds: float = 0.0


class Pool:
    """Runs networks in the background, in batches.

    Args:
        workers: How many lines are served side by side.
    """

    def __init__(self, workers: int = WORKERS) -> None:
        self._workers = ThreadPoolExecutor(workers, "networks")  # take lines in their order
        self._lines: defaultdict[str, _Line] = defaultdict(_Line)
        self._lock = threading.Lock()
        self._is_closed = False

    def submit(
        self, line: str, evaluate: Evaluate, kind: Hashable, images: np.ndarray
    ) -> Future[Any]:
        """Asks networks.

        Args:
            line: Where they wait; what is asked in one line is never run side by side.
            evaluate: What they say of images, uint8 (n, 28, 28).
            kind: What `evaluate` does: asks of the same kind run as one batch.
            images: uint8 (n, 28, 28), of which one batch holds `BATCH_SIZE`.

        Returns:
            What they say of these images, or what `evaluate` raises. While it waits in line, it
            may be cancelled.

        Raises:
            RuntimeError: If the pool is closed.
        """
        ask = _Ask(evaluate, kind, images)
        with self._lock:
            if self._is_closed:
                raise RuntimeError("the pool is closed")
            waiting = self._lines[line]
            if not waiting.is_served:
                self._workers.submit(self._serve, waiting)
                waiting.is_served = True
            waiting.asks.append(ask)
        return ask.answer

    def seconds_of(self, line: str) -> float:
        """What an image took a line's networks when they ran last; 0 before."""
        found = self._lines.get(line)
        return found.seconds if found else 0.0

    def close(self) -> None:
        """Cancels what waits; returns when nothing runs."""
        with self._lock:
            self._is_closed = True
            self._workers.shutdown(wait=False, cancel_futures=True)
            for line in self._lines.values():
                for ask in line.asks:
                    if ask.answer.cancel():
                        ask.answer.set_running_or_notify_cancel()  # else `wait` does not see it
                line.asks.clear()
        self._workers.shutdown()

    def _serve(self, line: _Line) -> None:
        """Serves one batch of a line, which then queues anew behind the others."""
        with self._lock:
            batch = _take_batch(line.asks)
        if batch:
            begin = time.perf_counter()
            _answer(batch)
            images = sum(len(ask.images) for ask in batch)
            line.seconds = (time.perf_counter() - begin) / max(1, images)
        with self._lock:
            line.is_served = bool(line.asks)
            if line.asks:
                self._workers.submit(self._serve, line)


def _take_batch(asks: deque[_Ask]) -> list[_Ask]:
    """Takes the first of a line and those behind it that can run with it; others stay in order."""
    batch: list[_Ask] = []
    room = BATCH_SIZE
    for _ in range(len(asks)):
        ask = asks.popleft()
        if batch and (ask.kind != batch[0].kind or len(ask.images) > room):
            asks.append(ask)
        elif ask.answer.set_running_or_notify_cancel():
            batch.append(ask)
            room -= len(ask.images)
    return batch


def _answer(batch: list[_Ask]) -> None:
    """Evaluates a batch as one; everyone is given what is said of their own images."""
    try:
        said = batch[0].evaluate(np.concatenate([ask.images for ask in batch]))
    except Exception as error:  # whatever it is, those who wait must be told
        for ask in batch:
            ask.answer.set_exception(error)
        return
    begin = 0
    for ask in batch:
        ask.answer.set_result(said[begin : begin + len(ask.images)])
        begin += len(ask.images)
