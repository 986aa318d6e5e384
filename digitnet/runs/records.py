"""What a run folder holds: the request, a finished run, a training that is not finished."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import filelock
import numpy as np

from digitnet.experiments import (
    CLASSES,
    DATASETS,
    Experiment,
    SettingsError,
    TrainingSettings,
)
from digitnet.runs.calibrations import (
    CALIBRATION,
    UNCALIBRATED,
    Calibration,
    read_calibration,
)
from digitnet.runs.files import (
    FORMAT,
    HISTORY_COLUMNS,
    MOST_BYTES,
    RunError,
    read_history,
    read_json,
    read_result,
    write_atomically,
    write_json,
)
from digitnet.runs.fits import FIT, KeptFit, read_fit
from digitnet.runs.locks import holding, is_locked
from digitnet.runs.machines import this_machine
from digitnet.runs.maps import MAP, DigitMap, read_map
from digitnet.runs.status import STATUS, Status
from digitnet.runs.teachings import Outcome, Teaching

SHIPPED = "shipped"
REQUEST, HISTORY, RESULT = "request.json", "history.csv", "result.json"
PROBABILITIES, SERVED, TRAINED, LOG = (
    "test_probabilities.npz",
    "served.tflite",
    "trained.keras",
    "log.txt",
)


RUN_FILES = (REQUEST, RESULT, HISTORY, PROBABILITIES, SERVED)  # what every finished run has
READ_FILES = (*RUN_FILES, CALIBRATION, FIT, MAP)  # all of a run that pages read
STATE = "state"  # folder of what a resumed training needs; gone from a finished run
LOCK = "lock"
LOCKS = (LOCK, "lock.gate")  # the second is of trainings begun by earlier versions
STOP = "stop"  # is there while a training is asked to end by itself


CLASS, VISITORS = "class", "visitors"  # the folders of a class and of its visitors
VISITOR = re.compile(r"[0-9a-f]{32}")


def is_visitors_folder(local: Path) -> bool:
    """Whether a store's folder is one visitor's own, in that of the store that all share."""
    in_class = local.parent.parts[-2:] == (CLASS, VISITORS)
    return in_class and bool(VISITOR.fullmatch(local.name))


class TrainingBusyError(RunError):
    """Another process is training in this folder."""


@dataclass(frozen=True)
class Request:
    """What a training was asked to do.

    Args:
        experiment: The experiment's name.
        settings: How to train it.
        teaching: What it is to learn, where it goes on from another run; None from scratch.
    """

    experiment: str
    settings: TrainingSettings
    teaching: Teaching | None = None

    @classmethod
    def load(cls, folder: Path) -> Request:
        """The request in a run folder; raises RunError where it is missing or broken."""
        values = read_json(folder / REQUEST)
        try:
            settings = TrainingSettings.from_dict(values["settings"])
            asked = values.get("teaching")
            return cls(str(values["experiment"]), settings, Teaching(**asked) if asked else None)
        except (KeyError, TypeError, SettingsError) as error:
            raise RunError(f"{REQUEST} is not a request: {error}") from None

    def save(self, folder: Path) -> None:
        """Writes the request into a run folder."""
        created = datetime.now(UTC).isoformat(timespec="seconds")
        write_json(folder / REQUEST, {"format": FORMAT, **asdict(self), "created": created})


@dataclass(frozen=True)
class _Folder:
    """A run folder.

    Args:
        experiment: What is, or was, trained.
        stamp: When that was asked for, as in "20260101-120000-abcdef01", or "shipped".
        folder: Where its files lie.
    """

    experiment: Experiment
    stamp: str
    folder: Path

    @property
    def id(self) -> str:
        """ "<experiment>/<stamp>", unique in a store."""
        return f"{self.experiment.name}/{self.stamp}"

    @property
    def made(self) -> datetime | None:
        """When the training was asked for, UTC; None for a shipped run."""
        with contextlib.suppress(ValueError):
            return datetime.strptime(self.stamp[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
        return None

    @property
    def title(self) -> str:
        """The run for people, such as "Basic CNN · shipped" or "Basic CNN · 22 Nov, 18:45:01"."""
        local = self.made and self.made.astimezone()
        day = f"{local.day} {local:%b, %H:%M:%S}" if local else SHIPPED
        return f"{self.experiment.title} · {day}"


# A file's size, time and place; a run's files': what was read is good as long as they are the same.
FileSignature = tuple[int, int, int] | None
Signature = tuple[FileSignature, ...]


@dataclass(frozen=True)
class Run(_Folder):
    """A finished run. Its files are read on demand and raise RunError where they are broken."""

    @property
    def is_shipped(self) -> bool:
        return self.stamp == SHIPPED

    @cached_property
    def is_visitors(self) -> bool:
        """Whether a visitor keeps it for themselves; see `RunStore`."""
        return not self.is_shipped and is_visitors_folder(self.folder.parents[2])

    @property
    def served_model(self) -> Path:
        return self.folder / SERVED

    @cached_property
    def request(self) -> Request:
        return Request.load(self.folder)

    @cached_property
    def result(self) -> dict[str, Any]:
        return read_result(self.folder / RESULT)

    @cached_property
    def calibration(self) -> Calibration:
        """How its outputs are to be read; as they are where the run is broken."""
        with contextlib.suppress(RunError):
            return read_calibration(self.folder, self.result.get("served_sha256"))
        return UNCALIBRATED

    @cached_property
    def fit(self) -> KeptFit | None:
        """What it reads of its training and validation images; None where that is not known."""
        return read_fit(self.folder, self.result.get("served_sha256"))

    @cached_property
    def digit_map(self) -> DigitMap | None:
        """How its last hidden layer sees digits; None where that was not stored."""
        return read_map(self.folder, self.result.get("served_sha256"))

    @property
    def signature(self) -> Signature:
        """What changes whenever a file of this run does."""
        return tuple(_file_signature(self.folder / name) for name in READ_FILES)

    def history(self) -> dict[str, np.ndarray]:
        return read_history(self.folder / HISTORY)

    @property
    def tested_on(self) -> str:
        """Name of the data set that its test digits are of."""
        return DATASETS[self.request.settings.dataset].judge

    @property
    def outcome(self) -> Outcome | None:
        """What came of it where it was taught one person's hand; None of all other runs."""
        return Outcome.of(self.result["teaching"]) if "teaching" in self.result else None

    def test_predictions(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What the trained model said of the test images.

        Returns:
            Probabilities, floats (n, 10), true labels, integers (n,) from 0 to 9, and each
            image's position in the joined dataset, integers (n,), each once.

        Raises:
            RunError: If the file is missing or holds anything else.
        """
        path = self.folder / PROBABILITIES
        try:
            with np.load(path, allow_pickle=False) as arrays:
                if sum(one.file_size for one in arrays.zip.infolist()) > MOST_BYTES:
                    raise ValueError("it unpacks to more than any test's answers")
                probabilities, labels = arrays["probabilities"], arrays["labels"]
                index = arrays["index"]
        except FileNotFoundError:
            raise RunError(f"{path.name} is missing") from None
        except Exception:  # NumPy and zipfile raise many kinds on garbage
            raise RunError(f"{path.name} is damaged") from None
        size = DATASETS[self.tested_on].size
        if not (
            _holds_integers(labels, CLASSES)
            and _holds_integers(index, size)
            and len(np.unique(index)) == len(index) == len(labels)
            and np.issubdtype(probabilities.dtype, np.floating)
            and probabilities.shape == (len(labels), CLASSES)
            and np.isfinite(probabilities).all()
        ):
            raise RunError(f"{path.name} does not hold ten probabilities for each digit")
        return probabilities, labels, index

    def problem(self) -> str | None:
        """What is broken about this run, in a sentence; None if it is whole."""
        try:
            if self.request.experiment != self.experiment.name:
                return f"{REQUEST} is of experiment {self.request.experiment}"
            self.outcome  # noqa: B018  raises RunError where the result is broken
            if not self.history()["epoch"].size:
                return f"{HISTORY} has no epochs"
        except RunError as error:
            return str(error)
        for name in (SERVED, PROBABILITIES):
            if not (self.folder / name).is_file():
                return f"{name} is missing"
        return None


def _file_signature(path: Path) -> FileSignature:
    with contextlib.suppress(OSError):
        found = path.stat()
        return found.st_size, found.st_mtime_ns, found.st_ino
    return None


@lru_cache(maxsize=1024)
def _load_status(path: Path, _: FileSignature) -> Status:
    """A status, read once for as long as its file is the same: open pages ask every second."""
    return Status.load(path)


@lru_cache(maxsize=1024)
def _check_training(folder: Path, experiment: str, *_: FileSignature) -> None:
    request = Request.load(folder)
    if request.experiment != experiment:
        raise RunError(f"{REQUEST} is of experiment {request.experiment}")
    read_history(folder / HISTORY)


def _holds_integers(array: np.ndarray, below: int) -> bool:
    """Whether an array is one line of integers from 0 on, below a number."""
    if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer):
        return False
    return bool(np.all((array >= 0) & (array < below)))


@dataclass(frozen=True)
class Training(_Folder):
    """A run that is not finished: one that trains now, was stopped or killed, or has failed."""

    @property
    def state_folder(self) -> Path:
        return self.folder / STATE

    @property
    def request(self) -> Request:
        return Request.load(self.folder)

    def history(self) -> dict[str, np.ndarray]:
        return read_history(self.folder / HISTORY)

    @property
    def status(self) -> Status:
        """The last status written, with `state` corrected for a process that is gone.

        `state` is "queued", "running", "stopped" (by the user), "failed" or "interrupted" (the
        process died without a word).
        """
        status = _load_status(self.folder / STATUS, _file_signature(self.folder / STATUS))
        if status.state == "finished":  # and about to be moved to the finished runs
            status = replace(status, state="running", phase="testing")
        if status.state == "running" and not self.is_locked():
            message = "the process ended without a word; the training can be resumed"
            status = replace(status, state="interrupted", phase="", message=message)
        return status

    def write_status(self, state: str, **values: Any) -> None:
        """Says how the training stands from now on; what is not said has `Status`'s default."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        values |= {"pid": os.getpid(), "machine": this_machine(), "updated": now}
        Status(state, **values).save(self.folder / STATUS)

    def append_history(self, row: dict[str, float]) -> None:
        """Adds one epoch, on disk when this returns."""
        values = [f"{row[column]:.6g}" for column in HISTORY_COLUMNS]
        with (self.folder / HISTORY).open("a", encoding="utf-8") as stream:
            stream.write(",".join(values) + "\n")
            stream.flush()
            os.fsync(stream.fileno())

    def cut_history(self, epochs: int) -> None:
        """Starts the history anew, or keeps its first epochs only, those that count.

        Raises:
            RunError: If the history is broken or has fewer epochs.
        """
        lines = [",".join(HISTORY_COLUMNS)]
        if epochs:
            found = self.history()["epoch"].size
            if found < epochs:
                raise RunError(f"{HISTORY} has {found} of the {epochs} epochs that are trained")
            old = (self.folder / HISTORY).read_text(encoding="utf-8").splitlines()
            lines += old[1 : epochs + 1]
        write_atomically(self.folder / HISTORY, ("\n".join(lines) + "\n").encode())

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the training for this process; the system frees it whenever the process ends.

        Raises:
            TrainingBusyError: If another process holds it.
        """
        try:
            with holding(self.folder / LOCK):
                yield
        except filelock.Timeout:
            raise TrainingBusyError(f"{self.id} is being trained by another process") from None

    def is_locked(self) -> bool:
        """Whether a living process is training here."""
        return is_locked(self.folder / LOCK)

    def ask_to_stop(self) -> None:
        """Asks whoever trains here, on whatever machine, to end."""
        with contextlib.suppress(FileNotFoundError):  # it has finished just now
            (self.folder / STOP).touch()

    def is_asked_to_stop(self) -> bool:
        return (self.folder / STOP).exists()

    def forget_stop(self) -> None:
        """What was asked is done, or no longer wanted."""
        (self.folder / STOP).unlink(missing_ok=True)

    def lacks(self) -> str | None:
        """What this training still lacks to be a finished run; None if it need only be moved."""
        return Run(self.experiment, self.stamp, self.folder).problem()

    def check(self) -> None:
        """Raises RunError if a file that a training is resumed from is missing or broken."""
        signatures = [_file_signature(self.folder / name) for name in (REQUEST, HISTORY)]
        _check_training(self.folder, self.experiment.name, *signatures)

    def sweep(self) -> None:
        """Removes what a kill left of files that were being written."""
        for folder in (self.folder, self.state_folder):
            for path in folder.glob(".*"):
                path.unlink(missing_ok=True)
