"""An interruption waits for the step; what is ignored stays so."""

from __future__ import annotations

import signal
import threading

import pytest

from digitnet.training.interrupts import interrupted_between_steps

SIGNALS = [signal.SIGINT, signal.SIGTERM]


@pytest.fixture(autouse=True)
def heard():
    """Handlers as the command line has them, which say that they were called."""
    calls = []
    before = {one: signal.signal(one, lambda number, _: calls.append(number)) for one in SIGNALS}
    yield calls
    for one, handler in before.items():
        signal.signal(one, handler)


@pytest.mark.parametrize("sign", SIGNALS)
def test_it_comes_after_the_step_and_the_handler_comes_back(sign, heard):
    steps = []
    with (
        pytest.raises(KeyboardInterrupt),
        interrupted_between_steps(lambda step, _: steps.append(step)) as on_step,
    ):
        on_step(1, 3)
        signal.raise_signal(sign)
        steps.append("done")
        on_step(2, 3)
    assert steps == [1, "done"] and heard == []
    signal.raise_signal(sign)
    assert heard == [sign]


def test_it_comes_at_the_end_where_no_step_follows():
    done = []
    with pytest.raises(KeyboardInterrupt), interrupted_between_steps(print):
        signal.raise_signal(signal.SIGINT)
        done.append("epoch")
    assert done == ["epoch"]


def test_asked_twice_it_comes_at_once():
    done = []
    with pytest.raises(KeyboardInterrupt), interrupted_between_steps(print):
        signal.raise_signal(signal.SIGTERM)
        done.append("once")
        signal.raise_signal(signal.SIGINT)
        done.append("twice")
    assert done == ["once"]


def test_what_is_ignored_stays_ignored():
    """As the shell has it for Ctrl-C of a command in the background."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with interrupted_between_steps(print) as on_step:
        signal.raise_signal(signal.SIGINT)
        on_step(1, 1)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_an_error_is_not_hidden_by_it():
    with pytest.raises(OSError, match="full"), interrupted_between_steps(print):
        signal.raise_signal(signal.SIGINT)
        raise OSError("full")


def test_another_thread_trains_without_it(heard):
    steps = []

    def train():
        with interrupted_between_steps(lambda *step: steps.append(step)) as on_step:
            on_step(1, 1)

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    signal.raise_signal(signal.SIGTERM)
    assert steps == [(1, 1)] and heard == [signal.SIGTERM]
