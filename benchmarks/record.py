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
        "extensions": _extensions(),
        "onednn_max_cpu_isa": os.environ.get("ONEDNN_MAX_CPU_ISA"),
        "versions": {"python": platform.python_version()} | {one: version(one) for one in PACKAGES},
    }
    write_json(path, {"format": FORMAT, **figures, "provenance": provenance})


def _processor() -> str:
    """The processor's name as Linux tells it, else as Python does."""
    return _read_cpuinfo("model name") or platform.processor()


def _extensions() -> list[str]:
    """The instructions for vectors and matrices that the processor has, as Linux tells them."""
    flags = _read_cpuinfo("flags").split()
    return [one for one in flags if one.startswith(("avx", "amx", "fma", "f16c"))]


def _read_cpuinfo(name: str) -> str:
    """What Linux says of the first processor under this name; nothing elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    found = [line.partition(":")[2].strip() for line in lines if line.startswith(name)]
    return found[0] if found else ""
