"""What the owner of a class does with what visitors keep."""

from __future__ import annotations

from digitnet.jobs.permissions import is_class
from digitnet.jobs.processes import JobError, is_training, stop
from digitnet.jobs.queue import holding_queues, list_jobs
from digitnet.runs import Classroom, Donations, OwnDrawing, RunStore


def give(visitors: RunStore, drawing: OwnDrawing) -> None:
    """Gives a visitor's drawing to the class, to be shown once the owner approves it.

    Raises:
        JobError: If this is no visitor of a class, or no drawings are taken.
        RunError: If there are too many, or it cannot be kept.
    """
    rules = Classroom(visitors).rules()
    if not (is_class() and visitors.is_visitors and rules.collects):
        raise JobError("no drawings are taken for now")
    Donations(visitors).give(drawing, visitors.local.name)


def delete_visitor(visitors: RunStore) -> None:
    """Deletes all that a visitor keeps, and stops what trains there.

    Raises:
        JobError: If a training cannot be stopped, or nothing can be deleted.
    """
    with holding_queues(visitors):
        _stop_all(visitors)
        if visitors.local.is_dir():
            visitors.shared.bury(visitors.local)


def end_class(store: RunStore) -> None:
    """Deletes all that a class keeps: visitors' runs, drawings and counts.

    Raises:
        JobError: If a training cannot be stopped, or nothing can be deleted.
    """
    with holding_queues(store):
        for visitors in store.shared.of_visitors():
            _stop_all(visitors)
        Classroom(store).end()


def _stop_all(store: RunStore) -> None:
    for job in list_jobs(store):
        if job.state == "running":
            stop(store, job.training)
            if is_training(store, job.training):  # on another machine, which was only asked
                raise JobError(f"{job.id} does not end yet; try again")
