"""Training curves: read from run folders, told in words, drawn over each other."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from string import ascii_uppercase
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from digitnet import jobs
from digitnet.evaluation import FitReading, describe_fit
from digitnet.experiments import find_experiment
from digitnet.figures import COLOURS, name_run
from digitnet.report import load_report_history
from digitnet.runs import HISTORY_COLUMNS, RESULT, Run, RunError, RunStore, Training

if TYPE_CHECKING:
    import plotly.graph_objects as go

METRICS = ("Loss", "Accuracy", "Precision", "Recall")
PARTS = ("Training", "Validation", "Both")
SPANS = ("Epochs", "Seconds")
SCALES = ("Linear", "Logarithmic")
WINDOWS = (1, 3, 5, 9)  # epochs that smoothing takes the mean of

MOST_RUNS = len(ascii_uppercase)  # each has a letter
REPORT = "report"  # the state of curves that are the report's own
ALIVE = ("queued", "running")

_STATES = {
    "running": "training now",
    "queued": "waiting",
    "stopped": "stopped",
    "interrupted": "interrupted",
    "failed": "failed",
    "broken": "broken",
}
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "star", "hexagon", "triangle-down")
_DASHES = {  # by whether it is the report's, and the images' part
    (False, "Validation"): "solid",
    (False, "Training"): "dot",
    (True, "Validation"): "dash",
    (True, "Training"): "dashdot",
}
_GREY = "#808080"  # of keys that stand for no experiment; readable on both backgrounds
_FAINT = 0.25
_HEIGHT = 460  # pixels of the chart, about 360 of them between the axes' ends
_PLOT_HEIGHT = 360
_LABEL_HEIGHT = 14
_LEAST_ERROR = 1e-4  # what is right throughout has no logarithm of its errors
_ERROR_TICKS = (0.9, 0.7, 0.5, 0.3, 0.2, 0.1, 0.05, 0.03, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0001)


@dataclass(frozen=True, eq=False)
class Curves:
    """The epochs of one training.

    Args:
        run_id: The run's id, or "<experiment>/report".
        letter: What the chart calls it, one letter.
        history: Arrays (epochs,) by the names of `HISTORY_COLUMNS`.
        best_epoch: The epoch whose weights are kept (of a training that goes on: would be),
            counted from 1; 0 before the first epoch.
        state: "finished", a job's state, or "report".
    """

    run_id: str
    letter: str
    history: dict[str, NDArray]
    best_epoch: int
    state: str

    @property
    def experiment(self) -> str:
        return self.run_id.partition("/")[0]

    @property
    def title(self) -> str:
        return name_run(self.run_id)

    @property
    def epochs(self) -> int:
        return len(self.history["epoch"])

    @property
    def is_report(self) -> bool:
        return self.state == REPORT

    def column(self, metric: str, part: str) -> NDArray:
        """A figure by epoch, (epochs,), such as Accuracy in Validation."""
        return self.history[("val_" if part == "Validation" else "") + metric.lower()]

    def span(self, by: str) -> NDArray:
        """How far the training had come at the end of each epoch, in epochs or seconds."""
        if by == "Seconds":
            return np.cumsum(self.history["seconds"])
        return self.history["epoch"]


# --- from run folders ------------------------------------------------------------------------


def list_trainings(store: RunStore) -> dict[str, str]:
    """Every run and every training by its id, with what a reader is told of it.

    No file of a finished run is read, so that hundreds cost nothing.
    """
    finished = {run.id: name_run(run.id) for run in store.finished()}
    listed = jobs.list_jobs(store)
    return finished | {job.id: f"{name_run(job.id)}, {_STATES[job.state]}" for job in listed}


def choose_first(store: RunStore) -> list[str]:
    """The runs to begin with: the two basic networks, or whatever there is."""
    runs = [run for name in ("fc", "cnn") if (run := store.current(name))] or store.finished()
    return [run.id for run in runs[:2]]


def load_curves(store: RunStore, run_id: str, letter: str) -> Curves:
    """Reads the epochs of a run or of a training that is not finished.

    Raises:
        RunError: If there is no such run or it is broken.
    """
    try:
        return _read_finished(store.find(run_id), letter)
    except RunError:
        try:
            training = store.find_training(run_id)
        except RunError:  # then it is finished, and what was said of that holds
            training = None
        if training is None:
            raise
    return _read_unfinished(training, letter)


def _read_finished(run: Run, letter: str) -> Curves:
    history = run.history()
    best_epoch = run.result.get("best_epoch")
    if not isinstance(best_epoch, int) or not 1 <= best_epoch <= len(history["epoch"]):
        raise RunError(f"{RESULT} names no epoch of the history as the best: {best_epoch!r}")
    return Curves(run.id, letter, history, best_epoch, "finished")


def _read_unfinished(training: Training, letter: str) -> Curves:
    history = training.history()
    return Curves(training.id, letter, history, _best_epoch(history), training.status["state"])


def load_report_curves(curves: Sequence[Curves]) -> list[Curves]:
    """The report's own curves of the same experiments, each under the letter of its first run."""
    letters: dict[str, str] = {}
    for one in curves:
        letters.setdefault(one.experiment, one.letter)
    return [
        Curves(f"{name}/{REPORT}", letter, history, _best_epoch(history), REPORT)
        for name, letter in letters.items()
        if (history := load_report_history(name))
    ]


def _best_epoch(history: dict[str, NDArray]) -> int:
    """The first epoch of the highest validation accuracy, as training keeps it; 0 if none."""
    accuracy = history["val_accuracy"]
    return int(np.argmax(accuracy)) + 1 if len(accuracy) else 0


def curves_csv(curves: Sequence[Curves]) -> str:
    """All figures of the curves as comma-separated values, one line an epoch."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["run", "state", "kept", *HISTORY_COLUMNS])
    for one in curves:
        for place in range(one.epochs):
            values = [f"{one.history[column][place]:g}" for column in HISTORY_COLUMNS]
            table.writerow([one.run_id, one.state, int(place + 1 == one.best_epoch), *values])
    return text.getvalue()


# --- in words --------------------------------------------------------------------------------


def reading_html(curves: Curves) -> str:
    """What the curves of one training say: its verdict, its gap, and what the report concluded."""
    said = "".join(f"<p>{sentence}</p>" for sentence in _describe(curves))
    report = f"<p><b>The report.</b> {' '.join(_describe_report(curves.experiment))}</p>"
    return _card(curves.letter, curves.run_id, said + report)


def broken_html(run_id: str, letter: str, error: str) -> str:
    """A run that cannot be shown, and why."""
    sentence = f"<p><b>Broken.</b> {escape(error)}. Its curves are left out.</p>"
    return _card(letter, run_id, sentence, kind=" dn-broken")


def _card(letter: str, run_id: str, body: str, kind: str = "") -> str:
    colour = COLOURS[run_id.partition("/")[0]]
    head = f"<h4><b>{letter}</b> {escape(name_run(run_id))}</h4>"
    return f'<article class="dn-card{kind}" style="--colour:{colour}">{head}{body}</article>'


def _describe(curves: Curves) -> Iterator[str]:
    if not curves.epochs:
        yield f"{_STATES.get(curves.state, curves.state).capitalize()}; no epoch is finished yet."
        return
    at_best = [float(curves.column("Loss", part)[curves.best_epoch - 1]) for part in PARTS[:2]]
    if not np.isfinite(at_best).all():
        yield "<b>It came apart.</b> Its loss is no longer a number."
        return
    fit = describe_fit(curves.history, curves.best_epoch)
    yield f"<b>It {fit.verdict}.</b> {escape(fit.reason)}"
    yield f"{_describe_epochs(curves)} {_describe_gap(curves, fit)}"


def _describe_epochs(curves: Curves) -> str:
    epochs = f"{curves.epochs} epoch{'s' * (curves.epochs > 1)}"
    if curves.state == "finished":
        after = curves.epochs - curves.best_epoch
        return f"It stopped after {epochs}; epoch {curves.best_epoch}, {after} before, is kept."
    state = _STATES.get(curves.state, curves.state)
    return f"It is {state} after {epochs}; the best so far is epoch {curves.best_epoch}."


def _describe_gap(curves: Curves, fit: FitReading) -> str:
    training, validation = (
        float(curves.column("Accuracy", part)[curves.best_epoch - 1]) for part in PARTS[:2]
    )
    gap = f"{100 * abs(fit.accuracy_gap):.2f} percentage points"
    where = f"There it reads {training:.2%} of the training and {validation:.2%} of the validation"
    if fit.accuracy_gap > 0:
        return f"{where} images: training is {gap} ahead."
    return f"{where} images: validation is {gap} ahead, as is usual where training has dropout."


def _describe_report(experiment: str) -> Iterator[str]:
    history = load_report_history(experiment)
    fit = describe_fit(history, _best_epoch(history))
    yield escape(find_experiment(experiment).conclusion)
    yield f"By the same rule, its own curve, of {fit.epochs} epochs, {fit.verdict}."


# --- drawn -----------------------------------------------------------------------------------


def smooth(values: NDArray, window: int) -> NDArray:
    """Mean over the epochs around each one, fewer at the ends.

    Args:
        values: Floats (epochs,).
        window: Odd number of epochs to average.

    Returns:
        Floats (epochs,).
    """
    ones = np.ones(window)
    half = window // 2
    padded = np.convolve(values, ones)[half : half + len(values)]
    counts = np.convolve(np.ones(len(values)), ones)[half : half + len(values)]
    return padded / counts


@dataclass(frozen=True)
class View:
    """How curves are drawn.

    Args:
        metric: One of METRICS.
        part: One of PARTS.
        by: One of SPANS.
        scale: One of SCALES; a share's logarithmic axis is of its errors.
        window: One of WINDOWS.
    """

    metric: str = "Accuracy"
    part: str = "Validation"
    by: str = "Epochs"
    scale: str = "Linear"
    window: int = 1

    @property
    def parts(self) -> tuple[str, ...]:
        return PARTS[:2] if self.part == "Both" else (self.part,)

    @property
    def shows_errors(self) -> bool:
        return self.scale == "Logarithmic" and self.metric != "Loss"

    def height(self, values: NDArray) -> NDArray:
        """Where the figures stand on the axis."""
        return np.maximum(1 - values, _LEAST_ERROR) if self.shows_errors else values


def curves_figure(curves: Sequence[Curves], view: View) -> go.Figure:
    """Curves over each other; each has its experiment's colour and its own letter and marks."""
    import plotly.graph_objects as go  # the Draw page need not wait for it

    figure = go.Figure()
    for place, one in enumerate(curves):
        for part in view.parts:
            _add_curve(figure, one, part, view, _SYMBOLS[place % len(_SYMBOLS)])
    _add_keys(figure, curves, view)
    _label_ends(figure, curves, view)
    figure.update_layout(
        height=_HEIGHT,
        margin={"l": 0, "r": 0, "t": 10, "b": 0},
        legend={"orientation": "h", "y": -0.2, "yanchor": "top", "x": 0},
        hovermode="x unified" if view.by == "Epochs" else "closest",
        dragmode=False,
        uirevision="curves",  # keeps a zoom while a training goes on
    )
    figure.update_xaxes(title=_name_span(view), rangemode="tozero", fixedrange=True)
    figure.update_yaxes(**_axis(view), fixedrange=True)
    return figure


def _name_span(view: View) -> str:
    return "Epoch" if view.by == "Epochs" else "Seconds of training"


def _axis(view: View) -> dict:
    title = view.metric + (f", mean over {view.window} epochs" if view.window > 1 else "")
    if view.shows_errors:
        labels = [f"{1 - error:.2%}".replace("0%", "%").replace(".0%", "%") for error in _ERROR_TICKS]
        return {
            "title": title,
            "type": "log",
            "autorange": "reversed",
            "tickvals": _ERROR_TICKS,
            "ticktext": labels,
        }
    if view.metric == "Loss":
        return {"title": title, "type": "log" if view.scale == "Logarithmic" else "linear"}
    return {"title": title, "tickformat": ".1%"}
