"""Trainings from the Compare page in a real browser, with real processes."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from benchmarks.browser import (
    REPOSITORY,
    clear_canvas,
    open_page,
    serve,
    wait_for_server,
)
from digitnet import jobs
from digitnet.digits import load_samples
from digitnet.errors import DigitnetError
from digitnet.runs import RunStore
from tests.browser.conftest import PHONE, draw_strokes
from tests.made_runs import make_request, make_training

pytestmark = [pytest.mark.browser, pytest.mark.slow]

START = 150_000  # milliseconds in which a training process has started and trained its first epoch


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> RunStore:
    return RunStore(tmp_path_factory.mktemp("runs"), REPOSITORY / "checkpoints")


@pytest.fixture(scope="module")
def laboratory(browser: Browser, store: RunStore) -> Iterator[str]:
    """Where the app runs, with runs of its own."""
    with serve(REPOSITORY / "app.py", {"DIGITNET_RUNS": str(store.local)}) as (address, _):
        wait_for_server(address)
        yield address


@pytest.fixture
def open_tab(context: BrowserContext, laboratory: str, store: RunStore):
    """Opens the part of the page where trainings are, each time in another visit.

    No training outlives the test.
    """
    visits = []

    def open_as_visitor(view: str = "Retrain") -> Page:
        page = context.new_page()
        visits.append(page)
        page.goto(f"{laboratory}/compare?view={view}")
        expect(page.get_by_role("tab", name=view, exact=True)).to_be_visible()
        return page

    yield open_as_visitor
    for page in visits:
        page.close()
    for job in jobs.list_jobs(store):  # of a test that failed: the next finds nothing of it
        for end in (jobs.cancel, jobs.delete):  # what has stopped by itself cannot be cancelled
            with contextlib.suppress(DigitnetError):
                end(store, job.id)


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def in_jobs(page: Page, words: str | re.Pattern[str]) -> Locator:
    return page.locator(".st-key-jobs").get_by_text(words)


def wait_until_drawn(page: Page) -> None:
    """Returns when the page has answered what was just done to it."""
    page.wait_for_timeout(100)
    app = page.get_by_test_id("stApp")
    expect(app).to_have_attribute("data-test-script-state", "notRunning")


def choose_sample(page: Page, **settings: int) -> None:
    page.locator(".st-key-retrain").get_by_text("Offline sample").click()
    wait_until_drawn(page)
    for name, value in settings.items():
        field = page.get_by_role("spinbutton", name=name.replace("_", " "))
        field.fill(str(value))
        field.press("Enter")
        wait_until_drawn(page)


def test_the_parts_of_the_page_are_shown(open_tab):
    page = open_tab("Results")  # the server's first visitor comes by this address
    expect(page.locator(".st-key-comparison [data-testid=stDataFrame]")).to_be_visible()
    expect(page.locator(".st-key-cost .js-plotly-plot .point").first).to_be_visible()
    expect(page.get_by_role("link", name="Draw")).to_be_visible()
    expect(page.locator("[data-testid=stSidebarNav]")).to_have_count(0)
    page.get_by_role("tab", name="Two networks").click()
    expect(page.locator(".st-key-pairs").get_by_text("alone is right on")).to_be_visible()
    expect(page.locator(".dn-pairs .dn-even").first).to_be_visible()


def test_from_the_button_to_a_new_current_run_and_back(open_tab, laboratory: str, store: RunStore):
    page, other = open_tab(), open_tab()
    choose_sample(page, Most_epochs=50, Patience=50)  # long enough to be seen
    button(page, "Retrain").click()
    expect(page.locator(".st-key-training_sign")).to_contain_text("Training CNN, few filters")
    expect(in_jobs(page, re.compile("^Epoch"))).to_be_visible(timeout=START)
    epochs = page.locator(".st-key-jobs .dn-progress p span:last-child").first
    expect(epochs).to_be_visible(timeout=START)
    first = int(epochs.inner_text())
    expect(epochs).not_to_have_text(str(first))  # the curves grow by themselves

    page.reload()  # and go on after that
    expect(page.locator(".st-key-runs").get_by_text("is current.")).to_be_visible(timeout=START)
    expect(other.locator(".st-key-runs").get_by_text("is current.")).to_be_visible()
    run = store.current("cnn_min")
    assert run and not run.is_shipped

    open_page(page, f"{laboratory}/?model=cnn_min")
    accuracy = run.result["scores"]["accuracy"]
    expect(page.get_by_text(f"it is right {accuracy:.2%} of the time")).to_be_visible()
    draw_strokes(page, load_samples()[1])
    expect(page.locator(".st-key-prediction .dn-digit")).to_be_visible()

    button(other, "Go back to the shipped run").click()
    expect(button(other, "Go back to the shipped run")).to_have_count(0)
    current = store.current("cnn_min")
    assert current and current.is_shipped
    clear_canvas(page)  # what is open follows with the next stroke
    accuracy = current.result["scores"]["accuracy"]
    expect(page.get_by_text(f"it is right {accuracy:.2%} of the time")).to_be_visible()


def test_two_visitors_queue_two_trainings_one_is_recognised_and_cancelled(open_tab, store):
    first, second = open_tab(), open_tab()
    for page, seed in ((first, 11), (second, 12)):
        choose_sample(page, Most_epochs=5000, Patience=5000, Seed=seed)  # no end before its cancel
    for page in (first, second):
        button(page, "Retrain").click()
    for seed in (11, 12):
        expect(in_jobs(first, re.compile(f"patience 5,?000 · seed {seed}"))).to_be_visible()
    waiting = second.locator("[class*=st-key-job-]", has_text="seed 12")
    expect(waiting).to_contain_text("next in line")  # which the other is until it starts
    button(second, "Retrain").click()
    expect(second.get_by_text("Once is enough")).to_be_visible()
    assert len(jobs.list_jobs(store)) == 2

    waiting.get_by_role("button", name="Cancel").click()
    expect(in_jobs(first, re.compile("seed 12"))).to_have_count(0)
    expect(in_jobs(first, re.compile("^Epoch"))).to_be_visible(timeout=START)
    (job,) = jobs.list_jobs(store)
    process = psutil.Process(job.training.status.pid)
    button(first, "Cancel").click()
    expect(button(first, "Resume")).to_be_visible()
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    expect(button(second, "Resume")).to_be_visible()
    expect(first.locator(".st-key-training_sign a")).to_have_count(0)
    wait_until_drawn(first)
    first.locator(".st-key-jobs").get_by_role("button", name="Delete", exact=True).click()
    first.wait_for_timeout(6000)  # the question stays while the page looks at the trainings again
    button(first, "Delete it").click()
    expect(in_jobs(first, "Nothing is being trained.")).to_be_visible()


ROW = 35  # pixels; the first holds the headings


def test_a_ticked_row_is_retrained_without_looking_for_the_way(open_tab, store):
    page = open_tab("Results")
    expect(button(page, "Retrain")).to_be_disabled()
    expect(page.get_by_text("Tick networks in the table")).to_be_visible()
    table = page.locator(".st-key-comparison .dvn-scroller")
    table.click(position={"x": 16, "y": ROW * 1.5})
    expect(page.locator(".st-key-retrain_chosen")).to_contain_text("with its own settings")
    button(page, "Retrain").click()
    expect(page.get_by_text("Basic dense network is in the queue.")).to_be_visible()
    button(page, "Watch it train").click()
    expect(page.get_by_role("tab", name="Retrain")).to_have_attribute("aria-selected", "true")
    expect(in_jobs(page, "Basic dense network")).to_be_visible()
    (job,) = jobs.list_jobs(store)
    assert job.training.request == make_request("fc", dataset="mnist")
    button(page, "Cancel").click()
    wait_until_drawn(page)
    for left in jobs.list_jobs(store):  # it was trained for a while
        jobs.delete(store, left.id)


def test_a_network_is_built_trained_and_reads_a_drawing(open_tab, laboratory, store):
    """On a wide screen until it is described, from there on on a phone."""
    page = open_tab("Build")
    page.set_viewport_size({"width": 1280, "height": 844})
    text = page.get_by_role("textbox", name="Layers as text")
    text.fill("conv 4, max 4/4, flatten, dense 8")
    text.press("Control+Enter")
    expect(page.locator(".dn-cost", has_text="→ 26 × 26 × 4 · 40 parameters")).to_be_visible()
    kind = page.locator("[class*=st-key-kind_] input").nth(1)
    kind.click()
    page.keyboard.type("Average")
    page.keyboard.press("Enter")
    expect(text).to_have_value("conv 4, average 4/4, flatten, dense 8")
    name = page.get_by_role("textbox", name="Name")
    name.fill("built")
    name.press("Enter")
    expect(text).to_have_value("conv 4, average 4/4, flatten, dense 8")
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    page.set_viewport_size(PHONE)
    page.get_by_text("Offline sample").click()
    wait_until_drawn(page)
    kind.click()
    page.keyboard.type("Max")
    page.keyboard.press("Enter")
    expect(text).to_have_value("conv 4, max 4/4, flatten, dense 8")
    epochs = page.get_by_role("spinbutton", name="Most epochs")
    epochs.fill("1")
    epochs.press("Enter")
    wait_until_drawn(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    button(page, "Save and train").click()
    expect(page.get_by_text("built is in the queue.")).to_be_visible()
    button(page, "Watch it train").click()
    expect(in_jobs(page, re.compile("built"))).to_be_visible()
    expect(in_jobs(page, "Nothing is being trained.")).to_be_visible(timeout=START)
    page.reload()  # a run is offered anew, and the newest comes first
    run = page.locator(".st-key-runs").get_by_role("combobox", name="Run")
    expect(run).to_have_value(re.compile("^built"))
    with page.expect_download() as download:
        button(page, ".tflite").click()
    found = store.current("built")
    assert found and download.value.path().read_bytes() == found.served_model.read_bytes()

    open_page(page, f"{laboratory}/?model=built")
    draw_strokes(page, load_samples()[3])
    expect(page.locator(".st-key-all_models section", has_text="Yours")).to_contain_text("sure")


def test_a_read_only_laboratory_shows_all_and_changes_nothing(blank: Page, tmp_path: Path) -> None:
    store = RunStore(tmp_path, REPOSITORY / "checkpoints")
    make_training(
        store, make_request("cnn_min"), state="stopped", message="stopped; it can be resumed"
    )
    environment = {"DIGITNET_RUNS": str(tmp_path), "DIGITNET_READ_ONLY": "1"}
    with serve(REPOSITORY / "app.py", environment) as (address, _):
        wait_for_server(address)
        page = blank
        page.goto(f"{address}/compare?view=Retrain")
        expect(page.get_by_text("This laboratory is read-only")).to_be_visible()
        expect(in_jobs(page, "Stopped; it can be resumed.")).to_be_visible()
        for name in ("Retrain", "Resume", "Delete", "Cancel", "Make current"):
            expect(button(page, name)).to_have_count(0)
        page.goto("about:blank")
