"""Trainings in the background: queued by a page, trained by processes that outlive it.

    page ── submit ──► queue.json ──► worker ──► python -m digitnet train … ──► run folder

Everything that is known of a job is in files of the run store, so that any page of any process
sees the same. A training's own folder says how it stands; beside the folders lie

    queue.json     the ids of the trainings that wait, in their order; changed under queue.lock
    worker.json    the process that a worker started last
    started.lock   held while that process lives
    worker.lock    held while a worker lives
    worker.log     what the worker had to say

In a class each visitor's store has files of its own of these but the locks of the queue and the
worker, and the log: one worker gives the visitors turns.

The worker and its trainings have sessions of their own: they go on when the app ends. Apps on
several machines, or in several containers, may share a store: the first that finds no worker starts
one, and its machine trains.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import filelock

from digitnet.experiments import Experiment, NetworkError
from digitnet.jobs.permissions import (
    is_read_only,
    permissions_of,
    require_open,
    require_trainable,
    require_writable,
)
from digitnet.jobs.processes import (
    STARTED_LOCK,
    WORKER,
    WORKER_LOCK,
    WORKER_LOG,
    JobError,
    QueueFullError,
    Started,
    epochs,
    find_started,
    mark,
    spawn,
    stop,
)
from digitnet.runs import (
    FORMAT,
    NO_FILES,
    Request,
    RunError,
    RunStore,
    Status,
    Training,
    is_locked,
    read_json,
    write_json,
)

JOB_STATES = (
    "running",
    "queued",
    "interrupted",
    "stopped",
    "failed",
    "broken",
)  # as jobs are listed
MOST_WAITING = 50  # trainings; a page lists them all
QUEUE, QUEUE_LOCK = "queue.json", "queue.lock"
QUEUE_TIMEOUT = 10.0  # seconds; a cancel holds the queue for 5 at most


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
        state: One of `JOB_STATES`.
        message: Why it waits or has ended, in a sentence or less.
        status: Its status file, as far as it can be read.
    """

    training: Training
    state: str
    message: str
    status: Status = Status("queued")

    @property
    def id(self) -> str:
        return self.training.id

    @property
    def experiment(self) -> Experiment:
        return self.training.experiment

    @property
    def is_busy(self) -> bool:
        """Whether it trains or will train by itself."""
        return self.state in ("running", "queued")


def submit(store: RunStore, request: Request, files: Mapping[str, bytes] = NO_FILES) -> Submitted:
    """Queues a training, or recognises one that is queued or running already.

    A stopped or interrupted training of exactly this request is continued; a new one is given the
    files, by name.

    Raises:
        JobError: If it may not be trained, the queue is full or cannot be written.
    """
    require_open(store)
    with changing_queue(store) as order:
        if active := _find_active(store, request):
            return Submitted(active, is_new=False)
        _require_room(store)
        begun = store.find_begun(request)
        experiment = store.find_experiment(request.experiment)
        file_bytes = 0 if begun else sum(map(len, files.values()))
        require_trainable(store, experiment, request.settings, begun, file_bytes)
        training = begun or store.create(request, files)
        mark(training, "queued", "waiting")
        order.append(training.id)
    ensure_worker(store)
    return Submitted(training, is_new=True)


def list_jobs(store: RunStore) -> list[Job]:
    """All jobs: running, then queued in their order, then what ended, newest first."""
    order, started = read_queue(store), find_started(store)
    jobs = [_describe(training, order, started) for training in store.unfinished()]
    present = [job for job in jobs if job.training.folder.is_dir()]  # others have finished just now
    present.sort(key=lambda job: job.training.folder.name, reverse=True)
    places = {job_id: place for place, job_id in enumerate(order)}
    return sorted(present, key=lambda job: (JOB_STATES.index(job.state), places.get(job.id, 0)))


def cancel(store: RunStore, job_id: str) -> None:
    """Stops a running training within 5 s, or takes a waiting one out of the queue.

    One that runs on another machine is asked to stop, which it does as soon as it looks.

    What is stopped can be resumed. A training that waited for its first epoch is forgotten.

    Raises:
        JobError: If the app is read-only, or there is no such job, or it has ended.
    """
    require_writable(store)
    with changing_queue(store) as order:
        training = store.find_training(job_id)
        job = _describe(training, order, find_started(store))
        if job.state == "running":
            stop(store, training)
        elif job.state == "queued":
            order.remove(job_id)
            if epochs(training):
                mark(training, "stopped", "taken out of the queue; it can be resumed")
            else:
                store.delete(job_id)
        else:
            raise JobError(f"{job_id} is neither running nor queued; it is {job.state}")


def resume(store: RunStore, job_id: str) -> None:
    """Queues a training that was stopped, interrupted or has failed; it goes on where it was.

    Raises:
        JobError: If it may not be trained, there is no such training, it is broken, another one of
            the same request is queued or running, or the queue is full.
    """
    require_open(store)
    with changing_queue(store) as order:
        training = store.find_training(job_id)
        job = _describe(training, order, find_started(store))
        if job.state == "broken":
            raise JobError(f"{job_id} cannot be resumed: {job.message}")
        active = _find_active(store, training.request)
        if active and active.id != job_id:
            raise JobError(f"the same training is queued or running already: {active.id}")
        if not active:
            _require_room(store)
            settings = training.request.settings
            require_trainable(store, training.experiment, settings, begun=training)
            mark(training, "queued", "waiting")
            order.append(job_id)
    ensure_worker(store)


def move(store: RunStore, job_id: str, places: int) -> None:
    """Moves a queued training by some places in the queue, forward if negative.

    Raises:
        JobError: If the app is read-only or the training is not queued.
    """
    require_writable(store)
    with changing_queue(store) as order:
        if job_id not in order:
            raise JobError(f"{job_id} is not in the queue")
        place = order.index(job_id)
        order.insert(max(0, place + places), order.pop(place))


def delete(store: RunStore, run_id: str) -> None:
    """Deletes a run or a training that was made here, never one that is being trained.

    Raises:
        JobError: If the app is read-only, or the run is missing, shipped or being trained.
    """
    require_writable(store)
    with changing_queue(store) as order:
        started = find_started(store)
        if started and started.training_id == run_id:
            raise JobError(f"{run_id} is training now; stop it first")
        store.delete(run_id)
        if run_id in order:
            order.remove(run_id)


def delete_network(store: RunStore, name: str) -> None:
    """Deletes a network of the user's own with all its runs, never while it is being trained.

    Raises:
        JobError: If the app is read-only, or it is none of the user's own, or being trained.
    """
    require_writable(store)
    with changing_queue(store) as order:
        started = find_started(store)
        if started and started.training_id.startswith(f"{name}/"):
            raise JobError(f"the network {name} is training now; stop it first")
        try:
            store.delete_network(name)
        except NetworkError as error:
            raise JobError(str(error)) from None
        order[:] = [one for one in order if not one.startswith(f"{name}/")]


def ensure_worker(store: RunStore) -> None:
    """Starts a worker if trainings wait and none lives; cheap enough for every page.

    One worker is at the queues of all visitors.

    Raises:
        JobError: If the process cannot be started.
    """
    store = store.shared
    if is_read_only() or is_locked(store.local / WORKER_LOCK) or not find_turn(store):
        return
    try:
        worker = spawn(store, store.local / WORKER_LOG, "work")
    except OSError as error:
        raise JobError(
            f"what waits in the queue cannot be started: {error.strerror or error}"
        ) from None
    threading.Thread(target=worker.wait, daemon=True).start()  # else it would end as a zombie


def _require_room(store: RunStore) -> None:
    waiting = sum(len(read_queue(one)) for one in _stores(store.shared))
    if waiting >= most_waiting():
        raise QueueFullError(f"the queue is full, {waiting} wait already; cancel one or try later")


def _stores(shared: RunStore) -> list[RunStore]:
    """All that have a queue: the store that all share, and the visitors' own."""
    return [shared, *shared.of_visitors()]


def most_waiting() -> int:
    """How many trainings may wait: DIGITNET_QUEUE, where it is a number."""
    said = os.environ.get("DIGITNET_QUEUE", "")
    return int(said) if said.isdecimal() else MOST_WAITING


@contextlib.contextmanager
def changing_queue(store: RunStore) -> Iterator[list[str]]:
    """The ids that wait in a store, in order, for one process or thread at a time to change."""
    with holding_queues(store), changing_order(store) as order:
        yield order


@contextlib.contextmanager
def changing_order(store: RunStore) -> Iterator[list[str]]:
    """The same, while the queues are held already."""
    order = read_queue(store)
    before = list(order)
    yield order
    if order != before:
        write_json(store.local / QUEUE, {"format": FORMAT, "trainings": order})


@contextlib.contextmanager
def holding_queues(store: RunStore) -> Iterator[None]:
    """Keeps everyone else from changing a queue: that which all share, and the visitors' own."""
    shared = store.shared.local
    try:
        shared.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(shared / QUEUE_LOCK, timeout=QUEUE_TIMEOUT):
            yield
    except filelock.Timeout:
        raise JobError("the queue is being changed by someone else; try again") from None
    except RunError as error:
        raise JobError(str(error)) from None
    except OSError as error:
        raise JobError(f"the queue cannot be changed: {error.strerror}") from None


def find_turn(shared: RunStore) -> RunStore | None:
    """The store whose training is next: of those that wait, who has trained longest ago.

    Visitors' trainings wait while training is closed to them. None if nothing is to be trained.
    """
    waiting = {
        one: _last_started(one, order[0])
        for one in _stores(shared)
        if (order := read_queue(one)) and permissions_of(one).trains
    }
    return min(waiting, key=waiting.__getitem__, default=None)


def is_anyone_training(shared: RunStore) -> bool:
    """Whether any process trains, in the store that all share or a visitor's, or is about to."""
    stores = _stores(shared)
    if any(is_locked(store.local / STARTED_LOCK) for store in stores):  # by a worker that is gone
        return True
    return any(training.is_locked() for store in stores for training in store.unfinished())


def _last_started(store: RunStore, first: str) -> tuple[float, str]:
    """When a training was last started in a store; the first that waits there, if none was."""
    with contextlib.suppress(OSError):
        return (store.local / WORKER).stat().st_mtime, ""
    return 0.0, first.rpartition("/")[2]


def read_queue(store: RunStore) -> list[str]:
    """The ids of the trainings that wait, in order; by age if the order was lost.

    One in the order waits even while its process lives: it was stopped, ends, and is to begin anew.
    """
    queued = [training for training in store.unfinished() if _is_queued(training)]
    by_age = [one.id for one in sorted(queued, key=lambda training: training.folder.name)]
    try:
        order = read_json(store.local / QUEUE)["trainings"]
        return [job_id for job_id in dict.fromkeys(order) if job_id in by_age]
    except (RunError, KeyError, TypeError):
        started = find_started(store)
        return [job_id for job_id in by_age if not started or started.training_id != job_id]


def _is_queued(training: Training) -> bool:
    with contextlib.suppress(RunError):
        training.check()
        return training.status.state == "queued"
    return False


def _describe(training: Training, order: list[str], started: Started | None) -> Job:
    """How a training stands, from its files and its process."""
    try:
        status = training.status
        training.check()
    except RunError as error:
        return Job(training, "broken", str(error))
    state, message = status.state, status.message
    if state == "queued" and training.id not in order:
        if started and started.training_id == training.id:
            state, message = "running", ""
        else:
            state, message = "interrupted", "it has lost its place in the queue; it can be resumed"
    return Job(training, state, message, status)


def _find_active(store: RunStore, request: Request) -> Training | None:
    """The training of exactly this request that is queued or running."""
    for job in list_jobs(store):
        with contextlib.suppress(RunError):  # it has finished just now
            if job.state in ("running", "queued") and job.training.request == request:
                return job.training
    return None
