"""Files of drawings: a JSON line each."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from digitnet.digits.ink.strokes import InkError, Strokes, _as_points, no_file

LONGEST_LINE = 8 * 2**20  # bytes; a drawing of the most points has 2 million
MOST_BLANK = 10_000  # lines in a row
DIGITS = set("0123456789")
MOST_PASSED = 64 * 2**20  # bytes of a line that is too long; more are no end


def read_drawings(
    path: Path | str,
) -> Iterator[tuple[int, Strokes | InkError, int | None, str | None]]:
    """Reads drawings from a `.jsonl` or `.jsonl.gz`, a line at a time.

    A line is `{"strokes": [[[x, y], ...], ...]}` with y downwards, and may carry a `label` (the
    digit) and a `writer`. Blank lines are passed over.

    Args:
        path: The file.

    Yields:
        (index, strokes, label or None, writer or None), index counting from 0. A bad line gives
        an InkError in the place of its strokes, and the rest goes on.

    Raises:
        InkError: The file cannot be opened, breaks off, or goes on without any drawings.
    """
    path = Path(path)
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            for index, line in enumerate(_pass_over_blanks(_read_lines(file))):
                yield index, *parse_drawing(line)
    except OSError as error:
        raise no_file(path.name, error) from error
    except (EOFError, zlib.error) as error:
        raise InkError(f"{path.name} cannot be read: {error}.") from error


def _pass_over_blanks(lines: Iterator[bytes]) -> Iterator[bytes]:
    blank = 0
    for line in lines:
        if line.strip():
            blank = 0
            yield line
        elif (blank := blank + 1) > MOST_BLANK:
            raise InkError(f"It has more than {MOST_BLANK:,} blank lines in a row: no drawings.")


def _read_lines(file: BinaryIO | gzip.GzipFile) -> Iterator[bytes]:
    """Yields lines; of one that is too long, only the start."""
    while line := file.readline(LONGEST_LINE):
        yield line
        passed = 0
        while len(line) == LONGEST_LINE and not line.endswith(b"\n"):
            line = file.readline(LONGEST_LINE)
            if (passed := passed + len(line)) > MOST_PASSED:
                raise InkError("It has a line without end: no drawings.")


def parse_drawing(line: bytes) -> tuple[Strokes | InkError, int | None, str | None]:
    """Reads a line of such a file: what `read_drawings` yields of it after its index."""
    if len(line) == LONGEST_LINE:
        return InkError("The line is too long for a drawing."), None, None
    try:
        record = json.loads(line)
        strokes = [_as_points(stroke) for stroke in record["strokes"]]
        label, writer = _as_label(record.get("label")), record.get("writer")
    except InkError as error:
        return error, None, None
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError, RecursionError):
        return InkError('The line is no drawing {"strokes": [[[x, y], ...], ...]}.'), None, None
    return strokes, label, None if writer is None else str(writer)


def _as_label(value: object) -> int | None:
    """A label, which may be written as text or as 7.0; raises InkError for what is no digit."""
    if value is None:
        return None
    if isinstance(value, bool) or str(value).removesuffix(".0") not in DIGITS:
        raise InkError("The label must be a digit from 0 to 9.")
    return int(float(str(value)))
