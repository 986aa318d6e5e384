"""Adopting: a visitor's run becomes one that all share."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path

from digitnet.runs.calibrations import CALIBRATION
from digitnet.runs.files import RunError, read_json, sync_folder, write_atomically, write_json
from digitnet.runs.fits import FIT
from digitnet.runs.maps import MAP
from digitnet.runs.networks import add_network
from digitnet.runs.records import REQUEST, RUN_FILES, TRAINED, Run
from digitnet.runs.store import RunStore

# All but what the visitor drew, where the network was taught a hand.
ADOPTED = (*RUN_FILES, CALIBRATION, FIT, MAP, TRAINED)


def adopt(visitors: RunStore, run_id: str) -> Run:
    """Copies a visitor's run, and the network if it is the visitor's own, to those that all share.

    Args:
        visitors: The visitor's store.
        run_id: Of a run that is kept there.

    Returns:
        The run that all share; its network's name is another where that was taken.

    Raises:
        RunError: If there is no such run, it is broken, or it cannot be copied.
        NetworkError: If too many networks are kept.
    """
    run = visitors.find(run_id)
    if not visitors.holds(run):
        raise RunError(f"{run_id} is shared already")
    if problem := run.problem():
        raise RunError(f"{run_id} cannot be shared: {problem}")
    shared, network = visitors.shared, run.experiment
    if network in visitors.networks():
        network = add_network(shared.local, network.name, network.layers, network.question)
    target = shared.local / "finished" / network.name / run.stamp
    fresh = target.with_name(f".{uuid.uuid4().hex}")
    try:
        if not target.is_dir():
            _copy(run, fresh, network.name)
            fresh.rename(target)
            sync_folder(target.parent)
    except OSError as error:
        raise RunError(f"{run_id} cannot be shared: {error.strerror or error}") from None
    finally:  # where it has not become the run, whatever went wrong
        shutil.rmtree(fresh, ignore_errors=True)
    return shared.find(f"{network.name}/{run.stamp}")


def _copy(run: Run, folder: Path, name: str) -> None:
    """Copies a run's files into a new folder, as a run of the network of this name."""
    folder.mkdir(parents=True)
    for file in ADOPTED:
        if (run.folder / file).is_file():
            write_atomically(folder / file, (run.folder / file).read_bytes())
    write_json(folder / REQUEST, read_json(run.folder / REQUEST) | {"experiment": name})
