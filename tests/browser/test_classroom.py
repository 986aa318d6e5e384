"""A class in a real browser: a pupil draws, tells and gives; the owner approves; all see it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from benchmarks.browser import REPOSITORY, open_page, serve, wait_for_server
from digitnet.runs import Classroom, RunStore
from digitnet.ui.roles import COOKIE
from tests.browser.conftest import draw_strokes

pytestmark = pytest.mark.browser

ONE = [[[138, 40], [140, 100], [143, 240]]]
CODE = re.compile(r"[?&]code=(\w{4}-\w{4}-\w{4}-\w{4})(&|$)")


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def class_address(browser: Browser, runs: Path) -> Iterator[str]:
    """An app that is a class'."""
    settings = {"DIGITNET_CLASS": "1", "DIGITNET_READ_ONLY": "0", "DIGITNET_RUNS": str(runs)}
    with serve(REPOSITORY / "app.py", settings) as (address, _):
        wait_for_server(address)
        yield address


def open_tab(owner: Page, name: str) -> None:
    owner.get_by_role("tab", name=name, exact=True).click()


def sign_in(owner: Page, address: str, runs: Path) -> None:
    owner.goto(f"{address}/classroom")
    expect(owner).to_have_url(CODE)
    expect(owner.locator(".st-key-code")).to_be_visible()
    key = Classroom(RunStore(runs, runs)).make_key()  # as printed where nobody reads it here
    owner.get_by_text("For whoever runs this class").click()
    owner.get_by_label("Key").fill(key)
    owner.get_by_role("button", name="Sign in").click()


def test_the_owner_stays_signed_in_over_a_reload_in_this_browser_alone(
    browser: Browser, class_address: str, runs: Path
) -> None:
    owner, other = (browser.new_context().new_page() for _ in range(2))
    sign_in(owner, class_address, runs)
    desk = owner.get_by_role("tab", name="Wall", exact=True)
    expect(desk).to_be_visible()
    owner.wait_for_function(f"document.cookie.includes('{COOKIE}')")
    [kept] = [one for one in owner.context.cookies() if one["name"] == COOKIE]
    assert (kept["sameSite"], kept["path"], kept["expires"]) == ("Strict", "/", -1)
    owner.reload()
    expect(desk).to_be_visible()
    assert kept["value"] not in owner.url
    other.goto(owner.url)  # as it was projected
    expect(other.get_by_text("For whoever runs this class")).to_be_visible()

    open_tab(owner, "Rules")
    owner.get_by_role("button", name="Sign out").click()
    expect(owner.get_by_text("For whoever runs this class")).to_be_visible()
    owner.wait_for_function(f"!document.cookie.includes('{COOKIE}')")
    owner.context.add_cookies([kept])  # as if somebody had kept it
    owner.reload()
    expect(owner.get_by_text("For whoever runs this class")).to_be_visible()
    expect(desk).to_have_count(0)


def test_a_page_in_another_tab_is_of_the_same_visit(browser: Browser, class_address: str) -> None:
    pupil = browser.new_context().new_page()
    open_page(pupil, class_address)
    expect(pupil).to_have_url(CODE)
    code = CODE.search(pupil.url)[1]
    for link in ("Curves", "Compare"):
        with pupil.context.expect_page() as opened:
            pupil.get_by_role("link", name=link, exact=True).first.click(button="middle")
        expect(opened.value.get_by_role("heading").first).to_be_visible()
        assert CODE.search(opened.value.url)[1] == code
        assert f"/{link.lower()}?" in opened.value.url
    pupil.get_by_role("link", name="Curves", exact=True).first.click()
    expect(pupil).to_have_url(re.compile(f"/curves.*{code}"))


def test_the_whole_way_of_a_drawing_to_the_wall(
    browser: Browser, class_address: str, runs: Path
) -> None:
    pupil, owner = (browser.new_context().new_page() for _ in range(2))
    open_page(pupil, class_address)
    expect(pupil).to_have_url(CODE)
    code = CODE.search(pupil.url)[1]
    draw_strokes(pupil, ONE)
    expect(pupil.locator(".st-key-prediction .dn-digit")).to_have_text("1")
    choice = pupil.locator(".st-key-label_choice")
    choice.get_by_role("radio", name="1", exact=True).click()
    pupil.get_by_role("button", name="Give it to the class").click()
    expect(choice).to_contain_text("Given to the class")

    sign_in(owner, class_address, runs)
    wall = owner.locator(".st-key-wall")
    expect(wall.locator(".dn-counts p").first).to_have_text("1drawn")
    expect(wall.locator(".dn-wall figure")).to_have_count(0)
    open_tab(owner, "Drawings")
    owner.locator(".st-key-waiting_donations button").first.click()
    expect(owner.locator(".st-key-shown_donations")).to_be_visible()
    open_tab(owner, "Wall")
    expect(wall.locator(".dn-wall figure")).to_have_count(1)
    expect(wall.locator(".dn-hits li").first).to_contain_text("1 of 1")

    draw_strokes(pupil, [[[20, 250], [60, 262]]])  # the wall follows by itself
    expect(wall.locator(".dn-counts p").nth(1)).to_contain_text("2")

    pupil.get_by_role("link", name="Class", exact=True).first.click()
    expect(pupil.locator(".st-key-code")).to_contain_text(code)
    expect(pupil).to_have_url(CODE)
    pupil.reload()
    expect(pupil.locator(".st-key-code")).to_contain_text(code)
