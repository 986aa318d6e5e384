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
import os
import re
import shutil
import uuid
from datetime import UTC, datetime
from pathlib import Path

from digitnet.experiments import EXPERIMENTS, find_experiment
from digitnet.runs.files import RunError, sync_folder, write_atomically
from digitnet.runs.records import LOCKS, SHIPPED, Request, Run, Training

GRAVE = ".deleted-"  # begins the name of a folder that is being deleted
_REPOSITORY = Path(__file__).resolve().parents[2]
_STAMP = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}")


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
        if not run_id.endswith(f"/{SHIPPED}"):
            if folder.is_dir():
                return Training(run_id, folder)
            if self._folder("finished", run_id).is_dir():
                raise RunError(f"{run_id} is finished already")
        raise RunError(f"there is no training {run_id!r}")

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
                    found.setdefault(training.status.state, training)
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
        for name in LOCKS:  # only now: in its old place, another could have locked it anew
            (folder / name).unlink(missing_ok=True)
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


def _stamped(folder: Path) -> list[Path]:
    """Run folders in a folder, newest first."""
    try:
        found = [one for one in folder.iterdir() if _STAMP.fullmatch(one.name) and one.is_dir()]
    except OSError:
        return []
    return sorted(found, key=lambda one: one.name, reverse=True)
