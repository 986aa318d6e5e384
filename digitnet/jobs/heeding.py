"""How a training ends by itself when it is asked to from another machine."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator

from digitnet.jobs.processes import TERMINATE_SECONDS, mark_stopped
from digitnet.runs import Training

LOOK_SECONDS = 0.5  # between two looks whether it is asked to


@contextlib.contextmanager
def heeding_stops(training: Training) -> Iterator[None]:
    """Ends this process as `stop` would, once its training is asked to end.

    SIGTERM is to raise KeyboardInterrupt. What does not heed it in time is killed.
    """
    ended = threading.Event()
    threading.Thread(target=_heed_stops, args=[training, ended], daemon=True).start()
    try:
        yield
    finally:
        ended.set()
        if training.is_asked_to_stop():
            _answer(training)


def _heed_stops(training: Training, ended: threading.Event) -> None:
    while not ended.wait(LOOK_SECONDS):
        if training.is_asked_to_stop():
            os.kill(os.getpid(), signal.SIGTERM)
            if not ended.wait(TERMINATE_SECONDS):
                _answer(training)
                os.kill(os.getpid(), signal.SIGKILL)
            return


def _answer(training: Training) -> None:
    mark_stopped(training)
    training.forget_stop()
