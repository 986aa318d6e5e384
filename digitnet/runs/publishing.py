"""Shipping: copies a run trained here into the folder that a clone brings.

A folder cannot replace another in one step on every system. So the old run is renamed aside, where
`RunStore` still finds it, the new one is renamed into its place, and then the old one is deleted:
whenever this is killed, the old run or the new one is read, and the next publish tidies up.
"""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path

import filelock

from digitnet.runs.calibrations import CALIBRATION
from digitnet.runs.files import RunError, sync_folder, write_atomically
from digitnet.runs.fits import FIT
from digitnet.runs.locks import holding
from digitnet.runs.maps import MAP
from digitnet.runs.records import RUN_FILES, TRAINED, Run
from digitnet.runs.store import ASIDE, RunStore

MAX_TRAINED_BYTES = 10_000_000  # larger Keras models stay on the machine that trained them
LOCK = "publish.lock"  # one publish at a time: each tidies up after those before it
PASSING = ".publishing-"  # begins the name of a folder that comes or goes, and is no run


def publish(store: RunStore, experiment: str) -> str:
    """Makes the current run of an experiment its shipped one.

    Returns:
        A sentence that says what was done.

    Raises:
        RunError: If there is no run trained here, it is broken, it was not trained on what
            its experiment is meant for, it was taught one person's hand, it cannot be written, or
            another publish is at work.
    """
    run = _find_publishable(store, experiment)
    try:
        with holding(store.local / LOCK):
            _tidy(store.shipped)
            try:
                _replace(store.shipped / experiment, run)
            finally:
                _tidy(store.shipped)
    except filelock.Timeout:
        raise RunError(f"{run.id} cannot be shipped: another publish is at work") from None
    except OSError as error:
        raise RunError(f"{run.id} cannot be shipped: {error.strerror or error}") from None
    store.roll_back(experiment)  # the shipped run is the same one
    return f"{experiment}: {run.id} is shipped"


def _find_publishable(store: RunStore, experiment: str) -> Run:
    run = store.current(store.find_experiment(experiment).name)
    if run is None or run.is_shipped:
        raise RunError(f"{experiment} has no current run that was trained here")
    if run.experiment.is_own:
        raise RunError(f"{run.id} is of a network of your own, which no other clone knows")
    if problem := run.problem():
        raise RunError(f"{run.id} cannot be shipped: {problem}")
    if run.request.teaching:
        raise RunError(f"{run.id} was taught one person's hand; ship one that was not")
    dataset, meant = run.request.settings.dataset, run.experiment.dataset
    if dataset != meant:
        raise RunError(f"{run.id} was trained on {dataset}, not on {meant}")
    return run


def _replace(target: Path, run: Run) -> None:
    """Puts a copy of a run into the place of the shipped one."""
    fresh = target.with_name(f"{PASSING}{uuid.uuid4().hex}")
    fresh.mkdir(parents=True)
    for name in _files_to_ship(run):
        write_atomically(fresh / name, (run.folder / name).read_bytes())
    if target.exists():
        target.rename(target.with_name(f"{ASIDE}{target.name}"))
    fresh.rename(target)
    sync_folder(target.parent)


def _files_to_ship(run: Run) -> list[str]:
    optional = [name for name in (CALIBRATION, FIT, MAP, TRAINED) if (run.folder / name).is_file()]
    if TRAINED in optional and (run.folder / TRAINED).stat().st_size >= MAX_TRAINED_BYTES:
        optional.remove(TRAINED)
    return [*RUN_FILES, *optional]


def _tidy(shipped: Path) -> None:
    """Puts runs back that were set aside and not replaced, and deletes what is left over."""
    for aside in shipped.glob(f"{ASIDE}*"):
        target = shipped / aside.name.removeprefix(ASIDE)
        # What is deleted halfway must not be taken for a run that was set aside.
        grave = shipped / f"{PASSING}{uuid.uuid4().hex}"
        aside.rename(grave if target.exists() else target)
    for leftover in shipped.glob(f"{PASSING}*"):
        shutil.rmtree(leftover, ignore_errors=True)
