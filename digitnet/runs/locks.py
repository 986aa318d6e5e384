"""Locks that die with the process that holds them, and that others can look at."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import filelock

from digitnet.runs.files import RunError

LOCK_SECONDS = 5.0  # to wait for someone who changes the same


def is_locked(path: Path) -> bool:
    """Whether a living process holds a lock file; makes no file and keeps nobody from holding it.

    The holder has the lock for itself, and those who look share it for a moment: so they find out
    whether it is free, and never take each other for its holder. To read the file is enough, be it
    on a read-only disk or another user's.
    """
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:  # nothing is there to be held
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    except OSError:  # a disk without locks
        return False
    finally:
        os.close(handle)


@contextlib.contextmanager
def handing_on(path: Path) -> Iterator[int]:
    """Holds a free lock file for a process that is started meanwhile.

    Given the file descriptor that this yields, the process holds the lock for as long as it lives,
    whatever becomes of the one that started it.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        with contextlib.suppress(OSError):  # a disk without locks
            fcntl.flock(handle, fcntl.LOCK_EX)  # waits for those who only look at it
        yield handle
    finally:
        os.close(handle)


@contextlib.contextmanager
def holding(path: Path) -> Iterator[filelock.BaseFileLock]:
    """Holds a lock file for this process; the system frees it whenever the process ends.

    Raises:
        filelock.Timeout: If another process holds it.
    """
    lock = filelock.FileLock(path, timeout=0)
    while not lock.is_locked:
        try:
            lock.acquire()
        except filelock.Timeout:
            if is_locked(path):  # else someone only looked at it
                raise
    try:
        yield lock
    finally:
        lock.release()


@contextlib.contextmanager
def changing(path: Path, failure: str) -> Iterator[None]:
    """Holds a lock file while what it guards is changed; waits for others who change it.

    Args:
        path: The lock file; its folder is made where there is none.
        failure: What could not be done, for the error.

    Raises:
        RunError: If others take too long, or something cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(path, timeout=LOCK_SECONDS):
            yield
    except filelock.Timeout:
        raise RunError(f"{failure}: someone else is changing it; try again") from None
    except OSError as error:
        raise RunError(f"{failure}: {error.strerror or error}") from None
