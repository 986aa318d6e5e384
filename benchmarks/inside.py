"""How soon the Inside page shows what a choice changes, in a real browser.

    python -m benchmarks.inside [NETWORK ...]

Of every network: from the click that chooses it, a part of the page, another drawing there, or
something in the part, to the frame that shows it; where large networks follow by themselves, to the
frame that shows all others. Each change is made once. The server has read with all networks before,
as it has after anyone's first drawing. What is read along a way serves whichever network is looked
into: only of the first few networks is it read anew. Exits with 1 if a change takes longer than it
may.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from playwright.sync_api import Locator, Page

from benchmarks.browser import (
    PATIENCE,
    REPOSITORY,
    open_browser,
    require_chromium,
    serve,
    wait_for_server,
)
from benchmarks.record import write_record
from digitnet.runs import Run, RunStore

MOST_MILLISECONDS = 300
DIGITS = (5, 8, 2, 0, 4, 7, 1, 9, 6)  # sample digits that are looked at in turn; 3 is there first
OTHERS = ("cnn", "lenet5")  # one of which is looked into before
SETTLED = 200  # milliseconds that the page is at rest before the next change
AT_REST = '.stApp[data-test-script-state="notRunning"]'
RECORD = Path(__file__).with_name("inside.json")

LAYER = ".st-key-layer"
# What shows each part, and is another after a change.
SIGNS = {
    "Layer by layer": LAYER,
    "Why": ".st-key-part .dn-evidence",
    "As you drew": ".st-key-part .dn-film",
    "Look-alikes": ".st-key-map img",
    "What if": ".st-key-part .dn-flips",
}

# Has `inside` resolve with the milliseconds from the next click or key to the frame after that in
# which what shows it has changed, and nothing of the part waits for the server.
STOPWATCH = """(sign) => {
    const look = () => document.querySelector(sign)?.outerHTML;
    const before = look(), asked = new AbortController();
    window.inside = new Promise((done) => ["pointerup", "keydown"].forEach((kind) =>
        addEventListener(kind, () => {
            asked.abort();
            const start = performance.now();
            const wait = () => {
                const now = look();
                const waits = document.querySelector('.st-key-part [data-stale="true"]');
                if (!now || now === before || waits) return requestAnimationFrame(wait);
                requestAnimationFrame(() => done(performance.now() - start));
            };
            requestAnimationFrame(wait);
        }, {capture: true, signal: asked.signal})));
}"""
Act = Callable[[], None]


def time_change(page: Page, sign: str, act: Act) -> float:
    """Milliseconds from a click or a key to what it changes."""
    page.evaluate(STOPWATCH, sign)
    act()
    took = float(page.evaluate("window.inside"))
    settle(page)
    return took


def settle(page: Page) -> None:
    """Returns when nothing follows any more."""
    page.locator(AT_REST).wait_for()
    page.wait_for_timeout(SETTLED)


def measure(page: Page, address: str, run: Run, digits: Sequence[int]) -> dict[str, float]:
    """Milliseconds of each change, by what it is; the network is met for the first time.

    Args:
        page: A browser's.
        address: The server's.
        run: The network's.
        digits: The drawings to look at, one for each part.
    """
    other = OTHERS[run.experiment.name == OTHERS[0]]
    page.goto(f"{address}/inside?model={other}")
    page.locator(LAYER).wait_for()
    settle(page)
    page.get_by_role("combobox", name="Read by").click()
    option = page.get_by_role("option", name=f"{run.experiment.title} ·")
    figures = {"the network": time_change(page, LAYER, option.click)}
    for digit, (part, sign) in zip(digits, SIGNS.items(), strict=True):
        radio = page.get_by_role("radio", name=part, exact=True)
        if not radio.is_checked():
            figures[part] = time_change(page, sign, radio.click)
        sample = _sample(page, digit)
        figures[f"{part}: another drawing"] = time_change(page, sign, sample.click)
        for what, (sign_of_it, act) in _choices(page, part).items():
            figures[f"{part}: {what}"] = time_change(page, sign_of_it, act)
    return figures


def _can_be_timed(run: Run) -> bool:
    """Whether it ships, and says different things of different drawings: else no change is seen."""
    return run.is_shipped and run.experiment.name != "fc_lr_high"


def _sample(page: Page, digit: int) -> Locator:
    samples = page.locator(".st-key-inside_sample")
    return samples.get_by_role("radio", name=str(digit), exact=True)


def _choices(page: Page, part: str) -> dict[str, tuple[str, Act]]:
    """What can be chosen in a part: what shows it, and how one chooses it."""
    if part == "Layer by layer":
        return {"another layer": (LAYER, page.locator(".st-key-way_layers button").last.click)}
    if part == "What if":
        slider = page.get_by_role("slider").first
        another = page.get_by_role("radio", name="Size", exact=True)
        return {
            "turned": (".st-key-altered", lambda: slider.press("ArrowRight")),
            "another way": (SIGNS[part], another.click),
        }
    return {}


def main(arguments: list[str] | None = None) -> int:
    """Prints and, of all networks, records the figures; exit status 1 if the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="*", help="all, if none is named")
    shipped = [run for run in RunStore.default().finished() if _can_be_timed(run)]
    named = parser.parse_args(arguments).networks
    chosen = [run for run in shipped if not named or run.experiment.name in named]
    figures = {}
    with (
        tempfile.TemporaryDirectory() as runs,
        serve(REPOSITORY / "app.py", {"DIGITNET_RUNS": runs}) as (address, _),
        open_browser(require_chromium()) as browser,
    ):
        wait_for_server(address)
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.set_default_timeout(1000 * PATIENCE)
        page.goto(f"{address}/inside?part=What if")
        page.locator(SIGNS["What if"]).wait_for()
        for place, run in enumerate(chosen):
            name = run.experiment.name
            digits = [DIGITS[(2 * place + part) % len(DIGITS)] for part in range(len(SIGNS))]
            figures[name] = measure(page, address, run, digits)
            told = ", ".join(f"{change} {ms:.0f}" for change, ms in figures[name].items())
            print(f"{name}: {told} ms", flush=True)
    slowest = max(max(changes.values()) for changes in figures.values())
    print(f"slowest {slowest:.0f} ms (bar {MOST_MILLISECONDS})")
    if chosen == shipped:
        write_record(RECORD, {"milliseconds": figures, "slowest": slowest})
    return int(slowest > MOST_MILLISECONDS)


if __name__ == "__main__":
    sys.exit(main())
