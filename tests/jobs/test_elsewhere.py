"""Trainings on another machine, or in another container, that shares the folder of the runs."""

import shutil
import subprocess
import sys
import threading
import time

import psutil
import pytest

from digitnet import jobs
from digitnet.experiments import TrainingSettings
from digitnet.jobs import JobError, processes, queue
from digitnet.runs import STATUS, Request, handing_on, is_locked, read_json, write_json
from tests.conftest import missing
from tests.jobs.test_queue import state_of, wait_for
from tests.made_runs import make_request, make_training, use_store

pytestmark = pytest.mark.slow  # processes are started and ended

CNN = make_request("cnn")
NOWHERE = {"pid": 2**31 - 1, "machine": "another"}  # the process has a number that none here has
# Trains on another machine until it is asked to stop. Its arguments: the training's id, what
# SIGTERM does to it.
HEED = """
import signal, sys, time
from digitnet import jobs
from digitnet.runs import RunStore, records

def stop(*_):
    raise KeyboardInterrupt

records.this_machine = lambda: "another"
signal.signal(signal.SIGTERM, {"stops": stop, "ignored": signal.SIG_IGN}[sys.argv[2]])
training = RunStore.default().find_training(sys.argv[1])
with jobs.heeding_stops(training), training.locked():
    training.write_status("running", epoch=0, phase="training")
    time.sleep(60)
"""
CONTAINER = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]  # processes of its own


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setattr(queue, "ensure_worker", lambda store: None)
    return use_store(monkeypatch, tmp_path)


def rewrite(path, **values):
    """Changes some values of a JSON file."""
    write_json(path, read_json(path) | values)


def test_a_process_of_the_same_number_here_is_left_alone(store, scripts, monkeypatch):
    monkeypatch.setattr(processes, "TERMINATE_SECONDS", 0)
    innocent = scripts("import time; time.sleep(60)")
    training = store.create(CNN)
    with training.locked():
        training.write_status("running")
        rewrite(training.folder / STATUS, pid=innocent.pid, machine="another")
        jobs.cancel(store, training.id)
        assert innocent.poll() is None
        assert training.is_asked_to_stop()
        assert state_of(store, training.id) == "running"


def test_a_process_is_found_after_the_clock_was_set(monkeypatch):
    mine = psutil.Process()
    started = processes.Started("cnn/x", mine.pid, "", mine.create_time() - psutil.boot_time())
    assert started.find_process().pid == mine.pid
    booted, created = psutil.boot_time(), psutil.Process.create_time
    monkeypatch.setattr(psutil, "boot_time", lambda: booted + 3600)
    monkeypatch.setattr(psutil.Process, "create_time", lambda one: created(one) + 3600)
    assert started.find_process().pid == mine.pid
    monkeypatch.setattr(psutil.Process, "create_time", lambda one: created(one) + 3700)
    with pytest.raises(processes.JobError, match="cannot be found"):  # its number is used again
        started.find_process()


@pytest.mark.parametrize("signal_effect", ["stops", "ignored"])
def test_it_ends_when_it_is_asked_to(store, scripts, signal_effect):
    training = store.create(CNN)
    process = scripts(HEED, training.id, signal_effect)
    wait_for(lambda: state_of(store, training.id) == "running")
    jobs.cancel(store, training.id)
    assert process.wait(10)
    assert state_of(store, training.id) == "stopped"
    assert not training.is_asked_to_stop()
    jobs.resume(store, training.id)
    assert state_of(store, training.id) == "queued"


def test_what_was_asked_of_one_process_is_not_asked_of_the_next(store, work):
    training = jobs.submit(store, CNN).training
    training.ask_to_stop()  # of one that was killed before it looked
    script = "import sys; from digitnet.runs import RunStore; "
    work(script + "sys.exit(RunStore.default().find_training(sys.argv[1]).is_asked_to_stop())")
    assert "status 0" in training.status.message


def test_it_runs_from_the_moment_that_its_process_is_started(store, work):
    training = jobs.submit(store, CNN).training
    end = store.local / "end"
    script = f"import os, time\nwhile not os.path.exists({str(end)!r}): time.sleep(0.05)"
    thread = threading.Thread(target=work, args=[script])
    thread.start()
    wait_for(lambda: state_of(store, training.id) == "running")
    rewrite(store.local / processes.WORKER, **NOWHERE)
    assert state_of(store, training.id) == "running"
    assert not jobs.submit(store, CNN).is_new
    with pytest.raises(JobError, match="stop it first"):
        jobs.delete(store, training.id)
    end.touch()
    thread.join(30)
    assert state_of(store, training.id) == "failed"


def test_a_lock_that_is_handed_on_lives_as_long_as_the_process(tmp_path, scripts):
    with handing_on(tmp_path / "lock") as lock:
        process = scripts("import time; time.sleep(60)", pass_fds=[lock])
    assert is_locked(tmp_path / "lock")
    process.kill()
    process.wait()
    assert not is_locked(tmp_path / "lock")


def test_one_that_is_resumed_while_its_process_still_ends_waits(store):
    training = make_training(store, CNN, state="stopped")
    started = {"format": 1, "training": training.id, "created": 0.0, **NOWHERE}
    with handing_on(store.local / processes.STARTED_LOCK):
        write_json(store.local / processes.WORKER, started)
        jobs.resume(store, training.id)
        jobs.submit(store, make_request("fc"))  # writes the order anew
        assert state_of(store, training.id) == "queued"
        jobs.cancel(store, training.id)
        assert training.id not in queue.read_queue(store)


def test_a_real_training_in_a_container_is_seen_stopped_and_resumed_here(store, monkeypatch):
    if not shutil.which("unshare") or subprocess.run([*CONTAINER, "true"]).returncode:
        missing("processes can be kept apart by an administrator only")
    monkeypatch.setenv("DIGITNET_THREADS", "1")
    settings = TrainingSettings(dataset="sample", epochs=1000, patience=1000)
    training = jobs.submit(store, Request("cnn_min", settings)).training
    worker = [sys.executable, "-m", "digitnet", "work"]
    with subprocess.Popen([*CONTAINER, *worker], stderr=subprocess.DEVNULL) as container:
        try:
            wait_for(lambda: training.status.state == "running", seconds=240)
            assert training.status.pid < 100  # there: here, this is some other process
            begin = time.monotonic()
            jobs.cancel(store, training.id)
            assert time.monotonic() - begin < 5
            assert state_of(store, training.id) == "stopped"
            jobs.resume(store, training.id)
            assert state_of(store, training.id) == "queued"
        finally:
            container.kill()
