"""Why this digit: which places of a drawing speak for each digit, and which against it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digitnet.experiments import (
    CLASSES,
    IMAGE_SHAPE,
    AveragePool,
    Convolution,
    Dense,
    Dropout,
    Experiment,
    Flatten,
    Layer,
    MaxPool,
    cost_layers,
)
from digitnet.serving import Insides

Evaluate = Callable[[NDArray], NDArray]  # images uint8 (n, 28, 28) -> outputs float32 (n, 10 or 11)
PATCH = 5  # pixels: side of what is rubbed out
STEP, LARGE_STEP = 2, PATCH  # pixels between patches; of large networks these do not overlap
TINY = np.finfo(np.float32).tiny


@dataclass(frozen=True, eq=False)
class Evidence:
    """What each place of an image adds to the logarithm of each digit's odds.

    Args:
        values: float64 (rows, columns, 10).
        start: Where the first place has its middle, in pixels.
        step: Pixels between two places.
        is_exact: Whether the network's answer is the sum of all places and a constant; else it is
            by how much the answer changes when the ink around the place is rubbed out.
    """

    values: NDArray
    start: float
    step: int
    is_exact: bool

    def compare(self, digit: int, other: int | None = None) -> NDArray:
        """What speaks for a digit, (rows, columns): rather than another, or than the average."""
        against = self.values.mean(axis=2) if other is None else self.values[..., other]
        return self.values[..., digit] - against


def find_evidence(
    experiment: Experiment, insides: Insides, kernel: NDArray, image: NDArray, evaluate: Evaluate
) -> Evidence:
    """The evidence in an image: exact where the network allows it, else by rubbing out.

    Args:
        experiment: Whose network it is.
        insides: What the network makes of the image alone.
        kernel: Its last layer's weights, float32 (d, outputs).
        image: uint8 (28, 28).
        evaluate: Its outputs for images.
    """
    layers = [one for one in experiment.layers if not isinstance(one, Dropout)]
    if layers and isinstance(layers[-1], Flatten) and insides.layers:
        return _find_exactly(layers[:-1], insides, kernel)
    step = LARGE_STEP if experiment.is_large else STEP
    return _rub_out(image, evaluate, step)


# --- exactly ---------------------------------------------------------------------------------


def _find_exactly(layers: Sequence[Layer], insides: Insides, kernel: NDArray) -> Evidence:
    """Activation times weight at each place; behind a pooling, at the places that it took."""
    values = insides.layers[-1].values[0].astype(np.float64)
    weights = kernel[:, :CLASSES].reshape(*values.shape, CLASSES)
    added = values[..., np.newaxis] * weights
    pool = layers[-1]
    if isinstance(pool, MaxPool | AveragePool) and len(insides.layers) > 1:
        before = insides.layers[-2].values[0].astype(np.float64)
        start, step = _locate(layers[:-1])
        return Evidence(_unpool(pool, before, added), start, step, True)
    start, step = _locate([] if insides.layers[-1].is_code else layers)
    return Evidence(added.sum(axis=2), start, step, True)


def _unpool(pool: MaxPool | AveragePool, before: NDArray, added: NDArray) -> NDArray:
    """Gives what pooled values add back to the values that they were pooled from.

    Args:
        pool: The pooling.
        before: What it pooled, (rows, columns, channels), 0 or more.
        added: What each of its outputs adds to each digit, (rows', columns', channels, 10).

    Returns:
        What each place adds to each digit, (rows, columns, 10).
    """
    rows, columns, channels = before.shape
    margin = _padding(rows, pool)
    reach = (len(added) - 1) * pool.stride + pool.window
    padded = np.full((max(reach, rows + margin), max(reach, columns + margin), channels), -1.0)
    padded[margin : margin + rows, margin : margin + columns] = before
    windows = np.lib.stride_tricks.sliding_window_view(padded, (pool.window,) * 2, axis=(0, 1))
    windows = windows[:: pool.stride, :: pool.stride][: len(added), : added.shape[1]]
    shares = _shares(pool, windows)
    found = np.zeros((*padded.shape[:2], CLASSES))
    for down in range(pool.window):
        for right in range(pool.window):
            part = np.einsum("rck,rckd->rcd", shares[..., down, right], added)
            ends = down + pool.stride * len(part), right + pool.stride * part.shape[1]
            found[down : ends[0] : pool.stride, right : ends[1] : pool.stride] += part
    return found[margin : margin + rows, margin : margin + columns]


def _shares(pool: MaxPool | AveragePool, windows: NDArray) -> NDArray:
    """Which share of a pooled value comes from each place of its window; the same shape."""
    if isinstance(pool, AveragePool):
        inside = np.maximum(windows, 0)
        return inside / np.maximum(inside.sum(axis=(-1, -2), keepdims=True), TINY)
    flat = windows.reshape(*windows.shape[:-2], -1)
    first = flat.argmax(axis=-1)[..., np.newaxis] == np.arange(flat.shape[-1])
    return first.reshape(windows.shape).astype(np.float64)


def _locate(layers: Sequence[Layer]) -> tuple[float, int]:
    """Where the first place of an image's layers has its middle, and the step to the next."""
    start, step, side = 0.0, 1, IMAGE_SHAPE[0]
    for layer, cost in zip(layers, cost_layers(layers), strict=False):
        if isinstance(layer, Convolution | MaxPool | AveragePool):
            start += ((layer.window - 1) / 2 - _padding(side, layer)) * step
            step *= layer.stride
        side = side if isinstance(layer, Dense) else cost.output_shape[0]
    return start, step


def _padding(side: int, layer: Convolution | MaxPool | AveragePool) -> int:
    """How many zeros come before the first row."""
    if not layer.same:
        return 0
    outputs = -(-side // layer.stride)
    return max((outputs - 1) * layer.stride + layer.window - side, 0) // 2


# --- by rubbing out --------------------------------------------------------------------------


def _rub_out(image: NDArray, evaluate: Evaluate, step: int) -> Evidence:
    """By how much each digit's logarithm falls when the ink around a place is rubbed out."""
    middles = range(step // 2, len(image), step)
    images, places = [image], []
    for row, down in enumerate(middles):
        for column, right in enumerate(middles):
            part = _around(down), _around(right)
            if image[part].any():
                images.append(image.copy())
                images[-1][part] = 0
                places.append((row, column))
    logs = np.log(np.maximum(evaluate(np.stack(images))[:, :CLASSES], TINY).astype(np.float64))
    values = np.zeros((len(middles), len(middles), CLASSES))
    for (row, column), log in zip(places, logs[1:], strict=True):
        values[row, column] = logs[0] - log
    return Evidence(values, float(middles[0]), step, False)


def _around(middle: int) -> slice:
    return slice(max(0, middle - PATCH // 2), middle + PATCH // 2 + 1)
