"""What a run makes reaches the browser in its order, at once, and whole."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
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
