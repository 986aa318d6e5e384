"""The images of an epoch, made from a seed and the epoch's number alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from digitnet.digits.handwriting.drawings import OUTLIER, Drawing
from digitnet.digits.handwriting.outliers import make_outliers
from digitnet.digits.handwriting.paths import Paths, sample_paths
from digitnet.digits.handwriting.rare_forms import make_rare
from digitnet.digits.handwriting.rendering import draw_paths
from digitnet.digits.handwriting.variation import vary_paths
from digitnet.digits.handwriting.warping import vary_images
from digitnet.digits.ink import FIELD
from digitnet.digits.records import Digits
from digitnet.experiments import CLASSES

CALM = 0.5  # of the images of a training's last epochs


@dataclass(frozen=True, eq=False)
class Sources:
    """What an epoch's images are made from.

    Attributes:
        images: MNIST's images, uint8 (n, 28, 28).
        image_labels: uint8 (n,).
        drawings: Digits drawn as strokes.
        outliers: Letters and signs that nobody takes for a digit.
    """

    images: np.ndarray
    image_labels: np.ndarray
    drawings: Sequence[Drawing]
    outliers: Sequence[Drawing]


@dataclass(frozen=True)
class Mixture:
    """How many images of each kind an epoch has.

    Attributes:
        images: MNIST's.
        drawings: Digits drawn as strokes.
        rare: Digits drawn as strokes and edited into a rare form.
        letters: Letters and signs drawn as strokes.
        made_outliers: Scribbles, figures, doodles and several digits in one.
    """

    images: int = 32_000
    drawings: int = 23_400
    rare: int = 3_200
    letters: int = 4_400
    made_outliers: int = 4_000

    @property
    def size(self) -> int:
        """All of an epoch's images."""
        return self.images + self.drawings + self.rare + self.letters + self.made_outliers


class Epochs:
    """Makes the images of any epoch of a training."""

    def __init__(self, sources: Sources, mixture: Mixture, seed: int, calm_from: int) -> None:
        """Prepares the sources.

        Args:
            sources: What the images are made from.
            mixture: How many of each kind.
            seed: With the number of an epoch it decides on all of its images.
            calm_from: The epoch from which on a share CALM of images is not altered, so that the
                last steps are taken among images as people draw them.
        """
        self._calm_from = calm_from
        self._sources = sources
        self._mixture = mixture
        self._seed = seed
        self._paths = sample_paths([(one.strokes, one.label) for one in sources.drawings])
        self._letters = sample_paths([(one.strokes, OUTLIER) for one in sources.outliers])
        self._by_digit = [
            [one for one in sources.drawings if one.label == digit] for digit in range(CLASSES)
        ]

    @property
    def size(self) -> int:
        """Images of an epoch."""
        return self._mixture.size

    def make_epoch(self, epoch: int) -> Digits:
        """Returns an epoch's images, shuffled; a label is OUTLIER where it is no digit."""
        rng = np.random.default_rng((self._seed, epoch))
        mixture, sources = self._mixture, self._sources
        calm = CALM if epoch >= self._calm_from else 0
        chosen = _deal(len(sources.images), mixture.images, epoch, self._seed)
        images = [vary_images(sources.images[chosen], rng, calm)]
        labels = [sources.image_labels[chosen]]
        made = make_rare(self._by_digit, mixture.rare, rng)
        made += make_outliers(sources.drawings, mixture.made_outliers, rng)
        for paths in (
            self._paths.take(_deal(len(sources.drawings), mixture.drawings, epoch, self._seed)),
            self._letters.take(_deal(len(sources.outliers), mixture.letters, epoch, self._seed)),
            sample_paths(made),
        ):
            images.append(_draw_varied(paths, rng, calm))
            labels.append(paths.labels)
        order = rng.permutation(sum(len(part) for part in labels))
        return Digits(np.concatenate(images)[order], np.concatenate(labels)[order])


def _draw_varied(paths: Paths, rng: np.random.Generator, calm: float) -> np.ndarray:
    """Draws every path once, mostly altered, a bounded number at a time."""
    images = [np.empty((0, FIELD, FIELD), np.uint8)]
    for start in range(0, len(paths.labels), 1024):
        part = paths.take(np.arange(start, min(start + 1024, len(paths.labels))))
        images.append(draw_paths(*vary_paths(part, rng, calm), rng))
    return np.concatenate(images)


def _deal(size: int, count: int, epoch: int, seed: int) -> np.ndarray:
    """Returns the epoch's share of an endless deal in which each of size comes up in turn."""
    if not count:
        return np.empty(0, int)
    first = epoch * count
    rounds = range(first // size, (first + count - 1) // size + 1)
    order = np.concatenate(
        [np.random.default_rng((seed, 7, one)).permutation(size) for one in rounds]
    )
    return order[first % size :][:count]
