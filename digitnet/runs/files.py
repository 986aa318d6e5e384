"""Files that are replaced whole or not at all, and read with every fault said in a sentence."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import reprlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np

from digitnet.errors import DigitnetError

T = TypeVar("T")

FORMAT = 1
MOST_BYTES = 16 * 2**20  # of a file that is read whole; ours have a thousandth
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


class RunError(DigitnetError):
    """A run is missing, broken or may not be changed; the message is a sentence for the user."""


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


def sync_file(path: Path) -> None:
    """Makes a file that others wrote survive a power cut."""
    with path.open("r+b") as stream:
        os.fsync(stream.fileno())


def sync_folder(folder: Path) -> None:
    """Makes a rename in the folder durable, where the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_json(path: Path, values: dict) -> None:
    """Replaces a JSON file atomically."""
    write_atomically(path, (json.dumps(values, indent=1) + "\n").encode())


def read_json(path: Path) -> dict:
    """A JSON object from a run folder.

    Raises:
        RunError: If the file is missing, is no JSON object or has another format version.
    """
    try:
        values = json.loads(read_whole(path))
    except FileNotFoundError:
        raise RunError(f"{path.name} is missing") from None
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{path.name} cannot be read: {error}") from None
    if not isinstance(values, dict):
        raise RunError(f"{path.name} is not a JSON object")
    if values.get("format") != FORMAT:
        raise RunError(f"{path.name} has format {values.get('format')!r}, expected {FORMAT}")
    return values


def read_if_of(path: Path, served_sha256: str | None, parse: Callable[[dict], T]) -> T | None:
    """What was measured of a run's served model, which need not have been.

    Args:
        path: A JSON file that names the model by its hash.
        served_sha256: The model's; what was measured of another does not hold for it.
        parse: Makes what is wanted of the file's values; what it raises tells that they are wrong.

    Returns:
        What `parse` made; None where there is none of this model, or it cannot be read.
    """
    try:
        values = read_json(path)
        if served_sha256 and values["served_sha256"] == served_sha256:
            return parse(values)
    except (RunError, AttributeError, KeyError, TypeError, ValueError, OverflowError):
        pass  # a run can do without
    return None


def read_whole(path: Path) -> bytes:
    """A file's bytes; OSError where it is larger than any of ours, or has no end."""
    with path.open("rb") as stream:
        content = stream.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise OSError(f"it has more than {MOST_BYTES // 2**20} MB")
    return content


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
        text = read_whole(path).decode("utf-8")
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


def size_of(folder: Path) -> int:
    """The bytes of all files in a folder and those below it."""
    total = 0
    for place, _, names in os.walk(folder):  # which passes over what has just been deleted
        for name in names:
            with contextlib.suppress(OSError):
                total += (Path(place) / name).lstat().st_size
    return total
