"""What is read while the pen moves, and that the page works where it cannot be."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from benchmarks.browser import CANVAS, PATIENCE, clear_canvas, open_page
from digitnet.digits import ink, load_samples
from digitnet.runs import RunStore
from tests.browser.conftest import draw_strokes, new_visitor, place, wait_for_workers

pytestmark = pytest.mark.browser

SEVEN = load_samples()[7]
SCRIPTS = "**/bidi-components/digitnet.live/**"
WORKER = "**/bidi-components/digitnet.live/worker.js"

POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; worker-src 'self'; connect-src 'self' ws:"
)
RESTRICT = """(policy) => new MutationObserver((_, observer) => {
    if (!document.head) return;
    observer.disconnect();
    const meta = Object.assign(document.createElement("meta"), {content: policy});
    meta.httpEquiv = "Content-Security-Policy";
    document.head.append(meta);
}).observe(document, {childList: true, subtree: true})"""


@pytest.fixture
def fresh(browser: Browser) -> Iterator[BrowserContext]:
    """A visitor whose browser has kept nothing, for tests that change what it gets."""
    context = new_visitor(browser)
    yield context
    context.close()


def wait_for_networks(page: Page, count: int = 10) -> None:
    """Waits until so many networks have been fetched and can read."""
    page.wait_for_function(
        """async (count) => (await (await caches.open("digitnet")).keys()).length >= count""",
        arg=count,
    )
    wait_for_workers(page)


def put_pen(page: Page, stroke: list[list[float]]) -> None:
    """Draws a stroke and leaves the pen where it ends."""
    box = page.locator(CANVAS).bounding_box()
    for index, (x, y) in enumerate(stroke):
        page.mouse.move(box["x"] + x, box["y"] + y)
        if not index:
            page.mouse.down()


def expect_live(page: Page, number: int | str) -> None:
    expect(page.locator(".st-key-live .dn-live")).to_be_visible()
    expect(page.locator(".st-key-live")).to_have_text(str(number))


def expect_read(page: Page, number: int) -> None:
    """The server has read it, and nothing else is shown."""
    expect(page.locator(".st-key-prediction .dn-digit")).to_have_text(str(number))
    expect(page.locator(".st-key-live .dn-live")).to_be_hidden()


def test_the_reading_changes_before_the_pen_is_lifted(page: Page) -> None:
    wait_for_networks(page)
    put_pen(page, SEVEN[0][:8])  # its bar alone
    expect(page.locator(".st-key-live .dn-live")).to_be_visible()
    before = page.locator(".st-key-live").inner_text()
    box = page.locator(CANVAS).bounding_box()
    for x, y in SEVEN[0][8:]:
        page.mouse.move(box["x"] + x, box["y"] + y)
    expect_live(page, 7)
    assert before != "7"
    expect(page.locator(".st-key-prediction")).to_have_text(re.compile("Draw one digit"))
    page.mouse.up()
    expect_read(page, 7)
    expect(page.locator(".st-key-live")).to_have_text("7")


def test_every_network_that_takes_part_votes(page: Page) -> None:
    wait_for_networks(page)
    put_pen(page, SEVEN[0])
    expect_live(page, 7)
    dots = page.locator(".st-key-live .dn-ballot i:not([hidden])")
    expect(dots.nth(9)).to_be_visible()
    said = page.locator(".st-key-live .dn-waiting").get_attribute("data-said")
    assert "Dense, more layers" in said  # 34 MB: not for browsers
    assert "7" in dots.evaluate_all(
        "all => all.map((one) => one.style.getPropertyValue('--digit'))"
    )
    page.mouse.up()


def test_earlier_strokes_are_read_along(page: Page) -> None:
    wait_for_networks(page)
    upright, bar = load_samples()[5]
    draw_strokes(page, [upright])
    put_pen(page, bar)
    expect_live(page, 5)
    page.mouse.up()
    expect_read(page, 5)
    put_pen(page, [[30, 250], [60, 250]])  # after the server has read both
    expect(page.locator(".st-key-live .dn-live")).to_be_visible()
    page.mouse.up()


def test_sending_a_drawing_does_not_end_the_reading_of_the_next_stroke(page: Page) -> None:
    """A busy page sends a stroke's drawing when the pen is down again."""
    wait_for_networks(page)
    upright, bar = load_samples()[5]
    draw_strokes(page, [upright])
    put_pen(page, bar)
    page.locator(".st-key-canvas [aria-label^=Update]").evaluate("button => button.click()")
    expect_live(page, 5)
    box = page.locator(CANVAS).bounding_box()
    page.mouse.move(box["x"] + bar[-1][0], box["y"] + bar[-1][1] + 1)
    expect_live(page, 5)
    page.mouse.up()
    expect_read(page, 5)


def begin_with_four(page: Page) -> None:
    page.locator(".st-key-sample").get_by_role("radio", name="4", exact=True).click()
    expect_read(page, 4)
    expect(page.locator(".st-key-live")).to_have_text("4")


@pytest.mark.parametrize("way", ["Undo", "Clear", "sample"])
def test_what_changes_the_drawing_resets_it(page: Page, way: str) -> None:
    wait_for_networks(page)
    put_pen(page, SEVEN[0])
    expect_live(page, 7)
    page.mouse.up()
    expect_read(page, 7)
    if way == "sample":
        begin_with_four(page)
        return
    page.locator(".st-key-canvas").get_by_role("button", name=way, exact=True).click()
    expect(page.locator(".st-key-live")).to_have_text("")
    expect(page.locator(".st-key-live .dn-live")).to_be_hidden()
    put_pen(page, load_samples()[1][0])  # nothing of the seven is left
    expect_live(page, 1)
    page.mouse.up()


def test_move_pressed_by_mistake_forgets_nothing(page: Page) -> None:
    wait_for_networks(page)
    first, *others = load_samples()[4]
    draw_strokes(page, [first])
    expect(page.locator(".st-key-prediction .dn-digit, .dn-refusal").first).to_be_visible()
    for _ in range(2):
        page.get_by_role("button", name="Move", exact=True).click()
    put_pen(page, others[0])
    expect_live(page, 4)
    page.mouse.up()


def test_moving_strokes_is_not_drawing(page: Page) -> None:
    wait_for_networks(page)
    draw_strokes(page, SEVEN)
    expect_read(page, 7)
    page.get_by_role("button", name="Move", exact=True).click()
    put_pen(page, [SEVEN[0][4], [140, 140], [150, 180]])
    page.wait_for_timeout(500)
    expect(page.locator(".st-key-live .dn-live")).to_be_hidden()
    page.mouse.up()


# The board has the stroke by then, and sends it and the undoing in one.
UNDO_AT_ONCE = """() => addEventListener("mouseup", () => setTimeout(() => {
    const host = [...document.querySelectorAll(".st-key-canvas *")].find((one) => one.shadowRoot);
    host.shadowRoot.querySelector('[aria-label="Undo"]').click();
}), {once: true})"""


@pytest.fixture
def wide(blank: Page, address: str) -> Page:
    """The Draw page with the wide board, once all networks can read."""
    open_page(blank, f"{address}/?wide=on")
    wait_for_networks(blank)
    return blank


def test_a_number_is_read_before_the_pen_is_lifted(wide: Page) -> None:
    page = wide
    two, nought, second, four, bar = place([2, 0, 2, 4])
    draw_strokes(page, [two])
    expect_read(page, 2)
    put_pen(page, nought)
    expect_live(page, 20)
    expect(page.locator(".st-key-live .dn-bars")).to_be_hidden()  # of one digit, which this is not
    expect(page.locator(".st-key-live .dn-boxes")).to_be_visible()
    expect(page.locator(".st-key-prediction .dn-digit")).to_have_text("2")
    page.mouse.up()
    expect_read(page, 20)
    put_pen(page, second[:2])  # too little for a digit: the number stays
    expect_live(page, 20)
    page.mouse.up()
    undo(page)
    expect_read(page, 20)
    put_pen(page, second)
    expect_live(page, 202)
    page.mouse.up()
    expect_read(page, 202)
    draw_strokes(page, [four])
    put_pen(page, bar)
    expect_live(page, 2024)
    page.mouse.up()
    expect_read(page, 2024)
    expect(page.locator(".st-key-live")).to_have_text("2024")


def test_a_stroke_undone_before_it_is_read_leaves_the_number(wide: Page) -> None:
    page = wide
    two, nought, second = place([2, 0, 2])
    for number, stroke in ((2, two), (20, nought)):
        draw_strokes(page, [stroke])
        expect_read(page, number)
    put_pen(page, second[:2])  # too little for a digit
    expect_live(page, 20)
    page.evaluate(UNDO_AT_ONCE)
    page.mouse.up()
    expect(page.locator(".st-key-live .dn-live")).to_be_hidden()
    page.wait_for_timeout(1500)  # until the server has read what is left, which it has read before
    put_pen(page, second)
    expect_live(page, 202)
    page.mouse.up()


def undo(page: Page) -> None:
    page.locator(".st-key-canvas").get_by_role("button", name="Undo", exact=True).click()
    expect(page.locator(".st-key-live .dn-live")).to_be_hidden()


def test_two_digits_are_a_number_on_the_square_board_too(page: Page) -> None:
    wait_for_networks(page)
    one, seven = place([1, 7])
    draw_strokes(page, [one])
    put_pen(page, seven)
    expect_live(page, 17)
    page.mouse.up()
    expect_read(page, 17)
    undo(page)
    expect_read(page, 1)
    put_pen(page, seven)
    expect_live(page, 17)
    page.mouse.up()


def test_a_number_looks_as_it_will_once_the_pen_is_lifted(wide: Page) -> None:
    page = wide
    two, nought = place([2, 0])
    draw_strokes(page, [two])
    put_pen(page, nought)
    expect_live(page, 20)
    shown = "one => (({x, y, width}) => [x, y, width])(one.getBoundingClientRect())"
    parts = (".dn-number", ".dn-digit + p", ".dn-boxes > :first-child")
    live = [page.locator(f".st-key-live {one}").evaluate(shown) for one in parts]
    said = page.locator(".st-key-live .dn-sure").get_attribute("data-said")
    page.mouse.up()
    expect_read(page, 20)
    for part, before in zip(parts, live, strict=True):
        after = page.locator(f".st-key-confirmed {part}").evaluate(shown)
        assert after == pytest.approx(before, abs=2)
    assert said == page.locator(".st-key-prediction .dn-digit + p").inner_text()


@pytest.mark.parametrize("way", ["Undo", "Clear", "sample"])
def test_what_changes_the_drawing_resets_a_number(wide: Page, way: str) -> None:
    page = wide
    two, nought = place([2, 0])
    draw_strokes(page, [two, nought])
    expect_read(page, 20)
    if way == "sample":
        begin_with_four(page)
        return
    page.locator(".st-key-canvas").get_by_role("button", name=way, exact=True).click()
    left = "2" if way == "Undo" else ""
    expect(page.locator(".st-key-live")).to_have_text(left)
    expect(page.locator(".st-key-live .dn-live")).to_be_hidden()
    put_pen(page, place([0, 0, 7])[-1])
    expect_live(page, f"{left}7")
    page.mouse.up()


def test_a_shared_number_is_read_along(blank: Page, address: str) -> None:
    page = blank
    drawing = ink.encode_strokes([np.array(stroke) for stroke in place([2, 0])])
    open_page(page, f"{address}/?wide=on&drawing={drawing}")
    wait_for_networks(page)
    expect_read(page, 20)
    put_pen(page, place([0, 0, 7])[-1])
    expect_live(page, 207)
    page.mouse.up()


def test_who_is_chosen_does_not_matter_for_a_number(blank: Page, address: str) -> None:
    page = blank
    open_page(page, f"{address}/?wide=on&model=cnn_pool5")
    wait_for_networks(page)
    two, nought = place([2, 0])
    draw_strokes(page, [two])
    put_pen(page, nought)
    expect_live(page, 20)
    page.mouse.up()


def test_without_the_reader_no_number_is_read_live(fresh: BrowserContext, address: str) -> None:
    page = fresh.new_page()
    run = RunStore.default().current("reader")
    page.route(f"**/{run.result['served_sha256']}.tflite", block)
    open_page(page, f"{address}/?wide=on&model=cnn")
    wait_for_networks(page, 9)
    two, nought = place([2, 0])
    put_pen(page, two)
    expect_live(page, 2)
    page.mouse.up()
    expect_read(page, 2)
    put_pen(page, nought)
    page.wait_for_timeout(500)
    expect(page.locator(".st-key-live .dn-live")).to_be_hidden()
    page.mouse.up()
    expect_read(page, 20)


def test_it_is_not_told_to_screen_readers_and_the_board_has_a_name(page: Page) -> None:
    wait_for_networks(page)
    expect(page.get_by_role("img", name="Board to draw a digit on")).to_be_visible()
    put_pen(page, SEVEN[0])
    expect_live(page, 7)
    assert page.locator(".st-key-live").get_by_role("status").count() == 0
    expect(page.locator(".st-key-live .dn-live")).to_have_attribute("aria-hidden", "true")
    # What will be told of the next reading stays where it is, though it is not seen.
    expect(page.locator(".st-key-prediction").get_by_role("status")).to_have_count(1)
    page.mouse.up()


def test_reduced_motion_is_honoured(page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    wait_for_networks(page)
    put_pen(page, SEVEN[0])
    expect_live(page, 7)
    dot = page.locator(".st-key-live .dn-ballot i").first
    assert dot.evaluate("one => getComputedStyle(one).transitionDuration") == "0s"
    page.mouse.up()


@pytest.mark.parametrize(
    ("board", "strokes", "number"), [("off", SEVEN, 7), ("on", place([1, 7]), 17)]
)
def test_a_finger_is_read_live_and_the_page_stays_still(
    phone: Page, address: str, board: str, strokes: list, number: int
) -> None:
    page = phone
    open_page(page, f"{address}/?wide={board}")
    wait_for_networks(page)
    box = page.locator(CANVAS).bounding_box()
    assert box["width"] > 340  # as wide as the screen
    touch, scale = page.context.new_cdp_session(page), box["width"] / {"off": 280, "on": 560}[board]

    def lift() -> None:
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    for stroke in strokes:
        if stroke is not strokes[0]:
            lift()
        for index, (x, y) in enumerate(stroke):
            at = [{"x": box["x"] + scale * x, "y": box["y"] + scale * y}]
            kind = "touchMove" if index else "touchStart"
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})
    expect_live(page, number)
    expect(page.locator(".st-key-live .dn-digit")).to_be_in_viewport(ratio=1)
    lift()
    expect_read(page, number)
    expect(page.locator(".st-key-prediction .dn-digit")).to_be_in_viewport(ratio=1)
    scrolled = "document.querySelector('.stMain').scrollTop + document.scrollingElement.scrollTop"
    assert page.evaluate(scrolled) == 0
    assert page.evaluate("document.querySelector('.stMain').scrollWidth") <= 390


def wait_until(page: Page, condition: Callable[[], object]) -> None:
    """Waits for what the test itself is told, such as that the page has asked for something."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        page.wait_for_timeout(20)


def block(route: Route) -> None:
    route.abort()


def break_it(route: Route) -> None:
    route.fulfill(body="throw new Error('broken');", content_type="text/javascript")


@pytest.mark.parametrize(
    ("scripts", "answer"),
    [(SCRIPTS, block), (SCRIPTS, break_it), (WORKER, block), (WORKER, break_it)],
    ids=["scripts blocked", "scripts broken", "worker blocked", "worker broken"],
)
def test_without_it_the_page_works_as_before(
    fresh: BrowserContext, address: str, scripts: str, answer: object
) -> None:
    page, asked = fresh.new_page(), []
    page.route(scripts, lambda route: (asked.append(route.request.url), answer(route)))
    open_page(page, address)
    wait_until(page, lambda: asked)  # else it was not kept from running
    put_pen(page, SEVEN[0])
    page.wait_for_timeout(500)
    expect(page.locator(".st-key-live .dn-live")).to_be_hidden()
    page.mouse.up()
    expect_read(page, 7)
    expect(page.get_by_test_id("stException")).not_to_be_visible()
    clear_canvas(page)
    expect(page.locator(".st-key-prediction")).to_have_text(re.compile("Draw one digit"))


def test_a_network_that_cannot_be_fetched_reads_at_pen_up(
    fresh: BrowserContext, address: str
) -> None:
    page = fresh.new_page()
    page.route("**/*.tflite", lambda route: route.fulfill(status=404))
    open_page(page, address)
    wait_for_workers(page)  # which have asked for all by then
    put_pen(page, SEVEN[0])
    page.wait_for_timeout(500)
    expect(page.locator(".st-key-live .dn-live")).to_be_hidden()
    page.mouse.up()
    expect_read(page, 7)


def test_a_strict_content_security_policy_allows_it(fresh: BrowserContext, address: str) -> None:
    page = fresh.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text))
    page.add_init_script(f"({RESTRICT})({POLICY!r})")
    open_page(page, address)
    wait_for_networks(page)
    put_pen(page, SEVEN[0])
    expect_live(page, 7)
    page.mouse.up()
    page.evaluate("import('data:text/javascript,').catch(() => {})")  # that it is in force
    blocked = [one for one in errors if "Content Security Policy" in one]
    assert any("data:text/javascript" in one for one in blocked)
    assert not any("bidi-components" in one for one in blocked)


NOTE_WHAT_IS_READ = """() => {
    window.seen = [];
    const digit = document.querySelector(".st-key-live .dn-digit");
    new MutationObserver(() => window.seen.push(digit.textContent)).observe(digit, {
        childList: true, characterData: true, subtree: true,
    });
}"""


def test_a_number_stands_while_its_next_digit_is_begun(wide: Page) -> None:
    page = wide
    draw_strokes(page, place([2, 0, 2]))
    expect(page.locator(".st-key-prediction .dn-digit")).to_have_text("202")
    page.evaluate(NOTE_WHAT_IS_READ)
    four, bar = place([2, 0, 2, 4])[-2:]
    for stroke in (four, bar):
        put_pen(page, stroke)
        page.wait_for_timeout(500)  # for the last of it to be read
        page.mouse.up()
    expect_read(page, 2024)
    seen = page.evaluate("window.seen")
    assert seen and not [one for one in seen if one and len(one) < 3]


def test_what_lies_below_keeps_its_place_while_a_digit_draws_itself(
    fresh: BrowserContext, address: str
) -> None:
    page = fresh.new_page()
    page.set_viewport_size({"width": 390, "height": 844})
    open_page(page, address)
    below = page.get_by_text("Wide board, for numbers")
    expect(below).to_be_visible()
    place_before = below.bounding_box()
    expect_live(page, 3)
    assert below.bounding_box() == place_before
    expect(page.locator(".st-key-live .dn-live")).to_be_hidden()
    assert below.bounding_box() == place_before


def test_on_the_first_visit_a_digit_draws_itself_once(fresh: BrowserContext, address: str) -> None:
    page = fresh.new_page()
    open_page(page, address)
    expect_live(page, 3)
    expect(page.locator(".st-key-prediction")).to_have_text(re.compile("Draw one digit"))
    expect(page.locator(".st-key-live .dn-live")).to_be_hidden()  # it goes by itself
    expect(page.locator(".st-key-live")).to_have_text("")
    open_page(page, address)
    wait_for_networks(page)  # with which it would begin
    page.wait_for_timeout(500)
    expect(page.locator(".st-key-live .dn-live")).to_be_hidden()


def test_who_draws_at_once_is_not_shown_anything(fresh: BrowserContext, address: str) -> None:
    page = fresh.new_page()
    open_page(page, address)
    expect(page.locator(".st-key-live .dn-live")).to_be_visible()
    put_pen(page, SEVEN[0])
    expect_live(page, 7)
    page.mouse.up()
    expect_read(page, 7)


def test_reduced_motion_shows_no_digit_that_draws_itself(
    fresh: BrowserContext, address: str
) -> None:
    page = fresh.new_page()
    page.emulate_media(reduced_motion="reduce")
    open_page(page, address)
    wait_for_networks(page)
    page.wait_for_timeout(500)
    expect(page.locator(".st-key-live .dn-live")).to_be_hidden()


def test_another_pointer_has_no_part_in_a_stroke(page: Page) -> None:
    wait_for_networks(page)
    box = page.locator(CANVAS).bounding_box()
    for index, (x, y) in enumerate(SEVEN[0]):
        page.mouse.move(box["x"] + x, box["y"] + y)
        if not index:
            page.mouse.down()
        page.evaluate(
            """() => {
                const palm = {pointerId: 99, isPrimary: true, pointerType: "touch", clientX: 5,
                    clientY: 5, bubbles: true};
                document.dispatchEvent(new PointerEvent("pointermove", palm));
                document.dispatchEvent(new PointerEvent("pointercancel", palm));
            }"""
        )
    expect_live(page, 7)
    page.mouse.up()
    expect_read(page, 7)


def test_what_could_not_be_fetched_is_asked_for_again(fresh: BrowserContext, address: str) -> None:
    page, asked = fresh.new_page(), []
    told, models = "**/digitnet.networks/*.json", "**/*.tflite"
    page.route(told, lambda route: (asked.append(route.request.url), block(route)))
    page.route(models, block)
    open_page(page, address)
    wait_until(page, lambda: asked)
    page.unroute(told)
    draw_strokes(page, SEVEN)  # after it the networks are asked for again, which fails
    expect_read(page, 7)
    wait_for_workers(page)
    page.unroute(models)
    clear_canvas(page)
    wait_for_networks(page)
    put_pen(page, SEVEN[0])
    expect_live(page, 7)
    page.mouse.up()
    expect_read(page, 7)
