"""Visitors of the Draw page without browsers, who cost little, for the server that they load is
measured on the same processor.

A visitor opens the page, draws, and asks every few seconds, as a browser does, whether anybody
trains. Messages are told apart by a few of their bytes; only those that are short, and all until
the page is there, are parsed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from functools import cache

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from benchmarks.messages import MOST_BYTES, SUBPROTOCOLS, Json, Shown, ask_to_run, stream_of
from digitnet.digits import canvas_drawing, ink, load_samples
from digitnet.show import draw

BRUSH = {"stroke_width": 16, "stroke_color": "#f5f2e9"}
SHORT = 250  # bytes; frames that begin or end a run and show nothing are shorter
PICTURE = re.compile(rb"data:image/png;base64,[\w+/=]+")


@dataclass
class Stroke:
    """A stroke that was drawn.

    Args:
        digit: The sample digit that it drew.
        drawn: When the pen was lifted, seconds.
        answered: When its reading, or that of a newer stroke, was there; None if none was.
        is_superseded: Whether it was a newer one's.
    """

    digit: int
    drawn: float
    answered: float | None = None
    is_superseded: bool = False

    @property
    def wait(self) -> float | None:
        """Seconds until it, or a newer one, was read; None if none was."""
        return None if self.answered is None else self.answered - self.drawn


@cache
def _canvas_value(digit: int) -> str:
    """What the board sends of a sample digit."""
    drawing = canvas_drawing(load_samples()[digit], BRUSH) | {"background": "#1c2430"}
    return json.dumps({"drawing": {"raw": drawing, "data": None}}, separators=(",", ":"))


@cache
def _digits_by_picture() -> dict[bytes, int]:
    """The sample digits by what the page shows of them as the networks' input."""
    return {_find_picture(digit): digit for digit in load_samples()}


def _find_picture(digit: int) -> bytes:
    drawing = json.loads(_canvas_value(digit))["drawing"]["raw"]
    image = ink.render_strokes(ink.strokes_from_canvas(drawing))
    found = PICTURE.search(str(draw.seen_html(image)).encode())
    assert found, "the page shows no picture of what the networks see"
    return found.group()


@dataclass(eq=False)
class Visitor:
    """One tab that shows the Draw page.

    Args:
        address: Of the app, as "http://127.0.0.1:8501".

    Attributes:
        strokes: All that were drawn, in their order.
        received, sent: Bytes of messages.
        was_cut_off: Whether the server hung up.
    """

    address: str
    strokes: list[Stroke] = field(default_factory=list)
    received: int = 0
    sent: int = 0
    was_cut_off: bool = False

    def __post_init__(self) -> None:
        self._page = ""  # the page's own hash
        self._board = self._part = ""  # the board, and the part of the page that it is in
        self._states: dict[str, Json] = {}  # of the board, which a browser tells with every run
        self._seen: int | None = None  # the digit that the run in progress has shown
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Opens the page; returns when it can be drawn on. Raises ConnectionClosed."""
        self._socket = await connect(
            stream_of(self.address),
            subprotocols=SUBPROTOCOLS,
            max_size=MOST_BYTES,
            compression=None,
        )
        await self._ask()
        signs = await self._learn()
        self._do(self._listen())
        for part, seconds in signs.items():
            self._do(self._look_again(part, seconds))

    async def draw(self, digit: int) -> None:
        """Lifts the pen of a sample digit; says nothing where the server has hung up."""
        self.strokes.append(Stroke(digit, time.perf_counter()))
        self._states = {self._board: Json(_canvas_value(digit))}
        with contextlib.suppress(ConnectionClosed):
            await self._ask(self._part)

    async def close(self) -> None:
        """Goes away."""
        for task in self._tasks:
            task.cancel()
        await self._socket.close()

    def _do(self, what: Coroutine[None, None, None]) -> None:
        self._tasks.append(asyncio.create_task(what))

    async def _learn(self) -> dict[str, float]:
        """Finds what the page is made of while it is drawn for the first time.

        Returns:
            The parts of the page that are to be drawn anew by themselves, and every how many
            seconds.
        """
        signs, shown = {}, Shown()
        while True:
            message = ForwardMsg.FromString(await self._receive())
            shown.see(message)
            if message.WhichOneof("type") == "navigation":
                self._page = message.navigation.page_script_hash
            elif message.WhichOneof("type") == "auto_rerun":
                signs[message.auto_rerun.fragment_id] = message.auto_rerun.interval
            elif message.WhichOneof("type") == "script_finished" and shown.elements:
                board, self._part = shown.find_board()
                self._board = board.id
                return signs

    async def _listen(self) -> None:
        """Takes what the server sends until one of both hangs up."""
        try:
            while True:
                self._heed(await self._receive())
        except ConnectionClosed:
            self.was_cut_off = True

    def _heed(self, payload: bytes) -> None:
        if len(payload) > SHORT:
            if found := PICTURE.search(payload):
                self._seen = _digits_by_picture().get(found.group(), self._seen)
        elif ForwardMsg.FromString(payload).WhichOneof("type") == "script_finished":
            self._finish_run()

    async def _look_again(self, part: str, seconds: float) -> None:
        """Runs a part of the page as often as the page asks for."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                await asyncio.sleep(seconds)
                await self._ask(part, is_auto_rerun=True)

    def _finish_run(self) -> None:
        """All strokes up to the one that was read are answered: it shows what they drew."""
        seen, self._seen = self._seen, None
        if seen is None:
            return
        now, waiting = time.perf_counter(), [one for one in self.strokes if one.answered is None]
        places = [place for place, one in enumerate(waiting) if one.digit == seen]
        for place, stroke in enumerate(waiting[: places[0] + 1] if places else []):
            stroke.answered, stroke.is_superseded = now, place < places[0]

    async def _receive(self) -> bytes:
        payload = await self._socket.recv(decode=False)
        self.received += len(payload)
        return payload

    async def _ask(self, part: str = "", **fields: bool) -> None:
        content = ask_to_run(self._states, part, page_script_hash=self._page, **fields)
        self.sent += len(content)
        await self._socket.send(content)
