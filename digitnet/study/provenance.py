"""With what and when something beside a run was made."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import numpy as np

from digitnet import __version__


def describe_making(data: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The provenance of what is made now by served models: of which data, versions and date.

    Args:
        data: What it is made from, a record of each source.
    """
    return {
        "data": list(data),
        "versions": {
            "digitnet": __version__,
            "python": platform.python_version(),
            "numpy": np.__version__,
            "ai-edge-litert": version("ai-edge-litert"),
        },
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
