"""The UNIPEN distribution train_r01_v07 -> signs.

Source: I. Guyon et al., "UNIPEN project of on-line data exchange and recognizer benchmarks" (ICPR
1994). The distribution is plain text: a word that begins a line with a dot is a keyword, and what
follows, up to the next one, is its value.

    data/1a/<collection>/*.dat     what is written, isolated digits: .INCLUDE names the strokes,
                                   .SEGMENT CHARACTER 3-4 ? "7" the strokes of a sign and its label
    data/1b, data/1c, data/1d      the same of capitals, small letters and symbols
    include/<collection>/*.dat     the strokes: .COORD says what the numbers of a point are,
                                   .PEN_DOWN begins a stroke, .PEN_UP ends it; y is upwards
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from digitnet.digits.handwriting.signs import Conversion, Sign, SignError, scale
from digitnet.digits.handwriting.stroke_files import UNIPEN_DIGITS, UNIPEN_LETTERS
from digitnet.digits.records import DataError

DIGITS = "0123456789"
DIGIT_FOLDERS = ("1a",)
LETTER_FOLDERS = ("1b", "1c", "1d")
# Signs that nobody takes for a digit, as one takes an l, an O, a g or a hastily written A or y.
LETTERS = "#%*+:;<=>?@EFHJKLMNRWX[]^defjkmnprvwx{}"
MOST_LETTERS = 12_000  # drawn from all of them
MOST_BYTES = 32 * 2**20  # of a file; the distribution's are a hundredth of it
MOST_INCLUDED = 20  # files by one of data, and by those that it includes
FARTHEST = 1e9  # a coordinate

_SEGMENT = re.compile(r'CHARACTER\s+([\d:,-]{1,99})\s+(\S+)\s+"((?:[^"\\]|\\.)*)"')
_RANGE = re.compile(r"(\d{1,6})(?::(\d{1,6}))?(?:-(\d{1,6})(?::(\d{1,6}))?)?")


def read_unipen(folder: Path) -> Conversion:
    """Reads the isolated digits, and of the isolated letters and symbols those that are wanted.

    Args:
        folder: The distribution, unpacked: it holds data and include, itself or up to two folders
            further down.

    Raises:
        DataError: If it is not there, or holds no digit that can be read.
    """
    root = _find_root(folder)
    faults: list[str] = []
    digits = list(_read_signs(root, DIGIT_FOLDERS, DIGITS, faults))
    if not digits:
        why = f": {faults[0]}" if faults else "."
        raise DataError(f"{root} holds no digit that can be read{why}")
    letters = list(_read_signs(root, LETTER_FOLDERS, LETTERS, faults))
    chosen = np.random.default_rng(0).permutation(len(letters))[:MOST_LETTERS]
    files = {UNIPEN_DIGITS.name: digits, UNIPEN_LETTERS.name: [letters[one] for one in chosen]}
    return Conversion(files, faults)


def _find_root(folder: Path) -> Path:
    for root in (folder, *sorted(folder.glob("*")), *sorted(folder.glob("*/*"))):
        if (root / "data" / DIGIT_FOLDERS[0]).is_dir() and (root / "include").is_dir():
            return root.resolve()
    raise DataError(
        f"{folder} is not the UNIPEN distribution: its folders data/{DIGIT_FOLDERS[0]} and include "
        "cannot be found. Unpack unipen-CDROM-train_r01_v07.tgz and name the folder that it makes."
    )


def _read_signs(
    root: Path, folders: tuple[str, ...], wanted: str, faults: list[str]
) -> Iterator[Sign]:
    """Yields the wanted signs of these folders of data; adds to the faults."""
    for path in (path for name in folders for path in sorted((root / "data" / name).rglob("*"))):
        if path.is_file():
            yield from _read_file(root, path, wanted, faults)


def _read_file(root: Path, path: Path, wanted: str, faults: list[str]) -> Iterator[Sign]:
    place = path.relative_to(root)
    sheet = _Sheet(faults=faults)
    sheet.read(root, path)
    for segment, writer in sheet.segments:
        match = _SEGMENT.match(segment)
        label = re.sub(r"\\(.)", r"\1", match[3]) if match else ""
        if not match or len(label) != 1 or label not in wanted or match[2].upper() == "BAD":
            continue
        try:
            strokes = scale(sheet.cut(match[1]))
        except SignError as error:
            faults.append(f"{place}: the {label} of strokes {match[1]} is left out, as {error}.")
        else:
            writer = sheet.find_writer(match[1]) or writer
            yield Sign(label, strokes, writer, collection=place.parts[2])


@dataclass
class _Sheet:
    """What one file of data says, with all that it includes.

    Attributes:
        faults: Where to add what could not be read.
        included: How many files it includes.
        names: What the numbers of a point are.
        writer: Who writes; where nobody is named, the folder of the strokes, so that no writer
            is ever taken for two.
        strokes: Each as its text, and what the numbers of its points are.
        named: Who was named last.
        writers: Who had been named before each stroke; a file may include several writers.
        segments: Each as its text, and its writer.
    """

    faults: list[str]
    included: int = 0
    names: tuple[str, ...] = ("X", "Y")
    writer: str = ""
    named: str = ""
    strokes: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    writers: list[str] = field(default_factory=list)
    segments: list[tuple[str, str]] = field(default_factory=list)

    def read(self, root: Path, path: Path) -> None:
        """Reads a file and what it includes; a file that cannot be read is a fault."""
        try:
            text = _read_text(path)
        except SignError as error:
            self.faults.append(f"{path.relative_to(root)} {error}.")
            return
        for keyword, value in _split(text):
            if keyword == ".INCLUDE":
                self._include(root, value)
            elif keyword == ".COORD":
                self.names = tuple(value.upper().split())
            elif keyword == ".WRITER_ID":
                self.named = self.writer = value
            elif keyword == ".PEN_DOWN":
                self.strokes.append((value, self.names))
                self.writers.append(self.named)
            elif keyword == ".SEGMENT":
                self.segments.append((value, self.writer))

    def _include(self, root: Path, name: str) -> None:
        path = (root / "include" / name).resolve()
        self.included += 1
        if self.included > MOST_INCLUDED or not path.is_relative_to(root):
            self.faults.append(f"{name[:99]!r} is not included: it leads astray.")
            return
        self.writer = self.writer or str(Path(name).parent)
        self.read(root, path)

    def find_writer(self, ranges: str) -> str:
        """Returns who was named before the strokes of a sign; "" if nobody was."""
        match = _RANGE.match(ranges)
        return self.writers[int(match[1])] if match else ""

    def cut(self, ranges: str) -> list[np.ndarray]:
        """Returns the strokes of a sign, such as 3-5,8 or, point by point, 3:10-5:2.

        Raises:
            SignError: If they are not there.
        """
        return [stroke for one in ranges.split(",") for stroke in self._cut_range(one)]

    def _cut_range(self, text: str) -> list[np.ndarray]:
        match = _RANGE.fullmatch(text)
        if not match:
            raise SignError(f"{text!r} names no strokes")
        first, begin, last, end = match.groups()
        places = range(int(first), int(last or first) + 1)
        if not places or places[-1] >= len(self.strokes):
            raise SignError(f"the file has {len(self.strokes)} strokes")
        strokes = [_parse_points(*self.strokes[place]) for place in places]
        strokes[-1] = strokes[-1][: int(end) + 1 if end else None]
        strokes[0] = strokes[0][int(begin or 0) :]
        return strokes


def _read_text(path: Path) -> str:
    try:
        if path.stat().st_size <= MOST_BYTES:
            return path.read_text(encoding="latin-1").replace("\0", "")
    except OSError:
        raise SignError("cannot be read") from None
    raise SignError("is too large to be read")


def _split(text: str) -> Iterator[tuple[str, str]]:
    """Yields each keyword of a file with its value."""
    for statement in re.split(r"^(?=\.)", text, flags=re.MULTILINE):
        if statement.startswith("."):
            keyword, *value = statement.split(None, 1)
            yield keyword, "".join(value).strip()


def _parse_points(text: str, names: tuple[str, ...]) -> np.ndarray:
    """Parses a stroke; returns float (k, 2) of x and y, y downwards."""
    if "X" not in names or "Y" not in names:
        raise SignError(".COORD names no X and Y")
    try:
        numbers = np.array(text.split(), float).reshape(-1, len(names))
    except ValueError:
        raise SignError(f"a stroke is not of {len(names)} numbers a point") from None
    points = numbers[:, (names.index("X"), names.index("Y"))] * (1, -1)
    if not (np.abs(points) < FARTHEST).all():
        raise SignError("a coordinate is no number or beyond all measure")
    return points
