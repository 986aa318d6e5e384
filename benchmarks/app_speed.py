"""Speed and memory of the Draw page beside a bare page that only holds the canvas.

    python -m benchmarks.app_speed

Both pages are measured in one run, alternately, with one browser. Exits with 1 if the app is over
one of the bars that it promises to keep.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

import psutil
from playwright.sync_api import Browser, Page

from benchmarks.browser import (
    REPOSITORY,
    clear_canvas,
    draw_strokes,
    open_browser,
    open_page,
    require_chromium,
    serve,
    wait_for_server,
)
from digitnet.digits import load_samples

BARE, APP = REPOSITORY / "benchmarks" / "bare_page.py", REPOSITORY / "app.py"
LAUNCHES = 5
STROKES = 24
MOST_LAUNCH_RATIO = 1.1
MOST_READING_RATIO = 0.7
MOST_MEGABYTES = 420

# Times each stroke in the page itself: from pen-up to the first change of the reading.
STOPWATCH = """() => {
    const reading = () => document.querySelector(".st-key-prediction")?.innerText;
    window.reading = reading;
    addEventListener("mouseup", () => {
        const start = performance.now(), before = reading();
        const look = () => {
            if (reading() === before || !reading()) return requestAnimationFrame(look);
            window.took = performance.now() - start;
        };
        requestAnimationFrame(look);
    }, true);
}"""


def time_launch(browser: Browser, script: Path) -> float:
    """Seconds from starting the server to a canvas that one can draw on."""
    page = browser.new_page()
    start = time.perf_counter()
    with serve(script) as (address, _):
        wait_for_server(address)
        open_page(page, address)
        seconds = time.perf_counter() - start
        page.close()
    return seconds


def time_reading(page: Page) -> float:
    """Seconds from pen-up to the new reading, on a canvas that is empty before and after."""
    empty = page.evaluate("reading()")
    page.evaluate("window.took = null")
    draw_strokes(page, [load_samples()[7][0][::3]])
    page.wait_for_function("window.took !== null")
    seconds = page.evaluate("window.took") / 1000
    clear_canvas(page)
    page.wait_for_function("empty => reading() === empty", arg=empty)
    return seconds


def megabytes(pid: int) -> float:
    """Resident memory of a process, in MB."""
    return psutil.Process(pid).memory_info().rss / 1e6


def measure(executable: str) -> list[tuple[str, float, float, float]]:
    """Rows of a name, the bare page's figure, the app's, and the most the app may have."""
    with open_browser(executable) as browser:
        launches = [
            [time_launch(browser, script) for script in (BARE, APP)] for _ in range(LAUNCHES)
        ]
        with serve(BARE) as (bare, bare_pid), serve(APP) as (app, app_pid):
            pages = [browser.new_page(), browser.new_page()]
            for page, address in zip(pages, (bare, app), strict=True):
                wait_for_server(address)
                open_page(page, address)
                page.wait_for_timeout(3000)  # let all networks load
                page.evaluate(STOPWATCH)
                time_reading(page)
            readings = [[time_reading(page) for page in pages] for _ in range(STROKES)]
            memory = megabytes(bare_pid), megabytes(app_pid)
    bare_launch, app_launch = (statistics.median(times) for times in zip(*launches, strict=True))
    bare_reading, app_reading = (statistics.median(times) for times in zip(*readings, strict=True))
    return [
        ("launch to canvas, s", bare_launch, app_launch, MOST_LAUNCH_RATIO * bare_launch),
        ("pen-up to reading, s", bare_reading, app_reading, MOST_READING_RATIO * bare_reading),
        ("memory of the server, MB", *memory, MOST_MEGABYTES),
    ]


def main() -> int:
    rows = measure(require_chromium())
    print(f"{'':26}{'bare page':>10}{'app':>10}{'ratio':>8}{'at most':>10}")
    for name, bare, app, most in rows:
        print(f"{name:26}{bare:10.3f}{app:10.3f}{app / bare:8.2f}{most:10.3f}")
    return int(any(app > most for _, _, app, most in rows))


if __name__ == "__main__":
    sys.exit(main())
