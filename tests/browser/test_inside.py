"""The Inside page in a real browser."""

from __future__ import annotations

import contextlib

import pytest
from playwright.sync_api import Locator, Page, expect

from benchmarks.inside import AT_REST
from digitnet.digits import load_samples
from tests.browser.conftest import PHONE, draw_strokes

pytestmark = pytest.mark.browser

FILTERS = ".st-key-layer .dn-filters figure"
LARGE = "matrix(2.4, 0, 0, 2.4, 0, 0)"
MOMENT = "Moment of the drawing"
# Keeps of each moment at which networks still read whether the part before is seen.
WATCH = """() => {
    window.before = [];
    new MutationObserver(() => {
        const waits = document.querySelector(".dn-flips")?.textContent.includes("still reading");
        if (waits) window.before.push(Boolean(document.querySelector(".st-key-map")));
    }).observe(document.body, {subtree: true, childList: true, characterData: true});
}"""


@pytest.fixture
def inside(blank: Page, address: str) -> Page:
    """The page, opened anew, with the basic CNN."""
    blank.goto(f"{address}/inside?model=cnn")
    blank.locator(FILTERS).first.wait_for()
    blank.locator(AT_REST).wait_for()  # else what is pointed at may move away from the mouse
    return blank


def point_at(figure: Locator) -> None:
    """Points at a picture until it is large; on a busy machine it may still move away."""
    for _ in range(5):
        figure.hover()
        with contextlib.suppress(AssertionError):
            return expect(figure.locator("img")).to_have_css("transform", LARGE, timeout=3000)
    raise AssertionError("it did not grow")


def choose(page: Page, part: str) -> None:
    page.get_by_role("radio", name=part).click()


def test_a_drawing_is_followed_from_the_board_to_the_last_layer(page: Page) -> None:
    draw_strokes(page, load_samples()[4])
    expect(page.locator(".st-key-prediction .dn-digit")).to_have_text("4")  # with its last stroke
    page.get_by_role("link", name="Look inside").click()
    expect(page.locator(".st-key-read_here .dn-digit")).to_have_text("4")
    page.locator(FILTERS).first.wait_for()
    card = page.locator(".st-key-way_layers button", has_text="softmax")
    card.press("Enter")
    expect(page.locator(".st-key-layer .dn-best")).to_contain_text("4")
    expect(card).to_be_focused()
    assert "layer=softmax" in page.url and "drawing=" in page.url and "model=reader" in page.url
    page.reload()
    expect(page.locator(".st-key-layer .dn-best")).to_contain_text("4")


def test_a_filter_that_is_pointed_at_or_reached_by_key_is_large(inside: Page) -> None:
    figure = inside.locator(FILTERS).nth(3)
    expect(figure.locator("img")).to_have_css("transform", "none")
    point_at(figure)
    inside.mouse.move(0, 0)
    expect(figure.locator("img")).to_have_css("transform", "none")
    figure.focus()
    expect(figure.locator("img")).to_have_css("transform", LARGE)


def test_the_film_is_played_and_stepped_without_the_server(inside: Page) -> None:
    choose(inside, "As you drew")
    film = inside.locator(".dn-film")
    expect(film.locator(".dn-digit")).to_have_text("3")
    inside.context.set_offline(True)
    slider = inside.get_by_role("slider", name=MOMENT)
    slider.focus()
    inside.keyboard.press("Home")
    expect(film.locator(".dn-digit")).not_to_have_text("3")
    inside.get_by_role("button", name="Play").click()
    expect(film.locator(".dn-digit")).to_have_text("3")
    expect(inside.get_by_role("button", name="Play")).to_be_visible()  # it has come to its end
    assert slider.input_value() == slider.get_attribute("max")
    inside.context.set_offline(False)


def test_a_slider_alters_the_drawing_and_moves_the_mark(inside: Page) -> None:
    choose(inside, "What if")
    picture = inside.locator(".st-key-altered img")
    before = picture.get_attribute("src")
    inside.locator(".st-key-alter_turn input[type=range]").focus()
    inside.keyboard.press("ArrowRight")
    expect(picture).not_to_have_attribute("src", before or "")
    expect(inside.locator(".dn-flips")).to_have_attribute("style", "--mark:0.5083")


def test_what_the_large_networks_read_follows_what_all_others_do(inside: Page) -> None:
    choose(inside, "6")  # which no network has read here yet
    expect(inside.locator(".st-key-read_here .dn-digit")).to_have_text("6")
    choose(inside, "Look-alikes")
    inside.locator(".st-key-map img").wait_for()
    inside.evaluate("document.querySelector('.stMain').scrollTop = 150")
    inside.evaluate(WATCH)
    choose(inside, "What if")
    bands = inside.locator(".dn-flips li")
    expect(bands).to_have_count(17)
    expect(inside.get_by_text("still reading")).to_have_count(0)
    assert inside.evaluate("window.before.at(-1)") is False  # it was gone while they read
    assert inside.evaluate("document.querySelector('.stMain').scrollTop") == 150


def test_nothing_is_wider_than_a_phone(inside: Page) -> None:
    inside.set_viewport_size(PHONE)
    signs = {
        "Layer by layer": FILTERS,
        "Why": ".dn-evidence img",
        "As you drew": ".dn-film svg",
        "Look-alikes": ".st-key-map img",
        "What if": ".dn-flips",
    }
    for part, sign in signs.items():
        choose(inside, part)
        inside.locator(sign).first.wait_for()
        assert inside.evaluate("document.querySelector('.stMain').scrollWidth") <= 390
