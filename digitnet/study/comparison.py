"""Networks side by side: the table of all, which of two is the better, and what differs.

Everything is read from run folders. What was read stays in memory for as long as the files are
the same, so that a page over a hundred runs opens at once.
"""

from __future__ import annotations

import contextlib
import hashlib
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache, lru_cache
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitnet.experiments.costs import LayerCost, layer_costs, multiply_adds
from digitnet.experiments.records import (
    CLASSES,
    EXPERIMENTS,
    IMAGE_SHAPE,
    AveragePool,
    Dense,
    Experiment,
    Layer,
    MaxPool,
    TrainingSettings,
    find_experiment,
)
from digitnet.report.tables import load_report_scores
from digitnet.runs.store import PROBABILITIES, RUN_FILES, Run, RunError, RunStore
from digitnet.serving.networks import ModelServer
from digitnet.study.scores import holm_correction, mcnemar_exact

SIGNIFICANCE = 0.05  # the usual level; Holm's correction holds it for all pairs together
LATENCY_REPEATS = 15

# Sizes and times of a run's files: what was read of it is good for as long as these are the same.
Signature = tuple[tuple[int, int] | None, ...]


class ComparisonError(RuntimeError):
    """Two runs cannot be compared; the message is a sentence for the user."""


# --- a run in figures ------------------------------------------------------------------------


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
        return _read_summary(run, _signature(run))
    except RunError as error:
        return RunSummary(run, str(error))


def _signature(run: Run) -> Signature:
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


# --- tables ----------------------------------------------------------------------------------


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


# --- two networks on the same digits ---------------------------------------------------------


@dataclass(frozen=True)
class Comparison:
    """Two runs, A and B, on the same test digits.

    Args:
        size: How many digits both were tested on.
        only_a: How many A alone read rightly.
        only_b: How many B alone read rightly.
        p_value: Of the exact McNemar test, taken by itself; 0 to 1.
        corrected: The same after Holm's correction for all pairs that were tested together.
    """

    size: int
    only_a: int
    only_b: int
    p_value: float
    corrected: float

    @property
    def winner(self) -> str | None:
        """ "a" or "b" if one is better after the correction; None if they cannot be told apart."""
        if self.corrected >= SIGNIFICANCE:
            return None
        return "a" if self.only_a > self.only_b else "b"

    @property
    def lead(self) -> float:
        """By how much A is more accurate than B, in percentage points."""
        return 100 * (self.only_a - self.only_b) / self.size

    def reversed(self) -> Comparison:
        """The same, seen from B."""
        return replace(self, only_a=self.only_b, only_b=self.only_a)


@dataclass(frozen=True, eq=False)
class _Answers:
    """Which test digits a run read rightly, and a fingerprint of those digits."""

    right: NDArray[np.bool_]
    digits: str


def compare_pair(a: Run, b: Run) -> Comparison:
    """Tests by itself whether one of two runs is better than the other.

    Raises:
        ComparisonError: If they were not tested on the same digits.
        RunError: If what one of them said of its test digits cannot be read.
    """
    answers_a, answers_b = _load_answers(a), _load_answers(b)
    if answers_a.digits != answers_b.digits:
        raise ComparisonError(
            "These two were not tested on the same digits, so they cannot be compared one by one. "
            "Runs with the same data set can be."
        )
    return _test_pair(answers_a, answers_b)


def compare_all(runs: Sequence[Run]) -> dict[tuple[str, str], Comparison]:
    """Tests every two runs, with Holm's correction for the number of tests.

    Args:
        runs: Whole or broken runs, of any test digits.

    Returns:
        By the ids of A and B, in both orders. Pairs that were not tested on the same digits, and
        runs that cannot be read, are left out.
    """
    return _compare_all(tuple((run, _signature(run)) for run in runs))


def compare_standings(standings: Sequence[Standing]) -> dict[tuple[str, str], Comparison]:
    """As `compare_all`, for the current runs, by the names of the experiments."""
    return {
        (a.partition("/")[0], b.partition("/")[0]): pair
        for (a, b), pair in compare_all(_whole_runs(standings)).items()
    }


def find_pair(standings: Sequence[Standing], a: str, b: str) -> Comparison | None:
    """Two runs as they were tested among all current ones; None if one of them is not current."""
    return compare_all(_whole_runs(standings)).get((a, b))


def _whole_runs(standings: Sequence[Standing]) -> list[Run]:
    return [one.summary.run for one in standings if one.summary.run and not one.summary.problem]


@lru_cache(maxsize=16)
def _compare_all(runs: tuple[tuple[Run, Signature], ...]) -> dict[tuple[str, str], Comparison]:
    answers = {}
    for run, signature in runs:
        with contextlib.suppress(RunError):
            answers[run.id] = _read_answers(run, signature)
    pairs = {
        (a, b): _test_pair(answers[a], answers[b])
        for a, b in combinations(answers, 2)
        if answers[a].digits == answers[b].digits
    }
    corrected = holm_correction([pair.p_value for pair in pairs.values()])
    compared = {}
    for (a, b), p_value in zip(pairs, corrected, strict=True):
        compared[a, b] = replace(pairs[a, b], corrected=float(p_value))
        compared[b, a] = compared[a, b].reversed()
    return compared


def _test_pair(a: _Answers, b: _Answers) -> Comparison:
    test = mcnemar_exact(a.right, b.right)
    return Comparison(len(a.right), test.only_a, test.only_b, test.p_value, test.p_value)


def _load_answers(run: Run) -> _Answers:
    return _read_answers(run, _signature(run))


@lru_cache(maxsize=256)
def _read_answers(run: Run, _: Signature) -> _Answers:
    probabilities, labels, index = run.test_predictions()
    if not len(labels):
        raise RunError(f"{PROBABILITIES} holds no digits")
    # The index alone does not tell one data set from another; with the labels it does.
    digits = hashlib.sha256(index.astype(np.int64).tobytes() + labels.tobytes()).hexdigest()
    return _Answers(probabilities.argmax(axis=1) == labels, digits)


# --- what differs ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Difference:
    """One line of two networks side by side.

    Args:
        what: What the line is about, such as "layer" or "learning rate".
        a: What network A has; None if it has nothing like it.
        b: The same of network B.
    """

    what: str
    a: str | None
    b: str | None

    @property
    def is_same(self) -> bool:
        """Whether there is no difference."""
        return self.a == self.b


def list_differences(
    a: Experiment, a_settings: TrainingSettings, b: Experiment, b_settings: TrainingSettings
) -> list[Difference]:
    """Two networks layer by layer and setting by setting, what is the same included."""
    lines = [
        Difference("layer", _describe(a_layer), _describe(b_layer))
        for a_layer, b_layer in _align_layers(a, b)
    ]
    lines += [
        Difference("parameters", f"{a.parameters:,}", f"{b.parameters:,}"),
        Difference("multiplications", f"{multiply_adds(a):,}", f"{multiply_adds(b):,}"),
    ]
    others = asdict(b_settings)
    for name, value in asdict(a_settings).items():
        what = "most epochs" if name == "epochs" else name.replace("_", " ")
        lines.append(Difference(what, _format_setting(value), _format_setting(others[name])))
    return lines


def list_run_differences(a: RunSummary, b: RunSummary) -> list[Difference]:
    """As `list_differences`, for two whole runs."""
    assert a.run and a.settings and b.run and b.settings
    a_experiment, b_experiment = (find_experiment(one.run.experiment) for one in (a, b) if one.run)
    return list_differences(a_experiment, a.settings, b_experiment, b.settings)


Pairs = tuple[tuple[int | None, int | None], ...]  # positions in two networks
_GAP = 2  # a layer that only one network has


def _align_layers(a: Experiment, b: Experiment) -> list[tuple[LayerCost | None, LayerCost | None]]:
    """Pairs the layers of two networks with as few changes as possible, in order."""
    a_layers, b_layers = ((*one.layers, Dense(CLASSES)) for one in (a, b))

    @cache
    def align(i: int, j: int) -> tuple[int, Pairs]:
        """The number of changes from layers i and j on, and the pairs."""
        ways: list[tuple[int, tuple[int | None, int | None], tuple[int, Pairs]]] = []
        if i < len(a_layers) and j < len(b_layers):
            ways.append((_change(a_layers[i], b_layers[j]), (i, j), align(i + 1, j + 1)))
        if j < len(b_layers):
            ways.append((_GAP, (None, j), align(i, j + 1)))
        if i < len(a_layers):
            ways.append((_GAP, (i, None), align(i + 1, j)))
        ends = [(cost + rest, (pair, *pairs)) for cost, pair, (rest, pairs) in ways]
        return min(ends, key=lambda end: end[0], default=(0, ()))

    a_costs, b_costs = layer_costs(a), layer_costs(b)
    return [
        (None if i is None else a_costs[i], None if j is None else b_costs[j])
        for i, j in align(0, 0)[1]
    ]


def _change(a: Layer, b: Layer) -> int:
    """What it costs to take one layer for another: less than two gaps only for the same kind."""
    if a == b:
        return 0
    pools = (MaxPool, AveragePool)
    same_kind = type(a) is type(b) or (isinstance(a, pools) and isinstance(b, pools))
    return 1 if same_kind else 2 * _GAP + 1


def _describe(layer: LayerCost | None) -> str | None:
    if layer is None:
        return None
    return f"{layer.name} · {layer.parameters:,}" if layer.parameters else layer.name


def _format_setting(value: object) -> str:
    return f"{value:,.10g}" if isinstance(value, int | float) else str(value)
