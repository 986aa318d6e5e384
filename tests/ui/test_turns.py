"""Of many visits, one at a time computes what a stroke changes, in the order in which they came."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from streamlit.runtime.scriptrunner import RerunData
from streamlit.runtime.scriptrunner_utils.script_requests import (
    ScriptRequest,
    ScriptRequests,
    ScriptRequestType,
)

from digitnet.ui import turns

PATIENCE = 30  # seconds; what hangs fails
STROKE, OTHER = "the part with the board", "another part"


@pytest.fixture(autouse=True)
def one_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "_parts", {STROKE})
    monkeypatch.setattr(turns, "_line", turns.Line())


def drawn(digit: int) -> RerunData:
    states = WidgetStates()
    states.widgets.add(id="board", int_value=digit)
    return RerunData(widget_states=states, fragment_id=STROKE)


def ask(data: RerunData) -> ScriptRequests:
    requests = ScriptRequests()
    assert requests.request_rerun(data)
    return requests


class Waiter(threading.Thread):
    """Somebody whose run is to begin; `taken` is what it begins with, once it is its turn."""

    def __init__(self, requests: ScriptRequests) -> None:
        super().__init__(daemon=True)
        self.requests, self.taken, self.waited = requests, None, 0.0
        self.may_end = threading.Event()
        self.start()

    def run(self) -> None:
        self.taken = turns._wait_and_take(self.requests)
        self.waited = turns.seconds_waited()
        self.may_end.wait(PATIENCE)
        turns._wait_and_take(self.requests)  # the run has ended, and nothing more is asked for

    def begins(self) -> ScriptRequest:
        end = time.monotonic() + PATIENCE
        while self.taken is None and time.monotonic() < end:
            time.sleep(0.001)
        assert self.taken is not None
        return self.taken


def let_wait(requests: ScriptRequests) -> Waiter:
    """Somebody who stands in the line when this returns."""
    before, waiter = len(turns._line._waiting), Waiter(requests)
    end = time.monotonic() + PATIENCE
    while len(turns._line._waiting) == before and time.monotonic() < end:
        time.sleep(0.001)
    assert len(turns._line._waiting) == before + 1 and waiter.taken is None
    return waiter


@pytest.fixture
def first() -> Iterator[Waiter]:
    """Somebody who has the turn."""
    waiter = Waiter(ask(drawn(0)))
    waiter.begins()
    yield waiter
    waiter.may_end.set()


def test_one_at_a_time_in_the_order_in_which_they_came(first: Waiter) -> None:
    others = [let_wait(ask(drawn(digit))) for digit in (1, 2, 3)]
    for before, after in zip([first, *others], others, strict=False):
        before.may_end.set()
        after.begins()
        assert after.waited > 0
        assert [one.taken is None for one in others] == sorted(one.taken is None for one in others)
    others[-1].may_end.set()


def test_who_draws_on_while_waiting_is_read_once_and_as_it_is_now(first: Waiter) -> None:
    waiter = let_wait(requests := ask(drawn(1)))
    for digit in (2, 3):
        assert requests.request_rerun(drawn(digit))
    first.may_end.set()
    taken = waiter.begins()
    assert taken.rerun_data.widget_states.widgets[0].int_value == 3
    assert requests.on_scriptrunner_yield() is None  # nothing cuts the run short
    waiter.may_end.set()


def test_what_is_no_stroke_waits_for_nobody(first: Waiter) -> None:
    for data in (RerunData(), RerunData(fragment_id=OTHER)):
        waiter = Waiter(ask(data))
        assert waiter.begins().type is ScriptRequestType.RERUN
        waiter.may_end.set()


def test_who_takes_long_is_passed_by_and_the_others_go_on_one_by_one() -> None:
    slow = ask(drawn(0))
    turns._wait_and_take(slow)
    first, second = let_wait(ask(drawn(1))), let_wait(ask(drawn(2)))
    first.begins()
    assert first.waited >= turns.LONGEST * 0.9 and second.taken is None
    turns._line.leave(slow)  # its own run ends later, and takes nobody's turn away
    assert turns._line._holder is first.requests and second.taken is None
    first.may_end.set()
    second.begins()
    second.may_end.set()


def test_whatever_ends_a_visits_thread_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    class Runner:
        _requests = ask(drawn(0))

    def fail(runner: Runner) -> None:
        turns._wait_and_take(runner._requests)
        raise ValueError

    monkeypatch.setattr(turns, "_run_thread", fail)
    with pytest.raises(ValueError):
        turns._run_and_leave(Runner())
    waiter = Waiter(ask(drawn(1)))
    waiter.begins()
    waiter.may_end.set()
