"""Pictures of every page, the README's among them, taken from the real app: make screenshots."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from playwright.sync_api import Page

from benchmarks.browser import (
    PAGES,
    REPOSITORY,
    draw_strokes,
    open_browser,
    require_chromium,
    serve,
    wait_for_server,
)
from digitnet.digits import CANVAS_SIZE, DataError, load_mnist, load_samples
from digitnet.runs import OwnDrawing, OwnDrawings
from scripts.moving_picture import take_moving_picture

DOCS = REPOSITORY / "docs"
QUERIES = {"confusion": "?true=7&read=2"}  # a cell with some digits in it
VIEWPORTS = {"": {"width": 1280, "height": 1100}, "-phone": {"width": 390, "height": 844}}
SCHEMES = {"": "light", "-dark": "dark"}
SLANTS = (-0.5, -0.15, 0.3)  # of the drawings on the page of one's own hand


def main() -> None:
    """Takes every picture; MNIST is fetched first where it is missing, for its digits are shown."""
    try:
        load_mnist()
    except DataError as error:
        sys.exit(str(error))
    DOCS.mkdir(exist_ok=True)
    with (
        _own_runs() as runs,
        serve(REPOSITORY / "app.py", {"DIGITNET_RUNS": str(runs)}) as (address, _),
        open_browser(require_chromium()) as browser,
    ):
        wait_for_server(address)
        take_moving_picture(browser, address, DOCS / "draw.webp")
        for width, viewport in VIEWPORTS.items():
            for theme, scheme in SCHEMES.items():
                page = browser.new_page(viewport=viewport, color_scheme=scheme)
                _take_pages(page, address, width + theme)
                page.close()


@contextlib.contextmanager
def _own_runs() -> Iterator[Path]:
    """A folder of runs, as that of someone who has kept some drawings; the pages show its path."""
    folder = REPOSITORY / "build" / "runs"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    OwnDrawings(folder).put(
        OwnDrawing.of([_slant(stroke, slant) for stroke in strokes], digit)
        for slant in SLANTS
        for digit, strokes in load_samples().items()
    )
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _slant(stroke: list[list[float]], slant: float) -> np.ndarray:
    x, y = np.array(stroke).T
    return np.column_stack([x + slant * (CANVAS_SIZE / 2 - y), y])


def _take_pages(page: Page, address: str, suffix: str) -> None:
    for name, (path, sign) in PAGES.items():
        page.goto(f"{address}/{path}{QUERIES.get(name, '')}")
        page.locator(sign).first.wait_for()
        if name == "draw":
            _draw_seven(page)
        _take(page, name + suffix)


def _draw_seven(page: Page) -> None:
    draw_strokes(page, load_samples()[7])
    page.locator(".st-key-prediction").get_by_text("7", exact=True).wait_for()


def _take(page: Page, name: str) -> None:
    page.wait_for_timeout(1500)  # fonts, and charts that ease in
    page.mouse.move(0, 0)
    page.screenshot(path=DOCS / f"{name}.png")
    print(f"docs/{name}.png")


if __name__ == "__main__":
    main()
