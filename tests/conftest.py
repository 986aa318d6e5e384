"""What all tests share: MNIST, where this machine has it, a Ctrl-C that works, and the cores."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "0"))  # side by side; 0 without xdist
THREADS = (
    *("DIGITNET_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"),
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"),  # t-SNE's threads busily wait for one another
)


def pytest_configure() -> None:
    """Gives a worker's TensorFlow and NumPy, and the trainings it starts, its share of the cores.

    Real drawings are set aside: each training would be calibrated on them, for many seconds.
    """
    os.environ.pop("DIGITNET_STROKES", None)
    if WORKERS:
        share = max(1, (os.cpu_count() or 1) // WORKERS)
        os.environ.update(dict.fromkeys(THREADS, str(share)))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts long tests first, so that no worker is left alone with one at the end.

    Those in a browser come last of them, for the other workers to take: so fewer open one; but the
    longest of these first.
    """
    if WORKERS:
        items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    marks = {mark.name for mark in item.iter_markers()}
    if "browser" in marks:
        return 1 if "slow" in marks else 2
    return 0 if "slow" in marks else 3


def missing(reason: str) -> None:
    """Skips a test for want of something, or fails it in continuous integration."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session", autouse=True)
def heed_ctrl_c() -> None:
    """Makes the processes that tests start heed SIGINT, which a run in the background ignores."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def no_local_runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Sets aside what was trained here: the shipped runs are current, unless a test has others."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("DIGITNET_RUNS", str(tmp_path_factory.mktemp("no_runs")))
        yield


@pytest.fixture(scope="session")
def mnist_path() -> Path:
    """MNIST's file on this machine."""
    from digitnet.digits import DataError, find_mnist  # NumPy asks once for its share of the cores

    try:
        path = find_mnist()
    except DataError as error:
        missing(str(error))
    if path is None:
        missing("MNIST is not on this machine; DIGITNET_MNIST may name its file")
    return path
