"""What a drawing is like to a network: the nearest digits, and its place among others.

Two digits are alike to a network if its last hidden layer says the same of both. The map of the
test digits is made by t-SNE (van der Maaten and Hinton, 2008), which keeps neighbours together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from digitnet.digits import Learnt, load_learnt
from digitnet.experiments import Experiment
from digitnet.runs import Axes, DigitMap, MappedDigits, Run
from digitnet.serving import OpenNetwork
from digitnet.study.renewal import renew

LEARNT, TESTED = 4_000, 1_000  # digits that are stored: about 150 kB a run
DIRECTIONS = 24  # of the last hidden layer
FITTED = 2_000  # digits that these are found with
PERPLEXITY = 30.0  # about how many neighbours a digit of the map has
STEPS = 500  # of t-SNE; twice as many look the same
SEED = 0
SMALLEST = 1e-9
CHUNK = 32  # digits whose layers, all of which are kept, are in memory together
NEAREST = 12
NEAR = 5  # test digits between which a drawing is placed


@dataclass(frozen=True, eq=False)
class Neighbours:
    """What a drawing is like to a network.

    Args:
        labels: Of the nearest digits that it has learnt from, the nearest first.
        index: Their positions in the data set.
        place: Where the drawing lies on the map, float64 (2,): between the nearest test digits.
    """

    labels: list[int]
    index: list[int]
    place: NDArray


def find_neighbours(digit_map: DigitMap, features: NDArray) -> Neighbours:
    """Finds what is nearest to a drawing.

    Args:
        digit_map: The network's.
        features: What its last layer is given for the drawing, float32 (d,).
    """
    point = digit_map.axes.project(features[np.newaxis])
    to_learnt, to_tested = (
        np.linalg.norm(digit_map.axes.restore(one.features) - point, axis=1)
        for one in (digit_map.learnt, digit_map.tested)
    )
    nearest = np.argsort(to_learnt, kind="stable")[:NEAREST]
    around = np.argsort(to_tested, kind="stable")[:NEAR]
    weights = 1 / np.maximum(to_tested[around], 1e-6)
    return Neighbours(
        digit_map.learnt.labels[nearest].tolist(),
        digit_map.learnt.index[nearest].tolist(),
        weights @ digit_map.places[around] / weights.sum(),
    )


def map_runs(runs: Sequence[Run]) -> Iterator[tuple[Run, int]]:
    """Maps runs one after another, and stores each map beside its run.

    Yields:
        Each run with the size of its map in bytes.

    Raises:
        DataError: If the digits cannot be had.
        RunError: If a run is broken or cannot be written to.
    """

    def make(run: Run, model: bytes, learnt: Learnt) -> int:
        return make_map(model, run.experiment, learnt).save(run.folder)

    return renew(runs, load_learnt, make, "mapped")


def make_map(model: bytes, experiment: Experiment, learnt: Learnt) -> DigitMap:
    """Computes how a served model sees digits.

    Args:
        model: The LiteRT model.
        experiment: Whose it is.
        learnt: The data set that it has learnt from.

    Raises:
        InferenceError: If it cannot be looked into.
    """
    network = OpenNetwork(model, experiment.layers)
    chosen = learnt.train_index[:LEARNT], learnt.test_index[:TESTED]  # both are shuffled
    features = [_read_features(network, learnt.digits.images[index]) for index in chosen]
    axes, projected = _find_axes(*features)
    known, tested = (
        MappedDigits(axes.store(rows), learnt.digits.labels[index], index.astype(np.int32))
        for rows, index in zip(projected, chosen, strict=True)
    )
    digest = hashlib.sha256(model).hexdigest()
    return DigitMap(digest, axes, known, tested, _lay_out(projected[1]))


def _read_features(network: OpenNetwork, images: NDArray) -> NDArray:
    """What the last layer is given for images, float32 (n, d)."""
    parts = [
        network.look(images[start : start + CHUNK]).features
        for start in range(0, len(images), CHUNK)
    ]
    return np.concatenate(parts)


def _find_axes(learnt: NDArray, tested: NDArray) -> tuple[Axes, list[NDArray]]:
    """The directions in which features vary most, and all features projected onto them."""
    from sklearn.decomposition import PCA  # here and below: a second that only this needs

    count = min(DIRECTIONS, *learnt[:FITTED].shape)
    with np.errstate(invalid="ignore"):  # of a layer that always says the same
        fitted = PCA(count, svd_solver="randomized", random_state=SEED).fit(learnt[:FITTED])
    unit = 127 / max(np.abs(fitted.components_).max(), SMALLEST)  # one for all keeps distances
    directions = np.round(fitted.components_.T * unit).astype(np.int8)
    mean, none = fitted.mean_.astype(np.float32), np.zeros(count, np.float32)
    axes = Axes(mean, directions, none, none)
    projected = [axes.project(features) for features in (learnt, tested)]
    everything = np.concatenate(projected)
    return replace(axes, low=everything.min(axis=0), high=everything.max(axis=0)), projected


def _lay_out(projected: NDArray) -> NDArray:
    """Places digits on a map, float32 (n, 2), in a square from -1 to 1."""
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    flat = projected[:, :2] - projected[:, :2].mean(axis=0)
    flat = np.pad(flat, ((0, 0), (0, 2 - flat.shape[1])))  # of a layer of a single unit
    start = 1e-4 * flat / max(flat[:, 0].std(), SMALLEST)  # as small as t-SNE wants it
    start += np.random.default_rng(SEED).normal(0, 1e-6, flat.shape)  # for digits all alike
    perplexity = min(PERPLEXITY, (len(flat) - 1) / 3)
    tsne = TSNE(
        perplexity=perplexity, init=start.astype(np.float32), max_iter=STEPS, random_state=SEED
    )
    with threadpool_limits(1):  # a thread a core would busily wait for those of other trainings
        places = tsne.fit_transform(projected)
    places -= (places.min(axis=0) + places.max(axis=0)) / 2
    return (places / max(np.abs(places).max(), SMALLEST)).astype(np.float32)
