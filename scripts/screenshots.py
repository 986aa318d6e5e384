"""The README's pictures, taken from the real app: make screenshots."""

from __future__ import annotations

import sys
import tempfile

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
from digitnet.digits import DataError, load_mnist, load_samples

DOCS = REPOSITORY / "docs"
QUERIES = {"confusion": "?true=7&read=2"}  # a cell with some digits in it
DESKTOP, PHONE = {"width": 1280, "height": 1100}, {"width": 390, "height": 844}


def main() -> None:
    """Takes every picture; MNIST is fetched first where it is missing, for its digits are shown."""
    try:
        load_mnist()
    except DataError as error:
        sys.exit(str(error))
    DOCS.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as runs,
        serve(REPOSITORY / "app.py", {"DIGITNET_RUNS": runs}) as (address, _),
        open_browser(require_chromium()) as browser,
    ):
        wait_for_server(address)
        for suffix, viewport, scheme in (("", DESKTOP, "light"), ("-phone", PHONE, "dark")):
            page = browser.new_page(viewport=viewport, color_scheme=scheme)
            for name, (path, sign) in PAGES.items():
                page.goto(f"{address}/{path}{QUERIES.get(name, '')}")
                page.locator(sign).first.wait_for()
                if name == "draw":
                    _draw_seven(page)
                _take(page, name + suffix)
            page.close()


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
