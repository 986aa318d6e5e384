"""What the server does while it waits for its first visitor."""

from __future__ import annotations

import gc
import os
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from threading import Thread

import psutil
from streamlit.starlette import App

from digitnet.ui.component_data import send_as_it_is
from digitnet.ui.messages import send_together
from digitnet.ui.options import look_up_quickly
from digitnet.ui.turns import keep_turns

NEEDED = (
    "streamlit.material_icon_names",
    "digitnet.ui.canvas",
    "digitnet.ui.live",
    "digitnet.ui.inside",
    "digitnet.ui.own_drawings",
    "digitnet.show.draw",
    "digitnet.show.numbers",
)
SOON = 5.0  # seconds within which the server listens once it has begun to start

send_together()  # before Streamlit makes its runtime, which keeps what it then finds
keep_turns()
send_as_it_is()
look_up_quickly()


@asynccontextmanager
async def prepare(_: App) -> AsyncIterator[None]:
    """Prepares for the first visitor, beside the server, which answers meanwhile."""
    if os.environ.get("DIGITNET_CLASS") == "1":
        import_module("digitnet.ui.roles").print_key()
    for task in (send_at_once, import_ahead):
        Thread(target=task, daemon=True).start()
    yield


def import_ahead() -> None:
    """Imports what a visit needs.

    A visitor's browser first loads Streamlit for most of a second. Else the server would be idle
    then, and the visitor would wait for the imports after that. What is imported is no garbage, and
    looking for some would take a tenth of the time.
    """
    gc.disable()
    try:
        for name in NEEDED:
            import_module(name)
    finally:
        gc.enable()


def send_at_once() -> None:
    """Has the server send each packet without waiting until the one before is received.

    The head and the body of an answer are two packets. By Nagle's algorithm (RFC 896) the second
    waits for the browser's word that it has the first, which comes up to 40 ms late (RFC 1122,
    4.2.3.2): sixty files and each reading wait for nothing. Asyncio switches that off, but only for
    sockets that were made with their protocol's number, which Streamlit's are not.
    """
    deadline = time.monotonic() + SOON
    while not (listening := _listening_sockets()) and time.monotonic() < deadline:
        time.sleep(0.01)
    for descriptor in listening:  # those that are accepted there inherit it
        with socket.socket(fileno=os.dup(descriptor)) as listener:
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _listening_sockets() -> list[int]:
    """Their descriptors; none where the system does not tell them, such as Windows."""
    connections = psutil.Process().net_connections("tcp")
    return [one.fd for one in connections if one.status == psutil.CONN_LISTEN and one.fd >= 0]
