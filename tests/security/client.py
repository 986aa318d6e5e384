"""A visitor without a browser, who may send what no browser would: Streamlit's own messages."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from typing import Any

import requests
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from benchmarks.messages import (
    MOST_BYTES,
    PRESSED,
    SUBPROTOCOLS,
    Json,
    Shown,
    ask_to_run,
    stream_of,
)

__all__ = ["ONE", "PRESSED", "Json", "Visitor", "drawing_of", "path_of"]

PATIENCE = 60  # seconds


class Visitor(Shown):
    """One session of the app.

    Args:
        address: Of the app, as "http://127.0.0.1:8501".
        cookie: What the browser sends as it opens a session, as "name=value".
    """

    def __init__(self, address: str, cookie: str = "") -> None:
        super().__init__()
        self.address = address
        self._headers = {"Cookie": cookie} if cookie else {}
        self._stack = contextlib.ExitStack()
        self._page = self._query = ""
        self._connect()

    def _connect(self) -> None:
        self._stack.close()
        self._socket = self._stack.enter_context(
            connect(
                stream_of(self.address),
                subprotocols=SUBPROTOCOLS,
                additional_headers=self._headers,
                max_size=MOST_BYTES,
            )
        )
        self.elements.clear()

    def __enter__(self) -> Visitor:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        self._stack.close()

    def drop(self) -> None:
        """Is gone without a word, as when a cable is pulled."""
        self._socket.socket.close()

    # --- what is sent ----------------------------------------------------------------------------

    def open(self, page: str = "", query: str = "") -> Visitor:
        """Opens a page by its address, as a browser does: in a session of its own."""
        self._connect()
        self._page, self._query = page, query
        self.act({})
        return self

    def go(self, page: str, tab: str = "") -> Visitor:
        """Goes on to another page, and a tab of it, by clicks: in the same session."""
        self._page, self._query = page, ""
        self.elements.clear()
        self.act({})
        if tab:
            self.act({self.tabs: tab})
        return self

    def act(self, states: dict[str, Any], fragment: str = "") -> None:
        """Sends values of widgets and waits until the page is drawn.

        Args:
            states: Values by the widgets' ids; PRESSED for a button's, `Json` for a component's.
            fragment: The part of the page that is to be drawn anew; all of it if empty.
        """
        self.send(states, fragment)
        self.wait()

    def send(self, states: dict[str, Any], fragment: str = "") -> None:
        """Sends values of widgets, as `act` does, and does not wait."""
        place = {"page_name": self._page, "query_string": self._query}
        self.send_bytes(ask_to_run(states, fragment, **place))

    def send_bytes(self, content: bytes | str) -> None:
        self._socket.send(content)

    def upload(self, name: str, content: bytes) -> dict[str, Any]:
        """Uploads a file as the file uploader does; returns the value that the widget then has."""
        message = BackMsg()
        message.file_urls_request.request_id = name
        message.file_urls_request.file_names.append(name)
        message.file_urls_request.session_id = ""
        self.send_bytes(message.SerializeToString())
        [urls] = next(self._answers("file_urls_response")).file_urls_response.file_urls
        session = requests.Session()
        session.get(self.address + "/_stcore/health", timeout=PATIENCE)
        token = {"X-Xsrftoken": session.cookies.get("_streamlit_xsrf", "")}
        session.put(
            self.address + urls.upload_url, files={name: content}, headers=token, timeout=PATIENCE
        ).raise_for_status()
        return {"file_id": urls.file_id, "name": name, "size": len(content), "file_urls": urls}

    # --- what is seen ----------------------------------------------------------------------------

    def wait(self) -> None:
        """Takes the server's messages until the page is drawn."""
        for message in self._answers("script_finished"):
            if message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                return

    def is_refused(self, states: dict[str, Any], fragment: str = "") -> bool:
        """Sends as `act`; returns whether the server ends the connection over it."""
        with contextlib.suppress(ConnectionClosed):
            self.act(states, fragment)
            return False
        return True

    def _answers(self, kind: str) -> Iterator[ForwardMsg]:
        """The server's messages of a kind, as they come."""
        deadline = time.monotonic() + PATIENCE
        while True:
            message = ForwardMsg()
            message.ParseFromString(self._socket.recv(max(0.0, deadline - time.monotonic())))
            self.see(message)
            if message.WhichOneof("type") == kind:
                yield message

    def widgets(self) -> dict[str, tuple[str, str]]:
        """The ids of all that can be acted on, with kind and label."""
        found = {}
        for element in self.elements.values():
            kind = element.WhichOneof("type")
            widget = getattr(element, kind)
            if getattr(widget, "id", ""):
                found[widget.id] = kind, getattr(widget, "label", "")
        return found

    def bodies(self, *kinds: str) -> list[str]:
        """What the page's elements of these kinds say."""
        return [one.body for kind in kinds for one, _ in self.find(kind)]

    def faults(self) -> list[str]:
        """What the page shows of exceptions; a user is to see none."""
        return [f"{one.type}: {one.message}" for one, _ in self.find("exception")]

    # --- drawing ---------------------------------------------------------------------------------

    def draw(self, drawing: str) -> str:
        """Draws on the board of the open Draw page; returns what is said where the reading is.

        Args:
            drawing: What the canvas sends.
        """
        canvas, fragment = self.find_board()
        self.act({canvas.id: Json(drawing)}, fragment)
        return self.said()

    def said(self) -> str:
        """The reading of the open Draw page, or the sentence in its place."""
        marks = ("dn-reading", "dn-invitation", "dn-number", "dn-refusal")
        return " ".join(one for one in self.bodies("html") if any(mark in one for mark in marks))


def drawing_of(*objects: Any) -> str:
    """What the canvas sends of its objects."""
    return json.dumps({"drawing": {"raw": {"objects": objects}, "data": None}})


def path_of(*commands: list[Any], **values: Any) -> dict[str, Any]:
    """A stroke as the canvas sends it."""
    place = {"left": 140, "top": 140, "width": 5, "height": 200}
    origin = {"originX": "center", "originY": "center", "strokeWidth": 16}
    return {"type": "path", "path": list(commands)} | place | origin | values


ONE = drawing_of(path_of(["M", 138, 40], ["L", 140, 100], ["L", 143, 240]))  # is read as a 1
