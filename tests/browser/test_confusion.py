"""The Confusion matrices page in a real browser: cells and digits are clicked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from benchmarks.browser import REPOSITORY
from digitnet.experiments import find_experiment
from digitnet.runs import Run
from digitnet.study import confusion
from digitnet.study.answers import load_answers
from digitnet.study.confusion import Answers

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address_with_mnist(address: str, mnist_path: Path) -> str:
    """Where the app runs on a machine that has MNIST, which it finds as the test does."""
    return address


def open_matrix(page: Page, address: str, query: str = "") -> None:
    page.goto(f"{address}/confusion{query}")
    page.locator(".st-key-matrix .annotation-text").first.wait_for()


@pytest.fixture
def matrix(blank: Page, address_with_mnist: str) -> Page:
    """The page, opened anew."""
    open_matrix(blank, address_with_mnist)
    return blank


@pytest.fixture(scope="module")
def answers() -> Answers:
    """What the run that the page begins with said."""
    return load_answers(Run(find_experiment("cnn"), "shipped", REPOSITORY / "checkpoints" / "cnn"))


def click_cell(page: Page, true: int, read: int, aside: float = 0.0) -> None:
    """Clicks a cell, in its middle or a share of its width aside."""
    page.mouse.click(*find_cell(page, true, read + aside))


def find_cell(page: Page, true: float, read: float) -> tuple[float, float]:
    """Where a cell's middle is on the screen."""
    plot = page.locator(".st-key-matrix .nsewdrag")
    expect(plot).to_have_count(1)  # two while a chart takes another's place
    box = plot.bounding_box()
    assert box
    x = box["x"] + box["width"] * (read + 0.5) / 10
    return x, box["y"] + box["height"] * (true + 0.5) / 10


def heading(answers: Answers, true: int, read: int) -> str:
    count = answers.counts[true, read]
    return f"A: {true} read as {read}, {count} digit{'s' if count != 1 else ''}"


def pictures(page: Page) -> Locator:
    return page.locator(".st-key-digits").get_by_role("button", name=re.compile("^Digit .*large"))


@pytest.mark.parametrize("aside", [0.0, 0.3, -0.3])
def test_a_click_on_a_cell_shows_its_digits(matrix: Page, answers: Answers, aside: float) -> None:
    click_cell(matrix, 7, 2, aside)
    expect(matrix.locator(".st-key-digits")).to_contain_text(heading(answers, 7, 2))
    expect(pictures(matrix)).to_have_count(int(answers.counts[7, 2]))
    assert re.search("true=7&read=2", matrix.url)


def test_one_cell_after_another(matrix: Page, answers: Answers) -> None:
    for true, read in ((7, 2), (5, 3), (7, 2), (0, 0)):
        click_cell(matrix, true, read)
        said = heading(answers, true, read)
        expect(matrix.locator(".st-key-digits")).to_contain_text(said)


def test_a_finger_chooses_the_cell_that_it_taps(
    browser: Browser, address_with_mnist: str, answers: Answers
) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 1100}, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    open_matrix(page, address_with_mnist)
    for true, read in ((7, 2), (5, 3), (2, 4), (9, 0)):
        page.wait_for_timeout(500)  # taps are not a double tap
        page.touchscreen.tap(*find_cell(page, true, read))
        said = heading(answers, true, read)
        expect(page.locator(".st-key-digits")).to_contain_text(said)
    context.close()


def test_a_cell_is_chosen_with_the_keyboard(matrix: Page, answers: Answers) -> None:
    for name, digit in (("True digit", "7"), ("Read as", "2")):
        box = matrix.get_by_role("combobox", name=name)
        box.focus()
        box.press("Enter")
        box.type(digit)
        box.press("Enter")
    expect(matrix.locator(".st-key-digits")).to_contain_text(heading(answers, 7, 2))


def test_a_digit_is_opened_and_drawn_over(matrix: Page, answers: Answers) -> None:
    click_cell(matrix, 7, 2)
    expect(pictures(matrix)).to_have_count(int(answers.counts[7, 2]))
    pictures(matrix).first.click()
    dialog = matrix.get_by_role("dialog")
    expect(dialog).to_contain_text("but it is a 7.")
    expect(dialog.get_by_role("img", name="A 7 in white on black")).to_be_visible()
    position = answers.index[confusion.find_cell(answers, 7, 2)[0]]
    assert f"digit={position}" in matrix.url
    dialog.get_by_role("link", name="Draw over it").click()
    matrix.locator("canvas.upper-canvas").wait_for()
    expect(matrix.locator(".st-key-prediction .dn-digit")).to_be_visible()
    matrix.go_back()
    expect(matrix.get_by_role("dialog")).to_contain_text("but it is a 7.")
    matrix.go_forward()
    expect(matrix.locator(".st-key-prediction .dn-digit")).to_be_visible()
    matrix.reload()
    expect(matrix.locator(".st-key-prediction .dn-digit")).to_be_visible()
    # The board tells of itself as soon as it is there, with the address that the page had then.
    matrix.wait_for_load_state("networkidle")
    matrix.get_by_role("button", name="Take the test digit away").click()
    expect(matrix.locator(".st-key-prediction")).to_contain_text("Draw one digit")


def test_an_opened_digit_is_found_by_its_link_and_closed(matrix: Page, answers: Answers) -> None:
    position = answers.index[0]
    open_matrix(matrix, matrix.url.partition("/confusion")[0], f"?digit={position}")
    expect(matrix.get_by_role("dialog")).to_contain_text("Basic CNN reads")
    matrix.keyboard.press("Escape")
    expect(matrix.get_by_role("dialog")).to_have_count(0)
    matrix.wait_for_url(lambda url: "digit" not in url)


def test_nothing_is_wider_than_a_phone(phone: Page, address: str) -> None:
    open_matrix(phone, address, "?b=lenet5/shipped&true=7&read=7")
    expect(phone.locator(".st-key-lists")).to_contain_text("A alone")
    assert phone.evaluate("document.querySelector('.stMain').scrollWidth") <= 390
