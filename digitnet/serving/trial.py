"""Tries models, in a process that may end over it: `checks` starts it, and reads what it says.

Its argument is the seconds that a model may take. It reads a JSON list of [file, packed] from
standard input, and writes for each model, in order, a line: null, or why it cannot be served.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import sys
from functools import cache
from pathlib import Path

import numpy as np

from digitnet.digits import ink, load_samples
from digitnet.serving.checks import InferenceError
from digitnet.serving.networks import BATCH_SIZE, ServedNetwork

MOST_MEMORY = 8 * 2**30  # bytes of addresses; the largest network takes a tenth


def main() -> None:
    _limit_memory()
    for path, packed in json.load(sys.stdin):
        # Python's own clock, which ends the process though native code never comes back.
        faulthandler.dump_traceback_later(float(sys.argv[1]), exit=True)
        print(json.dumps(try_model(Path(path), packed)), flush=True)
        faulthandler.cancel_dump_traceback_later()


def try_model(path: Path, packed: bool) -> str | None:
    """Why a model cannot be served, in less than a sentence; None if it can."""
    try:
        ServedNetwork(path, packed).evaluate(_make_images())
    except InferenceError as error:
        return str(error)
    return None


def _limit_memory() -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):  # where there are no such limits
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


@cache
def _make_images() -> np.ndarray:
    """Ten digits, nothing, noise and all ink, again and again: uint8 (BATCH_SIZE + 13, 28, 28).

    So many that a model meets them both together and one by one.
    """
    digits = [ink.render_strokes(strokes) for strokes in load_samples().values()]
    noise = np.random.default_rng(0).integers(0, 256, digits[0].shape, np.uint8)
    images = np.stack([*digits, np.zeros_like(noise), noise, np.full_like(noise, 255)])
    return images[np.arange(BATCH_SIZE + len(images)) % len(images)]


if __name__ == "__main__":
    main()
