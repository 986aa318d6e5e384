"""The table of all networks, and that of all runs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from digitnet.experiments import EXPERIMENTS, IMAGE_SHAPE, Experiment, find_experiment
from digitnet.report import load_report_scores
from digitnet.runs import RunStore
from digitnet.serving import ModelServer
from digitnet.study.summaries import RunSummary, summarize_run

LATENCY_REPEATS = 15


@dataclass(frozen=True)
class Standing:
    """An experiment and how its current run does.

    Args:
        experiment: The experiment.
        report_accuracy: Test accuracy that the report prints.
        summary: Its current run.
        latency: Seconds for one image on this machine; None if it was not measured.
    """

    experiment: Experiment
    report_accuracy: float
    summary: RunSummary
    latency: float | None = None


def load_standings(store: RunStore, latencies: Mapping[str, float]) -> list[Standing]:
    """All experiments with their current runs, in the report's order.

    Args:
        store: Where the runs are.
        latencies: Seconds for one image, by run id, of those that were measured.
    """
    standings = []
    for experiment in EXPERIMENTS:
        run = store.current(experiment.name)
        summary = summarize_run(run) if run else RunSummary(None, "not trained yet")
        report_accuracy = load_report_scores(experiment.name)["accuracy"]
        latency = latencies.get(run.id) if run else None
        standings.append(Standing(experiment, report_accuracy, summary, latency))
    return standings


def rank(standings: Sequence[Standing]) -> list[Standing]:
    """Those with a whole current run, the most accurate first."""
    whole = [one for one in standings if one.summary.accuracy is not None]
    return sorted(whole, key=lambda one: -(one.summary.accuracy or 0))


def list_whole_runs(store: RunStore, standings: Sequence[Standing]) -> dict[str, RunSummary]:
    """Whole runs by id: the current ones, the most accurate first, then all others."""
    current = [one.summary for one in rank(standings)]
    others = [summary for run in store.finished() if not (summary := summarize_run(run)).problem]
    return {summary.run.id: summary for summary in (*current, *others) if summary.run}


def tabulate_standings(standings: Sequence[Standing]) -> list[dict[str, Any]]:
    """Rows of the table of experiments; shares in percent, sizes in MB, latencies in ms."""
    return [
        {
            "network": standing.experiment.title,
            "name": standing.experiment.name,
            "report": 100 * standing.report_accuracy,
            "accuracy": _scaled(standing.summary.accuracy, 100),
            "interval": _format_interval(standing.summary.interval),
            "loss": standing.summary.loss,
            "f1": _scaled(standing.summary.f1_macro, 100),
            "parameters": standing.experiment.parameters,
            "megabytes": _scaled(standing.summary.served_bytes, 1e-6),
            "epochs": standing.summary.epochs,
            "seconds": standing.summary.seconds_per_epoch,
            "milliseconds": _scaled(standing.latency, 1e3),
            "dataset": standing.summary.settings and standing.summary.settings.dataset,
            "problem": standing.summary.problem,
        }
        for standing in standings
    ]


def tabulate_runs(store: RunStore) -> list[dict[str, Any]]:
    """Rows of the table of all finished runs, those made here first, the newest of them leading.

    Broken ones have a problem in place of figures.
    """
    current = {run.id for one in EXPERIMENTS if (run := store.current(one.name))}
    runs = store.finished()
    made_here = [run for run in runs if not run.is_shipped]
    made_here.sort(key=lambda run: run.folder.name, reverse=True)
    rows = []
    for run in (*made_here, *(run for run in runs if run.is_shipped)):
        summary = summarize_run(run)
        rows.append(
            {
                "id": run.id,
                "experiment": run.experiment,
                "shipped": run.is_shipped,
                "network": find_experiment(run.experiment).title,
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
    current = [run.id for one in EXPERIMENTS if (run := store.current(one.name))]
    return (*(run.id for run in store.finished()), "", *current)


def _settings_of(summary: RunSummary) -> dict[str, Any]:
    settings = summary.settings
    names = ("dataset", "learning_rate", "batch_size", "patience", "seed")
    return {name: settings and getattr(settings, name) for name in names}


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _format_interval(interval: tuple[float, float] | None) -> str | None:
    return interval and f"{100 * interval[0]:.2f}–{100 * interval[1]:.2f}%"


def measure_latency(server: ModelServer, experiment: str) -> float:
    """Seconds that an experiment's current run takes for one image: the median of several.

    Raises:
        InferenceError: If it cannot be served.
    """
    image = np.zeros((1, *IMAGE_SHAPE[:2]), np.uint8)
    server.predict(experiment, image)  # loads it
    seconds = []
    for _ in range(LATENCY_REPEATS):
        start = time.perf_counter()
        server.predict(experiment, image)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)
