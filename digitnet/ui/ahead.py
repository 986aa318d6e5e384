"""What the server does while it waits for its first visitor."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from threading import Thread

from streamlit.starlette import App

# Pandas is Streamlit's own, for the first component of a page; it takes longest.
NEEDED = (
    "pandas",
    "streamlit.material_icon_names",
    "digitnet.ui.canvas",
    "digitnet.ui.live",
    "digitnet.ui.inside",
    "digitnet.ui.own_drawings",
    "digitnet.show.draw",
    "digitnet.show.numbers",
)


@asynccontextmanager
async def import_ahead(_: App) -> AsyncIterator[None]:
    """Imports what a visit needs beside the server, which answers meanwhile.

    A visitor's browser first loads Streamlit for most of a second. Else the server would be idle
    then, and the visitor would wait for the imports after that.
    """
    if os.environ.get("DIGITNET_CLASS") == "1":
        import_module("digitnet.ui.roles").print_key()
    Thread(target=lambda: [import_module(name) for name in NEEDED], daemon=True).start()
    yield
