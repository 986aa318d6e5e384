"""Whether a model can be served: tried in a process of its own before this one loads it.

A model is a file, and files break. LiteRT may end the whole process over a damaged one, or never
come back from it. So each is tried once, known by its hash; those that ship were measured, and
need not be.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from itertools import islice
from pathlib import Path

import numpy as np

from digitnet.errors import DigitnetError
from digitnet.places import CODE
from digitnet.runs import Run, RunError, RunStore, Signature
from digitnet.serving.measured import load_measured

TRIAL = (sys.executable, "-m", "digitnet.serving.trial")
TRIAL_SECONDS = 20  # for one model; the largest takes one, and a busy machine is slow
START_SECONDS = 60  # for the process itself
SUM_TOLERANCE = 1e-3
LARGE = 10_000_000  # bytes of a model: dense ones from here on do not gain by packing
CRASHED = "LiteRT ends the process that reads it, or never answers"

_verdicts: dict[str, str | None] = {}  # by hash: why a model cannot be served, None if it can
_trying = threading.Lock()  # one trial at a time: they are as heavy as what they spare


class InferenceError(DigitnetError):
    """A network cannot be served; the message says which one, why and what to do."""


def require_probabilities(outputs: np.ndarray) -> np.ndarray:
    """Returns a network's outputs, floats (n, k); InferenceError unless each row sums to 1."""
    likely = np.isfinite(outputs).all() and (outputs >= 0).all()
    if not likely or (np.abs(outputs.sum(axis=1) - 1) > SUM_TOLERANCE).any():
        raise InferenceError("the network gives no probabilities; train it again")
    return outputs


def make_current(store: RunStore, run_id: str) -> None:
    """Serves a run from now on, once its model was tried.

    Raises:
        RunError: If the run is missing, broken or cannot be chosen.
        InferenceError: If its model cannot be served.
    """
    run = store.find(run_id)
    if not run.problem():  # else the store says what is wrong
        try:
            require_sound(run)
        except InferenceError as error:
            raise InferenceError(f"{run_id} cannot be served: {error}; train it again") from None
    store.make_current(run_id)


def is_packed(run: Run) -> bool:
    """Whether a run's model is served with the fastest kernels, see `ServedNetwork`."""
    return run.experiment.is_convolutional or is_smaller(run, LARGE)


def is_smaller(run: Run, size: int) -> bool:
    """Whether a run's model has fewer bytes."""
    try:
        return run.served_model.stat().st_size < size
    except OSError:
        return False  # which is said when it is loaded


def require_sound(run: Run) -> None:
    """Refuses a model that is not the one that was exported, or is none that can be served.

    Raises:
        InferenceError: Why not, in less than a sentence.
        OSError: If it cannot be read.
    """
    digest = _hash_model(run)
    if digest != run.result.get("served_sha256"):
        raise InferenceError("its bytes are not those that were exported")
    if not _is_known(digest):
        _try_all({digest: run})
    if problem := _verdicts.get(digest):
        raise InferenceError(problem)


def try_runs(runs: Iterable[Run]) -> None:
    """Tries the models of runs together, which is faster than when each is first asked."""
    _try_all(find_untried(runs))


def find_untried(runs: Iterable[Run]) -> dict[str, Run]:
    """Runs whose models must be tried before they are served, by the models' hashes."""
    unknown = {}
    for run in runs:
        try:
            digest = run.result.get("served_sha256", "")
            if not _is_known(digest) and digest == _hash_model(run):
                unknown[digest] = run
        except (RunError, OSError):
            continue  # which is said of it when it is to be loaded
    return unknown


def _hash_model(run: Run) -> str:
    return _hash_file(run.served_model, run.signature)


@lru_cache(maxsize=1024)
def _hash_file(model: Path, _: Signature) -> str:
    """A model's hash, computed once for as long as its run is the same: the largest take 30 ms."""
    with model.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _is_known(digest: str) -> bool:
    return digest in _verdicts or digest in _measured_hashes()


@cache
def _measured_hashes() -> frozenset[str]:
    networks = load_measured("handwriting").get("networks", {})
    return frozenset(one["served_sha256"] for one in networks.values())


def _try_all(runs: dict[str, Run]) -> None:
    """Comes to a verdict on models that are not known yet, by their hashes."""
    with _trying:
        waiting = {digest: run for digest, run in runs.items() if digest not in _verdicts}
        suspect = None
        while waiting:
            # A process tells of one model after the other; what it leaves out has ended it, unless
            # the machine had too little memory or time: so that is tried once more, alone.
            few = 1 if suspect in waiting else len(waiting)
            verdicts = _try_in_process(list(islice(waiting.values(), few)))
            if not verdicts and suspect in waiting:
                verdicts = [CRASHED]
            _verdicts.update(zip(waiting, verdicts, strict=False))
            waiting = dict(islice(waiting.items(), len(verdicts), None))
            suspect = next(iter(waiting), None) if len(verdicts) < few else None


def _try_in_process(runs: Sequence[Run]) -> list[str | None]:
    """What a process of its own says of models, in order, as far as it comes."""
    models = [[str(run.served_model.resolve()), is_packed(run)] for run in runs]
    try:
        told = subprocess.run(
            [*TRIAL, str(TRIAL_SECONDS)],
            input=json.dumps(models).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=CODE,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
            timeout=START_SECONDS + TRIAL_SECONDS * len(runs),
        ).stdout
    except subprocess.TimeoutExpired as error:
        told = error.stdout or b""
    whole = told[: told.rfind(b"\n") + 1]
    return [json.loads(line) for line in whole.splitlines()]
