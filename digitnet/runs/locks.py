"""Locks that die with the process that holds them."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

import filelock


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
