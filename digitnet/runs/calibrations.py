"""How a run's outputs are to be read: what was fitted to them after the training."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from digitnet.runs.files import is_amount, read_if_of

CALIBRATION = "calibration.json"
SHARPEST, MILDEST = 0.01, 100.0  # temperatures; beyond, powers leave what float32 can hold


@dataclass(frozen=True)
class Calibration:
    """How sure a network is to be said to be, and when it sees no digit.

    Args:
        temperature: Log-probabilities are divided by it, so that above 1 it is less sure.
        threshold: What is above this probability of no digit is none; None where that is not told.
        error_before: Expected calibration error on validation digits, as the network is.
        error_after: The same at this temperature.
        refused: What was refused of each kind of validation images, as (kind, refused, all).
    """

    temperature: float = 1.0
    threshold: float | None = None
    error_before: float = math.nan
    error_after: float = math.nan
    refused: tuple[tuple[str, int, int], ...] = ()


UNCALIBRATED = Calibration()


def read_calibration(folder: Path, served_sha256: str | None) -> Calibration:
    """Reads a run's calibration, which a run need not have.

    Args:
        folder: The run's.
        served_sha256: Of its served model; what was fitted to another does not hold for it.

    Returns:
        The calibration; UNCALIBRATED if there is none of this model.
    """
    return read_if_of(folder / CALIBRATION, served_sha256, _parse) or UNCALIBRATED


def _parse(values: dict[str, Any]) -> Calibration:
    temperature, threshold = values["temperature"], values["threshold"]
    error = values["validation"]["calibration_error"]
    if not (is_amount(error["before"]) and is_amount(error["after"])):
        raise ValueError(f"the errors are {error!r}")
    if not (is_amount(temperature) and SHARPEST <= temperature <= MILDEST):
        raise ValueError(f"the temperature is {temperature!r}")
    if not (threshold is None or is_amount(threshold)):
        raise ValueError(f"the threshold is {threshold!r}")
    found = values["validation"].get("refused") or {}
    refused = tuple((kind, int(one), int(size)) for kind, (one, size) in found.items())
    return Calibration(temperature, threshold, error["before"], error["after"], refused)
