"""Runs that are made up: what makes one whole, with as little in it as will do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from digitnet.runs import PROBABILITIES, RESULT, SERVED


def make_result(**figures: Any) -> dict[str, Any]:
    """A result.json, with some figures of one's own."""
    scores = {
        "size": 3,
        "accuracy": 0.5,
        "accuracy_interval": [0.4, 0.6],
        "loss": 1.25,
        "f1_macro": 0.5,
    }
    result = {
        "format": 1,
        "epochs": 1,
        "best_epoch": 1,
        "seconds_per_epoch": 2.0,
        "served_bytes": 5,
        "rank": None,
        "scores": scores,
    }
    return result | figures


def fill(folder: Path) -> None:
    """Writes what a training writes after its last epoch."""
    (folder / RESULT).write_text(json.dumps(make_result()))
    (folder / SERVED).write_bytes(b"model")
    np.savez(
        folder / PROBABILITIES,
        probabilities=np.full((3, 10), 0.1, np.float32),
        labels=np.arange(3, dtype=np.uint8),
        index=np.arange(3),
    )
