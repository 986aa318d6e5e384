"""Runs in figures, read once for as long as their files are the same.

So a page over a hundred runs opens at once, and what replaces a run is seen by all pages alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from digitnet.experiments import HANDWRITING, TrainingSettings
from digitnet.runs import Run, RunError, RunStore, Signature
from digitnet.study.scores import GUESSING


@dataclass(frozen=True)
class RunSummary:
    """A finished run in figures, or what is wrong with it.

    Args:
        run: The run.
        problem: Why there are no figures, in a sentence; then all that follows is None.
        settings: What it was trained with.
        size: How many test digits it was tested on.
        accuracy: Share of them that it read rightly.
        interval: Its 95% interval, (low, high).
        loss: Test loss, nats.
        f1_macro: Mean F1 over the digits.
        epochs: Epochs trained.
        best_epoch: The epoch that was kept.
        seconds_per_epoch: Seconds an epoch took where it was trained.
        served_bytes: Size of the served model.
        served_sha256: Of the served model.
        rank: Values that a folded network keeps of each pixel; None if it is not folded.
        temperature: At which it is served; 1 where it is not calibrated.
    """

    run: Run
    problem: str | None = None
    settings: TrainingSettings | None = None
    size: int | None = None
    accuracy: float | None = None
    interval: tuple[float, float] | None = None
    loss: float | None = None
    f1_macro: float | None = None
    epochs: int | None = None
    best_epoch: int | None = None
    seconds_per_epoch: float | None = None
    served_bytes: int | None = None
    served_sha256: str | None = None
    rank: int | None = None
    temperature: float = 1.0

    @property
    def has_learnt(self) -> bool:
        """Whether it reads its own test digits better than by guessing."""
        return (self.accuracy or 0) > GUESSING

    @property
    def training_seconds(self) -> float | None:
        """How long the whole training took; None of a network that was trained before it."""
        if self.epochs is None or self.seconds_per_epoch is None or self.run.request.teaching:
            return None
        return self.epochs * self.seconds_per_epoch


def summarize_run(run: Run) -> RunSummary:
    """A run in figures; what is broken about it becomes its `problem`."""
    try:
        return _read_summary(run, run.signature)
    except RunError as error:
        return RunSummary(run, str(error))


def summarize_current(store: RunStore) -> list[RunSummary]:
    """The whole current runs of all experiments, in their order."""
    runs = store.current_runs()
    return [summary for run in runs if not (summary := summarize_run(run)).problem]


def sort_by_accuracy(summaries: Iterable[RunSummary]) -> list[RunSummary]:
    """Whole runs, the most accurate on its test digits first."""
    return sorted(summaries, key=lambda one: -(one.accuracy or 0))


def sort_for_reading(summaries: Iterable[RunSummary]) -> list[RunSummary]:
    """Whole runs as they are offered to read a drawing: those made for it, then by accuracy."""
    ranked = sort_by_accuracy(summaries)
    return sorted(ranked, key=lambda one: one.run.experiment.group != HANDWRITING)


@lru_cache(maxsize=1024)
def _read_summary(run: Run, _: Signature) -> RunSummary:
    fresh = Run(run.experiment, run.stamp, run.folder)  # a Run remembers what it has read
    if problem := fresh.problem():
        raise RunError(problem)
    result, scores = fresh.result, fresh.result["scores"]
    low, high = scores["accuracy_interval"]
    return RunSummary(
        fresh,
        settings=fresh.request.settings,
        size=scores["size"],
        accuracy=scores["accuracy"],
        interval=(low, high),
        loss=scores["loss"],
        f1_macro=scores["f1_macro"],
        epochs=result["epochs"],
        best_epoch=result["best_epoch"],
        seconds_per_epoch=result["seconds_per_epoch"],
        served_bytes=result["served_bytes"],
        served_sha256=result.get("served_sha256"),
        rank=result["rank"],
        temperature=fresh.calibration.temperature,
    )
