"""Of many visits, a few compute at a time."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from digitnet.ui.turns import AT_ONCE, in_turn


def test_a_few_compute_at_a_time_and_all_have_their_turn() -> None:
    lock, running, most = threading.Lock(), 0, 0

    @in_turn
    def compute(number: int) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.01)
        with lock:
            running -= 1
        return number

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(compute, range(20))) == list(range(20))
    assert most == AT_ONCE


def test_who_fails_frees_the_turn() -> None:
    @in_turn
    def fail() -> None:
        raise ValueError

    for _ in range(AT_ONCE + 1):
        with pytest.raises(ValueError):
            fail()
    assert in_turn(lambda: "still")() == "still"
