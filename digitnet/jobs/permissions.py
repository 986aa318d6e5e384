"""What may be done in a store: the one answer, for the pages that offer it and for what does it.

DIGITNET_READ_ONLY=1   nothing, by anybody
DIGITNET_CLASS=1       in a visitor's own store, what the class' rules allow; in the one that
                       all share everything, and only the owner is ever given that to change
neither                everything
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from digitnet.experiments import Experiment, Layer, TrainingSettings
from digitnet.jobs.processes import JobError
from digitnet.runs import Classroom, Quota, RunStore, Training, add_network, size_of

READ_ONLY = "this laboratory is read-only: nothing can be trained or deleted here"
FEWEST_IMAGES = 16  # of a visitor's step
KEPT_BYTES_A_PARAMETER = 6  # of a run once it is finished: the models
BYTES_A_PARAMETER = 20  # of a training that goes on: the weights, Adam's two moments, the models


@dataclass(frozen=True)
class Permissions:
    """What may be done in a store.

    Args:
        changes: Whether runs may be chosen, stopped and deleted.
        trains: Whether trainings may be started and networks kept.
        quota: How much may be trained and kept; None for no end.
        reason: Why not all of that, in a sentence without its end.
    """

    changes: bool = True
    trains: bool = True
    quota: Quota | None = None
    reason: str = ""


EVERYTHING = Permissions()
NOTHING = Permissions(changes=False, trains=False, reason=READ_ONLY)


def is_read_only() -> bool:
    """Whether DIGITNET_READ_ONLY=1 forbids to train and to delete."""
    return os.environ.get("DIGITNET_READ_ONLY") == "1"


def is_class() -> bool:
    """Whether DIGITNET_CLASS=1 gives each visitor a store of their own."""
    return os.environ.get("DIGITNET_CLASS") == "1" and not is_read_only()


def permissions_of(store: RunStore) -> Permissions:
    """What may be done in a store by those who were given it."""
    if is_read_only():
        return NOTHING
    if not store.is_visitors:
        return EVERYTHING
    if not is_class():
        return NOTHING
    rules = Classroom(store).rules()
    closed = "" if rules.trains else "training is closed for now"
    return Permissions(trains=rules.trains, quota=rules.quota, reason=closed)


def require_writable(store: RunStore) -> None:
    """Raises JobError unless runs may be chosen, stopped and deleted in a store."""
    allowed = permissions_of(store)
    if not allowed.changes:
        raise JobError(allowed.reason)
    if store.is_visitors and not Classroom(store).has_room_for(store):
        raise JobError("no more visitors can keep something here; ask whoever runs this class")


def require_open(store: RunStore) -> None:
    """Raises JobError unless trainings may be started and networks kept in a store."""
    require_writable(store)
    allowed = permissions_of(store)
    if not allowed.trains:
        raise JobError(allowed.reason)


def require_trainable(
    store: RunStore,
    experiment: Experiment,
    settings: TrainingSettings,
    begun: Training | None = None,
    file_bytes: int = 0,
) -> None:
    """Raises JobError unless a training may be started in a store.

    Args:
        store: Where it is to be kept.
        experiment: The network.
        settings: How it is to be trained.
        begun: The training, where it only goes on.
        file_bytes: Of the files that it is given.
    """
    require_open(store)
    quota = permissions_of(store).quota
    if quota is None:
        return
    _require_at_most("epochs", settings.epochs, quota.epochs)
    _require_at_most("parameters", experiment.parameters, quota.parameters)
    _require_at_most("multiplications", experiment.multiply_adds, quota.multiplications)
    if settings.batch_size < FEWEST_IMAGES:
        raise JobError(f"a step must have {FEWEST_IMAGES} images at least here, as few take long")
    trainings, used = Classroom(store).usage(store)
    if begun is None and trainings >= quota.trainings:
        raise JobError(
            f"the most trainings that a visitor may have here, finished or not, is "
            f"{quota.trainings}, and you have {trainings}; delete one first"
        )
    needed = file_bytes + max(0, BYTES_A_PARAMETER * experiment.parameters - _size_of(begun))
    others = [one for one in store.unfinished() if begun is None or one.id != begun.id]
    reserved = sum(
        max(0, KEPT_BYTES_A_PARAMETER * one.experiment.parameters - _size_of(one)) for one in others
    )
    if used + needed + reserved > quota.megabytes * 2**20:
        raise JobError(
            f"each visitor may keep {quota.megabytes} MB here, and this would be more; delete a "
            "run first"
        )


def _size_of(training: Training | None) -> int:
    """The bytes that a training has taken by now."""
    return size_of(training.folder) if training else 0


def _require_at_most(what: str, value: int, most: int) -> None:
    if value > most:
        raise JobError(f"a training may have {most:,} {what} at most here, and this has {value:,}")


def keep_network(
    store: RunStore, name: str, layers: tuple[Layer, ...], reason: str = ""
) -> Experiment:
    """Keeps a network of one's own, as `add_network` does; JobError where that may not be."""
    require_open(store)
    return add_network(store.local, name, layers, reason)
