"""Serves runs to many readers at once."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from digitnet.experiments import EXPERIMENTS, Experiment
from digitnet.runs import Run, RunError, Signature
from digitnet.serving.checks import (
    InferenceError,
    is_packed,
    is_smaller,
    require_sound,
    try_runs,
)
from digitnet.serving.networks import (
    BATCH_SIZE,
    Reading,
    ServedNetwork,
    join_readings,
    require_images,
)
from digitnet.serving.pool import Pool

MOST_OWN = 50  # networks of one's own, and visitors' runs, that stay loaded
HEED_SECONDS = 1.0  # between looks, while a reader waits, at whether it still wants to
SMALL = 1_000_000  # bytes of a model; smaller ones take less than to be asked one by one
SMALL_ONES = "small networks"  # the line that they share

Say = Callable[[ServedNetwork, np.ndarray], Any]  # what a network is asked of images


@dataclass(frozen=True)
class _Place:
    """Where a run's files were last found to be as they are: when, and in whose line it waits."""

    seconds: float
    signature: Signature
    line: str


@dataclass(frozen=True, eq=False)
class _Answers:
    """What networks say of the same images, one after the other, or what is wrong with them."""

    ones: tuple[Any, ...]

    def __getitem__(self, part: slice) -> _Answers:
        """What they say of some of the images."""
        return _Answers(
            tuple(one if isinstance(one, InferenceError) else one[part] for one in self.ones)
        )


class _Seat:
    """An experiment's place in the server: the network of one of its runs, once loaded."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._signature: tuple[Path, Signature] | None = None
        self._network: ServedNetwork | None = None

    def ask(self, run: Run, signature: Signature, say: Say, images: np.ndarray) -> Any:
        """What a run's network says of images, or the InferenceError that keeps it from that."""
        with self._lock:
            try:
                return say(self._network_of(run, signature), images)
            except InferenceError as error:
                return error

    def _network_of(self, run: Run, signature: Signature) -> ServedNetwork:
        if self._network is None or self._signature != (run.folder, signature):
            self._network = None  # frees the memory of the old one first
            self._network = load_network(run)
            self._signature = (run.folder, signature)
        return self._network


class ModelServer:
    """Serves runs to many threads, one of each experiment at a time.

    A network is loaded when it is first asked, and anew when another run of its experiment is, or
    when the run's files have been replaced. What several ask of it at once runs as one batch, and
    small networks run together. Runs that visitors keep for themselves have places of their own, so
    that none takes another's; of these and of networks of one's own, which come and go, as many
    stay loaded as were asked last.

    Args:
        patience: Seconds for which files are taken to be as they were found to be.
    """

    def __init__(self, patience: float = 0) -> None:
        self._patience = patience
        self._pool = Pool()
        self._seats: dict[tuple[str, bool], _Seat] = {}
        self._own_seats: OrderedDict[Path, _Seat] = OrderedDict()
        self._seating = threading.Lock()
        self._found: dict[Path, _Place] = {}

    def read(self, run: Run, images: np.ndarray) -> Reading:
        """What one network says, as its run is calibrated.

        Args:
            run: A finished run.
            images: uint8 (n, 28, 28), 0 background to 255 ink.

        Raises:
            InferenceError: If the run's model is missing or broken.
            ValueError: If the images have another shape or dtype.
        """
        return join_readings(self._ask_alone(run, images, ServedNetwork.read))

    def predict(self, run: Run, images: np.ndarray) -> np.ndarray:
        """Probabilities of the ten digits, float32 (n, 10), by one network; raises as `read`."""
        return self.read(run, images).probabilities

    def evaluate(self, run: Run, images: np.ndarray) -> np.ndarray:
        """All outputs of one network, as they are, float32 (n, 10) or (n, 11); raises as `read`."""
        return np.concatenate(self._ask_alone(run, images, ServedNetwork.evaluate))

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

    def _ask_alone(self, run: Run, images: np.ndarray, say: Say) -> list[Any]:
        """What one run says of each batch of images; raises InferenceError."""
        line = self._find(run).line
        said = [self._ask(line, [run], part, say).result().ones[0] for part in _part(images)]
        for one in said:
            if isinstance(one, InferenceError):
                raise one
        return said

    def _read_together(
        self, runs: Sequence[Run], images: np.ndarray, heed: Callable[[], object]
    ) -> list[Reading | InferenceError]:
        """What every run says of a batch; the costliest line is asked first, that all end soon."""
        lines = defaultdict(list)
        for run in runs:
            lines[self._find(run).line].append(run)
        costliest_first = sorted(lines, key=self._pool.seconds_of, reverse=True)
        asked = {
            line: self._ask(line, lines[line], images, ServedNetwork.read)
            for line in costliest_first
        }
        try:
            while wait(asked.values(), HEED_SECONDS).not_done:
                heed()
        finally:
            for answer in asked.values():
                answer.cancel()
        said = {
            run: one
            for line, ones in lines.items()
            for run, one in zip(ones, asked[line].result().ones, strict=True)
        }
        return [said[run] for run in runs]

    def _ask(
        self, line: str, runs: Sequence[Run], images: np.ndarray, say: Say
    ) -> Future[_Answers]:
        """Asks runs of one line of a batch of images at most."""
        seats = [self._find_seat(run) for run in runs]
        signatures = [self._find(run).signature for run in runs]

        def ask(batch: np.ndarray) -> _Answers:
            asked = zip(seats, runs, signatures, strict=True)
            return _Answers(
                tuple(seat.ask(run, signature, say, batch) for seat, run, signature in asked)
            )

        kind = (say, tuple(run.folder for run in runs), tuple(signatures))
        return self._pool.submit(line, ask, kind, images)

    def _find_seat(self, run: Run) -> _Seat:
        """The place of a run's network."""
        if run.experiment in EXPERIMENTS and not run.is_visitors:
            # In a class, some read with the shipped run while all others read with a shared one.
            return self._seats.setdefault((run.experiment.name, run.is_shipped), _Seat())
        folder = run.folder if run.is_visitors else run.folder.parent
        with self._seating:
            seat = self._own_seats.setdefault(folder, _Seat())
            self._own_seats.move_to_end(folder)
            while len(self._own_seats) > MOST_OWN:
                folder, _ = self._own_seats.popitem(last=False)
                self._found.pop(folder, None)
        return seat

    def _find(self, run: Run) -> _Place:
        """A run's place, looked up anew once it is older than the server's patience."""
        now = time.monotonic()
        found = self._found.get(run.folder)
        if found is None or now - found.seconds >= self._patience:
            if run.is_visitors:
                try_runs([run])  # by who asks: a worker that did would keep everyone waiting
            found = self._found[run.folder] = _Place(now, run.signature, _line_of(run))
        return found


def _line_of(run: Run) -> str:
    """Where a run is asked for: a visitor's own holds up nobody else's."""
    if run.is_visitors:
        return str(run.folder)
    return SMALL_ONES if is_smaller(run, SMALL) else run.experiment.name


def _part(images: np.ndarray) -> list[np.ndarray]:
    """Images in batches, at least one."""
    require_images(images)
    return [images[begin : begin + BATCH_SIZE] for begin in range(0, len(images) or 1, BATCH_SIZE)]


def _join_readings(said: Sequence[Reading | InferenceError]) -> Reading | InferenceError:
    """What a network says of all batches, or the first error."""
    readings = [one for one in said if isinstance(one, Reading)]
    errors = [one for one in said if isinstance(one, InferenceError)]
    return errors[0] if errors else join_readings(readings)


def load_network(run: Run) -> ServedNetwork:
    """A run's network, for one thread; InferenceError if its model is missing or broken."""
    fresh = Run(run.experiment, run.stamp, run.folder)  # a Run remembers what it has read
    try:
        require_sound(fresh)
        return ServedNetwork(fresh.served_model, is_packed(fresh), fresh.calibration)
    except (InferenceError, RunError, OSError) as error:
        raise InferenceError(
            f"the served model of {run.id} is missing or broken; train it again with: "
            f"python -m digitnet train {run.experiment.name} ({error})"
        ) from error
