"""run_training: from a request to a finished run, the one place that puts the rooms together."""

from __future__ import annotations

import contextlib
import errno
import math
import os
from collections.abc import Iterator
from dataclasses import asdict

import keras
import psutil
import tensorflow as tf

from digitnet.digits import (
    DataError,
    Material,
    Unlearnt,
    load_lesson,
    load_material,
    load_unlearnt,
)
from digitnet.experiments import Experiment, TrainingSettings, training_bytes
from digitnet.runs import (
    DRAWINGS,
    TRAINED,
    Request,
    Run,
    RunStore,
    Teaching,
    Training,
    read_calibration,
)
from digitnet.serving import ServedNetwork
from digitnet.training.architectures import build_model, build_training_model
from digitnet.training.interrupts import interrupted_between_steps
from digitnet.training.loop import (
    Progress,
    TrainingError,
    compile_for_training,
    train_model,
)
from digitnet.training.precision import choose_precision
from digitnet.training.results import judge_model, write_network, write_result
from digitnet.training.teaching import judge_teaching, teach_model
from digitnet.training.watcher import Listener, Watcher

# Steps are run in groups, which spares small networks Keras' overhead, but no group may keep a
# cancel or the progress bar waiting: about this many multiply-adds of one image.
MULTIPLY_ADDS_PER_EXECUTION = 300_000_000
MAX_STEPS_PER_EXECUTION = 32


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
    served = write_network(model, material, training, _load_unlearnt(request))
    official = material.official_test
    figures = {"official_test": judge_model(model, official)} if official else {}
    write_result(served, material, training, progress, figures)
    training.write_status("finished", epoch=progress.epoch)


def _teach_and_test(teaching: Teaching, training: Training, store: RunStore, say: Listener) -> None:
    """Teaches a run's network one person's hand; writes all that a finished run has."""
    _limit_threads()
    request, watcher = training.request, Watcher(training.request, training, say)
    base, before = store.find(teaching.base), store.current(request.experiment)
    training.write_status("running", phase="loading")
    lesson = load_lesson(training.folder / DRAWINGS, request.settings.seed)
    model = keras.models.load_model(base.folder / TRAINED, compile=False)
    with interrupted_between_steps(watcher.on_step) as on_step:
        progress = teach_model(
            model, lesson, request.settings, watcher.on_start, on_step, watcher.on_epoch
        )
    training.write_status("running", phase="testing", epoch=progress.epoch)
    served = write_network(model, lesson.judged, training, lesson.unlearnt)
    calibration = read_calibration(training.folder, served.sha256)
    taught = ServedNetwork(served.tflite, calibration=calibration)
    outcome = judge_teaching(lesson, base, before or base, taught)
    write_result(served, lesson.judged, training, progress, {"teaching": asdict(outcome)})
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
    """Honours DIGITNET_THREADS, so that trainings side by side share the cores.

    Raises:
        TrainingError: If it is no number of threads.
    """
    threads = os.environ.get("DIGITNET_THREADS")
    if threads and not (threads.isdecimal() and int(threads)):
        raise TrainingError(f"DIGITNET_THREADS must be a whole number above 0: {threads!r}")
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


def steps_per_execution(experiment: Experiment) -> int:
    """How many steps Keras runs before it looks up."""
    steps = MULTIPLY_ADDS_PER_EXECUTION // experiment.multiply_adds
    return max(1, min(MAX_STEPS_PER_EXECUTION, steps))


def build_for_training(
    experiment: Experiment, settings: TrainingSettings, images: int, precision: str
) -> keras.Sequential:
    """A fresh model of the experiment, seeded and compiled as it is trained here.

    Args:
        experiment: What to build.
        settings: How it is to be trained.
        images: Of an epoch.
        precision: Keras dtype policy of the hidden layers.
    """
    keras.utils.set_random_seed(settings.seed)
    model = build_training_model(experiment, precision)
    steps = math.ceil(images / settings.batch_size)
    compile_for_training(model, settings, steps_per_execution(experiment), steps)
    return model


def _train(
    experiment: Experiment, request: Request, material: Material, training: Training, say: Listener
) -> tuple[keras.Sequential, Progress]:
    """Trains, and returns the float32 model with the best epoch's weights."""
    watcher = Watcher(request, training, say)
    images, state = material.lessons.size, training.state_folder
    trial = choose_precision(experiment, request.settings, images, state)
    trained = build_for_training(experiment, request.settings, images, trial.precision)
    with interrupted_between_steps(watcher.on_step) as on_step:
        progress = train_model(
            trained,
            material.lessons,
            material.validation,
            request.settings,
            state,
            watcher.on_start,
            on_step,
            watcher.on_epoch,
        )
    weights = trained.get_weights()
    del trained  # its optimizer is twice the weights
    model = build_model(experiment)
    model.set_weights(weights)
    return model, progress


def _load_unlearnt(request: Request) -> Unlearnt | None:
    """What the network can be calibrated on; None where there are no drawings: it does without."""
    with contextlib.suppress(DataError):
        return load_unlearnt(request.settings.dataset)
    return None
