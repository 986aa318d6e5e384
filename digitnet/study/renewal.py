"""What is kept beside runs, made anew for one run after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import TypeVar

from digitnet.runs import Run, RunError
from digitnet.serving import InferenceError

Data = TypeVar("Data")
Made = TypeVar("Made")


def renew(
    runs: Sequence[Run],
    load: Callable[[str], Data],
    make: Callable[[Run, bytes, Data], Made],
    done: str,
) -> Iterator[tuple[Run, Made]]:
    """Makes something of each run's served model and its data set, and stores it.

    Args:
        runs: One after another.
        load: A data set by its name; called once for each.
        make: Of a run, the LiteRT model that it serves and its data set makes and stores what is
            kept, and returns what is to be told of it.
        done: What cannot be done to a run where this fails, such as "mapped".

    Yields:
        Each run with what is to be told.

    Raises:
        DataError: If the data cannot be had.
        RunError: If a run is broken or cannot be written to.
    """
    load_once = cache(load)
    for run in runs:
        data = load_once(run.request.settings.dataset)
        try:
            told = make(run, run.served_model.read_bytes(), data)
        except (OSError, InferenceError) as error:
            raise RunError(f"{run.id} cannot be {done}: {error}") from None
        yield run, told
