"""The worker: trains what is queued, one training at a time."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time

import filelock

from digitnet.jobs.processes import WORKER_LOCK, JobError, mark, read_log, start
from digitnet.jobs.queue import (
    changing_order,
    changing_queue,
    find_turn,
    holding_queues,
    is_anyone_training,
)
from digitnet.runs import RunError, RunStore, Training, holding

POLL_SECONDS = 0.5  # between the worker's looks at a store where someone else trains


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
    """Trains the first of a queue; returns whether the worker is needed any longer."""
    with holding_queues(store):
        turn = find_turn(store)
        if turn is None:
            worker_lock.release()  # while none can be added: whoever adds one starts a worker
            return False
        is_free = not is_anyone_training(store)
        if is_free:
            with changing_order(turn) as order:
                if not order:  # `train` has taken it, which asks no queue
                    return True
                training = turn.find_training(order.pop(0))
                process = _start_or_mark(turn, training)
    if not is_free:
        time.sleep(POLL_SECONDS)
        return True
    if process is None:
        return True
    status = process.wait()
    with changing_queue(turn) as order:  # a cancel that is under way has the last word
        if training.id not in order:  # else it has been resumed since
            _record_end(training, status)
    return True


def _start_or_mark(store: RunStore, training: Training) -> subprocess.Popen[bytes] | None:
    """Starts a training; one that cannot be started has failed, so that the next has its turn."""
    try:
        return start(store, training)
    except OSError as error:
        reason = error.strerror or error
        mark(training, "failed", f"its process cannot be started: {reason}")
        return None


def _record_end(training: Training, exit_status: int) -> None:
    """Writes down the end of a training whose process could not do so itself."""
    with contextlib.suppress(RunError):  # it has finished and is gone, or its files are broken
        if training.is_locked() or training.status.state in ("stopped", "failed"):
            return  # another process is at it, or all is said
        training.sweep()
        if exit_status < 0:
            killed = exit_status == -signal.SIGKILL
            name = "SIGKILL, perhaps for want of memory" if killed else f"signal {-exit_status}"
            message = f"the process was ended by {name}; the training can be resumed"
            mark(training, "interrupted", message)
        else:
            lines = read_log(training).split("\n")
            last = next((line for line in reversed(lines) if line.strip()), "it printed nothing")
            mark(training, "failed", f"the process ended with status {exit_status}: {last}")
