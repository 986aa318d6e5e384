"""How much longer a reading takes while a network is being trained.

    python -m benchmarks.drawing_while_training

From pen-up to the new reading on the Draw page, first on an idle machine, then while `cnn` trains
on MNIST as the Compare page would start it. Exits with 1 if it takes more than twice as long.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, Page

from benchmarks.app_speed import APP, STOPWATCH, STROKES, time_reading
from benchmarks.browser import (
    REPOSITORY,
    open_browser,
    open_page,
    require_chromium,
    serve,
    wait_for_server,
)
from digitnet import jobs
from digitnet.experiments import TrainingSettings
from digitnet.runs import Request, RunStore

MOST_RATIO = 2.0
STEP_PATIENCE = 180  # seconds for a training to come to its first steps


def measure(browser: Browser) -> tuple[float, float]:
    """Median seconds from pen-up to the reading, idle and while a network trains."""
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(APP, {"DIGITNET_RUNS": folder}) as (address, _),
    ):
        wait_for_server(address)
        page = browser.new_page()
        open_page(page, address)
        page.wait_for_timeout(3000)  # let all networks load
        page.evaluate(STOPWATCH)
        time_reading(page)
        idle = _time_readings(page)
        store = RunStore(Path(folder), REPOSITORY / "checkpoints")
        request = Request("cnn", TrainingSettings(epochs=1000, patience=1000))
        training_id = jobs.submit(store, request).training.id
        try:
            _wait_for_steps(store, training_id)
            training = _time_readings(page)
            assert jobs.list_jobs(store)[0].state == "running", "the training has ended too soon"
        finally:
            jobs.cancel(store, training_id)
    return idle, training


def _time_readings(page: Page) -> float:
    return statistics.median(time_reading(page) for _ in range(STROKES))


def _wait_for_steps(store: RunStore, training_id: str) -> None:
    """Returns when the training is past its start."""
    deadline = time.monotonic() + STEP_PATIENCE
    while not store.find_training(training_id).history()["epoch"].size:
        if time.monotonic() > deadline:
            raise TimeoutError(f"no epoch within {STEP_PATIENCE} s; is MNIST on this machine?")
        time.sleep(0.5)


def main() -> int:
    """Prints both times and their ratio; exit status 1 if it is over the bar."""
    with open_browser(require_chromium()) as browser:
        idle, training = measure(browser)
    ratio = training / idle
    print(
        f"pen-up to reading: idle {1000 * idle:.0f} ms, while training {1000 * training:.0f} ms, "
        f"ratio {ratio:.2f} (at most {MOST_RATIO})"
    )
    return int(ratio > MOST_RATIO)


if __name__ == "__main__":
    sys.exit(main())
