"""How well a kept network reads the images that it has learnt from, nothing being dropped out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from digitnet.runs.files import is_amount, read_if_of

FIT = "fit.json"


@dataclass(frozen=True)
class ReadShare:
    """How many images were read rightly.

    Args:
        right: How many.
        images: Of how many, at least one.
    """

    right: int
    images: int

    @property
    def share(self) -> float:
        """The share that was read rightly, 0 to 1."""
        return self.right / self.images


@dataclass(frozen=True)
class KeptFit:
    """What a kept network reads rightly of its training and of its validation images."""

    training: ReadShare
    validation: ReadShare


def read_fit(folder: Path, served_sha256: str | None) -> KeptFit | None:
    """Reads how a run's network fits, which need not have been measured.

    Args:
        folder: The run's.
        served_sha256: Of its served model; what was measured of another does not hold for it.
    """
    return read_if_of(folder / FIT, served_sha256, _parse)


def _parse(values: dict[str, Any]) -> KeptFit:
    return KeptFit(_parse_share(values["training"]), _parse_share(values["validation"]))


def _parse_share(values: dict[str, Any]) -> ReadShare:
    right, images = values["right"], values["images"]
    if not (is_amount(right) and is_amount(images) and 0 <= right <= images and images >= 1):
        raise ValueError(f"read rightly: {values!r}")
    return ReadShare(int(right), int(images))
