"""The app in a real browser, as its users have it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from benchmarks import browser as browsers
from benchmarks.browser import (
    PATIENCE,
    REPOSITORY,
    find_chromium,
    open_browser,
    open_page,
    serve,
    wait_for_server,
)
from digitnet.digits import load_samples
from tests.conftest import missing

DETAILED = 24  # points of a stroke
Strokes = Sequence[Sequence[Sequence[float]]]

PHONE = {"width": 390, "height": 844}
# Counts the workers that have said which networks they read with: then they can read.
COUNT_READY = """
window.readyWorkers = 0;
if (window.Worker) window.Worker = class extends Worker {
    constructor(...given) {
        super(...given);
        this.addEventListener("message", ({data}) => {
            window.readyWorkers += Boolean(data.taking && !this.isReady);
            this.isReady ||= Boolean(data.taking);
        });
    }
};
"""

expect.set_options(timeout=60_000)  # milliseconds; a busy machine is slow, not wrong


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    executable = find_chromium()
    if not executable:
        missing("no Chromium on this machine; DIGITNET_CHROMIUM may name one")
    with open_browser(executable) as browser:
        yield browser


@pytest.fixture(scope="session")
def address(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the app runs, with the shipped networks and no others."""
    runs = tmp_path_factory.mktemp("runs")
    with serve(REPOSITORY / "app.py", {"DIGITNET_RUNS": str(runs)}) as (address, _):
        wait_for_server(address)
        yield address


@pytest.fixture(scope="session")
def context(browser: Browser) -> BrowserContext:
    """One visitor for all tests, whose cache holds Streamlit's scripts."""
    return new_visitor(browser)


def new_visitor(browser: Browser, **options: Any) -> BrowserContext:
    """A visitor of whose pages `wait_for_workers` can be asked."""
    context = browser.new_context(**options)
    context.add_init_script(COUNT_READY)
    context.set_default_timeout(1000 * PATIENCE)
    return context


def wait_for_workers(page: Page) -> None:
    """Waits until both of the workers that read while the pen moves are ready."""
    page.wait_for_function("() => window.readyWorkers === 2")


@pytest.fixture(scope="session")
def window(context: BrowserContext) -> Page:
    """The visitor's one window: to open another takes Chromium as long as to show the page."""
    return context.new_page()


@pytest.fixture
def blank(window: Page) -> Iterator[Page]:
    """The window with nothing in it, as it is when it has just been opened."""
    size = window.viewport_size
    yield window
    window.mouse.up()  # of a test that failed with the pen down
    window.emulate_media(reduced_motion="null")
    window.set_viewport_size(size)
    window.goto("about:blank")


@pytest.fixture(scope="session")
def touch_screen(browser: Browser) -> Page:
    """Another visitor, with a phone."""
    return new_visitor(browser, viewport=PHONE, has_touch=True).new_page()


@pytest.fixture
def phone(touch_screen: Page) -> Iterator[Page]:
    """The phone with nothing on it."""
    yield touch_screen
    touch_screen.set_viewport_size(PHONE)
    touch_screen.goto("about:blank")


@pytest.fixture
def page(blank: Page, address: str) -> Page:
    """The Draw page, opened anew."""
    open_page(blank, address)
    return blank


def draw_strokes(page: Page, strokes: Strokes) -> None:
    """Draws strokes of [x, y] with the mouse; those in detail by every other point.

    It looks the same, and each move costs Chromium a reading of all networks, the tests most of
    their time.
    """
    browsers.draw_strokes(
        page, [[*one[:-1:2], one[-1]] if len(one) > DETAILED else one for one in strokes]
    )


def place(digits: Iterable[int]) -> list[list[list[float]]]:
    """Sample digits side by side on the wide board."""
    return [
        [[130 * number + 0.55 * x, 40 + 0.55 * y] for x, y in stroke]
        for number, digit in enumerate(digits)
        for stroke in load_samples()[digit]
    ]


def choose_model(page: Page, title: str) -> None:
    """Chooses who reads on the Draw page."""
    option = page.get_by_role("option", name=re.compile(f"^{title} ·"))
    for _ in range(5):  # a reading that has just come may move the menu away from a click
        page.get_by_role("combobox", name="Read by").click()
        with contextlib.suppress(PlaywrightTimeout):
            return option.click(timeout=5000)
    raise AssertionError(f"the menu does not offer {title}")
