"""Serves runs to many readers at once."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, wait
from pathlib import Path
from typing import Any

import numpy as np

from digitnet.experiments import Experiment
from digitnet.runs import Run, RunError, Signature
from digitnet.serving.checks import InferenceError, require_sound
from digitnet.serving.networks import (
    BATCH_SIZE,
    Reading,
    ServedNetwork,
    join_readings,
    require_images,
)
from digitnet.serving.pool import Pool

MOST_OWN = 50  # networks of visitors that stay loaded
HEED_SECONDS = 0.1  # between looks, while a reader waits, at whether it still wants to


class _Seat:
    """An experiment's place in the server: the network of one of its runs, once loaded.

    Used by one worker of the pool at a time.
    """

    def __init__(self) -> None:
        self._signature: tuple[Path, Signature] | None = None
        self._network: ServedNetwork | None = None

    def network_of(self, run: Run, signature: Signature) -> ServedNetwork:
        """The network of a run; raises InferenceError if it is missing or broken."""
        if self._network is None or self._signature != (run.folder, signature):
            self._network = None  # frees the memory of the old one first
            self._network = _load_network(run)
            self._signature = (run.folder, signature)
        return self._network


class ModelServer:
    """Serves runs to many threads, one of each experiment at a time.

    A network is loaded when it is first asked, and anew when another run of its experiment is, or
    when the run's files have been replaced. What several ask of it at once runs as one batch.
    Runs that visitors keep for themselves have places of their own, so that none takes another's;
    as many of these stay loaded as were asked last.

    Args:
        patience: Seconds for which files are taken to be as they were found to be.
    """

    def __init__(self, patience: float = 0) -> None:
        self._patience = patience
        self._pool = Pool()
        self._seats: dict[str, _Seat] = {}
        self._own_seats: OrderedDict[str, _Seat] = OrderedDict()
        self._seating = threading.Lock()
        self._found: dict[Path, tuple[float, Signature]] = {}

    def read(self, run: Run, images: np.ndarray) -> Reading:
        """What one network says, as its run is calibrated.

        Args:
            run: A finished run.
            images: uint8 (n, 28, 28), 0 background to 255 ink.

        Raises:
            InferenceError: If the run's model is missing or broken.
            ValueError: If the images have another shape or dtype.
        """
        said = [self._ask(run, part, ServedNetwork.read).result() for part in _part(images)]
        return join_readings(said)

    def predict(self, run: Run, images: np.ndarray) -> np.ndarray:
        """Probabilities of the ten digits, float32 (n, 10), by one network; raises as `read`."""
        return self.read(run, images).probabilities

    def evaluate(self, run: Run, images: np.ndarray) -> np.ndarray:
        """All outputs of one network, as they are, float32 (n, 10) or (n, 11); raises as `read`."""
        said = [self._ask(run, part, ServedNetwork.evaluate).result() for part in _part(images)]
        return np.concatenate(said)

    def read_all(
        self,
        runs: Iterable[Run],
        images: np.ndarray,
        heed: Callable[[], object] = lambda: None,
    ) -> dict[Experiment, Reading | InferenceError]:
        """What every network says; they are asked together.

        Args:
            runs: Finished runs, of each experiment one.
            images: uint8 (n, 28, 28), 0 background to 255 ink.
            heed: Called now and then while networks are waited for; if it raises, they are asked
                no longer.

        Returns:
            Readings by experiment, in the order of the runs; what is wrong with a model that is
            missing or broken in its place.
        """
        runs = list(runs)
        said = [self._read_together(runs, part, heed) for part in _part(images)]
        return {
            run.experiment: _join_readings(ones) for run, *ones in zip(runs, *said, strict=True)
        }

    def close(self) -> None:
        """Ends its threads; whoever still waits for a reading gets CancelledError."""
        self._pool.close()

    def _read_together(
        self, runs: Sequence[Run], images: np.ndarray, heed: Callable[[], object]
    ) -> list[Reading | InferenceError]:
        """What every run says of a batch; the costliest is asked first, that all end soon."""
        seconds = [self._pool.seconds_of(self._find_seat(run)[0]) for run in runs]
        places = sorted(range(len(runs)), key=seconds.__getitem__, reverse=True)
        asked = {place: self._ask(runs[place], images, ServedNetwork.read) for place in places}
        try:
            while wait(asked.values(), HEED_SECONDS).not_done:
                heed()
        finally:
            for answer in asked.values():
                answer.cancel()
        return [_reading_of(asked[place]) for place in range(len(runs))]

    def _ask(
        self, run: Run, images: np.ndarray, say: Callable[[ServedNetwork, np.ndarray], Any]
    ) -> Future[Any]:
        """Asks a run's network of a batch of images at most."""
        line, seat = self._find_seat(run)
        signature = self._signature_of(run)
        return self._pool.submit(
            line,
            lambda batch: say(seat.network_of(run, signature), batch),
            (say, run.folder, signature),
            images,
        )

    def _find_seat(self, run: Run) -> tuple[str, _Seat]:
        """The line in which a run is asked for, and its network's place."""
        if not run.is_visitors:
            name = run.experiment.name
            return name, self._seats.setdefault(name, _Seat())
        name = str(run.folder)
        with self._seating:
            seat = self._own_seats.setdefault(name, _Seat())
            self._own_seats.move_to_end(name)
            while len(self._own_seats) > MOST_OWN:
                self._own_seats.popitem(last=False)
        return name, seat

    def _signature_of(self, run: Run) -> Signature:
        """A run's signature, looked up anew once it is older than the server's patience."""
        now = time.monotonic()
        found = self._found.get(run.folder)
        if found is None or now - found[0] >= self._patience:
            found = self._found[run.folder] = now, run.signature
        return found[1]


def _part(images: np.ndarray) -> list[np.ndarray]:
    """Images in batches, at least one."""
    require_images(images)
    return [images[begin : begin + BATCH_SIZE] for begin in range(0, len(images) or 1, BATCH_SIZE)]


def _reading_of(answer: Future[Any]) -> Reading | InferenceError:
    try:
        return answer.result()
    except InferenceError as error:
        return error


def _join_readings(said: Sequence[Reading | InferenceError]) -> Reading | InferenceError:
    """What a network says of all batches, or the first error."""
    readings = [one for one in said if isinstance(one, Reading)]
    errors = [one for one in said if isinstance(one, InferenceError)]
    return errors[0] if errors else join_readings(readings)


def _load_network(run: Run) -> ServedNetwork:
    fresh = Run(run.experiment, run.stamp, run.folder)  # a Run remembers what it has read
    try:
        require_sound(fresh)
        packed = run.experiment.is_convolutional
        return ServedNetwork(fresh.served_model, packed, fresh.calibration)
    except (InferenceError, RunError, OSError) as error:
        raise InferenceError(
            f"the served model of {run.id} is missing or broken; train it again with: "
            f"python -m digitnet train {run.experiment.name} ({error})"
        ) from error
