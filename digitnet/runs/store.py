"""Run folders: the one interface between trainings and everything that reads them.

    <local>/unfinished/<experiment>/<stamp>/   a training: running, stopped or failed
    <local>/finished/<experiment>/<stamp>/     a finished run, never changed again
    <local>/current/<experiment>               the id of the run that is served; while a training
                                               is finished, its id and below it the one before
    <shipped>/<experiment>/                    the run that a clone brings, never overwritten

A training writes into its unfinished folder and becomes a finished run by one rename. Files are
replaced whole or not at all, so that a reader never sees half of one.
"""

from __future__ import annotations

import contextlib
import csv
import errno
import io
import json
import os
import re
import reprlib
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import filelock
import numpy as np

from digitnet.experiments.records import (
    CLASSES,
    DATASETS,
    EXPERIMENTS,
    SettingsError,
    TrainingSettings,
    UnknownExperimentError,
    find_experiment,
)

FORMAT = 1
SHIPPED = "shipped"
HISTORY_COLUMNS = (
    "epoch",
    "seconds",
    "loss",
    "accuracy",
    "precision",
    "recall",
    "val_loss",
    "val_accuracy",
    "val_precision",
    "val_recall",
)
REQUEST, HISTORY, STATUS, RESULT = "request.json", "history.csv", "status.json", "result.json"
PROBABILITIES, SERVED, TRAINED, LOG = (
    "test_probabilities.npz",
    "served.tflite",
    "trained.keras",
    "log.txt",
)
TRAINING_STATES = ("queued", "running", "stopped", "interrupted", "failed", "finished")
RUN_FILES = (REQUEST, RESULT, HISTORY, PROBABILITIES, SERVED)  # what every finished run has
STATE = "state"  # folder of what a resumed training needs; gone from a finished run
LOCK = "lock"
GRAVE = ".deleted-"  # begins the name of a folder that is being deleted

_REPOSITORY = Path(__file__).resolve().parents[2]
_STAMP = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}")


class RunError(RuntimeError):
    """A run is missing, broken or may not be changed; the message is a sentence for the user."""


class TrainingBusyError(RunError):
    """Another process is training in this folder."""


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A stream whose content replaces a file when the block ends without an error.

    The file is replaced whole or not at all, and what it holds then survives a power cut.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)  # mkstemp's files are private
        os.replace(temporary, path)
        sync_folder(path.parent)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def write_atomically(path: Path, content: bytes) -> None:
    """Replaces a file by new content, whole or not at all."""
    with replacing(path) as stream:
        stream.write(content)


def sync_folder(folder: Path) -> None:
    """Makes a rename in the folder durable, where the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _open_to_lock(path: str, _: int) -> int:
    """Opens a lock file, made if it is missing.

    For writing, which network file systems ask of whoever locks; where that is forbidden, the disk
    being read-only or another user's, for reading.
    """
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        return os.open(path, os.O_RDONLY)


@contextlib.contextmanager
def _trying(path: Path) -> Iterator[None]:
    """Lets one at a time try a lock: two at once would each take the other for its holder."""
    with open(path.with_name(f"{path.name}.gate"), "rb", opener=_open_to_lock) as gate:
        filelock.lock_descriptor(gate.fileno(), poll_interval=0.001)
        yield


def is_locked(path: Path) -> bool:
    """Whether a living process holds a lock file; it is taken and let go to find out."""
    try:
        with _trying(path), open(path, "rb", opener=_open_to_lock) as stream:
            return not filelock.lock_descriptor(stream.fileno(), blocking=False)
    except OSError:  # nothing is there to be held
        return False


@contextlib.contextmanager
def holding(path: Path) -> Iterator[filelock.BaseFileLock]:
    """Holds a lock file for this process; the system frees it whenever the process ends.

    Raises:
        filelock.Timeout: If another process holds it.
    """
    lock = filelock.FileLock(path, timeout=0)
    with _trying(path):
        lock.acquire()
    try:
        yield lock
    finally:
        lock.release()


def write_json(path: Path, values: dict) -> None:
    """Replaces a JSON file atomically."""
    write_atomically(path, (json.dumps(values, indent=1) + "\n").encode())


def read_json(path: Path) -> dict:
    """A JSON object from a run folder.

    Raises:
        RunError: If the file is missing, is no JSON object or has another format version.
    """
    try:
        values = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise RunError(f"{path.name} is missing") from None
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{path.name} cannot be read: {error}") from None
    if not isinstance(values, dict):
        raise RunError(f"{path.name} is not a JSON object")
    if values.get("format") != FORMAT:
        raise RunError(f"{path.name} has format {values.get('format')!r}, expected {FORMAT}")
    return values


def is_amount(value: Any) -> bool:
    """Whether a value from a file is a number of 0 or more, and no more than can be shown."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and 0 <= value < 2**63


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and is_amount(value) and value > 0


def _is_share(value: Any) -> bool:
    return is_amount(value) and value <= 1


def _is_interval(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_share, value))


_FIGURES: dict[str, Callable[[Any], bool]] = {
    "epochs": _is_count,
    "best_epoch": _is_count,
    "seconds_per_epoch": is_amount,
    "served_bytes": _is_count,
    "rank": lambda value: value is None or _is_count(value),
    "scores.size": _is_count,
    "scores.accuracy": _is_share,
    "scores.accuracy_interval": _is_interval,
    "scores.loss": is_amount,
    "scores.f1_macro": _is_share,
}


def read_result(path: Path) -> dict[str, Any]:
    """The result of a run; RunError where a figure that is shown is missing or cannot be."""
    result = read_json(path)
    for name, is_right in _FIGURES.items():
        figure: Any = result
        for key in name.split("."):
            figure = figure.get(key) if isinstance(figure, dict) else None
        if not is_right(figure):
            raise RunError(f"{path.name} has a wrong {name}: {reprlib.repr(figure)}")
    return result


def read_history(path: Path) -> dict[str, np.ndarray]:
    """The history of a run, one float64 array of shape (epochs,) for each column.

    A last line that is still being written is left out.

    Raises:
        RunError: If the file is missing or is no history.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise RunError(f"{path.name} is missing") from None
    except (OSError, ValueError) as error:
        raise RunError(f"{path.name} cannot be read: {error}") from None
    whole = text[: text.rfind("\n") + 1]
    try:
        rows = list(csv.reader(io.StringIO(whole)))
    except csv.Error as error:
        raise RunError(f"{path.name} cannot be read: {error}") from None
    if not rows or tuple(rows[0]) != HISTORY_COLUMNS:
        raise RunError(f"{path.name} does not begin with the columns of a history")
    try:
        table = np.array(rows[1:], dtype=np.float64).reshape(-1, len(HISTORY_COLUMNS))
    except ValueError:
        columns = len(HISTORY_COLUMNS)
        raise RunError(f"{path.name} holds a line that is not {columns} numbers") from None
    return dict(zip(HISTORY_COLUMNS, table.T, strict=True))


@dataclass(frozen=True)
class Request:
    """What a training was asked to do.

    Raises:
        UnknownExperimentError: If there is no such experiment.
    """

    experiment: str
    settings: TrainingSettings

    def __post_init__(self) -> None:
        find_experiment(self.experiment)

    @classmethod
    def load(cls, folder: Path) -> Request:
        """The request in a run folder; raises RunError where it is missing or broken."""
        values = read_json(folder / REQUEST)
        try:
            return cls(values["experiment"], TrainingSettings.from_dict(values["settings"]))
        except (KeyError, TypeError, SettingsError, UnknownExperimentError) as error:
            raise RunError(f"{REQUEST} is not a request: {error}") from None

    def save(self, folder: Path) -> None:
        """Writes the request into a run folder."""
        created = datetime.now(UTC).isoformat(timespec="seconds")
        write_json(folder / REQUEST, {"format": FORMAT, **asdict(self), "created": created})


@dataclass(frozen=True)
class Run:
    """A finished run. Its files are read on demand and raise RunError where they are broken.

    Args:
        id: "<experiment>/shipped" or "<experiment>/<stamp>".
        folder: Where its files lie.
    """

    id: str
    folder: Path

    @property
    def experiment(self) -> str:
        return self.id.split("/")[0]

    @property
    def is_shipped(self) -> bool:
        return self.id.endswith(f"/{SHIPPED}")

    @property
    def served_model(self) -> Path:
        return self.folder / SERVED

    @cached_property
    def request(self) -> Request:
        return Request.load(self.folder)

    @cached_property
    def result(self) -> dict[str, Any]:
        return read_result(self.folder / RESULT)

    def history(self) -> dict[str, np.ndarray]:
        return read_history(self.folder / HISTORY)

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
                probabilities, labels = arrays["probabilities"], arrays["labels"]
                index = arrays["index"]
        except FileNotFoundError:
            raise RunError(f"{path.name} is missing") from None
        except Exception:  # NumPy and zipfile raise many kinds on garbage
            raise RunError(f"{path.name} is damaged") from None
        size = DATASETS[self.request.settings.dataset]
        if not (
            _holds_integers(labels, CLASSES)
            and _holds_integers(index, size)
            and len(np.unique(index)) == len(index) == len(labels)
            and np.issubdtype(probabilities.dtype, np.floating)
            and probabilities.shape == (len(labels), CLASSES)
        ):
            raise RunError(f"{path.name} does not hold ten probabilities for each digit")
        return probabilities, labels, index

    def problem(self) -> str | None:
        """What is broken about this run, in a sentence; None if it is whole."""
        try:
            if self.request.experiment != self.experiment:
                return f"{REQUEST} is of experiment {self.request.experiment}"
            self.result  # noqa: B018  raises RunError where it is broken
            if not self.history()["epoch"].size:
                return f"{HISTORY} has no epochs"
        except RunError as error:
            return str(error)
        for name in (SERVED, PROBABILITIES):
            if not (self.folder / name).is_file():
                return f"{name} is missing"
        return None


def _holds_integers(array: np.ndarray, below: int) -> bool:
    """Whether an array is one line of integers from 0 on, below a number."""
    if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer):
        return False
    return bool(np.all((array >= 0) & (array < below)))


@dataclass(frozen=True)
class Training:
    """A run that is not finished: one that trains now, was stopped or killed, or has failed."""

    id: str
    folder: Path

    @property
    def experiment(self) -> str:
        return self.id.split("/")[0]

    @property
    def state_folder(self) -> Path:
        return self.folder / STATE

    @property
    def request(self) -> Request:
        return Request.load(self.folder)

    def history(self) -> dict[str, np.ndarray]:
        return read_history(self.folder / HISTORY)

    @property
    def status(self) -> dict[str, Any]:
        """The last status written, with `state` corrected for a process that is gone.

        `state` is "queued", "running", "stopped" (by the user), "failed" or "interrupted" (the
        process died without a word).
        """
        status = read_json(self.folder / STATUS)
        if status.get("state") not in TRAINING_STATES:
            raise RunError(f"{STATUS} has no known state: {status.get('state')!r}")
        if status["state"] == "finished":  # and about to be moved to the finished runs
            status["state"] = "running"
        if status["state"] == "running" and not self.is_locked():
            message = "the process ended without a word; the training can be resumed"
            status |= {"state": "interrupted", "message": message}
        return status

    def write_status(self, state: str, **values: object) -> None:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        status = {"format": FORMAT, "state": state, "pid": os.getpid(), "updated": now}
        write_json(self.folder / STATUS, status | values)

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

    def lacks(self) -> str | None:
        """What this training still lacks to be a finished run; None if it need only be moved."""
        return Run(self.id, self.folder).problem()

    def check(self) -> None:
        """Raises RunError if a file that a training is resumed from is missing or broken."""
        if self.request.experiment != self.experiment:
            raise RunError(f"{REQUEST} is of experiment {self.request.experiment}")
        self.history()

    def sweep(self) -> None:
        """Removes what a kill left of files that were being written."""
        for folder in (self.folder, self.state_folder):
            for path in folder.glob(".*"):
                path.unlink(missing_ok=True)


class RunStore:
    """All runs: those that a clone brings and those trained here.

    Args:
        local: Folder of the runs trained here; made when first written to.
        shipped: Folder of the runs that a clone brings.
    """

    def __init__(self, local: Path, shipped: Path) -> None:
        self.local = Path(local)
        self.shipped = Path(shipped)

    @classmethod
    def default(cls) -> RunStore:
        """The project's own store; DIGITNET_RUNS and DIGITNET_CHECKPOINTS name other folders."""
        local = os.environ.get("DIGITNET_RUNS") or _REPOSITORY / "runs"
        shipped = os.environ.get("DIGITNET_CHECKPOINTS") or _REPOSITORY / "checkpoints"
        return cls(Path(local), Path(shipped))

    def finished(self, experiment: str | None = None) -> list[Run]:
        """Finished runs, by experiment in the report's order; shipped first, then newest first."""
        names = [experiment] if experiment else [one.name for one in EXPERIMENTS]
        runs: list[Run] = []
        for name in names:
            shipped = Run(f"{name}/{SHIPPED}", self.shipped / name)
            runs += [shipped] if shipped.folder.is_dir() else []
            trained = _stamped(self.local / "finished" / name)
            runs += [Run(f"{name}/{one.name}", one) for one in trained]
        return runs

    def unfinished(self, experiment: str | None = None) -> list[Training]:
        """Trainings that are not finished, by experiment in the report's order, newest first."""
        names = [experiment] if experiment else [one.name for one in EXPERIMENTS]
        return [
            Training(f"{name}/{one.name}", one)
            for name in names
            for one in _stamped(self.local / "unfinished" / name)
        ]

    def find(self, run_id: str) -> Run:
        """The finished run of this id.

        Raises:
            RunError: If the id is malformed or there is no such run.
        """
        folder = self._folder("finished", run_id)
        if not folder.is_dir():
            raise RunError(f"there is no run {run_id!r}")
        return Run(run_id, folder)

    def find_training(self, run_id: str) -> Training:
        """The unfinished training of this id; raises RunError like `find`."""
        folder = self._folder("unfinished", run_id)
        if run_id.endswith(f"/{SHIPPED}") or not folder.is_dir():
            raise RunError(f"there is no training {run_id!r}")
        return Training(run_id, folder)

    def current(self, experiment: str) -> Run | None:
        """The run that is served: the one pointed at, else the shipped one, else None."""
        with contextlib.suppress(OSError, ValueError):
            pointer = (self.local / "current" / experiment).read_text(encoding="utf-8")
            for run_id in pointer.split():
                with contextlib.suppress(RunError):
                    if run_id.startswith(f"{experiment}/"):
                        return self.find(run_id)
        shipped = Run(f"{experiment}/{SHIPPED}", self.shipped / experiment)
        return shipped if shipped.folder.is_dir() else None

    def make_current(self, run_id: str) -> None:
        """Serves this run from now on; RunError if it is missing, broken or cannot be chosen."""
        run = self.find(run_id)
        if problem := run.problem():
            raise RunError(f"{run_id} cannot be served: {problem}")
        try:
            self._point_at(run)
        except OSError as error:
            raise RunError(f"{run_id} cannot be made current: {error.strerror}") from None

    def _point_at(self, *runs: Run) -> None:
        """Serves the first of these runs of one experiment that is there."""
        pointer = self.local / "current" / runs[0].experiment
        pointer.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(pointer, "".join(f"{run.id}\n" for run in runs).encode())

    def roll_back(self, experiment: str) -> None:
        """Serves the shipped run again; runs trained here are kept. RunError if it cannot be."""
        try:
            (self.local / "current" / find_experiment(experiment).name).unlink(missing_ok=True)
        except OSError as error:
            raise RunError(f"{experiment} cannot go back: {error.strerror}") from None

    def delete(self, run_id: str) -> None:
        """Deletes a run or training made here; the shipped run is served if it was current.

        Raises:
            RunError: If there is no such run, it is a shipped one, or it is training now.
        """
        if run_id.endswith(f"/{SHIPPED}"):
            raise RunError("a shipped run cannot be deleted")
        for kind in ("finished", "unfinished"):
            folder = self._folder(kind, run_id)
            if not folder.is_dir():
                continue
            if kind == "unfinished" and Training(run_id, folder).is_locked():
                raise RunError(f"{run_id} is training now; stop it first")
            # Renamed away first: what is deleted halfway must not look like a run.
            grave = self.local / f"{GRAVE}{uuid.uuid4().hex}"
            folder.rename(grave)
            for grave in self.local.glob(f"{GRAVE}*"):  # those of a delete that was killed, too
                shutil.rmtree(grave, ignore_errors=True)
            return
        raise RunError(f"there is no run {run_id!r}")

    def begin(self, request: Request) -> Training:
        """The training to continue for this request, or a new one.

        A training is continued if it was asked for exactly this and has not failed; one that a
        living process is at comes first, and cannot be locked by another.
        """
        found: dict[str, Training] = {}
        for training in self.unfinished(request.experiment):
            with contextlib.suppress(RunError):
                training.check()
                if training.request == request:
                    found.setdefault(training.status["state"], training)
        for state in ("running", "queued", "stopped", "interrupted"):
            if state in found:
                return found[state]
        return self.create(request)

    def create(self, request: Request) -> Training:
        """A new, empty training; it appears whole or not at all."""
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-") + uuid.uuid4().hex[:4]
        folder = self.local / "unfinished" / request.experiment / stamp
        fresh = Training(f"{request.experiment}/{stamp}", folder.with_name(f".{stamp}"))
        fresh.folder.mkdir(parents=True)
        request.save(fresh.folder)
        fresh.cut_history(0)
        fresh.write_status("queued", epoch=0)
        fresh.folder.rename(folder)
        return Training(fresh.id, folder)

    def finish(self, training: Training) -> Run:
        """Makes a whole training a finished run and the current one; RunError if it is broken."""
        if problem := training.lacks():
            raise RunError(f"{training.id} cannot be finished: {problem}")
        shutil.rmtree(training.state_folder, ignore_errors=True)
        folder = self.local / "finished" / training.id
        folder.parent.mkdir(parents=True, exist_ok=True)
        run, before = Run(training.id, folder), self.current(training.experiment)
        # By the rename the run is finished and current at once, whenever the process is killed.
        self._point_at(run, *([before] if before else []))
        training.folder.rename(folder)
        sync_folder(folder.parent)
        self._point_at(run)
        return run

    def _folder(self, kind: str, run_id: str) -> Path:
        """Where a run lies; only well-formed ids become paths."""
        experiment, _, stamp = run_id.partition("/")
        if experiment not in {one.name for one in EXPERIMENTS}:
            raise RunError(f"there is no run {run_id!r}")
        if stamp == SHIPPED:
            return self.shipped / experiment
        if not _STAMP.fullmatch(stamp):
            raise RunError(f"there is no run {run_id!r}")
        return self.local / kind / experiment / stamp


def time_of(run_id: str) -> datetime | None:
    """When a training made here was asked for, UTC; None for a shipped run."""
    with contextlib.suppress(ValueError):
        stamp = run_id.partition("/")[2][:15]
        return datetime.strptime(stamp, "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    return None


def _stamped(folder: Path) -> list[Path]:
    """Run folders in a folder, newest first."""
    try:
        found = [one for one in folder.iterdir() if _STAMP.fullmatch(one.name) and one.is_dir()]
    except OSError:
        return []
    return sorted(found, key=lambda one: one.name, reverse=True)
