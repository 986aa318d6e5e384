"""Teaching a trained network one person's hand, so that it forgets nothing.

The convolutions stay as they are: what strokes look like is the same in every hand. So what they
make of each image is computed once, and the layers behind them learn on, in seconds.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import keras
import numpy as np

from digitnet.digits import Digits, Lesson
from digitnet.experiments import EVALUATION_BATCH, TrainingSettings
from digitnet.runs import Outcome, Run
from digitnet.serving import ServedNetwork
from digitnet.training.loop import (
    Progress,
    StepWatcher,
    batch_arrays,
    compile_for_training,
    make_batches,
)

_LEAST = 1e-7  # probability that a loss is computed from


def teach_model(
    model: keras.Sequential,
    lesson: Lesson,
    settings: TrainingSettings,
    on_start: Callable[[Progress], None],
    on_step: Callable[[int, int], None],
    on_epoch: Callable[[dict[str, float], Progress], None],
) -> Progress:
    """Lets a trained model learn a person's drawings, and say of all else what it said before.

    Args:
        model: As it was saved; the layers behind Flatten are changed.
        lesson: What it learns.
        settings: How; all epochs count.
        on_start: Called before the first epoch.
        on_step: Called with steps done and steps in the epoch.
        on_epoch: Called with an epoch's history row and the progress after it.
    """
    progress = Progress()
    on_start(progress)
    body, head = _split(model)
    seen = _gather(body, head, lesson, settings.label_smoothing)
    unseen = _label(body, lesson.judged.validation, head.output_shape[-1])
    _freeze_normalization(head, True)
    steps = math.ceil(len(seen.features) / settings.batch_size)
    compile_for_training(head, replace(settings, label_smoothing=0.0), 1, steps)
    for epoch in range(settings.epochs):
        begin = time.monotonic()
        order = np.random.default_rng((settings.seed, epoch)).permutation(len(seen.features))
        head.fit(
            batch_arrays(settings.batch_size, seen.features[order], seen.targets[order]),
            shuffle=False,
            verbose=0,
            callbacks=[StepWatcher(epoch, steps, on_step)],
        )
        row = {"epoch": epoch + 1, "seconds": time.monotonic() - begin}
        row |= _score(head, seen)
        row |= {f"val_{name}": score for name, score in _score(head, unseen).items()}
        progress = progress.after(row["val_accuracy"], row["seconds"], is_best=True)
        on_epoch(row, progress)
    _freeze_normalization(head, False)
    return progress


@dataclass(frozen=True, eq=False)
class _Seen:
    """What the layers behind Flatten see of images.

    Args:
        features: float32 (n, k).
        targets: What is to come out, (n, outputs).
        truth: What they show, one-hot, (n, outputs).
    """

    features: np.ndarray
    targets: np.ndarray
    truth: np.ndarray


def _gather(
    body: keras.Sequential, head: keras.Sequential, lesson: Lesson, smoothing: float
) -> _Seen:
    """The person's drawings by their labels, all else by what the network says of it now."""
    outputs = head.output_shape[-1]
    own, known = (_label(body, one, outputs) for one in (lesson.own, lesson.known))
    return _Seen(
        np.concatenate([own.features, known.features]),
        np.concatenate(
            [
                own.truth * (1 - smoothing) + smoothing / outputs,
                head.predict(batch_arrays(EVALUATION_BATCH, known.features), verbose=0),
            ]
        ),
        np.concatenate([own.truth, known.truth]),
    )


def _label(body: keras.Sequential, digits: Digits, outputs: int) -> _Seen:
    truth = np.eye(outputs, dtype=np.float32)[digits.labels]
    return _Seen(body.predict(make_batches(digits, EVALUATION_BATCH), verbose=0), truth, truth)


def _split(model: keras.Sequential) -> tuple[keras.Sequential, keras.Sequential]:
    """The layers up to Flatten and those behind it; they remain the model's."""
    kinds = [type(layer) for layer in model.layers]
    first = kinds.index(keras.layers.Flatten) + 1
    body = keras.Sequential([keras.Input(model.input_shape[1:]), *model.layers[:first]])
    return body, keras.Sequential([keras.Input(body.output_shape[1:]), *model.layers[first:]])


def _freeze_normalization(head: keras.Sequential, frozen: bool) -> None:
    """Keeps the means that layers go by those of all images, not of a batch's own drawings."""
    for layer in head.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = not frozen


def _score(head: keras.Sequential, seen: _Seen) -> dict[str, float]:
    """Loss and metrics by what the images show."""
    batches = batch_arrays(EVALUATION_BATCH, seen.features, seen.truth)
    return head.evaluate(batches, verbose=0, return_dict=True)


def judge_teaching(lesson: Lesson, base: Run, before: Run, taught: ServedNetwork) -> Outcome:
    """What came of a teaching, by the networks as they are served.

    Args:
        lesson: What was taught.
        base: The run that was gone on from.
        before: The run that was current.
        taught: What came of it.
    """
    validation, (scribbles,) = lesson.judged.validation, lesson.unlearnt.outliers.values()
    taught_from = _load(base)
    misread_before, loss_before = _judge(_load(before), lesson.held_out)
    misread_after, loss_after = _judge(taught, lesson.held_out)
    return Outcome(
        learnt=lesson.learnt,
        held_out=len(lesson.held_out.labels),
        misread_before=misread_before,
        misread_after=misread_after,
        loss_before=loss_before,
        loss_after=loss_after,
        mnist_before=1 - _judge(taught_from, validation)[0] / len(validation.labels),
        mnist_after=1 - _judge(taught, validation)[0] / len(validation.labels),
        refused_before=_refused(taught_from, scribbles),
        refused_after=_refused(taught, scribbles),
    )


def _load(run: Run) -> ServedNetwork:
    return ServedNetwork(run.served_model, calibration=run.calibration)


def _judge(network: ServedNetwork, digits: Digits) -> tuple[int, float]:
    """How many digits a network misreads, and its mean loss, calibrated as it is."""
    probabilities = network.predict(digits.images)
    misread = int((probabilities.argmax(axis=1) != digits.labels).sum())
    right = probabilities[np.arange(len(digits.labels)), digits.labels]
    return misread, float(-np.log(np.maximum(right, _LEAST)).mean())


def _refused(network: ServedNetwork, images: np.ndarray) -> float:
    """Share of images, uint8 (n, 28, 28), that a network says are no digit; 0 if it never does."""
    is_digit = network.read(images).is_digit
    return 0.0 if is_digit is None else float(1 - is_digit.mean())
