"""Trainings in the background: a queue, a worker, processes, and what a training will cost."""

from digitnet.jobs.estimates import Estimate, estimate
from digitnet.jobs.heeding import heeding_stops
from digitnet.jobs.processes import NICENESS, WORKER, JobError, QueueFullError
from digitnet.jobs.queue import (
    QUEUE,
    Job,
    cancel,
    delete,
    delete_network,
    ensure_worker,
    is_read_only,
    list_jobs,
    move,
    read_log,
    resume,
    submit,
)
from digitnet.jobs.teaching import ask_to_teach, teach
from digitnet.jobs.worker import POLL_SECONDS, work
