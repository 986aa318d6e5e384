"""The precision that trains a network fastest on this machine, found by trying.

A processor's flags do not tell: whether bfloat16 pays, or float32 by Winograd's minimal filtering,
depends on its units, on oneDNN's kernels for them and on the network. Weights, optimizer and the
softmax are float32 in any case.
"""

from __future__ import annotations

import contextlib
import gc
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import tensorflow as tf

from digitnet.experiments import IMAGE_SHAPE, Experiment, TrainingSettings, expect_epochs
from digitnet.experiments.layers import Convolution
from digitnet.report import find_report_epochs
from digitnet.runs import FORMAT, RunError, read_json, write_json
from digitnet.training.architectures import FLOAT32_WINOGRAD, build_training_model
from digitnet.training.winograd import WINDOW, pays

# As `build_training_model` takes them; the first is the usual one.
PRECISIONS = ("float32", "mixed_bfloat16", FLOAT32_WINOGRAD)
LEAST_GAIN = 1.1  # how many times sooner another must be, so that chance does not decide
TRIAL_SECONDS = 0.5  # for the steps of all, besides what it takes to compile them
LEAST_ROUNDS = 3
# A training of fewer multiply-adds of single images is over before a trial has paid.
LEAST_MULTIPLY_ADDS = 100_000_000_000
INK = 0.2  # share of pixels that are not background, as in MNIST
TRIAL = "trial.json"


@dataclass(frozen=True)
class Trial:
    """What a trial found.

    Args:
        precision: That of the hidden layers, one of `PRECISIONS`.
        seconds: Processor time of a step in each precision; empty where none was tried.
    """

    precision: str = PRECISIONS[0]
    seconds: dict[str, float] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path) -> Trial | None:
        """The trial of a training that has begun; None where there is none that can be read."""
        with contextlib.suppress(RunError, KeyError):
            values = read_json(folder / TRIAL)
            if values["precision"] in PRECISIONS:
                return cls(values["precision"], values["seconds"])
        return None

    def save(self, folder: Path) -> None:
        """Keeps it for when the training is resumed."""
        folder.mkdir(exist_ok=True)
        write_json(folder / TRIAL, {"format": FORMAT, **asdict(self)})


def choose_precision(
    experiment: Experiment, settings: TrainingSettings, images: int, folder: Path
) -> Trial:
    """What a training is done in: as it was begun, else what a trial finds.

    Args:
        experiment: What is trained.
        settings: How.
        images: Of an epoch.
        folder: Of the training's state, where the trial is kept.
    """
    trial = Trial.load(folder)
    if trial is None:
        pays = count_multiply_adds(experiment, settings, images) >= LEAST_MULTIPLY_ADDS
        trial = Trial()
        if pays and not tf.config.get_visible_devices("GPU"):  # whose time is not the processor's
            trial = try_precisions(experiment, settings.batch_size)
            gc.collect()  # graphs refer to themselves, and would keep the weights of what was tried
        trial.save(folder)
    return trial


def count_multiply_adds(experiment: Experiment, settings: TrainingSettings, images: int) -> int:
    """Multiply-adds of the forward passes of all epochs that are expected."""
    epochs = expect_epochs(settings, report_epochs=find_report_epochs(experiment.name))
    return experiment.multiply_adds * images * epochs


def try_precisions(experiment: Experiment, batch_size: int) -> Trial:
    """Times steps on made-up images in each precision, in turns.

    Processor time is measured, for others at work on the machine hardly change it.
    """
    steps = {one: _make_step(experiment, one, batch_size) for one in precisions_of(experiment)}
    for step in steps.values():
        step()  # compiles
    seconds, rounds, end = dict.fromkeys(steps, math.inf), 0, time.monotonic() + TRIAL_SECONDS
    while rounds < LEAST_ROUNDS or time.monotonic() < end:
        rounds += 1
        for precision, step in steps.items():
            seconds[precision] = min(seconds[precision], _time(step))
    return Trial(pick_precision(seconds), seconds)


def precisions_of(experiment: Experiment) -> list[str]:
    """The precisions that a network can be trained in."""
    channels = [IMAGE_SHAPE[-1], *(cost.output_shape[-1] for cost in experiment.costs)]
    is_wide = any(
        isinstance(layer, Convolution)
        and (layer.window, layer.stride) == (WINDOW, 1)
        and pays(before, layer.filters)
        for layer, before in zip(experiment.layers, channels, strict=False)
    )
    return [one for one in PRECISIONS if is_wide or one != FLOAT32_WINOGRAD]


def pick_precision(seconds: dict[str, float]) -> str:
    """The usual precision, unless another is sooner by a clear margin."""
    usual, fastest = PRECISIONS[0], min(seconds, key=seconds.__getitem__)
    return fastest if seconds[usual] >= LEAST_GAIN * seconds[fastest] else usual


def _make_step(experiment: Experiment, precision: str, batch_size: int) -> Callable[[], object]:
    """The gradients of a fresh network on one batch; the optimizer's part is always the same."""
    model = build_training_model(experiment, precision)
    generator = np.random.default_rng(0)
    inked = generator.random((batch_size, *IMAGE_SHAPE)) < INK
    images = tf.constant(inked * generator.integers(1, 256, inked.shape) / 255, tf.float32)
    labels = tf.constant(generator.integers(0, experiment.outputs, batch_size))

    @tf.function
    def step() -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            chosen = tf.gather(model(images, training=True), labels, batch_dims=1)
            loss = -tf.reduce_mean(tf.math.log(chosen + 1e-7))
        return tape.gradient(loss, model.trainable_variables)

    return step


def _time(step: Callable[[], object]) -> float:
    begin = time.process_time()
    step()
    return time.process_time() - begin
