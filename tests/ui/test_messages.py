"""What a run makes reaches the browser in its order, at once, and whole."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor, wait
from types import SimpleNamespace

from digitnet.ui import messages


class Session:
    """As much of a session as hands over messages; the loop is woken when the test says so."""

    def __init__(self) -> None:
        self.woken: list = []
        self.handled: list = []

    def _handle_scriptrunner_event_on_event_loop(self, sender, event, forward_msg=None) -> None:
        if event == "broken":
            raise ValueError(event)
        self.handled.append((event, forward_msg))

    def _call_soon_on_event_loop(self, callback) -> None:
        self.woken.append(callback)


def test_the_servers_thread_is_woken_once_for_all_that_waits() -> None:
    session = Session()
    for number in range(3):
        messages._hand_over(session, None, "message", forward_msg=number)
    assert len(session.woken) == 1
    session.woken.pop()()
    assert session.handled == [("message", 0), ("message", 1), ("message", 2)]
    messages._hand_over(session, None, "message", forward_msg=3)
    session.woken.pop()()
    assert session.handled[-1] == ("message", 3)


class MeetingPoint(deque):
    """Whoever appends waits a little, so that another may append as well before going on."""

    def __init__(self) -> None:
        super().__init__()
        self._point = threading.Barrier(2)

    def append(self, handle) -> None:
        super().append(handle)
        with contextlib.suppress(threading.BrokenBarrierError):
            self._point.wait(timeout=0.2)


def test_one_of_two_runs_that_tell_at_once_wakes_the_servers_thread() -> None:
    session = Session()
    session.__dict__[messages.WAITING] = MeetingPoint()
    with ThreadPoolExecutor(2) as threads:
        wait([threads.submit(messages._hand_over, session, None, "end") for _ in range(2)])
    assert len(session.woken) == 1


def test_one_that_fails_keeps_no_other_from_being_sent() -> None:
    session = Session()
    for event in ("first", "broken", "last"):
        messages._hand_over(session, None, event)
    session.woken.pop()()
    assert [event for event, _ in session.handled] == ["first", "last"]


def test_who_is_on_the_servers_thread_wakes_it_without_a_detour() -> None:
    async def wake() -> bool:
        loop, need = asyncio.get_running_loop(), asyncio.Event()
        objects = SimpleNamespace(eventloop=loop, need_send_data=need)
        messages._wake(SimpleNamespace(_get_async_objs=lambda: objects))
        return need.is_set()

    with ThreadPoolExecutor(1) as thread:  # this one may have a loop of its own
        assert thread.submit(asyncio.run, wake()).result()
