"""How a network's last hidden layer sees digits: computed once, and stored beside its run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from digitnet.experiments import CLASSES
from digitnet.runs.files import FORMAT, replacing

MAP = "map.npz"
SMALLEST = 1e-9  # difference between two values that are told apart


@dataclass(frozen=True, eq=False)
class Axes:
    """The few directions in which the values of a network's last hidden layer vary most.

    Args:
        mean: float32 (d,), of the layer's values.
        directions: int8 (d, k), orthogonal but for rounding.
        low: float32 (k,), what of the projected values is stored as 0.
        high: float32 (k,), what is stored as 255.
    """

    mean: np.ndarray
    directions: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def project(self, features: np.ndarray) -> np.ndarray:
        """The layer's values (n, d) in these directions, float32 (n, k)."""
        return (features - self.mean) @ self.directions.astype(np.float32)

    def store(self, projected: np.ndarray) -> np.ndarray:
        """What was projected in a byte each, uint8 (n, k)."""
        shares = (projected - self.low) / np.maximum(self.high - self.low, SMALLEST)
        return np.round(255 * np.clip(shares, 0, 1)).astype(np.uint8)

    def restore(self, stored: np.ndarray) -> np.ndarray:
        """What was stored as it was projected, float32 (n, k), but for rounding."""
        return self.low + stored.astype(np.float32) / 255 * (self.high - self.low)


@dataclass(frozen=True, eq=False)
class MappedDigits:
    """Digits of the data set that a run is tested on.

    Args:
        features: uint8 (n, k), as `Axes.store` gives them.
        labels: uint8 (n,).
        index: int32 (n,), positions in the data set.
    """

    features: np.ndarray
    labels: np.ndarray
    index: np.ndarray


@dataclass(frozen=True, eq=False)
class DigitMap:
    """Some digits as a network's last hidden layer sees them.

    Args:
        served_sha256: Of the served model that it was computed with; it holds for no other.
        axes: What the digits' features are measured along.
        learnt: Digits that the network has learnt from.
        tested: Digits that it has not.
        places: float32 (t, 2), where the latter lie on a map on which neighbours are near.
    """

    served_sha256: str
    axes: Axes
    learnt: MappedDigits
    tested: MappedDigits
    places: np.ndarray

    def save(self, folder: Path) -> int:
        """Writes the map into a run's folder; returns its size in bytes."""
        parts = {"axes": self.axes, "learnt": self.learnt, "tested": self.tested}
        arrays = {
            f"{part}_{name}": array
            for part, record in parts.items()
            for name, array in vars(record).items()
        }
        with replacing(folder / MAP) as stream:
            np.savez_compressed(
                stream,
                format=FORMAT,
                served_sha256=self.served_sha256,
                places=self.places,
                **arrays,
            )
        return (folder / MAP).stat().st_size


def read_map(folder: Path, served_sha256: str | None) -> DigitMap | None:
    """Reads a run's map, which a run need not have.

    Args:
        folder: The run's.
        served_sha256: Of its served model.

    Returns:
        The map; None if there is none of this model.
    """
    try:
        with np.load(folder / MAP, allow_pickle=False) as arrays:
            found = _parse(dict(arrays))
    except Exception:  # NumPy and zipfile raise many kinds on garbage; a page does without
        return None
    return found if found.served_sha256 == served_sha256 else None


def _parse(arrays: Mapping[str, np.ndarray]) -> DigitMap:
    """Raises where the arrays are no map."""

    def part(kind: type[Any], name: str) -> Any:
        return kind(*(arrays[f"{name}_{field.name}"] for field in fields(kind)))

    found = DigitMap(
        str(arrays["served_sha256"]),
        part(Axes, "axes"),
        part(MappedDigits, "learnt"),
        part(MappedDigits, "tested"),
        arrays["places"],
    )
    if int(arrays["format"]) != FORMAT:
        raise ValueError(f"the format is {arrays['format']}")
    _require_right(found)
    return found


def _require_right(found: DigitMap) -> None:
    axes, (d, k) = found.axes, found.axes.directions.shape
    if (axes.mean.shape, axes.low.shape, axes.high.shape) != ((d,), (k,), (k,)):
        raise ValueError("the axes do not fit together")
    if found.places.shape != (len(found.tested.labels), 2):
        raise ValueError("there is not a place for each digit")
    for digits in (found.learnt, found.tested):
        count = len(digits.labels)
        if not count or digits.features.shape != (count, k) or digits.index.shape != (count,):
            raise ValueError("there are not as many labels as digits")
        if digits.labels.max() >= CLASSES or digits.index.min() < 0:
            raise ValueError("the labels are no digits")
