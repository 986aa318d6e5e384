"""Two replicas of the app behind the proxy, with the configuration that hosting/ ships."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, Page, expect
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from benchmarks.browser import (
    REPOSITORY,
    clear_canvas,
    find_free_port,
    open_page,
    serve,
    wait_for_server,
)
from digitnet import jobs
from digitnet.digits import load_samples
from digitnet.runs import LOG, RunStore
from tests.browser.conftest import draw_strokes
from tests.browser.test_compare import START, button, choose_sample, in_jobs
from tests.browser.test_draw import expect_reading
from tests.conftest import missing
from tests.serving.test_numbers import photo_of

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HOSTING = REPOSITORY / "hosting"
COOKIE = "digitnet_replica"
NAME = "digits.example"  # under which visitors come


@dataclass(frozen=True)
class House:
    """Two replicas and their proxy.

    Args:
        port: The proxy's.
        replicas: Their processes.
        store: The runs that they share.
    """

    port: int
    replicas: list[psutil.Process]
    store: RunStore

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def find_trainer(self) -> psutil.Process:
        """The replica that has started a training."""
        [found] = [one for one in self.replicas if one.is_running() and one.children()]
        return found


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    caddy = shutil.which("caddy")
    if not caddy:
        missing("caddy is not on this machine; on Debian and Ubuntu: apt-get install caddy")
    runs = tmp_path_factory.mktemp("runs")
    store = RunStore(runs, REPOSITORY / "checkpoints")
    environment = {"DIGITNET_RUNS": str(runs), "DIGITNET_THREADS": "1"}
    with ExitStack() as stack:
        started = [stack.enter_context(serve(REPOSITORY / "app.py", environment)) for _ in range(2)]
        replicas = [psutil.Process(pid) for _, pid in started]
        addresses = [address.removeprefix("http://") for address, _ in started]
        port = stack.enter_context(run_proxy(caddy, addresses, runs))
        for address, _ in started:
            wait_for_server(address)
        yield House(port, replicas, store)
        for job in jobs.list_jobs(store):
            with contextlib.suppress(jobs.JobError):
                jobs.cancel(store, job.id)


@contextlib.contextmanager
def run_proxy(caddy: str, addresses: list[str], folder: Path) -> Iterator[int]:
    """Runs the proxy in front of these addresses, on a free port."""
    port = find_free_port()
    settings = {"SITE": f":{port}", "REPLICAS": " ".join(addresses), "HOME": str(folder)}
    process = subprocess.Popen(
        [caddy, "run", "--config", str(HOSTING / "Caddyfile")],
        env=os.environ | settings,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for_server(f"http://127.0.0.1:{port}")
        yield port
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def visit(browser: Browser, house: House) -> Iterator[Callable[[], Page]]:
    """Opens the Draw page as another visitor."""
    with ExitStack() as stack:

        def open_as_visitor() -> Page:
            page = stack.enter_context(contextlib.closing(browser.new_context())).new_page()
            open_page(page, house.address)
            return page

        yield open_as_visitor


def replica_of(page: Page) -> str:
    """What the proxy calls the replica that a visitor was sent to."""
    [value] = [one["value"] for one in page.context.cookies() if one["name"] == COOKIE]
    return value


def visit_both(visit: Callable[[], Page]) -> tuple[Page, Page]:
    """Two visitors whom the proxy has sent to different replicas."""
    first = visit()
    for _ in range(12):
        second = visit()
        if replica_of(second) != replica_of(first):
            return first, second
    raise AssertionError("every visitor is sent to the same replica")


def upload(page: Page, digit: int) -> None:
    """Uploads a picture of a digit, which is read."""
    page.get_by_text("Upload", exact=True).click()
    content = photo_of(load_samples()[digit])
    picture = {"name": "digit.jpg", "mimeType": "image/jpeg", "buffer": content}
    page.locator("input[type=file]").set_input_files(picture)
    expect_reading(page, digit)


def kill(replica: psutil.Process) -> None:
    """Ends a replica and all that it started, as its container does when it is gone."""
    for process in [replica, *replica.children(recursive=True)]:
        process.kill()


def shake_hands(port: int, origin: str) -> None:
    """Opens a visit as a page of this origin would."""
    with (
        socket.create_connection(("127.0.0.1", port)) as connection,
        connect(f"ws://{NAME}/_stcore/stream", sock=connection, origin=origin),
    ):
        pass


def test_a_page_is_let_in_under_the_sites_name_and_no_other(house: House):
    shake_hands(house.port, f"http://{NAME}")
    with pytest.raises(InvalidStatus, match="403"):
        shake_hands(house.port, "http://elsewhere.example")


def test_a_visit_stays_and_a_replica_that_is_killed_loses_nothing(
    house: House, visit: Callable[[], Page]
):
    drawing, watching = visit_both(visit)
    for page in (drawing, watching):
        upload(page, 3)  # a request of its own, which must find the visit
    trainer = drawing.context.new_page()  # of the same visitor, so on the same replica
    trainer.goto(f"{house.address}/compare?view=Retrain")
    watching.goto(f"{house.address}/compare?view=Retrain")
    assert replica_of(trainer) != replica_of(watching)
    open_page(drawing, house.address)
    draw_strokes(drawing, load_samples()[1])
    expect_reading(drawing, 1)

    choose_sample(trainer, Most_epochs=5000, Patience=5000)  # no end before its cancel
    button(trainer, "Retrain").click()
    curves = watching.locator(".st-key-jobs .dn-progress")  # there once an epoch is finished
    expect(curves).to_be_visible(timeout=START)
    [training] = house.store.unfinished()
    kill(house.find_trainer())

    button(watching, "Resume").click()
    expect_reading(drawing, 1)  # the page has found the other replica
    clear_canvas(drawing)
    draw_strokes(drawing, load_samples()[7])
    expect_reading(drawing, 7)
    assert replica_of(drawing) == replica_of(watching)
    upload(drawing, 3)
    expect(in_jobs(watching, re.compile("^Epoch"))).to_be_visible(timeout=START)
    assert "resumes after epoch" in (training.folder / LOG).read_text()
    epochs = training.history()["epoch"].tolist()
    assert epochs == list(range(1, len(epochs) + 1))
