"""Which machine this is, and where a process id means something.

Containers that share a folder do not share processes.
"""

from __future__ import annotations

import os
import platform
from functools import cache
from pathlib import Path

BOOT = Path("/proc/sys/kernel/random/boot_id")
PROCESSES = Path("/proc/self/ns/pid")  # a container has a namespace of its own


@cache
def this_machine() -> str:
    """Names those who number their processes together: this boot of a machine, or a container."""
    try:
        return f"{BOOT.read_text(encoding='ascii').strip()} {os.readlink(PROCESSES)}"
    except OSError:  # no Linux
        return platform.node()


def processor_name() -> str:
    """The processor's name as Linux tells it, else as Python does."""
    return _read_cpuinfo("model name") or platform.processor()


def processor_extensions() -> list[str]:
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
