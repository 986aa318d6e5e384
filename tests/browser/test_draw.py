"""The Draw page in a real browser: drawn with a mouse and a finger, and read."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from benchmarks import browser as browsers
from benchmarks.browser import REPOSITORY, clear_canvas, open_page
from digitnet.digits import CANVAS_SIZE, ink, load_samples
from tests.browser.conftest import choose_model, draw_strokes, place

pytestmark = pytest.mark.browser

SHIPPED = sum(folder.is_dir() for folder in (REPOSITORY / "checkpoints").iterdir())
INVITATION = re.compile("Draw one digit")


def expect_reading(page: Page, digit: int) -> None:
    expect(page.locator(".st-key-prediction .dn-digit")).to_have_text(str(digit))


def expect_nothing_read(page: Page) -> None:
    expect(page.locator(".st-key-prediction")).to_have_text(INVITATION)


def toolbar(page: Page, name: str) -> Locator:
    return page.locator(".st-key-canvas").get_by_role("button", name=name, exact=True)


def test_each_digit_drawn_with_the_mouse_is_read(page: Page) -> None:
    for digit, strokes in load_samples().items():
        expect_nothing_read(page)
        browsers.draw_strokes(page, strokes)
        expect_reading(page, digit)
        expect(page.locator(".st-key-all_models li")).to_have_count(SHIPPED)
        expect(page.locator(".st-key-all_models h3")).to_contain_text(
            f"networks that learnt read {digit}"
        )
        expect(page.locator(".st-key-all_models .dn-trust")).to_contain_text("just so many agreed")
        expect(page.locator(".st-key-seen img")).to_be_visible()
        clear_canvas(page)


def drawing_of(page: Page) -> str:
    """The drawing in the address, once it is there."""
    page.wait_for_function("/drawing=/.test(location)")
    return parse_qs(urlsplit(page.url).query)["drawing"][0]


def drawing_back(page: Page) -> Locator:
    return page.get_by_role("button", name="Bring the drawing back")


def test_undo_redo_and_clear(page: Page) -> None:
    upright, bar = load_samples()[5]
    draw_strokes(page, [load_samples()[1][0]])
    expect_reading(page, 1)
    toolbar(page, "Undo").click()
    expect_nothing_read(page)
    toolbar(page, "Redo").click()
    expect_reading(page, 1)
    clear_canvas(page)
    expect_nothing_read(page)
    drawing_back(page).click()
    expect_reading(page, 1)
    expect(page).to_have_url(re.compile("drawing="))
    clear_canvas(page)
    expect_nothing_read(page)
    draw_strokes(page, [upright, bar])
    expect_reading(page, 5)
    expect(drawing_back(page)).to_have_count(0)


def test_a_sample_needs_only_the_keyboard(page: Page) -> None:
    page.get_by_role("radio", name="4", exact=True).focus()
    page.keyboard.press("Enter")
    expect_reading(page, 4)


def test_a_sample_can_be_drawn_over_and_cleared(page: Page) -> None:
    sample = page.get_by_role("radio", name="1", exact=True)
    sample.click()
    expect_reading(page, 1)
    page.wait_for_function("/drawing=/.test(location)")
    sampled = drawing_of(page)
    draw_strokes(page, load_samples()[0][:1])
    expect(toolbar(page, "Undo")).to_be_enabled()
    page.wait_for_function(
        "code => new URLSearchParams(location.search).get('drawing') !== code", arg=sampled
    )
    clear_canvas(page)
    expect_nothing_read(page)
    expect(sample).not_to_be_checked()
    drawing_back(page).dblclick()
    expect(page.locator(".st-key-prediction")).not_to_contain_text("Draw one digit")
    page.wait_for_function("/drawing=/.test(location)")
    assert len(ink.decode_strokes(drawing_of(page))) == 2  # all of it, not the sample alone
    clear_canvas(page)  # begins with all of it now
    expect_nothing_read(page)
    expect(page.locator(".stException")).to_have_count(0)


def test_a_chosen_model_survives_a_reload(page: Page) -> None:
    choose_model(page, "LeNet-5")
    expect(page).to_have_url(re.compile("model=lenet5"))
    draw_strokes(page, load_samples()[2])
    expect(page.locator(".st-key-all_models li", has_text="shown above")).to_contain_text("LeNet-5")
    open_page(page, page.url)
    expect(page.get_by_role("combobox", name="Read by")).to_have_value(re.compile("^LeNet-5 "))
    draw_strokes(page, load_samples()[2])
    expect_reading(page, 2)
    expect(page.locator(".st-key-all_models li", has_text="shown above")).to_contain_text("LeNet-5")


def test_the_way_back_leads_past_what_a_page_writes_into_its_address(page: Page) -> None:
    choose_model(page, "LeNet-5")
    expect(page).to_have_url(re.compile("model=lenet5"))
    draw_strokes(page, load_samples()[2])
    expect_reading(page, 2)
    page.get_by_role("link", name="Curves", exact=True).first.click()
    for title, written in (("Inside", "inside.*drawing="), ("Draw", r"/\?.*model=lenet5")):
        page.get_by_role("link", name=title, exact=True).first.click()
        expect(page).to_have_url(re.compile(written))
    for name in ("inside", "curves"):
        page.go_back()
        expect(page).to_have_url(re.compile(f"/{name}"))


def test_changing_the_model_reads_the_same_drawing_again(page: Page) -> None:
    draw_strokes(page, load_samples()[8])
    expect_reading(page, 8)
    choose_model(page, "CNN, average pooling")
    expect(page.locator(".st-key-all_models li", has_text="shown above")).to_contain_text("average")
    expect_reading(page, 8)


def test_a_number_is_drawn_on_the_wide_board_and_read(page: Page) -> None:
    page.get_by_text("Wide board").click()
    expect(page.locator("canvas.upper-canvas")).to_have_css("width", "560px")
    expect(page).to_have_url(re.compile("wide=on"))
    draw_strokes(page, place([2, 0, 2, 4]))
    expect(page.locator(".st-key-prediction .dn-number")).to_have_text("2024")
    expect(page.locator(".dn-boxes img")).to_have_attribute("alt", re.compile("2, 0, 2, 4"))
    clear_canvas(page)
    switch = page.get_by_text("Wide board")
    switch.click()
    drawing_back(page).click()  # has room on the square board now
    expect(page.locator(".st-key-prediction .dn-number")).to_have_text("2024")
    clear_canvas(page)
    expect_nothing_read(page)  # the board that began with a drawing is another now
    draw_strokes(page, place([7]))
    expect_reading(page, 7)


def test_a_number_is_still_there_when_the_wide_board_is_switched_off(page: Page) -> None:
    switch = page.get_by_text("Wide board")
    switch.click()
    expect(page.locator("canvas.upper-canvas")).to_have_css("width", "560px")
    draw_strokes(page, place([2, 0, 2, 4]))
    number = page.locator(".st-key-prediction .dn-number")
    expect(number).to_have_text("2024")
    wide = parse_qs(urlsplit(page.url).query)["drawing"][0]
    switch.click()
    expect(page.locator("canvas.upper-canvas")).to_have_css("width", "280px")
    expect(page).to_have_url(re.compile(f"drawing=(?!{wide})"))
    expect(number).to_have_text("2024")
    page.reload()
    expect(number).to_have_text("2024")
    expect(page.locator("canvas.upper-canvas")).to_have_css("width", "280px")


def test_the_wide_board_fits_a_phone_and_a_finger_draws_a_number(phone: Page, address: str) -> None:
    page = phone
    page.set_viewport_size({"width": 390, "height": 700})
    open_page(page, f"{address}/?wide=on")
    expect(page.locator("canvas.upper-canvas")).to_be_in_viewport(ratio=1)
    box = page.locator("canvas.upper-canvas").bounding_box()
    assert box["width"] <= 390 - 2 * 16
    draw_with_finger(page, place([1, 2]), box["width"] / 560)
    expect(page.locator(".st-key-prediction .dn-number")).to_have_text("12")


def test_the_board_comes_into_view_when_it_is_made_wide(phone: Page, address: str) -> None:
    page = phone
    page.set_viewport_size({"width": 390, "height": 700})
    one, two = place([1]), place([1, 2])[len(place([1])) :]
    code = ink.encode_strokes([np.array(stroke) for stroke in one])
    open_page(page, f"{address}/?drawing={code}")
    expect(page.locator(".st-key-prediction .dn-digit")).to_have_text("1")
    board, switch = page.locator("canvas.upper-canvas"), page.get_by_text("Wide board")
    switch.evaluate("(one) => one.scrollIntoView({block: 'start'})")
    expect(board).not_to_be_in_viewport(ratio=1)
    switch.tap()
    expect(board).to_have_attribute("width", "560")
    expect(board).to_be_in_viewport(ratio=1)
    draw_with_finger(page, two, board.bounding_box()["width"] / 560)  # below the menu, too
    expect(page.locator(".st-key-prediction .dn-number")).to_have_text("12")


@pytest.mark.parametrize(("width", "height"), [(700, 900), (844, 390)])  # a tablet; a phone, turned
def test_the_reading_has_room_beside_the_wide_board(
    blank: Page, address: str, width: int, height: int
) -> None:
    page = blank
    page.set_viewport_size({"width": width, "height": height})
    open_page(page, f"{address}/?wide=on")
    scale = page.locator("canvas.upper-canvas").bounding_box()["width"] / 560
    draw_strokes(page, (scale * np.array(one) for one in load_samples()[7]))
    expect_reading(page, 7)
    assert page.evaluate("document.querySelector('.stMain').scrollWidth") <= width
    digit, ballot = (
        page.locator(f".st-key-confirmed {one}").bounding_box()
        for one in (".dn-digit", ".dn-ballot")
    )
    assert digit["x"] + digit["width"] <= ballot["x"]
    assert ballot["x"] + ballot["width"] <= width


def test_what_is_wider_than_a_digit_and_none_is_not_offered_to_be_told(
    blank: Page, address: str
) -> None:
    page = blank
    open_page(page, f"{address}/?wide=on")
    draw_strokes(page, [[[20 + x * 12, 140 + 30 * (-1) ** x] for x in range(20)]])
    expect(page.locator(".st-key-prediction .dn-refusal")).to_be_visible()
    expect(page.locator(".st-key-label_choice")).to_have_count(0)
    clear_canvas(page)
    draw_strokes(page, [[[60, 60], [220, 220]], [[220, 60], [60, 220]]])
    expect(page.locator(".st-key-prediction .dn-refusal")).to_be_visible()
    expect(page.locator(".st-key-label_choice")).to_be_visible()


@pytest.mark.parametrize(("width", "height"), [(640, 400), (568, 320)])  # zoomed; a phone, turned
def test_the_board_is_never_higher_than_the_screen(page: Page, width: int, height: int) -> None:
    page.set_viewport_size({"width": width, "height": height})
    board = page.locator("canvas.upper-canvas")
    board.scroll_into_view_if_needed()
    expect(board).to_be_in_viewport(ratio=0.99)
    assert board.bounding_box()["height"] > height / 2  # and large enough
    draw_strokes(page, [[[0.5 * x, 0.5 * y] for x, y in one] for one in load_samples()[7]])
    expect(page.locator(".st-key-prediction .dn-digit")).to_have_text("7")


def draw_with_finger(page: Page, strokes: list[list[list[float]]], scale: float) -> None:
    """Draws strokes of [x, y] in canvas pixels, of which each is `scale` wide on the screen."""
    box = page.locator("canvas.upper-canvas").bounding_box()
    touch = page.context.new_cdp_session(page)

    def finger(kind: str, *points: list[float]) -> None:
        at = [{"x": box["x"] + scale * x, "y": box["y"] + scale * y} for x, y in points]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

    for start, *rest in strokes:
        finger("touchStart", start)
        for point in rest:
            finger("touchMove", point)
        finger("touchEnd")


def test_a_finger_draws_and_the_page_stays_still(phone: Page, address: str) -> None:
    page = phone
    page.set_viewport_size({"width": 390, "height": 700})
    open_page(page, address)
    expect_nothing_read(page)
    draw_with_finger(page, load_samples()[7], scale=1)
    expect_reading(page, 7)
    scrolled = "document.querySelector('.stMain').scrollTop + document.scrollingElement.scrollTop"
    assert page.evaluate(scrolled) == 0
    assert page.evaluate("document.querySelector('.stMain').scrollWidth") <= 390


@pytest.mark.parametrize("way_back", ["link", "upload"])
def test_the_toolbar_is_there_again_when_one_comes_back(page: Page, way_back: str) -> None:
    errors: list[object] = []
    page.on("pageerror", lambda error: errors.append(error))
    if way_back == "link":
        page.get_by_role("link", name="Curves", exact=True).click()
        expect(page.get_by_role("heading", name="Training curves")).to_be_visible()
        page.get_by_role("link", name="Draw", exact=True).click()
    else:
        for way in ("Upload", "Draw"):
            page.locator(".st-key-ways").get_by_text(way, exact=True).click()
            expect(page.get_by_test_id("stFileUploader")).to_have_count(int(way == "Upload"))
    draw_strokes_when_ready(page, 7)
    clear_canvas(page)
    expect_nothing_read(page)
    expect(toolbar(page, "Undo")).to_have_css("opacity", "1")
    assert page.locator(".dc-toolbar").evaluate("one => getComputedStyle(one).position") == "static"
    assert not errors


def draw_strokes_when_ready(page: Page, digit: int) -> None:
    page.locator("canvas.upper-canvas").wait_for()
    page.wait_for_timeout(500)
    draw_strokes(page, load_samples()[digit])
    expect_reading(page, digit)


def test_a_phone_shows_the_way_to_every_page(phone: Page, address: str) -> None:
    page = phone
    page.set_viewport_size({"width": 390, "height": 700})
    open_page(page, address)
    for name, title in (
        ("Curves", "Training curves"),
        ("Confusion", "Confusion matrices"),
        ("Compare", "Compare and retrain"),
        ("My hand", "My hand"),
        ("Draw", "Draw a digit"),
    ):
        page.get_by_role("link", name=name, exact=True).tap()
        expect(page.get_by_role("heading", name=title)).to_be_in_viewport()


def test_every_place_of_the_board_can_be_drawn_on(page: Page) -> None:
    page.mouse.move(5, 5)
    on_top = """([x, y]) => {
        const host = document.elementFromPoint(x, y);
        return (host.shadowRoot ?? document).elementFromPoint(x, y).className;
    }"""
    box = page.locator("canvas.upper-canvas").bounding_box()
    for x, y in itertools.product((4, CANVAS_SIZE / 2, CANVAS_SIZE - 4), repeat=2):
        assert "upper-canvas" in page.evaluate(on_top, [box["x"] + x, box["y"] + y]), (x, y)


def fit_to_canvas(strokes: list[np.ndarray]) -> list[list[list[float]]]:
    """Scales any strokes into the canvas, with fewer points so that drawing is quick."""
    points = np.concatenate(strokes)
    low, extent = points.min(axis=0), np.ptp(points, axis=0).max()
    margin = CANVAS_SIZE / 8
    scale = (CANVAS_SIZE - 2 * margin) / max(extent, 1)
    fewer = [np.concatenate([stroke[:-1:2], stroke[-1:]]) for stroke in strokes]
    return [(margin + scale * (stroke - low)).tolist() for stroke in fewer]


@pytest.fixture
def unread_live(browser: Browser, address: str) -> Iterator[Page]:
    """The Draw page in a browser that cannot read while the pen moves; the server alone reads."""
    context = browser.new_context()
    context.add_init_script("delete window.Worker")
    page = context.new_page()
    open_page(page, address)
    yield page
    context.close()


@pytest.mark.skipif(
    not os.environ.get("DIGITNET_DRAWINGS"), reason="DIGITNET_DRAWINGS names no labelled drawings"
)
def test_a_hundred_drawings_are_read(unread_live: Page) -> None:
    page = unread_live  # the sixteen networks at each move of the pen take twice as long as this
    drawings = itertools.islice(ink.read_drawings(Path(os.environ["DIGITNET_DRAWINGS"])), 100)
    right = 0
    for _, strokes, label, _ in drawings:
        browsers.draw_strokes(page, fit_to_canvas(strokes))
        reading = page.locator(".st-key-prediction").locator(".dn-digit, .dn-refusal")
        expect(reading).to_be_visible()
        with contextlib.suppress(AssertionError):  # the last stroke may not have been read yet
            expect(reading).to_have_text(str(label), timeout=1500)
            right += 1
        clear_canvas(page)
        expect_nothing_read(page)
    assert right >= 85


@pytest.mark.parametrize("width", [700, 1000, 1280])
def test_the_votes_and_the_picture_lie_apart_inside_the_page(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    draw_strokes(page, load_samples()[7])
    expect(page.locator(".st-key-prediction .dn-digit")).to_have_text("7")
    votes = page.locator(".st-key-head .dn-ballot").bounding_box()
    picture = page.locator(".st-key-seen .dn-seen").bounding_box()
    assert votes and picture
    is_beside = votes["x"] + votes["width"] <= picture["x"]
    assert is_beside or votes["y"] + votes["height"] <= picture["y"]
    assert picture["x"] + picture["width"] <= width


@pytest.fixture
def touched(phone: Page, address: str) -> tuple[Page, Callable[..., None]]:
    """The page on a phone, and a way to touch it: the kind of event, and each finger's place."""
    page = phone
    open_page(page, address)
    expect_nothing_read(page)
    box = page.locator("canvas.upper-canvas").bounding_box()
    scale, touch = box["width"] / CANVAS_SIZE, page.context.new_cdp_session(page)

    def touch_board(kind: str, **fingers: tuple[float, float]) -> None:
        at = [
            {"x": box["x"] + scale * x, "y": box["y"] + scale * y, "id": ord(name)}
            for name, (x, y) in fingers.items()
        ]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

    return page, touch_board


PALM = (140, 340)  # below the board


def test_a_finger_is_read_although_a_palm_rests_on_the_screen(touched) -> None:
    page, touch = touched
    touch("touchStart", p=PALM)
    known = ""
    for number, digit in enumerate((7, 1)):
        [stroke] = load_samples()[digit]
        for index, point in enumerate(stroke):
            touch("touchMove" if index else "touchStart", p=PALM, f=point)
        touch("touchEnd", f=point)  # the finger is lifted, the palm is not
        page.wait_for_function(
            "known => (new URLSearchParams(location.search).get('drawing') ?? known) !== known",
            arg=known,
        )
        known = drawing_of(page)
        assert len(ink.decode_strokes(known)) == number + 1
    touch("touchEnd")


def touch_along(touch: Callable[..., None], digit: int) -> None:
    """Draws a sample of one stroke with a finger, which stays down."""
    [stroke] = load_samples()[digit]
    for index, point in enumerate(stroke):
        touch("touchMove" if index else "touchStart", f=point)


def test_a_stroke_that_the_system_takes_away_ends_where_it_was(touched) -> None:
    page, touch = touched
    touch_along(touch, 7)
    touch("touchCancel")
    expect_reading(page, 7)
    expect(page.locator(".st-key-live .dn-live")).to_be_hidden()
    clear_canvas(page)
    expect_nothing_read(page)
    touch_along(touch, 1)
    touch("touchEnd")
    expect_reading(page, 1)
    expect(page.locator(".st-key-live .dn-live")).to_be_hidden()
    assert len(ink.decode_strokes(drawing_of(page))) == 1


def test_a_sample_that_was_tapped_by_mistake_costs_no_drawing(page: Page) -> None:
    draw_strokes(page, load_samples()[7])
    expect_reading(page, 7)
    page.wait_for_function("/drawing=/.test(location)")
    for digit in (1, 2):
        page.locator(".st-key-sample").get_by_role("radio", name=str(digit), exact=True).click()
        expect_reading(page, digit)
    clear_canvas(page)
    expect_nothing_read(page)
    drawing_back(page).click()
    expect_reading(page, 7)


def test_a_board_that_is_cleared_while_its_strokes_are_moved_can_be_drawn_on(page: Page) -> None:
    draw_strokes(page, load_samples()[7])
    expect_reading(page, 7)
    move = page.get_by_role("button", name="Move")
    move.click()
    expect(move).to_have_attribute("aria-pressed", "true")
    clear_canvas(page)
    expect(move).to_have_attribute("aria-pressed", "false")
    expect_nothing_read(page)
    draw_strokes(page, load_samples()[3])
    expect_reading(page, 3)


def test_colours_of_the_system_leave_what_only_colour_tells(page: Page) -> None:
    draw_strokes(page, load_samples()[7])
    expect_reading(page, 7)
    page.emulate_media(forced_colors="active")
    dot = page.locator(".st-key-confirmed .dn-ballot i").first
    assert dot.evaluate("one => getComputedStyle(one).forcedColorAdjust") == "none"
    page.emulate_media(forced_colors="none")


def test_the_board_has_its_shape_once_it_is_wide_on_a_low_screen(page: Page) -> None:
    page.set_viewport_size({"width": 844, "height": 390})
    page.get_by_text("Wide board, for numbers").click()
    board = page.locator("canvas.upper-canvas")
    page.wait_for_function(
        """() => [...document.querySelectorAll(".st-key-canvas *")].some((one) => {
            const board = one.shadowRoot?.querySelector("canvas.upper-canvas");
            return board?.width / board?.height > 1.9;
        })"""
    )
    page.wait_for_timeout(500)
    box = board.bounding_box()
    assert box and abs(box["width"] / box["height"] - 2) < 0.02


def test_a_wide_drawing_that_was_cleared_comes_back_whole_on_the_square_board(page: Page) -> None:
    page.get_by_text("Wide board, for numbers").click()
    expect(page.locator(".st-key-prediction")).to_have_text(re.compile("Draw a number"))
    seven = [[[150 + x, y] for x, y in stroke] for stroke in load_samples()[7]]
    draw_strokes(page, seven)
    expect_reading(page, 7)
    clear_canvas(page)
    expect(page.locator(".st-key-prediction")).to_have_text(re.compile("Draw a number"))
    page.get_by_text("Wide board, for numbers").click()
    expect_nothing_read(page)
    drawing_back(page).click()
    expect_reading(page, 7)
    page.wait_for_function("/drawing=/.test(location)")
    strokes = ink.decode_strokes(drawing_of(page))
    assert all(one[:, 0].max() < CANVAS_SIZE for one in strokes)
