"""How long each page takes to open on a warm server with a hundred runs in its store.

    python -m benchmarks.page_opening

From the address to what the page is for, drawn in the browser, beside a bare page that only holds
the canvas. Exits with 1 if a page takes longer than it may.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, Page

from benchmarks.app_speed import APP, BARE
from benchmarks.browser import (
    CANVAS,
    PAGES,
    REPOSITORY,
    open_browser,
    require_chromium,
    serve,
    wait_for_server,
)
from digitnet.runs import RUN_FILES, Run, RunStore

RUNS = 100
OPENINGS = 9
MOST_SECONDS = 1.5


def fill_store(folder: Path) -> RunStore:
    """A store of finished runs, the shipped ones over and over, until it holds `RUNS`."""
    store = RunStore(folder, REPOSITORY / "checkpoints")
    shipped = store.finished()
    for place in range(RUNS - len(shipped)):
        _copy_run(store, shipped[place % len(shipped)])
    return store


def _copy_run(store: RunStore, run: Run) -> None:
    training = store.create(run.request)
    for name in RUN_FILES:
        shutil.copy(run.folder / name, training.folder / name)
    store.finish(training)


def time_opening(page: Page, address: str, sign: str) -> float:
    """Seconds until what the page is for can be seen."""
    page.goto("about:blank")
    start = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.locator(sign).first.wait_for()
    return time.perf_counter() - start


def measure(browser: Browser) -> dict[str, float]:
    """Median seconds of each page, all opened in turns; the first round, which warms up, apart."""
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(BARE) as (bare, _),
        serve(APP, {"DIGITNET_RUNS": folder}) as (app, _),
    ):
        assert len(fill_store(Path(folder)).finished()) == RUNS
        signs = {"bare page": (bare, CANVAS)}
        signs |= {name: (f"{app}/{path}", sign) for name, (path, sign) in PAGES.items()}
        for address in (bare, app):
            wait_for_server(address)
        page = browser.new_page()
        rounds = [
            {name: time_opening(page, *where) for name, where in signs.items()}
            for _ in range(1 + OPENINGS)
        ]
    return {name: statistics.median(one[name] for one in rounds[1:]) for name in signs}


def main() -> int:
    """Prints seconds to open each page; exit status 1 if one takes too long."""
    with open_browser(require_chromium()) as browser:
        seconds = measure(browser)
    for name, found in seconds.items():
        print(f"{name:<10} opens in {found:.2f} s (bar {MOST_SECONDS})")
    return int(max(seconds.values()) > MOST_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
