"""Trainings in the background: queued by a page, trained by processes that outlive it.

    page ── submit ──► queue.json ──► worker ──► python -m digitnet train … ──► run folder

Everything that is known of a job is in files of the run store, so that any page of any process
sees the same. A training's own folder says how it stands; beside the folders lie

    queue.json     the ids of the trainings that wait, in their order; changed under queue.lock
    worker.json    the process that the worker started last
    worker.lock    held while a worker lives
    worker.log     what the worker had to say

The worker and its trainings have sessions of their own: they go on when the app ends.
"""

from __future__ import annotations

import contextlib
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import psutil

from digitnet.experiments import costs
from digitnet.experiments.records import DATASETS, TrainingSettings, find_experiment
from digitnet.report.tables import load_report_scores
from digitnet.runs.store import (
    FORMAT,
    LOG,
    Request,
    Run,
    RunError,
    RunStore,
    Training,
    holding,
    is_locked,
    read_json,
    write_json,
)

STATES = ("running", "queued", "interrupted", "stopped", "failed", "broken")  # as jobs are listed
QUEUE, QUEUE_LOCK = "queue.json", "queue.lock"
WORKER, WORKER_LOCK, WORKER_LOG = "worker.json", "worker.lock", "worker.log"

QUEUE_TIMEOUT = 10.0  # seconds; a cancel holds the queue for 5 at most
TERMINATE_SECONDS = 3.0  # for a training to stop by itself before it is killed
KILL_SECONDS = 1.5
POLL_SECONDS = 0.5  # between the worker's looks at a store where someone else trains
NICENESS = 10

_REPOSITORY = Path(__file__).resolve().parents[2]


class JobError(RuntimeError):
    """A job cannot be had or changed; the message is a sentence for the user."""


@dataclass(frozen=True)
class Submitted:
    """What became of a request.

    Args:
        training: The training that answers it.
        is_new: False if just this was queued or running already.
    """

    training: Training
    is_new: bool


@dataclass(frozen=True)
class Job:
    """An unfinished training and how it stands.

    Args:
        training: Its run folder.
        state: One of `STATES`.
        message: What it is doing or why it ended, in a sentence or less.
        status: Its status file; empty if broken.
    """

    training: Training
    state: str
    message: str
    status: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return self.training.id

    @property
    def experiment(self) -> str:
        return self.training.experiment


@dataclass(frozen=True)
class Estimate:
    """What a training will probably cost.

    Args:
        seconds: How long it takes; None if no speed was ever recorded.
        bytes: Memory it needs beyond the Python process.
        basis: Where the seconds come from, in a sentence.
    """

    seconds: float | None
    bytes: int
    basis: str


def is_read_only() -> bool:
    """Whether DIGITNET_READ_ONLY=1 forbids to train and to delete."""
    return os.environ.get("DIGITNET_READ_ONLY") == "1"


def submit(store: RunStore, request: Request) -> Submitted:
    """Queues a training, or recognises one that is queued or running already.

    A stopped or interrupted training of exactly this request is continued.

    Raises:
        JobError: If the app is read-only or the queue cannot be written.
    """
    _require_writable()
    with _changing_queue(store) as order:
        if active := _find_active(store, request):
            return Submitted(active, is_new=False)
        training = store.begin(request)
        _mark(training, "queued", "waiting")
        order.append(training.id)
    ensure_worker(store)
    return Submitted(training, is_new=True)


def list_jobs(store: RunStore) -> list[Job]:
    """All jobs: running, then queued in their order, then what ended, newest first."""
    order, started = _read_queue(store), _find_started(store)
    jobs = [_describe(training, order, started) for training in store.unfinished()]
    present = [job for job in jobs if job.training.folder.is_dir()]  # others have finished just now
    present.sort(key=lambda job: job.training.folder.name, reverse=True)
    places = {job_id: place for place, job_id in enumerate(order)}
    return sorted(present, key=lambda job: (STATES.index(job.state), places.get(job.id, 0)))


def cancel(store: RunStore, job_id: str) -> None:
    """Stops a running training within 5 s, or takes a waiting one out of the queue.

    What is stopped can be resumed. A training that waited for its first epoch is forgotten.

    Raises:
        JobError: If the app is read-only, or there is no such job, or it has ended.
    """
    _require_writable()
    with _changing_queue(store) as order:
        training = store.find_training(job_id)
        job = _describe(training, order, _find_started(store))
        if job.state == "running":
            _stop(store, training)
        elif job.state == "queued":
            order.remove(job_id)
            if _epochs(training):
                _mark(training, "stopped", "taken out of the queue; it can be resumed")
            else:
                store.delete(job_id)
        else:
            raise JobError(f"{job_id} is neither running nor queued; it is {job.state}")


def resume(store: RunStore, job_id: str) -> None:
    """Queues a training that was stopped, interrupted or has failed; it goes on where it was.

    Raises:
        JobError: If the app is read-only, there is no such training, it is broken, or another
            one of the same request is queued or running.
    """
    _require_writable()
    with _changing_queue(store) as order:
        training = store.find_training(job_id)
        job = _describe(training, order, _find_started(store))
        if job.state == "broken":
            raise JobError(f"{job_id} cannot be resumed: {job.message}")
        active = _find_active(store, training.request)
        if active and active.id != job_id:
            raise JobError(f"the same training is queued or running already: {active.id}")
        if not active:
            _mark(training, "queued", "waiting")
            order.append(job_id)
    ensure_worker(store)


def move(store: RunStore, job_id: str, places: int) -> None:
    """Moves a queued training by some places in the queue, forward if negative.

    Raises:
        JobError: If the app is read-only or the training is not queued.
    """
    _require_writable()
    with _changing_queue(store) as order:
        if job_id not in order:
            raise JobError(f"{job_id} is not in the queue")
        place = order.index(job_id)
        order.insert(max(0, place + places), order.pop(place))


def delete(store: RunStore, run_id: str) -> None:
    """Deletes a run or a training that was made here, never one that is being trained.

    Raises:
        JobError: If the app is read-only, or the run is missing, shipped or being trained.
    """
    _require_writable()
    with _changing_queue(store) as order:
        started = _find_started(store)
        if started and started.training_id == run_id:
            raise JobError(f"{run_id} is training now; stop it first")
        store.delete(run_id)
        if run_id in order:
            order.remove(run_id)


def train_arguments(request: Request) -> list[str]:
    """The arguments of `python -m digitnet` that ask for this very training."""
    arguments = ["train", request.experiment]
    for name, value in asdict(request.settings).items():
        arguments += [f"--{name.replace('_', '-')}", str(value)]
    return arguments


def read_log(training: Training, characters: int = 20_000) -> str:
    """The end of what a training printed; empty if it has printed nothing."""
    try:
        with (training.folder / LOG).open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - 4 * characters))  # UTF-8 takes four bytes at most
            return stream.read().decode("utf-8", errors="replace")[-characters:]
    except OSError:
        return ""


def ensure_worker(store: RunStore) -> None:
    """Starts a worker if trainings wait and none lives; cheap enough for every page.

    Raises:
        JobError: If the process cannot be started.
    """
    if is_read_only() or not _read_queue(store) or is_locked(store.local / WORKER_LOCK):
        return
    try:
        worker = _spawn(store, store.local / WORKER_LOG, "work")
    except OSError as error:
        raise JobError(
            f"what waits in the queue cannot be started: {error.strerror or error}"
        ) from None
    threading.Thread(target=worker.wait, daemon=True).start()  # else it would end as a zombie


def work(store: RunStore) -> None:
    """Trains what is queued, one training at a time; returns when nothing waits.

    Returns at once if another worker is at it. While anyone else trains in this store, it waits.
    """
    store.local.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(filelock.Timeout), holding(store.local / WORKER_LOCK) as worker_lock:
        waiting = True
        while waiting:
            try:
                waiting = _train_next(store, worker_lock)
            except JobError as error:  # such as a full disk, which may pass
                print(error, file=sys.stderr, flush=True)
                time.sleep(10 * POLL_SECONDS)


def _train_next(store: RunStore, worker_lock: filelock.BaseFileLock) -> bool:
    """Trains the first of the queue; returns whether the worker is needed any longer."""
    with _changing_queue(store) as order:
        if not order:
            worker_lock.release()  # while none can be added: whoever adds one starts a worker
            return False
        is_free = not _is_training(store)
        if is_free:
            training = store.find_training(order.pop(0))
            process = _start_or_mark(store, training)
    if not is_free:
        time.sleep(POLL_SECONDS)
        return True
    if process is None:
        return True
    status = process.wait()
    with _changing_queue(store) as order:  # a cancel that is under way has the last word
        if training.id not in order:  # else it has been resumed since
            _record_end(training, status)
    return True


def _is_training(store: RunStore) -> bool:
    """Whether any process trains in this store or is about to."""
    if _find_started(store):  # by a worker that is gone
        return True
    return any(training.is_locked() for training in store.unfinished())


def _start_or_mark(store: RunStore, training: Training) -> subprocess.Popen[bytes] | None:
    """Starts a training; one that cannot be started has failed, so that the next has its turn."""
    try:
        return _start(store, training)
    except OSError as error:
        reason = error.strerror or error
        _mark(training, "failed", f"its process cannot be started: {reason}")
        return None


def _start(store: RunStore, training: Training) -> subprocess.Popen[bytes]:
    process = _spawn(store, training.folder / LOG, *train_arguments(training.request))
    try:
        created = psutil.Process(process.pid).create_time()
        values = {"training": training.id, "pid": process.pid, "created": created}
        write_json(store.local / WORKER, {"format": FORMAT, **values})
    except BaseException:
        process.kill()
        process.wait()
        raise
    return process


def _spawn(store: RunStore, log: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Runs a command of this package on the store, in a session of its own."""
    threads = max(1, (os.cpu_count() or 1) - 1)  # one is left for the app
    environment = {"DIGITNET_THREADS": str(threads), **os.environ}
    environment["DIGITNET_RUNS"] = str(store.local.resolve())
    environment["DIGITNET_CHECKPOINTS"] = str(store.shipped.resolve())
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "digitnet", *arguments],
            cwd=_REPOSITORY,
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


def _record_end(training: Training, exit_status: int) -> None:
    """Writes down the end of a training whose process could not do so itself."""
    with contextlib.suppress(RunError):  # it has finished and is gone, or its files are broken
        if training.is_locked() or training.status["state"] in ("stopped", "failed"):
            return  # another process is at it, or all is said
        training.sweep()
        if exit_status < 0:
            killed = exit_status == -signal.SIGKILL
            name = "SIGKILL, perhaps for want of memory" if killed else f"signal {-exit_status}"
            message = f"the process was ended by {name}; the training can be resumed"
            _mark(training, "interrupted", message)
        else:
            lines = read_log(training).split("\n")
            last = next((line for line in reversed(lines) if line.strip()), "it printed nothing")
            _mark(training, "failed", f"the process ended with status {exit_status}: {last}")


def _stop(store: RunStore, training: Training) -> None:
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
        if training.status["state"] not in ("stopped", "failed"):
            _mark(training, "stopped", "stopped; it can be resumed")


def _find_process(store: RunStore, training: Training) -> psutil.Process:
    started = _find_started(store)
    if started and started.training_id == training.id:
        return started.process
    status = training.status
    if status["state"] == "running":  # only then is the process that wrote it the one that trains
        with contextlib.suppress(KeyError, TypeError, ValueError, psutil.Error):
            return psutil.Process(status["pid"])
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
class _Started:
    """A living process that a worker started."""

    training_id: str
    process: psutil.Process


def _find_started(store: RunStore) -> _Started | None:
    with contextlib.suppress(RunError, KeyError, TypeError, ValueError, psutil.Error):
        values = read_json(store.local / WORKER)
        process = psutil.Process(values["pid"])
        is_same = abs(process.create_time() - values["created"]) < 1  # pids are used again
        if is_same and _is_alive(process):
            return _Started(values["training"], process)
    return None


def _require_writable() -> None:
    if is_read_only():
        raise JobError("this laboratory is read-only: nothing can be trained or deleted here")


@contextlib.contextmanager
def _changing_queue(store: RunStore) -> Iterator[list[str]]:
    """The ids that wait, in order, for one process or thread at a time to change."""
    try:
        store.local.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(store.local / QUEUE_LOCK, timeout=QUEUE_TIMEOUT):
            order = _read_queue(store)
            before = list(order)
            yield order
            if order != before:
                write_json(store.local / QUEUE, {"format": FORMAT, "trainings": order})
    except filelock.Timeout:
        raise JobError("the queue is being changed by someone else; try again") from None
    except RunError as error:
        raise JobError(str(error)) from None
    except OSError as error:
        raise JobError(f"the queue cannot be changed: {error.strerror}") from None


def _read_queue(store: RunStore) -> list[str]:
    """The ids of the trainings that wait, in order; by age if the order was lost."""
    started = _find_started(store)
    queued = [training for training in store.unfinished() if _is_queued(training, started)]
    by_age = [one.id for one in sorted(queued, key=lambda training: training.folder.name)]
    try:
        order = read_json(store.local / QUEUE)["trainings"]
        return [job_id for job_id in dict.fromkeys(order) if job_id in by_age]
    except (RunError, KeyError, TypeError):
        return by_age


def _is_queued(training: Training, started: _Started | None) -> bool:
    if started and started.training_id == training.id:
        return False
    with contextlib.suppress(RunError):
        training.check()
        return training.status["state"] == "queued"
    return False


def _describe(training: Training, order: list[str], started: _Started | None) -> Job:
    """How a training stands, from its files and its process."""
    try:
        status = training.status
        training.check()
    except RunError as error:
        return Job(training, "broken", str(error))
    state, message = status["state"], str(status.get("message") or "")
    if state == "queued" and started and started.training_id == training.id:
        state, message = "running", "starting"
    elif state == "queued" and training.id not in order:
        state, message = "interrupted", "it has lost its place in the queue; it can be resumed"
    return Job(training, state, message, status)


def _find_active(store: RunStore, request: Request) -> Training | None:
    """The training of exactly this request that is queued or running."""
    for job in list_jobs(store):
        with contextlib.suppress(RunError):  # it has finished just now
            if job.state in ("running", "queued") and job.training.request == request:
                return job.training
    return None


def _mark(training: Training, state: str, message: str) -> None:
    training.write_status(state, epoch=_epochs(training), message=message)


def _epochs(training: Training) -> int:
    return int(training.history()["epoch"].size)


@dataclass(frozen=True)
class _Speed:
    """The speed of one recorded training.

    Args:
        seconds: Seconds an epoch, the median.
        scale: How much more arithmetic an epoch of the training to be estimated takes.
    """

    experiment: str
    settings: TrainingSettings
    is_shipped: bool
    seconds: float
    scale: float


def estimate(store: RunStore, experiment: str, settings: TrainingSettings) -> Estimate:
    """What a training will probably cost, from speeds that were recorded.

    The time is the seconds of an epoch times the epochs: as if the best one came when it did in
    the report, and the patience after it. Best is what this machine took for the same; failing
    that, another training's speed is scaled by the arithmetic of an epoch. Batch size is not scaled
    by: what it changes depends on the processor.
    """
    needed = costs.training_bytes(find_experiment(experiment), settings.batch_size)
    speeds = list(_recorded_speeds(store, experiment, settings.dataset))
    if not speeds:
        return Estimate(None, needed, "No training is recorded here yet, so its time is unknown.")

    def distance(speed: _Speed) -> tuple[bool, bool, float, bool]:
        # An epoch of the sample is mostly overhead, so the data set counts before the machine.
        other_data = speed.settings.dataset != settings.dataset
        other_batch = speed.settings.batch_size != settings.batch_size
        return other_data, speed.is_shipped, abs(math.log(speed.scale)), other_batch

    speed = min(speeds, key=distance)
    per_epoch = speed.seconds * speed.scale
    epochs, limit = _expect_epochs(experiment, settings)
    per_epoch_words = f"{per_epoch:.2g}" if per_epoch < 10 else f"{per_epoch:,.0f}"
    basis = f"{epochs:,} epochs ({limit}) of {per_epoch_words} s, {_origin(speed, experiment)}."
    return Estimate(epochs * per_epoch, needed, basis)


def _expect_epochs(experiment: str, settings: TrainingSettings) -> tuple[int, str]:
    """How many epochs to expect, and what they follow from."""
    report_epochs, patience = load_report_scores(experiment)["epochs"], TrainingSettings().patience
    expected = report_epochs - patience + settings.patience
    if settings.epochs < expected:
        return settings.epochs, "the most allowed"
    if settings.patience == patience:
        return expected, "the report's"
    return expected, f"{settings.patience:,} after the report's best"


def _recorded_speeds(store: RunStore, experiment: str, dataset: str) -> Iterator[_Speed]:
    work = _epoch_work(experiment, dataset)
    runs: list[Run | Training] = [*store.finished(), *store.unfinished()]
    for run in runs:
        with contextlib.suppress(RunError):
            settings, seconds = run.request.settings, run.history()["seconds"]
            if seconds.size and np.median(seconds) > 0:
                scale = work / _epoch_work(run.experiment, settings.dataset)
                is_shipped = run.id.endswith("/shipped")
                yield _Speed(run.experiment, settings, is_shipped, float(np.median(seconds)), scale)


def _epoch_work(experiment: str, dataset: str) -> float:
    return costs.multiply_adds(find_experiment(experiment)) * DATASETS[dataset]


def _origin(speed: _Speed, experiment: str) -> str:
    """Where a speed comes from, as the end of a sentence."""
    machine = "the machine of the shipped runs" if speed.is_shipped else "this machine"
    if speed.experiment == experiment and speed.scale == 1:
        return f"as it took {machine} before"
    return (
        f"scaled by arithmetic from what {speed.experiment} on {speed.settings.dataset} "
        f"took {machine}"
    )
