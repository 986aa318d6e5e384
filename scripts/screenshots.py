"""The README's pictures, taken from the real app: make screenshots."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from playwright.sync_api import Page  # noqa: E402

from benchmarks.browser import (  # noqa: E402
    draw_strokes,
    find_chromium,
    open_browser,
    open_page,
    serve,
    wait_for_server,
)
from digitnet.samples import load_samples  # noqa: E402

DOCS = REPOSITORY / "docs"
DESKTOP, PHONE = {"width": 1280, "height": 1100}, {"width": 390, "height": 844}
# Address of a page, what shows that it has been drawn, and the picture's name.
PAGES = (
    ("curves", ".st-key-curves .main-svg", "curves"),
    ("confusion", ".st-key-matrix .main-svg", "confusion"),
    ("compare", ".st-key-comparison canvas", "compare"),
)


def main() -> int:
    """Takes every picture; returns 1 with a sentence where there is no browser."""
    executable = find_chromium()
    if not executable:
        print("no Chromium on this machine; DIGITNET_CHROMIUM may name one", file=sys.stderr)
        return 1
    DOCS.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as runs,
        serve(REPOSITORY / "app.py", {"DIGITNET_RUNS": runs}) as (address, _),
        open_browser(executable) as browser,
    ):
        wait_for_server(address)
        for suffix, viewport, scheme in (("", DESKTOP, "light"), ("-phone", PHONE, "dark")):
            page = browser.new_page(viewport=viewport, color_scheme=scheme)
            _take_draw(page, address, f"draw{suffix}")
            for path, sign, name in PAGES:
                page.goto(f"{address}/{path}")
                page.locator(sign).first.wait_for()
                _take(page, name + suffix)
            page.close()
    return 0


def _take_draw(page: Page, address: str, name: str) -> None:
    open_page(page, address)
    draw_strokes(page, load_samples()[7])
    page.locator(".st-key-prediction").get_by_text("7", exact=True).wait_for()
    _take(page, name)


def _take(page: Page, name: str) -> None:
    page.wait_for_timeout(1500)  # fonts, and charts that ease in
    page.mouse.move(0, 0)
    page.screenshot(path=DOCS / f"{name}.png")
    print(f"docs/{name}.png")


if __name__ == "__main__":
    sys.exit(main())
