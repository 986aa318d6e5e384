"""Visitors of the Draw page without browsers: Streamlit's own websocket, and as little else as can
be, for the server that they load is measured on the same processor.

A visitor opens the page, draws, and asks every few seconds, as a browser does, whether anybody
trains. Frames are told apart by a few of their bytes; only those that are short, and all until the
page is there, are parsed.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import struct
import time
from dataclasses import dataclass, field
from functools import cache

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from digitnet.digits import canvas_drawing, ink, load_samples
from digitnet.show import draw

BRUSH = {"stroke_width": 16, "stroke_color": "#f5f2e9"}
UPGRADE = (
    "GET /_stcore/stream HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
BINARY, CLOSE, PING, PONG = 0x2, 0x8, 0x9, 0xA
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


def _is_canvas(message: ForwardMsg) -> bool:
    """Whether a message brings the board, which is not the page's only component."""
    return "drawable_canvas" in message.delta.new_element.bidi_component.component_name


@dataclass(eq=False)
class Visitor(asyncio.Protocol):
    """One tab that shows the Draw page.

    Args:
        host: The server's host and port.

    Attributes:
        ready: Done once the page is there to be drawn on; an error if the server hangs up before.
        strokes: All that were drawn, in their order.
        received, sent: Bytes of messages.
        was_cut_off: Whether the server hung up.
    """

    host: str
    strokes: list[Stroke] = field(default_factory=list)
    received: int = 0
    sent: int = 0
    was_cut_off: bool = False

    def __post_init__(self) -> None:
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._buffer, self._is_upgraded = bytearray(), False
        self._is_open = True
        self._template = BackMsg()
        self._canvas = self._fragment = ""
        self._signs: dict[str, float] = {}  # seconds between runs, by fragment
        self._seen: int | None = None  # the digit that the run in progress has shown

    async def open(self) -> None:
        """Opens the page; returns when it can be drawn on."""
        name, port = self.host.split(":")
        await asyncio.get_running_loop().create_connection(lambda: self, name, int(port))
        await self.ready

    def draw(self, digit: int) -> None:
        """Lifts the pen of a sample digit."""
        self.strokes.append(Stroke(digit, time.perf_counter()))
        states = self._template.rerun_script.widget_states  # every message tells them all
        states.ClearField("widgets")
        states.widgets.add(id=self._canvas, json_value=_canvas_value(digit))
        self._send(BINARY, self._ask(self._fragment).SerializeToString())

    def close(self) -> None:
        """Goes away."""
        self._is_open = False
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(UPGRADE.format(host=self.host, key=key).encode())

    def connection_lost(self, error: Exception | None) -> None:
        self.was_cut_off, self._is_open = self._is_open, False
        if not self.ready.done():
            self.ready.set_exception(ConnectionError("the server hung up"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._is_upgraded:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return
            if b" 101 " not in head.split(b"\r\n")[0]:
                self._transport.abort()
                return
            self._buffer, self._is_upgraded = rest, True
            self._template.rerun_script.context_info.url = f"http://{self.host}/"
            self._send(BINARY, self._template.SerializeToString())
        while frame := self._take_frame():
            self._heed(*frame)

    def _take_frame(self) -> tuple[int, bytes] | None:
        """The next whole frame's kind and payload; servers do not mask theirs."""
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        size, begin = buffer[1] & 0x7F, 2
        if size > 125:
            begin = 4 if size == 126 else 10
            if len(buffer) < begin:
                return None
            size = int.from_bytes(buffer[2:begin], "big")
        if len(buffer) < begin + size:
            return None
        frame = buffer[0] & 0x0F, bytes(buffer[begin : begin + size])
        del buffer[: begin + size]
        return frame

    def _heed(self, kind: int, payload: bytes) -> None:
        if kind == PING:
            self._send(PONG, payload)
        elif kind == CLOSE:
            self._transport.close()
        elif kind == BINARY:
            self.received += len(payload)
            if not self.ready.done():
                self._learn(ForwardMsg.FromString(payload))
            elif len(payload) > SHORT:
                self._look_at(payload)
            elif ForwardMsg.FromString(payload).WhichOneof("type") == "script_finished":
                self._finish_run()

    def _learn(self, message: ForwardMsg) -> None:
        """Finds what the page is made of while it is drawn for the first time."""
        if message.WhichOneof("type") == "navigation":
            page = message.navigation.page_script_hash
            self._template.rerun_script.page_script_hash = page
        elif message.WhichOneof("type") == "auto_rerun":
            self._signs[message.auto_rerun.fragment_id] = message.auto_rerun.interval
        elif _is_canvas(message):
            self._canvas = message.delta.new_element.bidi_component.id
            self._fragment = message.delta.fragment_id
        elif message.WhichOneof("type") == "script_finished" and self._canvas:
            self.ready.set_result(None)
            for fragment, seconds in self._signs.items():
                self._look_again_later(fragment, seconds)

    def _look_again_later(self, fragment: str, seconds: float) -> None:
        asyncio.get_running_loop().call_later(seconds, self._look_again, fragment, seconds)

    def _look_again(self, fragment: str, seconds: float) -> None:
        """Runs a part of the page as often as the page asks for."""
        if self._is_open:
            message = self._ask(fragment)
            message.rerun_script.is_auto_rerun = True
            self._send(BINARY, message.SerializeToString())
            self._look_again_later(fragment, seconds)

    def _look_at(self, payload: bytes) -> None:
        if found := PICTURE.search(payload):
            self._seen = _digits_by_picture().get(found.group(), self._seen)

    def _finish_run(self) -> None:
        """All strokes up to the one that was read are answered: it shows what they drew."""
        seen, self._seen = self._seen, None
        if seen is None:
            return
        now, waiting = time.perf_counter(), [one for one in self.strokes if one.answered is None]
        places = [place for place, one in enumerate(waiting) if one.digit == seen]
        for place, stroke in enumerate(waiting[: places[0] + 1] if places else []):
            stroke.answered, stroke.is_superseded = now, place < places[0]

    def _ask(self, fragment: str) -> BackMsg:
        message = BackMsg()
        message.CopyFrom(self._template)
        message.rerun_script.fragment_id = fragment
        return message

    def _send(self, kind: int, payload: bytes) -> None:
        """Sends a frame under the mask of zeros, which changes nothing."""
        size = len(payload)
        if size < 126:
            head = struct.pack("!BB", 0x80 | kind, 0x80 | size)
        else:
            head = struct.pack("!BBH", 0x80 | kind, 0x80 | 126, size)
        self.sent += size
        self._transport.write(head + bytes(4) + payload)
