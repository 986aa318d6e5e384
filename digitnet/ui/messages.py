"""A run's messages go to the browser together.

A stroke makes twenty-five. Streamlit hands each to the server's own thread by itself, wakes that
twice for it, and lets everything else have a turn before the next. While anybody computes, each of
these turns waits for Python's lock, up to 5 ms: with a hundred people drawing, that is what all of
them wait for. So what a run has made by the time that thread comes to it is taken, and sent, at
once.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.runtime import Runtime

WAITING = "_digitnet_waiting"  # a session's messages that the server's thread has not yet taken

_handing_over = threading.Lock()
_log = logging.getLogger(__name__)
_flush = AppSession.flush_browser_queue
_send = Runtime._send_message


def send_together() -> None:
    """Has Streamlit do so; done once for all sessions."""
    AppSession._on_scriptrunner_event = _hand_over  # type: ignore[method-assign, assignment]
    AppSession.flush_browser_queue = _flush_as_one  # type: ignore[method-assign, assignment]
    Runtime._send_message = _send_all  # type: ignore[method-assign, assignment]
    Runtime._enqueued_some_message = _wake  # type: ignore[method-assign, assignment]


def _hand_over(session: AppSession, *event: Any, **details: Any) -> None:
    """Gives the server's thread what a run tells; it is woken for the first of several."""
    handle = partial(session._handle_scriptrunner_event_on_event_loop, *event, **details)
    with _handing_over:  # a session's next run may begin while the one before tells of its end
        waiting = session.__dict__.setdefault(WAITING, deque())
        waiting.append(handle)
        is_first = len(waiting) == 1
    if is_first:
        session._call_soon_on_event_loop(partial(_take, waiting))


def _take(waiting: deque[Callable[[], None]]) -> None:
    """Handles all that waits, in its order; one that fails keeps no other from it."""
    while waiting:
        try:
            waiting[0]()
        except Exception:
            _log.exception("a run's message was lost")
        waiting.popleft()  # only now: while one is here, nobody else wakes the thread


def _flush_as_one(session: AppSession) -> list[list[ForwardMsg]]:
    messages = _flush(session)
    return [messages] if messages else []


def _send_all(runtime: Runtime, session_info: Any, messages: list[ForwardMsg]) -> None:
    for message in messages:
        _send(runtime, session_info, message)


def _wake(runtime: Runtime) -> None:
    """Tells the server's thread that there is something to send; itself without a detour."""
    objects = runtime._get_async_objs()
    if asyncio._get_running_loop() is objects.eventloop:
        objects.need_send_data.set()
    else:
        objects.eventloop.call_soon_threadsafe(objects.need_send_data.set)
