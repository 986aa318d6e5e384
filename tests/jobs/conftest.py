"""Small scripts that act as trainings, and a worker that starts them."""

import subprocess
import sys

import pytest

from digitnet import jobs
from digitnet.jobs import processes


@pytest.fixture
def scripts():
    """Runs scripts; ends those that are left."""
    running = []

    def run(script, *arguments, **options):
        process = subprocess.Popen([sys.executable, "-c", script, *arguments], **options)
        running.append(process)
        return process

    yield run
    for process in running:
        process.kill()
        process.wait()


@pytest.fixture
def work(store, monkeypatch, scripts):
    """Runs the worker in this process, with a script in the place of a training."""

    def run(script, *arguments):
        def spawn(store, log, *_, inherited):
            training_id = f"{log.parent.parent.name}/{log.parent.name}"
            with log.open("ab") as output:
                streams = {"stdout": output, "stderr": output, "pass_fds": inherited}
                return scripts(script, training_id, *arguments, **streams)

        monkeypatch.setattr(processes, "spawn", spawn)
        jobs.work(store)

    return run
