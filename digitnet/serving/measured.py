"""What code in `benchmarks` measured of the served networks, kept with its provenance."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


def load_measured(name: str) -> dict[str, Any]:
    """What a benchmark measured last, with its provenance; empty before the first time."""
    try:
        return json.loads((BENCHMARKS / f"{name}.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
