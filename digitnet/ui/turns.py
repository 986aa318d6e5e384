"""Of many visits, one at a time computes what a stroke changes.

Of Python's threads one runs at a time. Were a hundred visits to compute at once, the server's own
thread, which has all messages to send, would be one of a hundred that want to, and everybody would
wait for it. So the others sleep until it is their turn, in the order in which they came.

They wait before Streamlit begins to run their part of the page, not within it: what they draw
meanwhile is then simply what is read, and nothing is begun that a newer stroke would cut short.
"""

from __future__ import annotations

import threading
import time
from collections import deque

from streamlit.runtime.scriptrunner import ScriptRunner
from streamlit.runtime.scriptrunner_utils.script_requests import (
    ScriptRequest,
    ScriptRequests,
    ScriptRequestType,
)
from streamlit.runtime.scriptrunner_utils.script_run_context import ThreadState

LONGEST = 0.5  # seconds of a turn; who takes longer, or waits for something, is passed by

_ready = ScriptRequests.on_scriptrunner_ready
_run_thread = ScriptRunner._run_script_thread


class Line:
    """Those who wait for their turn; for use by many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holder: object = None
        self._since = 0.0  # when it became the holder's turn
        self._waiting: deque[tuple[object, threading.Event]] = deque()

    def wait(self, who: object) -> float:
        """Returns when it is somebody's turn; how many seconds that took."""
        with self._lock:
            begin, called = time.monotonic(), threading.Event()
            self._waiting.append((who, called))
            if self._holder is None:
                self._call_next()
        while not called.wait(LONGEST):
            self._pass_by(called)
        return time.monotonic() - begin

    def leave(self, who: object) -> None:
        """Calls the next one, if it was somebody's turn."""
        with self._lock:
            if self._holder is who:
                self._call_next()

    def _pass_by(self, called: threading.Event) -> None:
        """Lets the first of those who wait begin beside one whose turn takes too long."""
        with self._lock:
            is_first = bool(self._waiting) and self._waiting[0][1] is called
            if is_first and time.monotonic() - self._since >= LONGEST:
                self._call_next()

    def _call_next(self) -> None:
        self._holder, self._since = None, time.monotonic()
        if self._waiting:
            self._holder, called = self._waiting.popleft()
            called.set()


_line = Line()
_parts: set[str] = set()  # of pages, by their ids, which are the same for all visits
_visit = threading.local()


def take_turns() -> None:
    """Has the part of the page that calls it wait for its turn whenever it is drawn anew."""
    part = ThreadState.get().fragment_id
    if part:
        _parts.add(part)


def seconds_waited() -> float:
    """How long this visit has waited for the turn that it has now; 0 if it has none."""
    return getattr(_visit, "seconds", 0.0)


def keep_turns() -> None:
    """Has Streamlit wait for turns before it runs such parts; done once for all visits."""
    ScriptRequests.on_scriptrunner_ready = _wait_and_take  # type: ignore[method-assign, assignment]
    ScriptRunner._run_script_thread = _run_and_leave  # type: ignore[method-assign, assignment]


def _wait_and_take(requests: ScriptRequests) -> ScriptRequest:
    """Takes what a visit asks for, which is what it asked for last, once it is its turn."""
    _line.leave(requests)  # its last run has ended
    _visit.seconds = _line.wait(requests) if _is_for_parts(requests) else 0.0
    return _ready(requests)


def _is_for_parts(requests: ScriptRequests) -> bool:
    asked = requests._rerun_data
    wanted = {asked.fragment_id, *asked.fragment_id_queue} - {None}
    return requests._state == ScriptRequestType.RERUN and bool(wanted) and wanted <= _parts


def _run_and_leave(runner: ScriptRunner) -> None:
    """Whatever ends a visit's thread, it holds nobody up."""
    try:
        _run_thread(runner)
    finally:
        _line.leave(runner._requests)
