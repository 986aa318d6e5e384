"""The app as a public server has it, and a twin in which everything is allowed."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pytest

from benchmarks.browser import REPOSITORY, serve, wait_for_server
from digitnet.digits import load_samples
from digitnet.experiments import parse_layers
from digitnet.jobs.processes import WORKER_LOCK
from digitnet.runs import (
    RUN_FILES,
    TRAINED,
    OwnDrawing,
    OwnDrawings,
    RunStore,
    add_network,
    holding,
)
from digitnet.runs.records import READ_FILES
from tests.made_runs import make_request, make_training
from tests.security.client import Visitor

WHOLE = "reader"  # it stays whole while others are damaged
NETWORKS = (
    *("cnn_min", "cnn_pool5", "cnn_short", "cnn_avg", "cnn", "cnn_fc", "lenet5"),
    *("fc_narrow", "fc_small", "fc_lr_high", "fc_lr_low"),
)
# What a visitor may not do anything in; whoever may do more is to be added here.
ENVIRONMENTS = {"read-only": {"DIGITNET_READ_ONLY": "1"}}
STAMPS = ("20260101-000000-aaaa", "20260102-000000-bbbb")


@dataclass(frozen=True)
class Server:
    """The app, running.

    Args:
        address: Where it is.
        pid: Its process.
        folder: Where its runs and checkpoints are.
    """

    address: str
    pid: int
    folder: Path

    @property
    def store(self) -> RunStore:
        return RunStore(self.folder / "runs", self.folder / "checkpoints")

    @property
    def megabytes(self) -> float:
        return psutil.Process(self.pid).memory_info().rss / 1e6

    @property
    def seconds(self) -> float:
        """Of the processor, so far."""
        return sum(psutil.Process(self.pid).cpu_times()[:2])

    def visit(self, cookie: str = "") -> Visitor:
        return Visitor(self.address, cookie)

    def contents(self) -> dict[str, str]:
        """Every file of its runs and checkpoints, with a hash of what it holds."""
        return {
            str(path.relative_to(self.folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file()
        }


def furnish(folder: Path) -> None:
    """Runs and trainings of every kind, so that a page offers all that it can."""
    store = RunStore(folder / "runs", folder / "checkpoints")
    for name in (*NETWORKS, WHOLE):
        copy_run(REPOSITORY / "checkpoints" / name, store.shipped / name)
    for name, stamp in zip(("cnn_min", "cnn"), STAMPS, strict=True):
        copy_run(store.shipped / name, store.local / "finished" / name / stamp)
    store.make_current(f"cnn/{STAMPS[1]}")
    add_network(store.local, "mine", parse_layers("conv 4, flatten"))
    for seed in range(3):
        make_training(store, make_request("cnn_min", seed=seed))
    for state in ("stopped", "failed"):
        make_training(store, make_request("lenet5"), epochs=2, state=state, message=f"it {state}")
    shutil.copy(REPOSITORY / "checkpoints" / WHOLE / TRAINED, store.shipped / WHOLE / TRAINED)
    OwnDrawings(store.local).put(draw_digits())


def draw_digits() -> list[OwnDrawing]:
    """Two drawings of each digit: enough to teach the reader with."""
    return [
        OwnDrawing.of([np.array(one) * [width, 1] for one in strokes], digit)
        for width in (1, 0.9)
        for digit, strokes in load_samples().items()
    ]


def copy_run(source: Path, target: Path) -> None:
    target.mkdir(parents=True)
    for name in READ_FILES:
        if name in RUN_FILES or (source / name).is_file():
            shutil.copy(source / name, target / name)


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("furnished")
    furnish(folder)
    return folder


def run_server(
    folder: Path, furnished: Path, environment: dict[str, str], stack: ExitStack
) -> Server:
    shutil.copytree(furnished, folder, dirs_exist_ok=True)
    server = RunStore(folder / "runs", folder / "checkpoints")
    stack.enter_context(holding(server.local / WORKER_LOCK))  # so that nothing is trained
    places = {"DIGITNET_RUNS": str(server.local), "DIGITNET_CHECKPOINTS": str(server.shipped)}
    started = serve(REPOSITORY / "app.py", environment | places)
    address, pid = stack.enter_context(started)
    wait_for_server(address)
    return Server(address, pid, folder)


@pytest.fixture(scope="session", params=ENVIRONMENTS)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, furnished: Path
) -> Iterator[Server]:
    """A server whose visitors may change nothing."""
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("public")
        server = run_server(folder, furnished, ENVIRONMENTS[request.param], stack)
        with server.visit() as visitor:
            visitor.open()  # loads the networks
        yield server


@pytest.fixture(scope="session")
def twin(tmp_path_factory: pytest.TempPathFactory, furnished: Path) -> Iterator[Server]:
    """The same server for its owner alone, who may do everything."""
    with ExitStack() as stack, pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.delenv("DIGITNET_READ_ONLY", raising=False)
        yield run_server(tmp_path_factory.mktemp("twin"), furnished, {}, stack)


@pytest.fixture
def visitor(server: Server) -> Iterator[Visitor]:
    with server.visit() as visitor:
        yield visitor


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in Path(item.path).parents:
            item.add_marker(pytest.mark.slow)
