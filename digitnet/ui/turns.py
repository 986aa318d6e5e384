"""Turns: of many visits, a few compute at a time.

Of Python's threads one runs at a time. Were a hundred visits to compute at once, the server's own
thread, which has all messages to send, would be one of a hundred that want to, and everybody would
wait for it. So the others sleep until it is their turn, and as much is done as when few come.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

AT_ONCE = 2  # visits: while one waits for the networks, another draws up its page

Given = ParamSpec("Given")
Told = TypeVar("Told")
_turn = threading.BoundedSemaphore(AT_ONCE)


def in_turn(compute: Callable[Given, Told]) -> Callable[Given, Told]:
    """Has what a visit computes wait for its turn; not for what is called by such a function."""

    @functools.wraps(compute)
    def wait_and_compute(*arguments: Given.args, **named: Given.kwargs) -> Told:
        with _turn:
            return compute(*arguments, **named)

    return wait_and_compute
