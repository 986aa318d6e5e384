"""What a training learns from and is judged on, whatever the data set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from digitnet.digits.datasets import HANDWRITING, load_digits
from digitnet.digits.handwriting import (
    MNIST_TRAIN,
    OUTLIER,
    Drawing,
    Epochs,
    Mixture,
    Sources,
    deal_images,
    describe_files,
    find_strokes,
    hold_out_writers,
    load_collections,
)
from digitnet.digits.ink import render_strokes
from digitnet.digits.records import Digits
from digitnet.digits.splits import SPLIT_SEED, Split, split_digits
from digitnet.experiments import Experiment, TrainingSettings

HELD_OUT_IMAGES = 5_000  # of MNIST: one is 0.02 points
HELD_OUT_WRITERS = 0.05  # of each collection's
CALM_FROM = 2 / 3  # of a training; from there on half of the images are not altered


class Lessons(Protocol):
    """What is learnt, an epoch at a time."""

    @property
    def size(self) -> int:
        """Images of an epoch."""

    def make_epoch(self, epoch: int) -> Digits:
        """The images of an epoch, counted from 0, in the order in which they are learnt."""


class Shuffled:
    """The same digits in every epoch, in an order that depends on seed and epoch alone.

    Args:
        digits: What is learnt.
        seed: Of the order.
    """

    def __init__(self, digits: Digits, seed: int) -> None:
        self._digits = digits
        self._seed = seed

    @property
    def size(self) -> int:
        """Images of an epoch."""
        return len(self._digits.labels)

    def make_epoch(self, epoch: int) -> Digits:
        """The digits, shuffled."""
        order = np.random.default_rng((self._seed, epoch)).permutation(self.size)
        return Digits(self._digits.images[order], self._digits.labels[order])


@dataclass(frozen=True, eq=False)
class Material:
    """What a training learns from and is judged on.

    Attributes:
        lessons: What it learns, an epoch at a time.
        validation: What decides when to stop.
        test: What the results are measured on.
        test_index: int64 (t,), positions of the test images in the data set that they are of.
        counts: How many digits are in each part, for the record.
        official_test: MNIST's official test set, where nothing of it was learnt from.
        sources: What the digits were made from, for the record.
        split: What they were dealt from, where the same images are learnt in every epoch.
    """

    lessons: Lessons
    validation: Digits
    test: Digits
    test_index: np.ndarray
    counts: dict[str, int]
    official_test: Digits | None = None
    sources: list[dict[str, Any]] = field(default_factory=list)
    split: Split | None = None


def load_material(experiment: Experiment, settings: TrainingSettings) -> Material:
    """Loads what an experiment learns from and is judged on.

    Raises:
        DataError: If the digits cannot be had.
    """
    if settings.dataset == HANDWRITING:
        return _load_handwriting(experiment, settings)
    split = split_digits(settings.dataset, load_digits(settings.dataset))
    return Material(
        lessons=Shuffled(split.train, settings.seed),
        validation=split.validation,
        test=split.test,
        test_index=split.test_index,
        counts=_counts(len(split.train.labels), split.validation, split.test),
        split=split,
    )


def _load_handwriting(experiment: Experiment, settings: TrainingSettings) -> Material:
    """Loads MNIST's training images and the drawings; tests on the report's test digits."""
    find_strokes()  # says what is missing before anything is loaded
    mnist = load_digits("mnist")
    split = split_digits("mnist", mnist)
    learnt, held_out = deal_images(split.test_index, HELD_OUT_IMAGES, SPLIT_SEED)
    drawings, held_out_drawings = hold_out_writers(load_collections(), HELD_OUT_WRITERS, SPLIT_SEED)
    digits = [one for one in drawings if one.label != OUTLIER]
    sources = Sources(
        images=mnist.images[learnt],
        image_labels=mnist.labels[learnt],
        drawings=digits,
        outliers=[one for one in drawings if one.label == OUTLIER],
    )
    validation = _join(
        Digits(mnist.images[held_out], mnist.labels[held_out]),
        redraw([one for one in held_out_drawings if one.label != OUTLIER]),
    )
    return Material(
        lessons=Epochs(
            sources, _mixture(experiment), settings.seed, round(CALM_FROM * settings.epochs)
        ),
        validation=validation,
        test=split.test,
        test_index=split.test_index,
        counts=_counts(len(learnt) + len(digits), validation, split.test),
        official_test=Digits(mnist.images[MNIST_TRAIN:], mnist.labels[MNIST_TRAIN:]),
        sources=_describe_sources(sources),
    )


def _mixture(experiment: Experiment) -> Mixture:
    """What an epoch is mixed from; no more than digits where they are all that is told apart."""
    mixture = Mixture()
    return mixture if experiment.refuses else replace(mixture, letters=0, made_outliers=0)


def redraw(drawings: Sequence[Drawing]) -> Digits:
    """Draws drawings as the app does."""
    images = [render_strokes(one.strokes) for one in drawings]
    labels = np.array([one.label for one in drawings], np.uint8)
    return Digits(np.array(images, np.uint8).reshape(-1, 28, 28), labels)


def _join(*parts: Digits) -> Digits:
    return Digits(
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.labels for part in parts]),
    )


def _counts(train: int, validation: Digits, test: Digits) -> dict[str, int]:
    return {"train": train, "validation": len(validation.labels), "test": len(test.labels)}


def _describe_sources(sources: Sources) -> list[dict[str, Any]]:
    """What was learnt from, where it comes from, and the very files."""
    learnt = Counter(one.collection for one in (*sources.drawings, *sources.outliers))
    images = {"name": "MNIST, official training images", "learnt": len(sources.image_labels)}
    drawings = {"name": "drawings by collection", "learnt": dict(sorted(learnt.items()))}
    return [images, *describe_files(), drawings]
