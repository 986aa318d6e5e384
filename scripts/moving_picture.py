"""The README's moving picture: digits that are drawn, and read while the pen moves."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, FloatRect, Page

from benchmarks.browser import CANVAS, clear_canvas, open_page
from benchmarks.live import wait_for_networks
from digitnet.digits import load_samples

DRAWN = (3, 4, 8)  # on the way to these, much else is read
VIEWPORT = {"width": 1000, "height": 800}
SHARPNESS = 2  # pixels of a screen's pixel: sharp on fine screens, too
MARGIN = 16  # around the board and the reading
HEIGHT = 545  # of the picture: down to the last bar
POINTS = 2  # of a stroke, between two frames
FRAME, PAUSE, END = 60, 400, 1500  # milliseconds that a frame stays, after a stroke, after a digit
SETTLED = 1500  # milliseconds that the server's reading has to come and stand still
LARGEST = 2_000_000  # bytes
UNSEEN = ".st-key-choices, .st-key-canvas .dn-copy { opacity: 0 }"  # it moves at pen-up
GREETED = "localStorage.setItem('digitnet-demonstrated', '1')"  # else a digit draws itself
Frame = tuple[Image.Image, int]


def take_moving_picture(browser: Browser, address: str, path: Path) -> None:
    """Writes an animated WebP of the Draw page while digits are drawn on it."""
    page = browser.new_page(viewport=VIEWPORT, device_scale_factor=SHARPNESS, color_scheme="light")
    page.add_init_script(GREETED)
    open_page(page, address)
    page.add_style_tag(content=UNSEEN)
    wait_for_networks(page)
    frames = [frame for digit in DRAWN for frame in _draw(page, digit)]
    page.close()
    _assemble(frames, path)


def _draw(page: Page, digit: int) -> Iterator[Frame]:
    """Draws a sample digit, and takes the page while the pen moves and when it is lifted."""
    board = _box(page, CANVAS)
    for stroke in load_samples()[digit]:
        for index, (x, y) in enumerate(stroke):
            page.mouse.move(board["x"] + x, board["y"] + y)
            if not index:
                page.mouse.down()
            elif not index % POINTS:
                yield _take(page), FRAME
        page.mouse.up()
        page.wait_for_timeout(SETTLED)
        yield _take(page), PAUSE
    yield _take(page), END
    clear_canvas(page)
    page.wait_for_timeout(SETTLED)


def _take(page: Page) -> Image.Image:
    """The board and the reading as they are now."""
    board, bars = _box(page, ".st-key-canvas"), _box(page, ".st-key-reading")
    left, top = board["x"] - MARGIN, min(board["y"], bars["y"]) - MARGIN
    clip: FloatRect = {
        "x": left,
        "y": top,
        "width": bars["x"] + bars["width"] + MARGIN - left,
        "height": HEIGHT,
    }
    return Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB")


def _box(page: Page, selector: str) -> FloatRect:
    box = page.locator(selector).bounding_box()
    assert box, f"there is no {selector}"
    return box


def _assemble(frames: list[Frame], path: Path) -> None:
    """Writes frames as a picture that starts again when it has ended."""
    (first, *others), durations = zip(*frames, strict=True)
    first.save(
        path,
        save_all=True,
        append_images=others,
        duration=list(durations),
        loop=0,
        lossless=True,
        method=4,
    )
    size = path.stat().st_size
    assert size <= LARGEST, f"{path} has {size:,} bytes, and may have {LARGEST:,}"
