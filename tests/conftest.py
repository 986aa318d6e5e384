"""What several tests share: MNIST, where this machine has it, and a Ctrl-C that works."""

import os
import signal
from pathlib import Path

import pytest

from digitnet.digits import DataError, find_mnist


def missing(reason: str) -> None:
    """Skips a test for want of something, or fails it in continuous integration."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session", autouse=True)
def heed_ctrl_c() -> None:
    """Makes the processes that tests start heed SIGINT, which a run in the background ignores."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def mnist_path() -> Path:
    """MNIST's file on this machine."""
    try:
        path = find_mnist()
    except DataError as error:
        missing(str(error))
    if path is None:
        missing("MNIST is not on this machine; DIGITNET_MNIST may name its file")
    return path
