"""The Training curves page in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

LEGEND = ".st-key-curves .legendtext"


def open_curves(page: Page, address: str, query: str = "") -> None:
    page.goto(f"{address}/curves{query}")
    page.locator(".st-key-curves .scatterlayer .trace").first.wait_for()


@pytest.fixture
def curves(blank: Page, address: str) -> Page:
    """The page, opened anew."""
    open_curves(blank, address)
    return blank


def test_runs_are_chosen_and_their_curves_seen(curves: Page) -> None:
    curves.get_by_role("combobox", name="Runs").click()
    curves.keyboard.type("LeNet")
    curves.get_by_role("option", name="LeNet-5 · shipped").click()
    expect(curves.locator(LEGEND, has_text="LeNet-5")).to_be_visible()
    expect(curves.locator(".st-key-reading article")).to_have_count(3)
    expect(curves.locator(".st-key-reading")).to_contain_text("C LeNet-5")
    address_of_view = curves.url
    curves.goto("about:blank")
    curves.goto(address_of_view)
    expect(curves.locator(".st-key-reading article")).to_have_count(3)


def test_a_changed_view_outlives_a_reload(curves: Page) -> None:
    curves.get_by_role("radio", name="Loss").click()
    expect(curves.locator(".st-key-curves .ytitle", has_text="Loss")).to_be_visible()
    curves.get_by_text("With the report's own curves").click()
    expect(curves.locator(LEGEND, has_text="the report's validation")).to_be_visible()
    assert "measure=Loss" in curves.url
    assert "report=on" in curves.url
    curves.reload()
    expect(curves.locator(".st-key-curves .ytitle", has_text="Loss")).to_be_visible()


def test_the_figures_and_the_picture_are_downloaded(curves: Page) -> None:
    with curves.expect_download() as table:
        curves.get_by_role("button", name="Download as CSV").click()
    assert table.value.suggested_filename == "digitnet-curves.csv"
    assert table.value.path().read_text().startswith("run,state,kept,epoch,")
    with curves.expect_download() as picture:
        curves.locator(".st-key-curves .modebar-btn").first.click()
    assert picture.value.suggested_filename == "digitnet-curves.png"
    assert picture.value.path().read_bytes().startswith(b"\x89PNG")


def test_nothing_is_wider_than_a_phone(phone: Page, address: str) -> None:
    open_curves(phone, address, "?run=cnn/shipped&run=lenet5/shipped&report=on")
    assert phone.evaluate("document.querySelector('.stMain').scrollWidth") <= 390
