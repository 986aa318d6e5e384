"""The precision that a network is trained in."""

from __future__ import annotations

import contextlib
from pathlib import Path

from digitnet.experiments import Experiment

# Below this, converting to bfloat16 and back costs more than it saves (benchmarks/training.py).
MIN_PARAMETERS_FOR_BFLOAT16 = 10_000


def choose_precision(experiment: Experiment) -> str:
    """The Keras dtype policy that trains this experiment fastest on this processor.

    "mixed_bfloat16" where the processor multiplies bfloat16 matrices in hardware (Intel AMX) and
    the network is large enough to gain from it, else "float32". Weights, optimizer and the
    softmax are float32 either way.
    """
    large = experiment.parameters >= MIN_PARAMETERS_FOR_BFLOAT16
    return "mixed_bfloat16" if large and _has_bfloat16_matrices() else "float32"


def _has_bfloat16_matrices() -> bool:
    with contextlib.suppress(OSError):
        return " amx_bf16" in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    return False
