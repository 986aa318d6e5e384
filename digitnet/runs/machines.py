"""Where a process id means something: containers that share a folder do not share processes."""

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
