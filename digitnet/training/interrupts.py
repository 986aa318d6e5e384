"""Ctrl-C and SIGTERM end a training between two steps, where nothing is left half done."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

OnStep = Callable[[int, int], None]


@contextlib.contextmanager
def interrupted_between_steps(on_step: OnStep) -> Iterator[OnStep]:
    """Holds SIGINT and SIGTERM back until the step is done; asked twice, it is interrupted at once.

    Python raises KeyboardInterrupt wherever it happens to be. Within TensorFlow that can be a
    finaliser, which loses it, so that the training goes on, or the midst of freeing memory.

    Args:
        on_step: What is called after each step.

    Yields:
        What to call in its place.

    Raises:
        KeyboardInterrupt: From what is yielded, or at the end.
    """
    asked = threading.Event()

    def interrupt_if_asked() -> None:
        if asked.is_set():
            raise KeyboardInterrupt

    def ask(*_: Any) -> None:
        interrupt_if_asked()
        asked.set()

    def on_step_or_interrupt(step: int, steps: int) -> None:
        interrupt_if_asked()
        on_step(step, steps)

    with _handled_by(ask):
        yield on_step_or_interrupt
    interrupt_if_asked()


@contextlib.contextmanager
def _handled_by(handler: Callable[..., None]) -> Iterator[None]:
    """Replaces the handlers that Python has; a signal that is ignored stays so."""
    handlers = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
    if threading.current_thread() is not threading.main_thread():
        handlers = {}  # only there can they be set, and are they called
    handlers = {one: before for one, before in handlers.items() if callable(before)}
    for one in handlers:
        signal.signal(one, handler)
    try:
        yield
    finally:
        for one, before in handlers.items():
            signal.signal(one, before)
