"""How far a network's confidence can be trusted on drawings: counted once, looked up at each one.

A network trained on MNIST is surer of drawings than it should be. `benchmarks/drawings.py` counts
how often it is right when it is about so sure, on real drawings by many people.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from digitnet.results import load_record

CLASSES_FROM = (0.0, 0.5, 0.9, 0.99, 0.999)  # where each class of confidence begins
FEWEST = 30  # drawings that a share may be told of


@dataclass(frozen=True)
class Trust:
    """How often a network was right on drawings of which it was about so sure.

    Args:
        low: The least confidence of these drawings.
        high: Their most.
        drawings: How many they are.
        right: How many of them it read rightly.
    """

    low: float
    high: float
    drawings: int
    right: int

    @property
    def share(self) -> float:
        """The share that was read rightly, 0 to 1."""
        return self.right / self.drawings


def count_by_confidence(labels: ArrayLike, probabilities: NDArray) -> dict[str, list[int]]:
    """Counts drawings, and those read rightly, in each class of confidence.

    Args:
        labels: True digits, integers of shape `(n,)`.
        probabilities: Floats of shape `(n, 10)`.

    Returns:
        `drawings` and `right`, a count for each of `CLASSES_FROM`.
    """
    kind = _class_of(probabilities.max(axis=1))
    correct = probabilities.argmax(axis=1) == labels
    size = len(CLASSES_FROM)
    return {
        "drawings": np.bincount(kind, minlength=size).tolist(),
        "right": np.bincount(kind[correct], minlength=size).tolist(),
    }


def find_trust(name: str, served_sha256: str | None, confidence: float) -> Trust | None:
    """Looks up how often a network was right when it was about so sure of a drawing.

    Args:
        name: An experiment's name.
        served_sha256: Of the served model; what was counted of another model does not hold for it.
        confidence: Its highest probability, 0 to 1.

    Returns:
        The class of this confidence; None if too little is known of it.
    """
    record = _load_drawings()
    measured = record.get("confidence", {}).get(name)
    if not measured or measured["served_sha256"] != served_sha256:
        return None
    kind = int(_class_of(confidence))
    high = (*CLASSES_FROM[1:], 1.0)[kind]
    counts = measured["drawings"][kind], measured["right"][kind]
    return Trust(CLASSES_FROM[kind], high, *counts) if counts[0] >= FEWEST else None


def _class_of(confidence: ArrayLike) -> NDArray[np.int64]:
    return np.searchsorted(CLASSES_FROM, confidence, side="right") - 1


@cache
def _load_drawings() -> dict[str, Any]:
    return load_record("drawings")
