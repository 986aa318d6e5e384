"""What code in `benchmarks` measured of the served networks, kept with its provenance."""

from __future__ import annotations

import json
from typing import Any

from digitnet.digits import ink
from digitnet.places import home


def load_measured(name: str) -> dict[str, Any]:
    """What a benchmark measured last, with its provenance; empty before the first time."""
    try:
        return json.loads((home() / "benchmarks" / f"{name}.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}


def load_drawings() -> dict[str, Any]:
    """How well drawings are read; empty too if ink has changed since that was measured."""
    return _load_of_this_ink("drawings")


def load_handwriting() -> dict[str, Any]:
    """How well real handwriting is read; empty too if ink has changed since that was measured."""
    return _load_of_this_ink("handwriting")


def _load_of_this_ink(name: str) -> dict[str, Any]:
    record = load_measured(name)
    return record if record.get("ink") == ink.INK_VERSION else {}
