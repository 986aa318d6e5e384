"""The table of all networks, and that of all runs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from digitnet.experiments import DATASETS, IMAGE_SHAPE, Experiment
from digitnet.report import load_report_scores
from digitnet.runs import Run, RunStore
from digitnet.serving import ModelServer
from digitnet.study.handwriting import PENDIGITS, find_drawn
from digitnet.study.summaries import RunSummary, summarize_run

LATENCY_REPEATS = 15
FIGURES = (
    "accuracy",
    "interval",
    "drawn",
    "loss",
    "f1",
    "megabytes",
    "epochs",
    "seconds",
    "dataset",
)


@dataclass(frozen=True)
class Standing:
    """An experiment and how its current run does.

    Args:
        experiment: The experiment.
        report_accuracy: Test accuracy that the report prints; None if it has none of this.
        summary: Its current run; None if it has none.
        latency: Seconds for one image on this machine; None if it was not measured.
    """

    experiment: Experiment
    report_accuracy: float | None
    summary: RunSummary | None
    latency: float | None = None

    @property
    def problem(self) -> str | None:
        """Why there are no figures, in a sentence; None if there are."""
        return self.summary.problem if self.summary else "not trained yet"


def load_standings(store: RunStore, latencies: Mapping[str, float]) -> list[Standing]:
    """All experiments with their current runs, in their order.

    Args:
        store: Where the runs are.
        latencies: Seconds for one image, by run id, of those that were measured.
    """
    standings = []
    for experiment in store.experiments():
        run = store.current(experiment.name)
        summary = summarize_run(run) if run else None
        report = load_report_scores(experiment.name)
        report_accuracy = report["accuracy"] if report else None
        latency = latencies.get(run.id) if run else None
        standings.append(Standing(experiment, report_accuracy, summary, latency))
    return standings


def rank(standings: Sequence[Standing]) -> list[Standing]:
    """Those with a whole current run, the most accurate first."""
    return sorted(
        (one for one in standings if not one.problem),
        key=lambda one: -((one.summary and one.summary.accuracy) or 0),
    )


def list_whole_runs(store: RunStore, standings: Sequence[Standing]) -> dict[str, RunSummary]:
    """Whole runs by id: the current ones, the most accurate first, then all others."""
    current = [one.summary for one in rank(standings) if one.summary]
    others = [summary for run in store.finished() if not (summary := summarize_run(run)).problem]
    return {summary.run.id: summary for summary in (*current, *others)}


def tabulate_standings(standings: Sequence[Standing]) -> list[dict[str, Any]]:
    """Rows of the table of experiments; shares in percent, sizes in MB, latencies in ms."""
    return [
        {
            "network": standing.experiment.title,
            "name": standing.experiment.name,
            "group": standing.experiment.group.title,
            "report": _scaled(standing.report_accuracy, 100),
            "parameters": standing.experiment.parameters,
            "milliseconds": _scaled(standing.latency, 1e3),
            **_tabulate_figures(standing.summary),
            "problem": standing.problem,
        }
        for standing in standings
    ]


def _tabulate_figures(summary: RunSummary | None) -> dict[str, Any]:
    """What the table says of a run; None for all of it where there is none."""
    if summary is None:
        return dict.fromkeys(FIGURES)
    drawn = find_drawn(summary).get(PENDIGITS)
    return {
        "accuracy": _scaled(summary.accuracy, 100),
        "interval": _format_interval(summary.interval),
        "drawn": _scaled(drawn.accuracy, 100) if drawn else None,
        "loss": summary.loss,
        "f1": _scaled(summary.f1_macro, 100),
        "megabytes": _scaled(summary.served_bytes, 1e-6),
        "epochs": summary.epochs,
        "seconds": summary.seconds_per_epoch,
        "dataset": summary.settings and DATASETS[summary.settings.dataset].title,
    }


def tabulate_runs(store: RunStore) -> list[dict[str, Any]]:
    """Rows of the table of all finished runs, those made here first, the newest of them leading.

    Broken ones have a problem in place of figures.
    """
    current = {run.id for run in store.current_runs()}
    runs = store.finished()
    made_here = [run for run in runs if not run.is_shipped]
    made_here.sort(key=lambda run: run.stamp, reverse=True)
    rows = []
    for run in (*made_here, *(run for run in runs if run.is_shipped)):
        summary = summarize_run(run)
        rows.append(
            {
                "id": run.id,
                "title": run.title,
                "experiment": run.experiment.name,
                "shipped": run.is_shipped,
                "held": store.holds(run),
                "network": run.experiment.title,
                "current": run.id in current,
                "accuracy": _scaled(summary.accuracy, 100),
                "epochs": summary.epochs,
                **_settings_of(summary),
                "problem": summary.problem,
            }
        )
    return rows


def state_of(store: RunStore) -> tuple[str, ...]:
    """What changes whenever a run is finished, deleted or made current."""
    current = [run.id for run in store.current_runs()]
    return (*(run.id for run in store.finished()), "", *current)


def _settings_of(summary: RunSummary) -> dict[str, Any]:
    settings = summary.settings
    names = ("learning_rate", "batch_size", "patience", "seed")
    return {
        "dataset": settings and DATASETS[settings.dataset].title,
        **{name: settings and getattr(settings, name) for name in names},
    }


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _format_interval(interval: tuple[float, float] | None) -> str | None:
    return interval and f"{100 * interval[0]:.2f}–{100 * interval[1]:.2f}%"


def measure_latency(server: ModelServer, run: Run) -> float:
    """Seconds that a run takes for one image: the median of several.

    Raises:
        InferenceError: If it cannot be served.
    """
    image = np.zeros((1, *IMAGE_SHAPE[:2]), np.uint8)
    server.predict(run, image)  # loads it
    seconds = []
    for _ in range(LATENCY_REPEATS):
        start = time.perf_counter()
        server.predict(run, image)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)
