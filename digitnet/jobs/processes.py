"""The processes that train: started, found and ended."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from digitnet.errors import DigitnetError
from digitnet.places import CODE
from digitnet.runs import FORMAT, LOG, RunError, RunStore, Training, read_json, write_json

WORKER, WORKER_LOCK, WORKER_LOG = "worker.json", "worker.lock", "worker.log"
TERMINATE_SECONDS = 3.0  # for a training to stop by itself before it is killed
KILL_SECONDS = 1.5
NICENESS = 10


class JobError(DigitnetError):
    """A job cannot be had or changed; the message is a sentence for the user."""


class QueueFullError(JobError):
    """As many trainings wait as may."""


def start(store: RunStore, training: Training) -> subprocess.Popen[bytes]:
    process = spawn(store, training.folder / LOG, "train", "--run", training.id)
    try:
        created = psutil.Process(process.pid).create_time()
        values = {"training": training.id, "pid": process.pid, "created": created}
        write_json(store.local / WORKER, {"format": FORMAT, **values})
    except BaseException:
        process.kill()
        process.wait()
        raise
    return process


def spawn(store: RunStore, log: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Runs a command of this package on the store, in a session of its own."""
    threads = max(1, (os.cpu_count() or 1) - 1)  # one is left for the app
    environment = {"DIGITNET_THREADS": str(threads), **os.environ}
    environment["DIGITNET_RUNS"] = str(store.local.resolve())
    environment["DIGITNET_CHECKPOINTS"] = str(store.shipped.resolve())
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "digitnet", *arguments],
            cwd=CODE,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _make_yielding(process.pid)
    return process


def _make_yielding(pid: int) -> None:
    """Lets everything else on this machine go before a process with a session of its own.

    Linux shares the processor between sessions first, each with a niceness of its own
    (sched(7), "The autogroup feature"), and only then between the processes of one.
    """
    with contextlib.suppress(OSError, AttributeError):  # where there is no niceness
        os.setpriority(os.PRIO_PROCESS, pid, NICENESS)
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/autogroup").write_text(str(NICENESS), encoding="ascii")


def stop(store: RunStore, training: Training) -> None:
    """Ends the process that trains, and sees to it that the folder says so."""
    process = _find_process(store, training)
    try:
        process.terminate()
        if not _wait_for_end(process, TERMINATE_SECONDS):
            process.kill()
            if not _wait_for_end(process, KILL_SECONDS):
                raise JobError(f"the process {process.pid} of {training.id} does not end")
    except psutil.NoSuchProcess:
        pass
    except psutil.AccessDenied:
        raise JobError(f"the process {process.pid} of {training.id} is another user's") from None
    training.sweep()
    with contextlib.suppress(RunError):  # it finished in the meantime
        if training.status.state not in ("stopped", "failed"):
            mark(training, "stopped", "stopped; it can be resumed")


def _find_process(store: RunStore, training: Training) -> psutil.Process:
    started = find_started(store)
    if started and started.training_id == training.id:
        return started.process
    status = training.status
    if status.state == "running":  # only then is the process that wrote it the one that trains
        with contextlib.suppress(psutil.Error):
            return psutil.Process(status.pid)
    raise JobError(f"the process of {training.id} cannot be found; try again")


def _wait_for_end(process: psutil.Process, seconds: float) -> bool:
    """Waits for a process that need not be our child; a zombie has ended too."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not _is_alive(process):
            return True
        time.sleep(0.05)
    return not _is_alive(process)


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@dataclass(frozen=True)
class Started:
    """A living process that a worker started."""

    training_id: str
    process: psutil.Process


def find_started(store: RunStore) -> Started | None:
    with contextlib.suppress(RunError, KeyError, TypeError, ValueError, psutil.Error):
        values = read_json(store.local / WORKER)
        process = psutil.Process(values["pid"])
        is_same = abs(process.create_time() - values["created"]) < 1  # pids are used again
        if is_same and _is_alive(process):
            return Started(values["training"], process)
    return None


def mark(training: Training, state: str, message: str) -> None:
    training.write_status(state, epoch=epochs(training), message=message)


def epochs(training: Training) -> int:
    return int(training.history()["epoch"].size)
