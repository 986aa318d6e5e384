"""Training with early stopping that a kill at any moment cannot harm.

An epoch is the unit: when one is finished, everything that the next needs (weights, optimizer,
random state, best weights, stop rule) is on disk in one file that is replaced atomically. So an
unbroken training and one that was killed and resumed do the same.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from threading import Thread
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from digitnet.digits import Digits, Lessons
from digitnet.errors import DigitnetError
from digitnet.experiments import CLASSES, EVALUATION_BATCH, TrainingSettings
from digitnet.runs import replacing

STATE_FILE = "state.npz"


class TrainingError(DigitnetError):
    """Training cannot go on; the message says why, in a sentence."""


@dataclass(frozen=True)
class Progress:
    """Where a training stands after a whole number of epochs.

    Args:
        epoch: Epochs finished.
        best_epoch: The epoch with the highest validation accuracy so far, 0 before the first.
        best_score: Its validation accuracy.
        seconds: Seconds spent in all finished epochs.
    """

    epoch: int = 0
    best_epoch: int = 0
    best_score: float = -math.inf
    seconds: float = 0.0

    def after(self, score: float, seconds: float, is_best: bool = False) -> Progress:
        """The progress after one more epoch.

        Args:
            score: Its validation accuracy; it counts as better only if it is higher.
            seconds: What it took.
            is_best: Whether the epoch counts as the best whatever its score.
        """
        after = replace(self, epoch=self.epoch + 1, seconds=self.seconds + seconds)
        if is_best or score > self.best_score:
            after = replace(after, best_epoch=after.epoch, best_score=score)
        return after

    def is_over(self, settings: TrainingSettings) -> bool:
        """Whether the epochs are used up or the score has not risen for `patience` epochs."""
        waited = self.epoch - self.best_epoch if self.epoch else 0
        return self.epoch >= settings.epochs or waited >= settings.patience


class FusedAdam(keras.optimizers.Adam):
    """Adam (Kingma and Ba, 2015) through TensorFlow's kernel that updates in one pass.

    The same formula as Keras' own, which takes about ten passes over the memory: half the time
    of a step of the widest dense networks.
    """

    def update_step(
        self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor
    ) -> None:
        index = self._get_variable_index(variable)
        step = tf.cast(self.iterations + 1, tf.float32)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=self.beta_1**step,
            beta2_power=self.beta_2**step,
            lr=tf.cast(learning_rate, tf.float32),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=gradient,
        )


def compile_for_training(
    model: keras.Sequential,
    settings: TrainingSettings,
    steps_per_execution: int,
    steps_per_epoch: int,
) -> None:
    """Compiles a model with the report's loss, metrics and optimizer, as the settings vary them.

    Precision and recall count every class at the threshold 0.5, as the report's do. XLA stays
    off: it is several times slower for convolutions on a CPU, and with the fused optimizer it
    gains nothing for dense layers.

    Args:
        model: A network.
        settings: How it is trained.
        steps_per_execution: Steps that Keras runs before it looks up.
        steps_per_epoch: How long an epoch is; a cosine must know.
    """
    model.compile(
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=settings.label_smoothing),
        optimizer=_make_optimizer(settings, settings.epochs * steps_per_epoch),
        metrics=[
            keras.metrics.CategoricalAccuracy(name="accuracy"),
            keras.metrics.Precision(name="precision"),
            keras.metrics.Recall(name="recall"),
        ],
        jit_compile=False,
        steps_per_execution=steps_per_execution,
    )


def _make_optimizer(settings: TrainingSettings, steps: int) -> FusedAdam:
    """Adam, or AdamW (Loshchilov and Hutter, 2019) where weights decay."""
    rate: Any = settings.learning_rate
    if settings.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=settings.learning_rate / 25,
            decay_steps=max(1, steps - settings.warm_up),
            warmup_target=settings.learning_rate,
            warmup_steps=settings.warm_up,
        )
    optimizer = FusedAdam(rate, weight_decay=settings.weight_decay or None)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def make_batches(digits: Digits, batch_size: int, outputs: int = CLASSES) -> tf.data.Dataset:
    """Batches of images and one-hot labels; the images stay uint8 until their batch is made.

    Args:
        digits: Images and labels to serve.
        batch_size: Images a batch; the last may be smaller.
        outputs: How many outputs the network has.

    Returns:
        A dataset of float32 (batch, 28, 28, 1) in [0, 1] and float32 (batch, outputs).
    """
    images, labels = tf.constant(digits.images), tf.constant(digits.labels)

    def pick(index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        pixels = tf.cast(tf.gather(images, index), tf.float32)[..., None] / 255.0
        return pixels, tf.one_hot(tf.gather(labels, index), outputs)

    index = np.arange(len(digits.labels))
    return _untuned(tf.data.Dataset.from_tensor_slices(index).batch(batch_size).map(pick))


def batch_arrays(size: int, *arrays: np.ndarray) -> tf.data.Dataset:
    """Batches of arrays of equal length, in order; as Keras makes them, but for the tuning."""
    return _untuned(tf.data.Dataset.from_tensor_slices(arrays).batch(size))


def _untuned(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Two batches made ahead, without TensorFlow's tuning of how many that should be.

    The thread that tunes can hold up the end of an epoch: it sleeps twice as long each time, up to
    a minute, and is not always woken when all is done.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return batches.prefetch(2).with_options(options)


def _make_ahead(lessons: Lessons, epochs: range) -> Iterator[Digits]:
    """Yields the images of epochs in turn; the next ones are made while one is learnt from."""
    coming = _begin_epoch(lessons, epochs.start)
    for epoch in epochs:
        digits = coming.result()
        if epoch + 1 in epochs:
            coming = _begin_epoch(lessons, epoch + 1)
        yield digits


def _begin_epoch(lessons: Lessons, epoch: int) -> Future[Digits]:
    """Begins to make an epoch's images on a thread of its own."""
    coming: Future[Digits] = Future()

    def make() -> None:
        try:
            coming.set_result(lessons.make_epoch(epoch))
        except BaseException as error:
            coming.set_exception(error)

    # A daemon: a training that is stopped need not wait for images that it no longer wants.
    Thread(target=make, daemon=True).start()
    return coming


def train_model(
    model: keras.Sequential,
    lessons: Lessons,
    validation: Digits,
    settings: TrainingSettings,
    folder: Path,
    on_start: Callable[[Progress], None],
    on_step: Callable[[int, int], None],
    on_epoch: Callable[[dict[str, float], Progress], None],
) -> Progress:
    """Trains a compiled model until the stop rule, then gives it the best epoch's weights.

    Continues from the last finished epoch if `folder` holds one.

    Args:
        model: Freshly built and compiled by `compile_for_training`.
        lessons: What it learns from.
        validation: What decides when to stop.
        settings: The protocol.
        folder: Where the state is kept between epochs.
        on_start: Called with the progress to continue from.
        on_step: Called with steps done and steps in the epoch, with all while it is validated.
        on_epoch: Called with an epoch's history row and the progress after it, before the state
            is saved.

    Raises:
        TrainingError: If the loss is no longer a number.
    """
    model.optimizer.build(model.trainable_variables)  # else its variables could not be restored
    progress = load_state(folder, model)
    on_start(progress)
    judge = make_batches(validation, EVALUATION_BATCH, model.output_shape[-1]).cache()
    coming = _make_ahead(lessons, range(progress.epoch, settings.epochs))
    while not progress.is_over(settings):
        row = _train_epoch(model, coming, settings, progress.epoch, on_step, judge)
        progress = progress.after(row["val_accuracy"], row["seconds"], settings.keeps_last)
        on_epoch(row, progress)
        save_state(folder, model, progress)
    _load_best(folder, model, progress)
    return progress


def _train_epoch(
    model: keras.Sequential,
    coming: Iterator[Digits],
    settings: TrainingSettings,
    epoch: int,
    on_step: Callable[[int, int], None],
    validation: tf.data.Dataset,
) -> dict[str, float]:
    """Learns the images that come next, in their order."""
    begin = time.monotonic()
    batches = make_batches(next(coming), settings.batch_size, model.output_shape[-1])
    watcher = StepWatcher(epoch, len(batches), on_step)
    history = model.fit(
        batches,
        shuffle=False,  # they are shuffled
        verbose=0,
        callbacks=[watcher],
    )
    seconds = time.monotonic() - begin
    row = {name: float(values[0]) for name, values in history.history.items()}
    scores = model.evaluate(validation, verbose=0, return_dict=True, callbacks=[watcher])
    row |= {f"val_{name}": float(value) for name, value in scores.items()}
    if not math.isfinite(row["val_loss"]):
        raise TrainingError(_diverged(epoch))
    return row | {"epoch": epoch + 1, "seconds": seconds}


class StepWatcher(keras.callbacks.Callback):
    """Tells how far an epoch is, and ends it when the loss is not a number."""

    def __init__(self, epoch: int, steps: int, on_step: Callable[[int, int], None]) -> None:
        super().__init__()
        self._epoch = epoch
        self._steps = steps
        self._on_step = on_step

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if logs and not math.isfinite(float(logs["loss"])):
            raise TrainingError(_diverged(self._epoch))
        self._on_step(min(batch + 1, self._steps), self._steps)

    def on_test_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self._on_step(self._steps, self._steps)  # it may want to end the training


def _diverged(epoch: int) -> str:
    return (
        f"the loss became infinite or not a number in epoch {epoch + 1}; try a lower learning rate"
    )


def save_state(folder: Path, model: keras.Sequential, progress: Progress) -> None:
    """Saves all that the next epoch needs; atomic, and durable when it returns.

    The best weights have a file of their own, written before the state that names it.
    """
    folder.mkdir(exist_ok=True)
    if progress.best_epoch == progress.epoch:
        _save_arrays(_best_file(folder, progress), model.get_weights(), {})
    variables = [variable.numpy() for variable in _all_variables(model)]
    _save_arrays(folder / STATE_FILE, variables, asdict(progress))
    for path in folder.glob("best-*.npz"):
        if path != _best_file(folder, progress):
            path.unlink()


def load_state(folder: Path, model: keras.Sequential) -> Progress:
    """Restores the last saved state into a model whose optimizer is built.

    Returns:
        Its progress; a fresh one if nothing usable was saved (then the model is unchanged).

    Raises:
        OSError: If what was saved cannot be read just now.
    """
    try:
        with (folder / STATE_FILE).open("rb") as file, np.load(file, allow_pickle=False) as saved:
            progress = Progress(**json.loads(str(saved["progress"])))
            variables = _all_variables(model)
            arrays = [saved[f"array{index}"] for index in range(len(variables))]
        if not _best_file(folder, progress).exists():
            return Progress()
    except FileNotFoundError:
        return Progress()
    except (OSError, MemoryError):
        raise  # may pass, and what is saved may be whole
    except Exception as error:  # NumPy and zipfile raise many kinds on garbage
        print(f"the saved state cannot be read, training starts anew: {error}", flush=True)
        return Progress()
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
    return progress


def _load_best(folder: Path, model: keras.Sequential, progress: Progress) -> None:
    with np.load(_best_file(folder, progress), allow_pickle=False) as saved:
        model.set_weights([saved[f"array{index}"] for index in range(len(model.weights))])


def _best_file(folder: Path, progress: Progress) -> Path:
    return folder / f"best-{progress.best_epoch}.npz"


def _all_variables(model: keras.Sequential) -> list[keras.Variable]:
    """Weights, the random state of dropout, and the optimizer's variables."""
    metrics = {id(variable) for variable in model.metrics_variables}
    return [one for one in model.variables if id(one) not in metrics] + model.optimizer.variables


def _save_arrays(path: Path, arrays: list[np.ndarray], values: dict) -> None:
    named: dict[str, Any] = {f"array{index}": array for index, array in enumerate(arrays)}
    with replacing(path) as stream:
        np.savez(stream, progress=json.dumps(values), **named)
