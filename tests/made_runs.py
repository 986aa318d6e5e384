"""Runs that are made up: the one place where tests make requests, trainings and run folders."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from digitnet.experiments import TrainingSettings, find_experiment
from digitnet.runs import (
    CALIBRATION,
    FORMAT,
    HISTORY,
    HISTORY_COLUMNS,
    PROBABILITIES,
    RESULT,
    SERVED,
    Request,
    Run,
    RunStore,
    Training,
)

CHECKPOINTS = Path(__file__).parents[1] / "checkpoints"

Row = dict[str, float]
Answers = tuple[np.ndarray, np.ndarray, np.ndarray]  # probabilities, labels, positions
THREE_ANSWERS = np.full((3, 10), 0.1, np.float32), np.arange(3, dtype=np.uint8), np.arange(3)


def use_store(monkeypatch: pytest.MonkeyPatch, folder: Path) -> RunStore:
    """The store in a folder, for this process and all that it starts; it is empty at first."""
    monkeypatch.setenv("DIGITNET_RUNS", str(folder / "runs"))
    monkeypatch.setenv("DIGITNET_CHECKPOINTS", str(folder / "shipped"))
    monkeypatch.delenv("DIGITNET_READ_ONLY", raising=False)
    return RunStore.default()


def make_request(name: str = "cnn", **settings: Any) -> Request:
    """A request to train on the sample, with some settings of one's own."""
    return Request(name, TrainingSettings(**({"dataset": "sample"} | settings)))


def make_row(epoch: int, **values: float) -> Row:
    """An epoch of a history, with some values of one's own."""
    return dict.fromkeys(HISTORY_COLUMNS, 0.5) | {"epoch": epoch} | values


def make_result(**figures: Any) -> dict[str, Any]:
    """A result.json, with some figures of one's own."""
    scores = {
        "size": 3,
        "accuracy": 0.5,
        "accuracy_interval": [0.4, 0.6],
        "loss": 1.25,
        "f1_macro": 0.5,
    }
    result = {
        "format": 1,
        "epochs": 1,
        "best_epoch": 1,
        "seconds_per_epoch": 2.0,
        "served_bytes": 5,
        "rank": None,
        "scores": scores,
    }
    return result | figures


def fill(
    folder: Path, answers: Answers = THREE_ANSWERS, served: bytes = b"model", **figures: Any
) -> None:
    """Writes what a training writes after its last epoch."""
    digest = hashlib.sha256(served).hexdigest()
    (folder / RESULT).write_text(json.dumps(make_result(served_sha256=digest, **figures)))
    (folder / SERVED).write_bytes(served)
    probabilities, labels, index = answers
    np.savez(folder / PROBABILITIES, probabilities=probabilities, labels=labels, index=index)


def make_training(
    store: RunStore, request: Request, epochs: int = 0, state: str = "queued", **status: Any
) -> Training:
    """A training that is not finished."""
    training = store.create(request)
    for epoch in range(1, epochs + 1):
        training.append_history(make_row(epoch))
    training.write_status(state, **({"epoch": epochs} | status))
    return training


def finish_run(store: RunStore, request: Request, **row: float) -> Run:
    """A run of one epoch that was finished here, and is current."""
    training = store.create(request)
    training.append_history(make_row(1, **row))
    fill(training.folder)
    return store.finish(training)


def ship_run(
    store: RunStore,
    request: Request,
    rows: Sequence[Row] | None = None,
    answers: Answers = THREE_ANSWERS,
    **figures: Any,
) -> Run:
    """A run that a clone brings."""
    folder = store.shipped / request.experiment
    folder.mkdir(parents=True, exist_ok=True)
    request.save(folder)
    table = [[str(row[column]) for column in HISTORY_COLUMNS] for row in rows or [make_row(1)]]
    lines = [",".join(line) + "\n" for line in (HISTORY_COLUMNS, *table)]
    (folder / HISTORY).write_text("".join(lines))
    fill(folder, answers, **figures)
    return Run(store.find_experiment(request.experiment), "shipped", folder)


def copy_shipped(store: RunStore, name: str, *left_out: str) -> Run:
    """A copy of a run that ships, as if it had been trained on the sample; without some files."""
    folder = store.shipped / name
    shutil.copytree(CHECKPOINTS / name, folder, ignore=shutil.ignore_patterns(*left_out))
    make_request(name).save(folder)
    return Run(find_experiment(name), "shipped", folder)


def write_calibration(run: Run, temperature: Any = 2.0, threshold: float | None = None) -> None:
    """Calibrates a run: as if this had been fitted to the model that it has now."""
    digest = hashlib.sha256(run.served_model.read_bytes()).hexdigest()
    values = {
        "format": FORMAT,
        "served_sha256": digest,
        "temperature": temperature,
        "threshold": threshold,
        "validation": {"calibration_error": {"before": 0.04, "after": 0.01}},
    }
    (run.folder / CALIBRATION).write_text(json.dumps(values))
