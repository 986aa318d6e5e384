"""Runs in figures, read once for as long as their files are the same.

So a page over a hundred runs opens at once.

"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from digitnet.experiments import TrainingSettings
from digitnet.runs import RUN_FILES, Run, RunError

# Sizes and times of a run's files: what was read of it is good for as long as these are the same.
Signature = tuple[tuple[int, int] | None, ...]


@dataclass(frozen=True)
class RunSummary:
    """A finished run in figures, or what is wrong with it.

    Args:
        run: The run; None if an experiment has none.
        problem: Why there are no figures, in a sentence; then all that follows is None.
        settings: What it was trained with.
        accuracy: Share of the test digits read rightly.
        interval: Its 95% interval, (low, high).
        loss: Test loss, nats.
        f1_macro: Mean F1 over the digits.
        epochs: Epochs trained.
        seconds_per_epoch: Seconds an epoch took where it was trained.
        served_bytes: Size of the served model.
    """

    run: Run | None
    problem: str | None = None
    settings: TrainingSettings | None = None
    accuracy: float | None = None
    interval: tuple[float, float] | None = None
    loss: float | None = None
    f1_macro: float | None = None
    epochs: int | None = None
    seconds_per_epoch: float | None = None
    served_bytes: int | None = None

    @property
    def training_seconds(self) -> float | None:
        """How long the whole training took."""
        if self.epochs is None or self.seconds_per_epoch is None:
            return None
        return self.epochs * self.seconds_per_epoch


def summarize_run(run: Run) -> RunSummary:
    """A run in figures; what is broken about it becomes its `problem`."""
    try:
        return _read_summary(run, signature_of(run))
    except RunError as error:
        return RunSummary(run, str(error))


def signature_of(run: Run) -> Signature:
    return tuple(_file_signature(run.folder / name) for name in RUN_FILES)


def _file_signature(path: Path) -> tuple[int, int] | None:
    with contextlib.suppress(OSError):
        found = path.stat()
        return found.st_size, found.st_mtime_ns
    return None


@lru_cache(maxsize=1024)
def _read_summary(run: Run, _: Signature) -> RunSummary:
    fresh = Run(run.id, run.folder)  # a Run remembers what it has read
    if problem := fresh.problem():
        raise RunError(problem)
    result, scores = fresh.result, fresh.result["scores"]
    low, high = scores["accuracy_interval"]
    return RunSummary(
        run,
        settings=fresh.request.settings,
        accuracy=scores["accuracy"],
        interval=(low, high),
        loss=scores["loss"],
        f1_macro=scores["f1_macro"],
        epochs=result["epochs"],
        seconds_per_epoch=result["seconds_per_epoch"],
        served_bytes=result["served_bytes"],
    )
