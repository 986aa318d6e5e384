"""Run folders: the one interface between trainings and everything that reads them.

    <local>/unfinished/<experiment>/<stamp>/   a training: running, stopped or failed
    <local>/finished/<experiment>/<stamp>/     a finished run; later only calibrated and mapped
    <local>/current/<experiment>               the id of the run that is served; while a training
                                               is finished, its id and below it the one before
    <local>/class/visitors/<visitor>/          a visitor's own runs, as all of the above
    <shipped>/<experiment>/                    the run that a clone brings; replaced by `publish`

A training writes into its unfinished folder and becomes a finished run by one rename. Files are
replaced whole or not at all, so that a reader never sees half of one.

A visitor's store reads the runs that all share, too, and changes its own alone: whoever is given
no more than such a store can see or change nothing of others.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from digitnet.experiments import (
    EXPERIMENTS,
    Experiment,
    UnknownExperimentError,
    find_experiment,
)
from digitnet.places import home
from digitnet.runs.files import RunError, read_whole, sync_folder, write_atomically
from digitnet.runs.networks import (
    forget_network,
    leave_network,
    read_networks,
    require_own,
)
from digitnet.runs.records import (
    CLASS,
    LOCKS,
    SHIPPED,
    STOP,
    VISITOR,
    VISITORS,
    Request,
    Run,
    Training,
    is_visitors_folder,
)

ASIDE = ".aside-"  # begins the name of a shipped run while another is put into its place
GRAVE = ".deleted-"  # begins the name of a folder that is being deleted
NO_FILES: Mapping[str, bytes] = MappingProxyType({})
_STAMP = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4,8}")  # of older runs, four


class RunStore:
    """All runs: those that a clone brings and those trained here.

    Args:
        local: Folder of the runs trained here; made when first written to.
        shipped: Folder of the runs that a clone brings.
    """

    def __init__(self, local: Path, shipped: Path) -> None:
        self.local = Path(local)
        self.shipped = Path(shipped)
        self._shared = self.local.parents[2] if is_visitors_folder(self.local) else None

    @classmethod
    def default(cls) -> RunStore:
        """The project's own store; DIGITNET_RUNS and DIGITNET_CHECKPOINTS name other folders."""
        local = os.environ.get("DIGITNET_RUNS") or home() / "runs"
        shipped = os.environ.get("DIGITNET_CHECKPOINTS") or home() / "checkpoints"
        return cls(Path(local).expanduser(), Path(shipped).expanduser())

    def only_shipped(self) -> RunStore:
        """The same without what was trained here."""
        return RunStore(self.local / "none", self.shipped)

    def require_writable(self) -> None:
        """Raises RunError if nothing can be kept in the folder of the runs trained here."""
        try:
            self.local.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=self.local).close()
        except OSError as error:
            reason = "it is no folder" if self.local.is_file() else error.strerror
            raise RunError(
                f"runs cannot be kept in {self.local}: {reason}; name a folder that can be written "
                "in DIGITNET_RUNS"
            ) from None

    # --- a visitor's, and that which all share ---------------------------------------------------

    @property
    def is_visitors(self) -> bool:
        """Whether it is one visitor's own, which reads the shared runs as well."""
        return self._shared is not None

    @property
    def shared(self) -> RunStore:
        """The store that all share; this one, unless it is a visitor's."""
        return RunStore(self._shared, self.shipped) if self._shared else self

    def of_visitor(self, visitor: str) -> RunStore:
        """A visitor's own store, which need not be there yet.

        Args:
            visitor: 32 hexadecimal digits.
        """
        assert VISITOR.fullmatch(visitor)
        return RunStore(self.shared.local / CLASS / VISITORS / visitor, self.shipped)

    def of_visitors(self) -> list[RunStore]:
        """The stores of all visitors who keep something; none of a visitor's own store."""
        try:
            names = sorted(one.name for one in (self.local / CLASS / VISITORS).iterdir())
        except OSError:
            return []
        return [self.of_visitor(name) for name in names if VISITOR.fullmatch(name)]

    def holds(self, run: Run | Training) -> bool:
        """Whether a run is kept in this very store, so that it can be deleted there."""
        return run.stamp != SHIPPED and run.folder.parents[2] == self.local

    def held(self, experiment: str | None = None) -> list[Run | Training]:
        """Runs and trainings, of one experiment or all, that are kept in this very store."""
        seen: list[Run | Training] = [*self.finished(experiment), *self.unfinished(experiment)]
        return [one for one in seen if self.holds(one)]

    def _places(self, experiment: str) -> list[Path]:
        """Where runs of an experiment are read from: a network of one's own hides its namesake."""
        is_own = self._shared and experiment in {one.name for one in self.networks()}
        return [self.local] if is_own or not self._shared else [self.local, self._shared]

    # --- what there is ---------------------------------------------------------------------------

    def experiments(self) -> tuple[Experiment, ...]:
        """Those that the project brings, in the report's order, then the user's own."""
        own = self.networks()
        names = {one.name for one in own}
        others = read_networks(self._shared) if self._shared else []
        return (*EXPERIMENTS, *(one for one in others if one.name not in names), *own)

    def networks(self) -> list[Experiment]:
        """The user's own networks that are kept in this very store."""
        return read_networks(self.local)

    def find_experiment(self, name: str) -> Experiment:
        """The experiment of this name; UnknownExperimentError if there is none."""
        return find_experiment(name, self.experiments())

    def finished(self, experiment: str | None = None) -> list[Run]:
        """Finished runs, by experiment in their order; shipped first, then newest first."""
        runs: list[Run] = []
        for one in self._chosen(experiment):
            shipped = Run(one, SHIPPED, self._shipped_folder(one.name))
            runs += [shipped] if shipped.folder.is_dir() else []
            trained = {
                folder.name: folder  # one's own in the place of what was shared of it
                for place in reversed(self._places(one.name))
                for folder in _stamped(place / "finished" / one.name)
            }
            runs += [Run(one, stamp, trained[stamp]) for stamp in sorted(trained, reverse=True)]
        return runs

    def unfinished(self, experiment: str | None = None) -> list[Training]:
        """Trainings that are not finished, by experiment in their order, newest first."""
        return [
            Training(one, folder.name, folder)
            for one in self._chosen(experiment)
            for folder in _stamped(self.local / "unfinished" / one.name)
        ]

    def _chosen(self, name: str | None) -> tuple[Experiment, ...]:
        return (self.find_experiment(name),) if name else self.experiments()

    def find(self, run_id: str) -> Run:
        """The finished run of this id.

        Raises:
            RunError: If the id is malformed or there is no such run.
        """
        experiment, stamp = self._parse(run_id)
        if stamp == SHIPPED:
            folders = [self._shipped_folder(experiment.name)]
        else:
            folders = [place / "finished" / run_id for place in self._places(experiment.name)]
        for folder in folders:
            if folder.is_dir():
                return Run(experiment, stamp, folder)
        raise RunError(f"there is no run {run_id!r}")

    def find_training(self, run_id: str) -> Training:
        """The unfinished training of this id; raises RunError like `find`."""
        experiment, stamp = self._parse(run_id)
        if stamp != SHIPPED:
            folder = self._local("unfinished", run_id)
            if folder.is_dir():
                return Training(experiment, stamp, folder)
            if self._local("finished", run_id).is_dir():
                raise RunError(f"{run_id} is finished already")
        raise RunError(f"there is no training {run_id!r}")

    def current(self, experiment: str) -> Run | None:
        """The run that is served: the one pointed at, else the shipped one, else None.

        A visitor's own choice comes before that which all share.
        """
        for place in self._places(experiment):
            with contextlib.suppress(OSError, ValueError):
                pointer = read_whole(place / "current" / experiment).decode()
                for run_id in pointer.split():
                    with contextlib.suppress(RunError):
                        if run_id.startswith(f"{experiment}/"):
                            return self.find(run_id)
        with contextlib.suppress(RunError):
            return self.find(f"{experiment}/{SHIPPED}")
        return None

    def current_runs(self) -> list[Run]:
        """The run that is served of every experiment that has one, in their order."""
        return [run for one in self.experiments() if (run := self.current(one.name))]

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
        pointer = self.local / "current" / runs[0].experiment.name
        pointer.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(pointer, "".join(f"{run.id}\n" for run in runs).encode())

    def roll_back(self, experiment: str) -> None:
        """Serves the shipped run again, or that which all share; RunError if it cannot be.

        Runs trained here are kept.
        """
        try:
            (self.local / "current" / self.find_experiment(experiment).name).unlink(missing_ok=True)
        except OSError as error:
            raise RunError(f"{experiment} cannot go back: {error.strerror}") from None

    def delete(self, run_id: str) -> None:
        """Deletes a run or training made here; the shipped run is served if it was current.

        Raises:
            RunError: If there is no such run, it is a shipped one, or it is training now.
        """
        if run_id.endswith(f"/{SHIPPED}"):
            raise RunError("a shipped run cannot be deleted")
        experiment, stamp = self._parse(run_id)
        for kind in ("finished", "unfinished"):
            folder = self._local(kind, run_id)
            if not folder.is_dir():
                continue
            if kind == "unfinished" and Training(experiment, stamp, folder).is_locked():
                raise RunError(f"{run_id} is training now; stop it first")
            self.bury(folder)
            return
        raise RunError(f"there is no run {run_id!r}")

    def delete_network(self, name: str) -> None:
        """Deletes a network of the user's own with all its runs.

        Visitors who have trained it keep it as their own, with what they trained.

        Raises:
            NetworkError: If it is none of the user's own.
            RunError: If one of its trainings is training now.
        """
        require_own(self.local, name)
        if any(training.is_locked() for training in self.unfinished(name)):
            raise RunError(f"the network {name} is training now; stop it first")
        for visitors in self.of_visitors():
            if visitors.held(name):
                leave_network(self.local, name, visitors.local)
        for kind in ("finished", "unfinished"):
            if (self.local / kind / name).is_dir():
                self.bury(self.local / kind / name)
        self.roll_back(name)
        forget_network(self.local, name)

    def bury(self, folder: Path) -> None:
        """Deletes a folder; renamed first, for what is half deleted must not look like a run."""
        folder.rename(self.local / f"{GRAVE}{uuid.uuid4().hex}")
        for grave in self.local.glob(f"{GRAVE}*"):  # those of a delete that was killed, too
            shutil.rmtree(grave, ignore_errors=True)

    def begin(self, request: Request, files: Mapping[str, bytes] = NO_FILES) -> Training:
        """The training to continue for this request, or a new one with these files."""
        return self.find_begun(request) or self.create(request, files)

    def find_begun(self, request: Request) -> Training | None:
        """The training to continue for this request, if there is one.

        That was asked for exactly this and has not failed; one that a living process is at comes
        first, and cannot be locked by another.
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
        return None

    def create(self, request: Request, files: Mapping[str, bytes] = NO_FILES) -> Training:
        """A new training; it appears whole or not at all.

        Args:
            request: What it is asked to do.
            files: What else it needs in its folder, by name.

        Raises:
            UnknownExperimentError: If there is no such experiment.
        """
        experiment = self.find_experiment(request.experiment)
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-") + uuid.uuid4().hex[:8]
        folder = self.local / "unfinished" / experiment.name / stamp
        fresh = Training(experiment, stamp, folder.with_name(f".{stamp}"))
        fresh.folder.mkdir(parents=True)
        request.save(fresh.folder)
        for name, content in files.items():
            write_atomically(fresh.folder / name, content)
        fresh.cut_history(0)
        fresh.write_status("queued", epoch=0)
        fresh.folder.rename(folder)
        return Training(experiment, stamp, folder)

    def finish(self, training: Training) -> Run:
        """Makes a whole training a finished run; RunError if it is broken.

        It becomes the current one, unless it was taught and reads no better than that before it.
        """
        if problem := training.lacks():
            raise RunError(f"{training.id} cannot be finished: {problem}")
        shutil.rmtree(training.state_folder, ignore_errors=True)
        folder = self.local / "finished" / training.id
        folder.parent.mkdir(parents=True, exist_ok=True)
        run = Run(training.experiment, training.stamp, folder)
        outcome = Run(training.experiment, training.stamp, training.folder).outcome
        is_current = outcome is None or outcome.is_adopted
        before = self.current(training.experiment.name)
        # By the rename the run is finished and current at once, whenever the process is killed.
        if is_current:
            self._point_at(run, *([before] if before else []))
        training.folder.rename(folder)
        sync_folder(folder.parent)
        for name in (*LOCKS, STOP):  # only now: in its old place, another could have locked it anew
            (folder / name).unlink(missing_ok=True)
        if is_current:
            self._point_at(run)
        return run

    def _parse(self, run_id: str) -> tuple[Experiment, str]:
        """What a run's id names; RunError unless it is well-formed."""
        name, _, stamp = run_id.partition("/")
        if stamp == SHIPPED or _STAMP.fullmatch(stamp):
            with contextlib.suppress(UnknownExperimentError):
                return self.find_experiment(name), stamp
        raise RunError(f"there is no run {run_id!r}")

    def _local(self, kind: str, run_id: str) -> Path:
        """Where a run that was trained here lies; for ids that `_parse` has passed."""
        return self.local / kind / run_id

    def _shipped_folder(self, experiment: str) -> Path:
        """Where the shipped run lies: in its place, or aside if a publish was killed just then."""
        folder, aside = self.shipped / experiment, self.shipped / f"{ASIDE}{experiment}"
        return aside if aside.is_dir() and not folder.is_dir() else folder


def _stamped(folder: Path) -> list[Path]:
    """Run folders in a folder, newest first."""
    try:
        found = [one for one in folder.iterdir() if _STAMP.fullmatch(one.name) and one.is_dir()]
    except OSError:
        return []
    return sorted(found, key=lambda one: one.name, reverse=True)
