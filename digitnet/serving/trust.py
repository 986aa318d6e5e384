"""How far networks can be trusted on drawings: counted once, looked up at each one.

A network trained on MNIST is surer of drawings than it should be. `benchmarks/drawings.py` counts,
on real drawings by many people, how often it is right when it is about so sure, and how often the
majority is right when so many networks agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from digitnet.experiments import CLASSES
from digitnet.serving.measured import load_drawings

CLASSES_FROM = (0.0, 0.5, 0.7, 0.9, 0.99, 0.999)  # where each class of confidence begins
FEWEST = 30  # drawings that a share may be told of


@dataclass(frozen=True)
class Trust:
    """How often drawings that were like one in some respect were read rightly.

    Args:
        drawings: How many they are.
        right: How many of them were read rightly.
    """

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
    correct = probabilities.argmax(axis=1) == labels
    return _count(_class_of(probabilities.max(axis=1)), correct, len(CLASSES_FROM))


def count_by_agreement(labels: ArrayLike, probabilities: NDArray) -> dict[str, list[int]]:
    """Counts drawings, and those that the majority read rightly, by how many networks it has.

    Among equals the digit wins that is more probable overall, as on the Draw page.

    Args:
        labels: True digits, integers of shape `(n,)`.
        probabilities: Each network's, floats of shape `(networks, n, 10)`.

    Returns:
        `drawings` and `right`, a count for each size of the majority from 0 to all networks.
    """
    networks = len(probabilities)
    readings = probabilities.argmax(axis=2)
    votes = np.stack([(readings == digit).sum(axis=0) for digit in range(CLASSES)], axis=1)
    winners = (votes + probabilities.sum(axis=0) / (networks + 1)).argmax(axis=1)
    return _count(votes.max(axis=1), winners == labels, networks + 1)


def _count(kind: NDArray[np.int64], correct: NDArray[np.bool_], kinds: int) -> dict[str, list[int]]:
    """How many drawings are of each kind, and how many of them were read rightly."""
    return {
        "drawings": np.bincount(kind, minlength=kinds).tolist(),
        "right": np.bincount(kind[correct], minlength=kinds).tolist(),
    }


def find_trust(
    name: str, served_sha256: str | None, temperature: float, confidence: float
) -> Trust | None:
    """Looks up how often a network was right when it was about so sure of a drawing.

    Args:
        name: An experiment's name.
        served_sha256: Of the served model; what was counted of another model does not hold for it.
        temperature: At which it is served; it is otherwise sure at another.
        confidence: Its highest probability, 0 to 1.

    Returns:
        What was counted in `find_class` of this confidence; None if that is too little.
    """
    measured = _load_drawings().get("confidence", {}).get(name)
    if not measured or measured["served_sha256"] != served_sha256:
        return None
    if measured.get("temperature", 1.0) != temperature:
        return None
    return _trust(measured, int(_class_of(confidence)))


def find_agreement(served: Mapping[str, str | None], majority: int) -> Trust | None:
    """Looks up how often the majority of the report's networks was right when it was as large.

    Args:
        served: The SHA-256 of the served model of every network that votes, by experiment.
        majority: How many of them agree.

    Returns:
        What was counted; None if it was too little, or counted of other networks.
    """
    counted = _load_drawings().get("agreement", {})
    return _trust(counted, majority) if served and counted.get("served_sha256") == served else None


def find_class(confidence: float) -> tuple[float, float]:
    """The least and the most confidence of the class that a confidence is in."""
    kind = int(_class_of(confidence))
    return CLASSES_FROM[kind], (*CLASSES_FROM[1:], 1.0)[kind]


def _trust(counts: Mapping[str, Any], kind: int) -> Trust | None:
    trust = Trust(counts["drawings"][kind], counts["right"][kind])
    return trust if trust.drawings >= FEWEST else None


def _class_of(confidence: ArrayLike) -> NDArray[np.int64]:
    return np.searchsorted(CLASSES_FROM, confidence, side="right") - 1


@cache
def _load_drawings() -> dict[str, Any]:
    """What was counted; empty too if other classes of confidence were told apart then."""
    record = load_drawings()
    return record if record.get("classes_from") == list(CLASSES_FROM) else {}
