"""One's own drawings in a real browser: drawn, told, linked, come back to, read and deleted."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from benchmarks.browser import (
    CANVAS,
    REPOSITORY,
    clear_canvas,
    open_page,
    serve,
    wait_for_server,
)
from digitnet.digits import ink, load_samples
from tests.browser.conftest import choose_model, draw_strokes

pytestmark = pytest.mark.browser

LINKED = re.compile(r"[?&]drawing=[\w-]{20,300}(&|$)")
UNLINKED = re.compile(r"^[^?]*(\?(?!.*drawing=).*)?$")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("own")


@pytest.fixture(scope="module")
def own_address(browser: Browser, runs: Path) -> Iterator[str]:
    """An app whose drawings no other test sees."""
    settings = {"DIGITNET_READ_ONLY": "0", "DIGITNET_KEEP_DRAWINGS": "1"}
    with serve(REPOSITORY / "app.py", {"DIGITNET_RUNS": str(runs)} | settings) as (address, _):
        wait_for_server(address)
        yield address


@pytest.fixture
def page(blank: Page, own_address: str) -> Page:
    open_page(blank, own_address)
    return blank


def expect_reading(page: Page, digit: int) -> None:
    expect(page.locator(".st-key-prediction .dn-digit")).to_have_text(str(digit))


def expect_empty(page: Page) -> None:
    expect(page.locator(".st-key-prediction")).to_have_text(re.compile("Draw one digit"))


def choice(page: Page, digit: int) -> Locator:
    return page.locator(".st-key-label_choice").get_by_role("radio", name=str(digit), exact=True)


def go(page: Page, name: str) -> None:
    page.get_by_role("link", name=name, exact=True).click()


def test_a_drawing_is_told_left_come_back_to_linked_read_and_deleted(
    page: Page, runs: Path
) -> None:
    draw_strokes(page, load_samples()[7])
    expect_reading(page, 7)
    assert not (runs / "own_drawings.jsonl").exists()
    choice(page, 7).click()
    expect(page.locator(".st-key-label_choice")).to_contain_text("Kept as a 7")
    expect(page).to_have_url(LINKED)
    link = page.url

    go(page, "Curves")  # leave, and come back
    expect(page.get_by_role("heading", name="Training curves")).to_be_visible()
    go(page, "Draw")
    expect_reading(page, 7)
    expect(choice(page, 7)).to_be_checked()
    expect(page).to_have_url(link)

    open_page(page, link)  # another visit, by the link
    expect_reading(page, 7)
    expect(choice(page, 7)).to_be_checked()
    choice(page, 7).dblclick()  # a nervous finger
    expect(choice(page, 7)).to_be_checked()

    go(page, "My hand")
    expect(page.locator(".st-key-own_readings")).to_contain_text("reads your only drawing")
    expect(page.locator(".st-key-own_drawings")).to_contain_text("own_drawings.jsonl")
    thumbnail = page.locator(".st-key-all_digits button")
    expect(thumbnail).to_have_count(1)
    thumbnail.click()
    page.get_by_role("button", name="Open on the board").click()
    expect_reading(page, 7)
    go(page, "My hand")
    thumbnail.click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("link", name="Draw a digit")).to_be_visible()
    assert not (runs / "own_drawings.jsonl").exists()


def test_undo_and_clear_work_on_a_drawing_that_came_by_a_link(page: Page) -> None:
    draw_strokes(page, load_samples()[3])
    expect(page).to_have_url(LINKED)
    link = page.url
    open_page(page, link)
    expect_reading(page, 3)
    draw_strokes(page, [load_samples()[1][0]])
    expect(page).not_to_have_url(link)
    page.locator(".st-key-canvas").get_by_role("button", name="Undo", exact=True).click()
    expect_reading(page, 3)
    expect(page).to_have_url(link)
    clear_canvas(page)
    expect_empty(page)
    expect(page).to_have_url(UNLINKED)
    draw_strokes(page, load_samples()[7])
    expect_reading(page, 7)
    clear_canvas(page)
    expect_empty(page)


def test_strokes_leave_no_steps_in_the_way_back(page: Page) -> None:
    go(page, "Curves")
    expect(page.get_by_role("heading", name="Training curves")).to_be_visible()
    go(page, "Draw")
    page.locator(CANVAS).wait_for()
    page.wait_for_timeout(500)
    draw_strokes(page, load_samples()[4])
    expect_reading(page, 4)
    expect(page).to_have_url(LINKED)
    page.go_back()
    expect(page.get_by_role("heading", name="Training curves")).to_be_visible()
    page.go_forward()
    expect_reading(page, 4)


def test_a_drawing_survives_another_network_and_a_look_at_the_photo(page: Page) -> None:
    draw_strokes(page, load_samples()[2])
    expect(choice(page, 2)).to_be_visible()  # all that moves the menu below is there
    choose_model(page, "LeNet-5")
    expect(page).to_have_url(re.compile("model=lenet5"))
    expect(page).to_have_url(LINKED)
    page.locator(".st-key-ways").get_by_text("Upload", exact=True).click()
    expect(page.get_by_test_id("stFileUploader")).to_be_visible()
    expect(page).to_have_url(UNLINKED)
    page.locator(".st-key-ways").get_by_text("Draw", exact=True).click()
    expect_reading(page, 2)
    expect(page).to_have_url(LINKED)


def test_a_number_comes_back_on_the_wide_board(page: Page) -> None:
    page.get_by_text("Wide board").click()
    expect(page.locator(CANVAS)).to_have_css("width", "560px")
    drawn = [
        [[300 * place + 0.8 * x, 20 + 0.8 * y] for x, y in stroke]
        for place, digit in enumerate((4, 2))
        for stroke in load_samples()[digit]
    ]
    draw_strokes(page, drawn)
    expect(page.locator(".st-key-prediction .dn-number")).to_have_text("42")
    expect(page.locator(".st-key-label_choice")).to_have_count(0)
    go(page, "Curves")
    expect(page.get_by_role("heading", name="Training curves")).to_be_visible()
    go(page, "Draw")
    expect(page.locator(".st-key-prediction .dn-number")).to_have_text("42")
    expect(page.locator(CANVAS)).to_have_css("width", "560px")


def test_a_digit_in_the_middle_of_the_wide_board_is_never_cut(page: Page) -> None:
    switch = page.get_by_text("Wide board")
    switch.click()
    expect(page.locator(CANVAS)).to_have_css("width", "560px")
    draw_strokes(page, [[[140 + x, y] for x, y in stroke] for stroke in load_samples()[3]])
    expect_reading(page, 3)
    go(page, "Curves")
    expect(page.get_by_role("heading", name="Training curves")).to_be_visible()
    go(page, "Draw")
    expect_reading(page, 3)
    expect(page.locator(CANVAS)).to_have_css("width", "560px")
    switch.click()
    expect(page.locator(CANVAS)).to_have_css("width", "280px")
    page.wait_for_url(lambda url: rightmost(url) < 280)
    expect_reading(page, 3)


def rightmost(url: str) -> float:
    """How far to the right the drawing reaches that an address holds, in pixels."""
    [code] = parse_qs(urlsplit(url).query).get("drawing", [""])  # which comes after the page
    strokes = ink.decode_strokes(code) if code else []
    return max((float(stroke[:, 0].max()) for stroke in strokes), default=math.inf)


@pytest.mark.parametrize("code", ["garbage", "%00%3Cscript%3E", "AQ", "A" * 8000])
def test_a_link_that_holds_no_drawing_opens_an_empty_board(
    blank: Page, own_address: str, code: str
) -> None:
    page = blank
    open_page(page, f"{own_address}/?drawing={code}")
    expect(page.get_by_text("The board is empty.")).to_be_visible()
    expect_empty(page)
    expect(page).to_have_url(UNLINKED)
    draw_strokes(page, load_samples()[7])
    expect_reading(page, 7)


def test_the_link_is_copied(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    expect_empty(page)
    copy = page.get_by_role("button", name="Copy the link")
    expect(copy).to_have_count(0)  # unseen, for there is nothing to link to
    draw_strokes(page, load_samples()[7])
    expect(page).to_have_url(LINKED)
    copy.click()
    expect(page.locator(".dn-copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == page.url
    expect(page.locator(".dn-copied")).to_have_count(0)
    # Over plain http there is no clipboard to write to, only the old way.
    page.evaluate("navigator.clipboard.writeText('nothing')")
    page.evaluate("Object.defineProperty(navigator, 'clipboard', {configurable: true})")
    copy.click()
    expect(page.locator(".dn-copied")).to_be_visible()
    page.evaluate("delete navigator.clipboard")
    assert page.evaluate("navigator.clipboard.readText()") == page.url
    page.context.clear_permissions()
