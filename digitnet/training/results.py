"""What a finished training leaves in its run folder: the network, its answers, how it was made."""

from __future__ import annotations

import contextlib
import os
import platform
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from digitnet import __version__
from digitnet.digits import (
    SPLIT_SEED,
    DataError,
    Digits,
    Material,
    Unlearnt,
    load_learnt,
)
from digitnet.experiments import EVALUATION_BATCH
from digitnet.runs import (
    CALIBRATION,
    FIT,
    FORMAT,
    PROBABILITIES,
    RESULT,
    SERVED,
    TRAINED,
    Training,
    processor_name,
    replacing,
    sync_file,
    write_atomically,
    write_json,
)
from digitnet.serving import InferenceError, digit_probabilities
from digitnet.study.calibration import calibrate
from digitnet.study.fitting import measure_fit
from digitnet.study.maps import make_map
from digitnet.study.scores import evaluate_predictions
from digitnet.study.significance import wilson_interval
from digitnet.training.export import ServedModel, export_served_model
from digitnet.training.loop import Progress, make_batches
from digitnet.training.precision import Trial


def write_network(
    model: keras.Sequential, material: Material, training: Training, unlearnt: Unlearnt | None
) -> ServedModel:
    """Tests a trained model and exports it, into the run folder."""
    with replacing(training.folder / PROBABILITIES) as stream:
        np.savez_compressed(
            stream,
            probabilities=predict_digits(model, material.test),
            labels=material.test.labels,
            index=material.test_index,
        )
    model.save(training.folder / TRAINED)
    sync_file(training.folder / TRAINED)
    served = export_served_model(model, material.test.images)
    write_atomically(training.folder / SERVED, served.tflite)
    if unlearnt:
        found = calibrate(served.tflite, training.experiment, unlearnt)
        write_json(training.folder / CALIBRATION, found)
    if material.split:
        write_json(
            training.folder / FIT, measure_fit(served.tflite, training.experiment, material.split)
        )
    with contextlib.suppress(DataError, InferenceError):  # the Inside page does without, too
        learnt = load_learnt(training.request.settings.dataset)
        make_map(served.tflite, training.experiment, learnt).save(training.folder)
    return served


def write_result(
    served: ServedModel,
    material: Material,
    training: Training,
    progress: Progress,
    figures: dict[str, Any],
) -> None:
    """Writes what a network that lies in the run folder achieves, and the figures besides."""
    experiment, request = training.experiment, training.request
    with np.load(training.folder / PROBABILITIES) as saved:
        probabilities = saved["probabilities"]
    result = {
        "format": FORMAT,
        "experiment": experiment.name,
        "dataset": request.settings.dataset,
        "seed": request.settings.seed,
        "epochs": progress.epoch,
        "best_epoch": progress.best_epoch,
        "seconds_per_epoch": progress.seconds / progress.epoch,
        "parameters": experiment.parameters,
        "served_bytes": len(served.tflite),
        "served_sha256": served.sha256,
        "rank": served.rank,
        "scores": evaluate_predictions(material.test.labels, probabilities),
        "provenance": _provenance(training, material, served),
    }
    write_json(training.folder / RESULT, result | figures)


def predict_digits(model: keras.Sequential, digits: Digits) -> np.ndarray:
    """Probabilities of the ten digits, float32 (n, 10), by a trained model."""
    return digit_probabilities(model.predict(make_batches(digits, EVALUATION_BATCH), verbose=0))


def judge_model(model: keras.Sequential, digits: Digits) -> dict[str, Any]:
    """How many digits a model reads rightly, in short."""
    right = int((predict_digits(model, digits).argmax(axis=1) == digits.labels).sum())
    size = len(digits.labels)
    interval = list(wilson_interval(right, size))
    return {"size": size, "accuracy": right / size, "interval": interval}


def _provenance(training: Training, material: Material, served: ServedModel) -> dict[str, Any]:
    """What one needs to know to repeat or judge a run."""
    request, trial = training.request, Trial.load(training.state_folder) or Trial()
    return {
        "split": {"seed": SPLIT_SEED, **material.counts},
        "data": material.sources,
        "settings": asdict(request.settings),
        **({"teaching": asdict(request.teaching)} if request.teaching else {}),
        "precision": trial.precision,
        "trial_seconds": trial.seconds,
        "served_weights": served.dtype,
        "versions": {
            "digitnet": __version__,
            "python": platform.python_version(),
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            "numpy": np.__version__,
        },
        "machine": {
            "system": platform.system(),
            "processor": processor_name(),
            "cores": os.cpu_count(),
            "threads": os.environ.get("DIGITNET_THREADS"),
        },
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
