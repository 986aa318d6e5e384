"""Measured figures, stored with where and when they were measured."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from digitnet.runs import FORMAT, write_json

PACKAGES = ("tensorflow", "keras", "ai-edge-litert", "numpy", "streamlit")


def write_record(path: Path, figures: dict[str, Any]) -> None:
    """Writes figures with their provenance, as JSON."""
    provenance = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "processor": _processor(),
        "versions": {"python": platform.python_version()} | {one: version(one) for one in PACKAGES},
    }
    write_json(path, {"format": FORMAT, **figures, "provenance": provenance})


def _processor() -> str:
    """The processor's name as Linux tells it, else as Python does."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
