"""Measured figures, stored with where and when they were measured."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from digitnet.runs import FORMAT, processor_extensions, processor_name, write_json

PACKAGES = ("tensorflow", "keras", "ai-edge-litert", "numpy", "streamlit")


def write_record(path: Path, figures: dict[str, Any]) -> None:
    """Writes figures with their provenance, as JSON."""
    provenance = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "processor": processor_name(),
        "extensions": processor_extensions(),
        "onednn_max_cpu_isa": os.environ.get("ONEDNN_MAX_CPU_ISA"),
        "versions": {"python": platform.python_version()} | {one: version(one) for one in PACKAGES},
    }
    write_json(path, {"format": FORMAT, **figures, "provenance": provenance})
