"""What benchmarks and browser tests share: the app as its users have it, in a real browser."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

REPOSITORY = Path(__file__).resolve().parent.parent
# The first is all of Chromium but its window, and takes a third less of the processor.
CHROMIUM_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
PATIENCE = 60  # seconds
CANVAS = "canvas.upper-canvas"
# Each page's address, and what shows that it has been drawn.
PAGES = {
    "draw": ("", CANVAS),
    "inside": ("inside", ".st-key-layer .dn-filters img"),
    "mine": ("mine", ".dn-standings"),
    "curves": ("curves", ".st-key-curves .main-svg"),
    "confusion": ("confusion", ".st-key-matrix .main-svg"),
    "compare": ("compare", ".st-key-comparison canvas"),
}


def find_chromium() -> str | None:
    """The browser to use: DIGITNET_CHROMIUM or the first one on the path, if there is any."""
    named = os.environ.get("DIGITNET_CHROMIUM")
    return named or next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)


def require_chromium() -> str:
    """The browser to use; ends the program, with a sentence, where there is none."""
    return find_chromium() or sys.exit("No Chromium: install it, or name one in DIGITNET_CHROMIUM.")


@contextlib.contextmanager
def open_browser(executable: str) -> Iterator[Browser]:
    """Starts Chromium without a window; its sandbox needs rights that containers lack."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        browser.close()


def find_free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


@contextlib.contextmanager
def serve(script: Path, environment: dict[str, str] | None = None) -> Iterator[tuple[str, int]]:
    """Runs a Streamlit script in a process of its own on a free port.

    Yields:
        Its address, which may not answer yet (see `wait_for_server`), and its process id.
    """
    port = find_free_port()
    options = [f"--server.port={port}", "--server.headless=true", "--server.address=127.0.0.1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", str(script), *options],
        cwd=REPOSITORY,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        process.wait(timeout=30)


def wait_for_server(address: str) -> None:
    """Returns as soon as the server takes connections; raises TimeoutError if it never does."""
    host, port = address.removeprefix("http://").split(":")
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), 1):
            return
        time.sleep(0.01)
    raise TimeoutError(f"{address} did not answer within {PATIENCE} s")


def open_page(page: Page, address: str) -> None:
    """Opens an address and waits for a canvas that one can draw on."""
    page.set_default_timeout(1000 * PATIENCE)
    page.goto(address)
    page.locator(CANVAS).wait_for()


def draw_strokes(page: Page, strokes: Sequence[Sequence[Sequence[float]]]) -> None:
    """Draws strokes of [x, y] in canvas pixels with the mouse."""
    box = page.locator(CANVAS).bounding_box()
    assert box, "there is no canvas to draw on"
    for (x, y), *rest in strokes:
        page.mouse.move(box["x"] + x, box["y"] + y)
        page.mouse.down()
        for x, y in rest:
            page.mouse.move(box["x"] + x, box["y"] + y)
        page.mouse.up()


def clear_canvas(page: Page) -> None:
    """Empties the canvas by its toolbar, or by a bare page's."""
    page.get_by_role("button", name=re.compile("^Clear$|^Reset canvas")).click()
    page.locator("[data-held]").wait_for(state="detached")  # where the server empties it
