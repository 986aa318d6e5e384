"""Training curves: what the run folders hold of them, and what they say."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase

import numpy as np
from numpy.typing import NDArray

from digitnet import jobs
from digitnet.experiments import Dropout, Experiment
from digitnet.report import load_report_history, load_report_scores
from digitnet.runs import HISTORY_COLUMNS, RESULT, KeptFit, Run, RunError, RunStore, Training
from digitnet.study.fit import describe_fit

LETTERS = ascii_uppercase  # one for each run that can be shown at once
ALIVE = ("running", "queued")  # states that more epochs may follow
REPORT = "report"  # the state of the report's own curves
STATE_WORDS = {
    "running": "training now",
    "queued": "waiting",
    "stopped": "stopped",
    "interrupted": "interrupted",
    "failed": "failed",
    "broken": "broken",
}


@dataclass(frozen=True, eq=False)
class Curves:
    """The epochs of one training.

    Args:
        experiment: What was trained.
        run_id: The run's id, or "<experiment>/report".
        title: The run for people.
        letter: What the chart calls it.
        history: Arrays (epochs,) by the names of `HISTORY_COLUMNS`.
        best_epoch: The epoch whose weights are kept (of a training that goes on: would be),
            counted from 1; 0 before the first has ended.
        state: "finished", one of STATE_WORDS, or REPORT.
        fit: What the kept network reads of its images; None where that is not known.
        keeps_last: Whether the last epoch's weights are kept, however it validates.
    """

    experiment: Experiment
    run_id: str
    title: str
    letter: str
    history: dict[str, NDArray]
    best_epoch: int
    state: str
    fit: KeptFit | None = None
    keeps_last: bool = False

    @property
    def epochs(self) -> int:
        return len(self.history["epoch"])

    @property
    def is_report(self) -> bool:
        return self.state == REPORT

    @property
    def is_alive(self) -> bool:
        """Whether more epochs may come."""
        return self.state in ALIVE


# --- from run folders ------------------------------------------------------------------------


@dataclass(frozen=True)
class Listed:
    """A run or training that has curves.

    Args:
        run: It.
        state: "finished" or one of STATE_WORDS.
    """

    run: Run | Training
    state: str

    @property
    def title(self) -> str:
        """It for people, such as "Basic CNN · 22 Nov, 18:45:01, training now"."""
        return self.run.title + (
            f", {STATE_WORDS[self.state]}" if self.state in STATE_WORDS else ""
        )


def list_trainings(store: RunStore) -> dict[str, Listed]:
    """Every run and training, by id.

    No file of a finished run is read, so that hundreds of them cost nothing.
    """
    finished = {run.id: Listed(run, "finished") for run in store.finished()}
    return finished | {job.id: Listed(job.training, job.state) for job in jobs.list_jobs(store)}


def choose_first(store: RunStore) -> list[str]:
    """The runs to begin with: those of the two basic networks, or whatever there is."""
    basic = [run for name in ("fc", "cnn") if (run := store.current(name))]
    return [run.id for run in basic or store.finished()[:2]]


def load_curves(store: RunStore, run_id: str, letter: str) -> Curves:
    """Reads the epochs of a run, or of a training that is not finished.

    Raises:
        RunError: If there is no such run or training, or it is broken.
    """
    unfinished = {training.id: training for training in store.unfinished()}
    if run_id in unfinished:
        try:
            return _read_unfinished(unfinished[run_id], letter)
        except RunError:
            if unfinished[run_id].folder.is_dir():
                raise  # else it has finished just now
    return _read_finished(store.find(run_id), letter)


def _read_finished(run: Run, letter: str) -> Curves:
    history = run.history()
    best_epoch = run.result["best_epoch"]
    if best_epoch > len(history["epoch"]):
        raise RunError(f"{RESULT} names no epoch of the history as the best: {best_epoch!r}")
    return Curves(
        run.experiment, run.id, run.title, letter, history, best_epoch, "finished", run.fit
    )


def _read_unfinished(training: Training, letter: str) -> Curves:
    history = training.history()
    keeps_last = training.request.settings.keeps_last
    best_epoch = len(history["epoch"]) if keeps_last else _best_epoch(history)
    state = training.status.state
    return Curves(
        training.experiment,
        training.id,
        training.title,
        letter,
        history,
        best_epoch,
        state,
        keeps_last=keeps_last,
    )


def load_report_curves(curves: Sequence[Curves]) -> list[Curves]:
    """The report's own curves of the same experiments, each under its first run's letter."""
    letters: dict[Experiment, str] = {}
    for one in curves:
        letters.setdefault(one.experiment, one.letter)
    loaded = []
    for experiment, letter in letters.items():
        if history := load_report_history(experiment.name):
            run_id, best_epoch = f"{experiment.name}/{REPORT}", _best_epoch(history)
            title = f"{experiment.title} · {REPORT}"
            loaded.append(Curves(experiment, run_id, title, letter, history, best_epoch, REPORT))
    return loaded


def _best_epoch(history: dict[str, NDArray]) -> int:
    """The first epoch of the highest validation accuracy, as training keeps it; 0 if none."""
    accuracy = history["val_accuracy"]
    return int(np.argmax(accuracy)) + 1 if len(accuracy) else 0


def write_csv(curves: Sequence[Curves]) -> str:
    """All figures of the curves as comma-separated values, a line for each epoch."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["run", "state", "kept", *HISTORY_COLUMNS])
    for one in curves:
        for place in range(one.epochs):
            values = [f"{one.history[column][place]:g}" for column in HISTORY_COLUMNS]
            table.writerow([one.run_id, one.state, int(place + 1 == one.best_epoch), *values])
    return text.getvalue()


# --- in words --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Interpretation:
    """What the curves of a training say, in sentences.

    Args:
        verdict: Whether it fits, and by which rule.
        epochs: How long it trained and which epoch is kept.
        gap: How training and validation differ at that epoch.
        report: What the report concluded, and what the rule says of its curve; empty if it has
            no such network.
    """

    verdict: str
    epochs: str
    gap: str
    report: str


def interpret_curves(curves: Curves) -> Interpretation:
    """Puts into words what the curves of a training say."""
    report = _describe_report(curves.experiment)
    if not curves.epochs:
        return Interpretation("No epoch has ended yet.", "", "", report)
    epochs = _describe_epochs(curves)
    kept = curves.best_epoch - 1
    if not np.isfinite([curves.history[name][kept] for name in ("loss", "val_loss")]).all():
        return Interpretation(
            "It came apart: its loss is not a number any more.", epochs, "", report
        )
    fit = describe_fit(curves.history, curves.best_epoch)
    return Interpretation(
        verdict=f"By its curves it {fit.verdict}. {fit.reason}",
        epochs=epochs,
        gap=_describe_gap(curves),
        report=report,
    )


def _describe_epochs(curves: Curves) -> str:
    count = f"{curves.epochs} epoch{'s' if curves.epochs > 1 else ''}"
    if curves.state == "finished":
        later = curves.epochs - curves.best_epoch
        kept = f"{later} before the last" if later else "the last"
        return f"It stopped after {count} and keeps epoch {curves.best_epoch}, {kept}."
    state = STATE_WORDS[curves.state]
    if curves.keeps_last:
        return f"It is {state}, after {count}; the last of all is kept."
    return f"It is {state}, after {count}; the best so far is {curves.best_epoch}."


def _describe_gap(curves: Curves) -> str:
    """How training and validation differ: of the kept network, or else as the epoch logged it."""
    drops_out = any(isinstance(one, Dropout) for one in curves.experiment.layers)
    if curves.fit is None:
        kept = curves.best_epoch - 1
        training, validation = (curves.history[one][kept] for one in ("accuracy", "val_accuracy"))
        active = ", with dropout," if drops_out else ""
        return (
            f"In that epoch it read {training:.2%} of its training images{active} and after it "
            f"{validation:.2%} of the validation images."
        )
    training, validation = curves.fit.training, curves.fit.validation
    lead = training.share - validation.share
    return (
        f"As it is kept{', without dropout,' * drops_out} it reads {training.share:.2%} of its "
        f"{training.images:,} training images and {validation.share:.2%} of the validation images: "
        f"{'training' if lead > 0 else 'validation'} is {100 * abs(lead):.2f} percentage points "
        "ahead."
    )


def _describe_report(experiment: Experiment) -> str:
    """What the report says of this network; empty if it has none of this."""
    history = load_report_history(experiment.name)
    if history is None:
        return ""
    fit, scores = describe_fit(history, _best_epoch(history)), load_report_scores(experiment.name)
    restored = scores and scores["best_weights_restored"]
    tested = "that" if restored else "probably the last"
    return (
        f"{experiment.conclusion} By the same rule, the report's own curve {fit.verdict}; it "
        f"stopped after {fit.epochs} epochs, its best was epoch {fit.best_epoch}, and "
        f"{tested} was tested."
    )
