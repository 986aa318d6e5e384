"""The processes that train: started, found and ended.

Several machines, or containers, may share a store. A process is known to live by a lock that it
holds, which all of them see; by its id it is ended on its own machine alone. What trains elsewhere
is asked to end, by a file in its folder.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from digitnet.errors import DigitnetError
from digitnet.places import CODE
from digitnet.runs import (
    FORMAT,
    LOG,
    RunError,
    RunStore,
    Training,
    handing_on,
    is_locked,
    read_json,
    this_machine,
    write_json,
)

WORKER, WORKER_LOCK, WORKER_LOG = "worker.json", "worker.lock", "worker.log"
STARTED_LOCK = "started.lock"
TERMINATE_SECONDS = 3.0  # for a training to stop by itself before it is killed
KILL_SECONDS = 1.5
NICENESS = 10


class JobError(DigitnetError):
    """A job cannot be had or changed; the message is a sentence for the user."""


class QueueFullError(JobError):
    """As many trainings wait as may."""


def start(store: RunStore, training: Training) -> subprocess.Popen[bytes]:
    training.forget_stop()
    with handing_on(store.local / STARTED_LOCK) as lock:
        command = "train", "--run", training.id
        process = spawn(store, training.folder / LOG, *command, inherited=(lock,))
    try:
        started = _seconds_since_boot(psutil.Process(process.pid))
        values = {"pid": process.pid, "started": started, "machine": this_machine()}
        write_json(store.local / WORKER, {"format": FORMAT, "training": training.id, **values})
    except BaseException:
        process.kill()
        process.wait()
        raise
    return process


def _seconds_since_boot(process: psutil.Process) -> float:
    """When a process was started: unlike its date the same after the clock has been set."""
    return process.create_time() - psutil.boot_time()


def spawn(
    store: RunStore, log: Path, *arguments: str, inherited: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    """Runs a command of this package on the store, in a session of its own."""
    threads = max(1, (os.cpu_count() or 1) - 1)  # one is left for the app
    environment = {"DIGITNET_THREADS": str(threads), **os.environ}
    environment["DIGITNET_RUNS"] = str(store.local.resolve())
    environment["DIGITNET_CHECKPOINTS"] = str(store.shipped.resolve())
    for name in ("DIGITNET_MNIST", "DIGITNET_STROKES"):  # it runs in another folder
        if value := environment.get(name):
            environment[name] = os.path.abspath(os.path.expanduser(value))
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "digitnet", *arguments],
            cwd=CODE,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=inherited,
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
    """Ends the process that trains, and sees to it that the folder says so.

    One on another machine is asked to end, which it does by itself (`heeding_stops`).
    """
    started = _find_started(store, training)
    if started.machine == this_machine():
        _end(started.find_process(), training)
        training.sweep()
        mark_stopped(training)
    else:
        training.ask_to_stop()
        patience = TERMINATE_SECONDS + KILL_SECONDS
        _wait_until(lambda: not is_training(store, training), patience)


def _find_started(store: RunStore, training: Training) -> Started:
    """The process that trains, started by a worker or by hand."""
    started = find_started(store)
    if started and started.training_id == training.id:
        return started
    status = training.status
    if status.state == "running":  # only then is the process that wrote it the one that trains
        return Started(training.id, status.pid, status.machine or this_machine())
    raise JobError(f"the process of {training.id} cannot be found; try again")


def _end(process: psutil.Process, training: Training) -> None:
    try:
        process.terminate()
        if not _wait_until(lambda: not _is_alive(process), TERMINATE_SECONDS):
            process.kill()
            if not _wait_until(lambda: not _is_alive(process), KILL_SECONDS):
                raise JobError(f"the process {process.pid} of {training.id} does not end")
    except psutil.NoSuchProcess:
        pass
    except psutil.AccessDenied:
        raise JobError(f"the process {process.pid} of {training.id} is another user's") from None


def _wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether a condition has come true within a time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


def _is_alive(process: psutil.Process) -> bool:
    """Whether a process, which need not be our child, has not ended; a zombie has."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@dataclass(frozen=True)
class Started:
    """A living process that trains.

    Args:
        training_id: What it trains.
        pid: Its number, among the processes of its machine.
        machine: Which that is.
        started: Seconds from the machine's start to its own; 0 if not known.
    """

    training_id: str
    pid: int
    machine: str
    started: float = 0.0

    def find_process(self) -> psutil.Process:
        """The process, if it is on this machine; JobError if it has just ended."""
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(self.pid)
            # Numbers are used again.
            if not self.started or abs(_seconds_since_boot(process) - self.started) < 1:
                return process
        raise JobError(f"the process of {self.training_id} cannot be found; try again")


def find_started(store: RunStore) -> Started | None:
    """The process that a worker, on any machine, started last, if it lives."""
    if not is_locked(store.local / STARTED_LOCK):
        return None
    with contextlib.suppress(RunError, KeyError, TypeError, ValueError):
        values = read_json(store.local / WORKER)
        return Started(
            str(values["training"]),
            int(values["pid"]),
            str(values["machine"]),
            float(values.get("started", 0)),
        )
    return None


def is_training(store: RunStore, training: Training) -> bool:
    """Whether a living process, on any machine, is at this training or about to be."""
    started = find_started(store)
    return training.is_locked() or bool(started and started.training_id == training.id)


def mark(training: Training, state: str, message: str) -> None:
    training.write_status(state, epoch=epochs(training), message=message)


def mark_stopped(training: Training) -> None:
    """Sees to it that a training whose process was ended by the user says so."""
    with contextlib.suppress(RunError):  # it finished in the meantime
        if training.status.state not in ("stopped", "failed"):
            mark(training, "stopped", "stopped; it can be resumed")


def epochs(training: Training) -> int:
    return int(training.history()["epoch"].size)


def read_log(training: Training, characters: int = 20_000) -> str:
    """The end of what a training printed; empty if it has printed nothing."""
    try:
        with (training.folder / LOG).open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - 4 * characters))  # UTF-8 takes four bytes at most
            return stream.read().decode("utf-8", errors="replace")[-characters:]
    except OSError:
        return ""
