"""What a training will probably cost, from the speeds of those that were recorded."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from digitnet.experiments import (
    DATASETS,
    Experiment,
    TrainingSettings,
    expect_epochs,
    training_bytes,
)
from digitnet.report import find_report_epochs
from digitnet.runs import HISTORY, REQUEST, Run, RunError, RunStore, Training


@dataclass(frozen=True)
class Estimate:
    """What a training will probably cost.

    Args:
        seconds: How long it takes; None if no speed was ever recorded.
        bytes: Memory it needs beyond the Python process.
        basis: Where the seconds come from, in a sentence.
    """

    seconds: float | None
    bytes: int
    basis: str


@dataclass(frozen=True)
class _Speed:
    """The speed of one recorded training.

    Args:
        seconds: Seconds an epoch, the median.
        scale: How much more arithmetic an epoch of the training to be estimated takes.
        pace: How much longer this machine takes than the one that it was recorded on.
    """

    experiment: str
    settings: TrainingSettings
    is_shipped: bool
    seconds: float
    scale: float
    pace: float = 1.0

    @property
    def seconds_an_image(self) -> float:
        return self.seconds / DATASETS[self.settings.dataset].size


def estimate(store: RunStore, experiment: Experiment, settings: TrainingSettings) -> Estimate:
    """What a training will probably cost, from speeds that were recorded.

    The time is the seconds of an epoch times the epochs that are expected. Best is what this
    machine took for the same; failing that, what a shipped run took, and how much longer this
    machine took for others of them on the same data; failing that, another training's speed is
    scaled by the arithmetic of an epoch. Batch size is not scaled by: what it changes depends on
    the processor.

    Args:
        store: Where the recorded trainings are.
        experiment: What is to be trained; the store need not have it.
        settings: How.
    """
    needed = training_bytes(experiment.layers, settings.batch_size)
    speeds = list(_recorded_speeds(store, experiment, settings.dataset))
    if not speeds:
        return Estimate(None, needed, "No training is recorded here yet, so its time is unknown.")
    speed = _choose_speed(speeds, experiment.name, settings)
    per_epoch = speed.seconds * speed.scale * speed.pace
    report_epochs = find_report_epochs(experiment.name)
    epochs = expect_epochs(settings, report_epochs=report_epochs)
    limit = _describe_limit(epochs, settings, report_epochs)
    per_epoch_words = f"{per_epoch:.2g}" if per_epoch < 10 else f"{per_epoch:,.0f}"
    basis = (
        f"{epochs:,} epochs ({limit}) of {per_epoch_words} s, {_origin(speed, experiment.name)}."
    )
    return Estimate(epochs * per_epoch, needed, basis)


def _choose_speed(speeds: list[_Speed], experiment: str, settings: TrainingSettings) -> _Speed:
    """The recorded speed that tells most of a training."""

    def distance(speed: _Speed) -> tuple[bool, bool, float, bool]:
        # An epoch of the sample is mostly overhead, so the data set counts before the machine.
        other_data = speed.settings.dataset != settings.dataset
        other_batch = speed.settings.batch_size != settings.batch_size
        return other_data, speed.is_shipped, abs(math.log(speed.scale)), other_batch

    nearest = min(speeds, key=distance)
    is_same = nearest.experiment == experiment and nearest.scale == 1
    pace = _find_pace(speeds, settings.dataset)
    if pace is None or (is_same and not nearest.is_shipped):
        return nearest
    shipped = [one for one in speeds if one.is_shipped]
    same = [one for one in shipped if one.experiment == experiment]
    return replace(min(same or shipped, key=distance), pace=pace)


def _find_pace(speeds: list[_Speed], dataset: str) -> float | None:
    """How much longer this machine takes on a data set than the shipped runs' did, by the image.

    None if it has trained none of them on it. An epoch of little arithmetic is mostly overhead: the
    arithmetic of one that took long here says nothing of the others.
    """
    shipped = {one.experiment: one.seconds_an_image for one in speeds if one.is_shipped}
    paces = [
        one.seconds_an_image / shipped[one.experiment]
        for one in speeds
        if one.experiment in shipped and one.settings.dataset == dataset and not one.is_shipped
    ]
    return float(np.median(paces)) if paces else None


def _describe_limit(epochs: int, settings: TrainingSettings, report_epochs: int | None) -> str:
    """What the number of epochs that are expected follows from."""
    if epochs == settings.epochs:
        return "the most allowed"
    if epochs == report_epochs:
        return "where the report's stopped"
    best = "the report's best" if report_epochs else "a usual best"
    return f"{settings.patience:,} after {best}"


def _recorded_speeds(store: RunStore, experiment: Experiment, dataset: str) -> Iterator[_Speed]:
    work = _epoch_work(experiment, dataset)
    runs: list[Run | Training] = [*store.finished(), *store.unfinished()]
    for run in runs:
        with contextlib.suppress(OSError, RunError):
            stats = [(run.folder / name).stat() for name in (REQUEST, HISTORY)]
            signature = tuple((stat.st_size, stat.st_mtime_ns) for stat in stats)
            settings, seconds = _read_speed(run, signature)
            if seconds > 0:
                scale = work / _epoch_work(run.experiment, settings.dataset)
                yield _Speed(run.experiment.name, settings, run.made is None, seconds, scale)


@lru_cache(maxsize=4096)
def _read_speed(
    run: Run | Training, _: tuple[tuple[int, int], ...]
) -> tuple[TrainingSettings, float]:
    """A run's settings and seconds an epoch, 0 if it has none; read once while it is the same.

    A teaching has none: its epochs are a few thousand images through the last layers.
    """
    fresh = type(run)(run.experiment, run.stamp, run.folder)  # a Run remembers what it has read
    request, seconds = fresh.request, fresh.history()["seconds"]
    is_speed = seconds.size and not request.teaching
    return request.settings, float(np.median(seconds)) if is_speed else 0.0


def _epoch_work(experiment: Experiment, dataset: str) -> float:
    return experiment.multiply_adds * DATASETS[dataset].size


def _origin(speed: _Speed, experiment: str) -> str:
    """Where a speed comes from, as the end of a sentence."""
    machine = "the machine of the shipped runs" if speed.is_shipped else "this machine"
    if speed.pace != 1:
        machine += ", at the pace of this machine on such data"
    if speed.experiment == experiment and speed.scale == 1:
        return f"as it took {machine}{' before' if speed.pace == 1 else ''}"
    data = DATASETS[speed.settings.dataset].title
    return f"scaled by arithmetic from what {speed.experiment} on {data} took {machine}"
