"""How soon the bars move after the pen, in a real browser, and what a launch and a stroke cost.

    python -m benchmarks.live

From each pointer move to the first bars that show it or a later one: of the default network, and
of all that take part. Measured as the browser runs, and with its page slowed down four times; the
workers that read are not slowed down by that. Exits with 1 if a bar that is promised is missed.
"""

from __future__ import annotations

import statistics
import sys
from itertools import cycle, islice

from playwright.sync_api import Page

from benchmarks.browser import (
    CANVAS,
    REPOSITORY,
    clear_canvas,
    open_browser,
    open_page,
    require_chromium,
    serve,
    wait_for_server,
)
from digitnet.digits import load_samples

MOVES = 300
PAUSE = 10  # milliseconds between moves of the pen, besides what the browser needs for one
SLOWDOWNS = (1, 4)
MOST_DEFAULT, MOST_ALL = 30, 60  # milliseconds, as the browser runs
FEWEST_READINGS = {1: 15, 4: 5}  # a second, by all networks that take part, by slowdown

# Notes the time of every move, and of the frame after each answer of a worker: the first of the
# two, which has the default network, and the second, which has the others.
STOPWATCH = """() => {
    const moves = [], waiting = [[], []], took = [[], []], answered = [];
    window.live = {moves, took, answered};
    addEventListener("pointermove", () => {
        const now = performance.now();
        moves.push(now);
        waiting.forEach((one) => one.push(now));
    }, true);
    document.addEventListener("digitnet:reading", ({detail}) => {
        if (detail === 1) answered.push(performance.now());
        const asked = waiting[detail].splice(0);
        requestAnimationFrame(() => {
            const now = performance.now();
            asked.forEach((one) => took[detail].push(now - one));
        });
    });
}"""


def wait_for_networks(page: Page) -> None:
    """Returns once all networks have been loaded, and none has been for a while."""
    kept = "async () => (await (await caches.open('digitnet')).keys()).length"
    page.wait_for_function(f"async () => await ({kept})() >= 12")
    page.wait_for_timeout(4000)


def draw_slowly(page: Page) -> None:
    """Moves the pen along sample digits, at a hand's pace, without lifting it."""
    box = page.locator(CANVAS).bounding_box()
    assert box, "there is no canvas to draw on"
    points = [point for strokes in load_samples().values() for one in strokes for point in one]
    for index, (x, y) in enumerate(islice(cycle(points), MOVES)):
        page.mouse.move(box["x"] + x, box["y"] + y)
        if not index:
            page.mouse.down()
        page.wait_for_timeout(PAUSE)
    page.wait_for_timeout(500)
    page.mouse.up()


def measure(page: Page, slowdown: int) -> tuple[float, float, float]:
    """Milliseconds to the default network's bars and to all, and readings a second by all."""
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slowdown})
    page.evaluate(STOPWATCH)
    draw_slowly(page)
    first, rest = page.evaluate("live.took")
    answered = page.evaluate("live.answered")
    clear_canvas(page)
    rate = 1000 * (len(answered) - 1) / (answered[-1] - answered[0])
    return statistics.median(first), statistics.median(rest), rate


def main() -> int:
    missed = False
    with (
        serve(REPOSITORY / "app.py") as (address, _),
        open_browser(require_chromium()) as browser,
    ):
        wait_for_server(address)
        for slowdown in SLOWDOWNS:
            page = browser.new_page()
            open_page(page, address)
            wait_for_networks(page)
            default, everyone, rate = measure(page, slowdown)
            taking = page.locator(".st-key-live .dn-ballot i:not([hidden])").count()
            print(
                f"page slowed {slowdown} times: {default:.0f} ms to the default network's bars, "
                f"{everyone:.0f} ms to all {taking}'s; {rate:.0f} readings a second by all"
            )
            missed |= rate < FEWEST_READINGS[slowdown]
            missed |= slowdown == 1 and (default > MOST_DEFAULT or everyone > MOST_ALL)
            page.close()
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
