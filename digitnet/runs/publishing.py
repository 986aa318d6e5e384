"""Shipping: copies a run trained here into the folder that a clone brings."""

from __future__ import annotations

import shutil
import uuid

from digitnet.runs.files import RunError
from digitnet.runs.records import RUN_FILES, TRAINED
from digitnet.runs.store import RunStore

MAX_TRAINED_BYTES = 10_000_000  # larger Keras models stay on the machine that trained them


def publish(store: RunStore, experiment: str) -> str:
    """Makes the current run of an experiment its shipped one.

    Returns:
        A sentence that says what was done.

    Raises:
        RunError: If there is no run trained here, it is broken, or it was not trained on MNIST.
    """
    run = store.current(store.find_experiment(experiment).name)
    if run is None or run.is_shipped:
        raise RunError(f"{experiment} has no current run that was trained here")
    if problem := run.problem():
        raise RunError(f"{run.id} cannot be shipped: {problem}")
    dataset, meant = run.request.settings.dataset, run.experiment.dataset
    if dataset != meant:
        raise RunError(f"{run.id} was trained on {dataset}, not on {meant}")
    target = store.shipped / experiment
    fresh = target.with_name(f".{experiment}-{uuid.uuid4().hex}")
    fresh.mkdir(parents=True)
    names = list(RUN_FILES)
    if (run.folder / TRAINED).stat().st_size < MAX_TRAINED_BYTES:
        names.append(TRAINED)
    for name in names:
        shutil.copyfile(run.folder / name, fresh / name)
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)
    store.roll_back(experiment)  # the shipped run is the same one
    return f"{experiment}: {run.id} is shipped"
