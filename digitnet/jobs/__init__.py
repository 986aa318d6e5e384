"""Trainings in the background: a queue, a worker, processes, and what a training will cost."""

from digitnet.jobs.classes import delete_visitor, end_class, give
from digitnet.jobs.estimates import Estimate, estimate
from digitnet.jobs.heeding import heeding_stops
from digitnet.jobs.permissions import (
    NOTHING,
    Permissions,
    is_class,
    is_read_only,
    keep_network,
    permissions_of,
    require_writable,
)
from digitnet.jobs.processes import (
    NICENESS,
    WORKER,
    JobError,
    QueueFullError,
    mark_stopped,
    read_log,
)
from digitnet.jobs.queue import (
    QUEUE,
    Job,
    cancel,
    delete,
    delete_network,
    ensure_worker,
    list_jobs,
    move,
    resume,
    submit,
)
from digitnet.jobs.teaching import ask_to_teach, teach
from digitnet.jobs.worker import POLL_SECONDS, work
