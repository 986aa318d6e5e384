"""run_training: from a request to a finished run, the one place that puts the rooms together."""

from __future__ import annotations

import contextlib
import errno
import math
import os
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import keras
import numpy as np
import psutil
import tensorflow as tf

from digitnet import __version__
from digitnet.digits import (
    SPLIT_SEED,
    DataError,
    Digits,
    Material,
    Unlearnt,
    load_learnt,
    load_lesson,
    load_material,
    load_unlearnt,
)
from digitnet.experiments import Experiment, expect_epochs, training_bytes
from digitnet.report import find_report_epochs
from digitnet.runs import (
    CALIBRATION,
    DRAWINGS,
    FORMAT,
    PROBABILITIES,
    RESULT,
    SERVED,
    TRAINED,
    Request,
    Run,
    RunStore,
    Teaching,
    Training,
    read_calibration,
    replacing,
    write_atomically,
    write_json,
)
from digitnet.serving import InferenceError, ServedNetwork, digit_probabilities
from digitnet.study.calibration import calibrate
from digitnet.study.maps import make_map
from digitnet.study.scores import evaluate_predictions
from digitnet.study.significance import wilson_interval
from digitnet.training.architectures import build_model, build_training_model
from digitnet.training.export import ServedModel, export_served_model
from digitnet.training.loop import (
    EVALUATION_BATCH,
    Progress,
    TrainingError,
    compile_for_training,
    make_batches,
    train_model,
)
from digitnet.training.teaching import judge_teaching, teach_model

# Below this, converting to bfloat16 and back costs more than it saves (benchmarks/training.py).
MIN_PARAMETERS_FOR_BFLOAT16 = 10_000
# Steps are run in groups, which spares small networks Keras' overhead, but no group may keep a
# cancel or the progress bar waiting: about this many multiply-adds of one image.
MULTIPLY_ADDS_PER_EXECUTION = 300_000_000
MAX_STEPS_PER_EXECUTION = 32
STATUS_INTERVAL = 0.5  # seconds between two writes of the status within an epoch

Listener = Callable[[str], None]


def run_training(training: Training, store: RunStore, say: Listener = print) -> Run:
    """Trains, evaluates and exports what a training asks for; resumes it if it was interrupted.

    Args:
        training: One of the store's that is not finished.
        store: Where the run is written; it becomes the current one.
        say: Told of every epoch, in a line.

    Returns:
        The finished run.

    Raises:
        TrainingBusyError: If another process is at this very training.
        Exception: Whatever ended the training; the run folder holds the reason.
    """
    request = training.request
    with training.locked(), _recorded(training):
        training.sweep()
        if training.lacks():  # else it was ended between its last file and its move
            if request.teaching:
                _teach_and_test(request.teaching, training, store, say)
            else:
                _train_and_test(request, training, say)
        return store.finish(training)


def _train_and_test(request: Request, training: Training, say: Listener) -> None:
    """Writes all that a finished run has into the training's folder."""
    _limit_threads()
    experiment = training.experiment
    _require_memory(experiment, request)
    training.write_status("running", phase="loading", epoch=training.history()["epoch"].size)
    material = load_material(experiment, request.settings)
    model, progress = _train(experiment, request, material, training, say)
    training.write_status("running", phase="testing", epoch=progress.epoch)
    served = _write_network(model, material, training, _load_unlearnt(request))
    official = material.official_test
    figures = {"official_test": _judge(model, official)} if official else {}
    _write_result(served, material, training, progress, figures)
    training.write_status("finished", epoch=progress.epoch)


def _teach_and_test(teaching: Teaching, training: Training, store: RunStore, say: Listener) -> None:
    """Teaches a run's network one person's hand; writes all that a finished run has."""
    _limit_threads()
    request, watcher = training.request, _Watcher(training.request, training, say)
    base, before = store.find(teaching.base), store.current(request.experiment)
    training.write_status("running", phase="loading")
    lesson = load_lesson(training.folder / DRAWINGS, request.settings.seed)
    model = keras.models.load_model(base.folder / TRAINED, compile=False)
    progress = teach_model(
        model, lesson, request.settings, watcher.on_start, watcher.on_step, watcher.on_epoch
    )
    training.write_status("running", phase="testing", epoch=progress.epoch)
    served = _write_network(model, lesson.judged, training, lesson.unlearnt)
    calibration = read_calibration(training.folder, served.sha256)
    taught = ServedNetwork(served.tflite, calibration=calibration)
    outcome = judge_teaching(lesson, base, before or base, taught)
    _write_result(served, lesson.judged, training, progress, {"teaching": asdict(outcome)})
    training.write_status("finished", epoch=progress.epoch)


@contextlib.contextmanager
def _recorded(training: Training) -> Iterator[None]:
    """Writes down how a training ended, whatever ended it."""
    try:
        yield
    except KeyboardInterrupt:
        with contextlib.suppress(OSError):
            training.write_status("stopped", message="stopped; it can be resumed")
        raise
    except BaseException as error:
        with contextlib.suppress(OSError):  # the disk may be full
            training.write_status("failed", message=_reason(error))
        raise


def _reason(error: BaseException) -> str:
    if isinstance(error, MemoryError | tf.errors.ResourceExhaustedError):
        return "out of memory"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "the disk is full; free some space, then the training can be resumed"
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _limit_threads() -> None:
    """Honours DIGITNET_THREADS, so that trainings side by side share the cores."""
    threads = os.environ.get("DIGITNET_THREADS")
    if threads and not tf.config.get_visible_devices("GPU"):
        with contextlib.suppress(RuntimeError):  # TensorFlow has started already
            tf.config.threading.set_intra_op_parallelism_threads(int(threads))
            tf.config.threading.set_inter_op_parallelism_threads(int(threads))


def _require_memory(experiment: Experiment, request: Request) -> None:
    needed = training_bytes(experiment.layers, request.settings.batch_size)
    available = psutil.virtual_memory().available
    if needed > available:
        raise TrainingError(
            f"training {experiment.name} needs about {needed / 2**30:.1f} GiB of memory and only "
            f"{available / 2**30:.1f} GiB are free; close other programs or lower the batch size"
        )


def choose_precision(experiment: Experiment) -> str:
    """The Keras dtype policy that trains this experiment fastest on this processor.

    "mixed_bfloat16" where the processor multiplies bfloat16 matrices in hardware (Intel AMX) and
    the network is large enough to gain from it, else "float32". Weights, optimizer and the
    softmax are float32 either way.
    """
    large = experiment.parameters >= MIN_PARAMETERS_FOR_BFLOAT16
    return "mixed_bfloat16" if large and _has_bfloat16_matrices() else "float32"


def _has_bfloat16_matrices() -> bool:
    with contextlib.suppress(OSError):
        return " amx_bf16" in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    return False


def steps_per_execution(experiment: Experiment) -> int:
    """How many steps Keras runs before it looks up."""
    steps = MULTIPLY_ADDS_PER_EXECUTION // experiment.multiply_adds
    return max(1, min(MAX_STEPS_PER_EXECUTION, steps))


def build_for_training(experiment: Experiment, request: Request, images: int) -> keras.Sequential:
    """A fresh model of the experiment, seeded and compiled as it is trained here.

    Args:
        experiment: What to build.
        request: How it is to be trained.
        images: Of an epoch.
    """
    keras.utils.set_random_seed(request.settings.seed)
    model = build_training_model(experiment, choose_precision(experiment))
    steps = math.ceil(images / request.settings.batch_size)
    compile_for_training(model, request.settings, steps_per_execution(experiment), steps)
    return model


def _train(
    experiment: Experiment, request: Request, material: Material, training: Training, say: Listener
) -> tuple[keras.Sequential, Progress]:
    """Trains, and returns the float32 model with the best epoch's weights."""
    watcher = _Watcher(request, training, say)
    trained = build_for_training(experiment, request, material.lessons.size)
    progress = train_model(
        trained,
        material.lessons,
        material.validation,
        request.settings,
        training.state_folder,
        watcher.on_start,
        watcher.on_step,
        watcher.on_epoch,
    )
    weights = trained.get_weights()
    del trained  # its optimizer is twice the weights
    model = build_model(experiment)
    model.set_weights(weights)
    return model, progress


class _Watcher:
    """Keeps the run folder's status and history, and the user, up to date."""

    def __init__(self, request: Request, training: Training, say: Listener) -> None:
        self._request = request
        self._training = training
        self._say = say
        self._progress = Progress()
        self._written = 0.0

    def on_start(self, progress: Progress) -> None:
        self._progress = progress
        self._training.cut_history(progress.epoch)
        if progress.epoch:
            self._say(f"{self._request.experiment}: resumes after epoch {progress.epoch}")
        self._write(0, 0)

    def on_step(self, step: int, steps: int) -> None:
        if time.monotonic() - self._written >= STATUS_INTERVAL:
            self._write(step, steps)

    def on_epoch(self, row: dict[str, float], progress: Progress) -> None:
        self._progress = progress
        self._training.append_history(row)
        self._write(0, 0)
        left = self.seconds_left()
        self._say(
            f"{self._request.experiment}: epoch {progress.epoch}  loss {row['loss']:.4f}  "
            f"accuracy {row['accuracy']:.4f}  validation {row['val_accuracy']:.4f}  "
            f"best {progress.best_score:.4f} (epoch {progress.best_epoch})  "
            f"{row['seconds']:.1f} s" + (f"  about {_duration(left)} left" if left else "")
        )

    def seconds_left(self) -> float:
        """Time to the end that is expected; meaningful once an epoch is finished."""
        progress = self._progress
        epochs = expect_epochs(
            self._request.settings,
            progress.best_epoch,
            find_report_epochs(self._request.experiment),
        )
        return (epochs - progress.epoch) * progress.seconds / progress.epoch

    def _write(self, step: int, steps: int) -> None:
        self._written = time.monotonic()
        epoch = self._progress.epoch
        self._training.write_status(
            "running", phase="training", epoch=epoch, step=step, steps=steps
        )


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _load_unlearnt(request: Request) -> Unlearnt | None:
    """What the network can be calibrated on; None where there are no drawings: it does without."""
    with contextlib.suppress(DataError):
        return load_unlearnt(request.settings.dataset)
    return None


def _write_network(
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
    served = export_served_model(model, material.test.images)
    write_atomically(training.folder / SERVED, served.tflite)
    if unlearnt:
        found = calibrate(served.tflite, training.experiment, unlearnt)
        write_json(training.folder / CALIBRATION, found)
    with contextlib.suppress(DataError, InferenceError):  # the Inside page does without, too
        learnt = load_learnt(training.request.settings.dataset)
        make_map(served.tflite, training.experiment, learnt).save(training.folder)
    return served


def _write_result(
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
        "provenance": _provenance(experiment, request, material, served),
    }
    write_json(training.folder / RESULT, result | figures)


def predict_digits(model: keras.Sequential, digits: Digits) -> np.ndarray:
    """Probabilities of the ten digits, float32 (n, 10), by a trained model."""
    return digit_probabilities(model.predict(make_batches(digits, EVALUATION_BATCH), verbose=0))


def _judge(model: keras.Sequential, digits: Digits) -> dict[str, Any]:
    """How many digits a model reads rightly, in short."""
    right = int((predict_digits(model, digits).argmax(axis=1) == digits.labels).sum())
    size = len(digits.labels)
    interval = list(wilson_interval(right, size))
    return {"size": size, "accuracy": right / size, "interval": interval}


def _provenance(
    experiment: Experiment, request: Request, material: Material, served: ServedModel
) -> dict[str, Any]:
    """What one needs to know to repeat or judge a run."""
    return {
        "split": {"seed": SPLIT_SEED, **material.counts},
        "data": material.sources,
        "settings": asdict(request.settings),
        **({"teaching": asdict(request.teaching)} if request.teaching else {}),
        "precision": choose_precision(experiment),
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
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "threads": os.environ.get("DIGITNET_THREADS"),
        },
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
