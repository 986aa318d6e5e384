"""What the reader is taught of one person's hand, beside what it is not to forget.

An ordinary user has MNIST and no other person's strokes. So what it knew is called to mind by
MNIST's images and made outliers; what is to come out there is what came out before (Z. Li and
D. Hoiem, "Learning without forgetting", ECCV 2016), which says more of it than their labels do.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from digitnet.digits.datasets import load_digits
from digitnet.digits.handwriting import (
    Drawing,
    Epochs,
    Mixture,
    Sources,
    deal_images,
    fit,
    make_outliers,
)
from digitnet.digits.ink import MOST_POINTS, InkError, Strokes, read_drawings, render_strokes
from digitnet.digits.material import HELD_OUT_IMAGES, Material, redraw
from digitnet.digits.records import DataError, Digits
from digitnet.digits.samples import load_samples
from digitnet.digits.splits import SPLIT_SEED, split_digits
from digitnet.digits.unlearnt import SCRIBBLES, Unlearnt

FEWEST_DRAWINGS, FEWEST_DIGITS = 20, 5  # of which half are learnt and half are judged on
OWN_IMAGES = 3_000  # made of the drawings that are learnt
MOST_OF_EACH = 60  # of one drawing: a few drawings are not to outweigh all else
KNOWN = Mixture(images=8_000, drawings=0, rare=0, letters=0, made_outliers=1_000)

Labelled = tuple[Strokes, int]  # a drawing and the digit that it is


@dataclass(frozen=True, eq=False)
class Lesson:
    """What a network is taught of one person's hand, and what it is judged on.

    Attributes:
        own: The person's drawings that are learnt, each drawn as on many other days.
        known: What it is to see as before; a label is 10 where it is no digit.
        held_out: The person's other drawings, as the app draws them.
        learnt: How many drawings `own` was made of.
        judged: MNIST's validation digits, the test digits, and where all of it comes from.
        unlearnt: What it can be calibrated on.
    """

    own: Digits
    known: Digits
    held_out: Digits
    learnt: int
    judged: Material
    unlearnt: Unlearnt


def find_lack(labels: Iterable[int]) -> str | None:
    """What is lacking to teach a network with drawings of these digits; None if nothing is."""
    counts = Counter(labels)
    if counts.total() < FEWEST_DRAWINGS:
        return f"at least {FEWEST_DRAWINGS} drawings are needed; so far: {counts.total()}"
    if len(counts) < FEWEST_DIGITS:
        return f"at least {FEWEST_DIGITS} of the ten digits are needed; so far: {len(counts)}"
    return None


def read_labelled(path: Path) -> tuple[list[Labelled], int]:
    """Reads the drawings of a .jsonl[.gz] that have a label and can be drawn, each once.

    One that came twice could be learnt and judged on.

    Returns:
        These, and how many lines are left out.

    Raises:
        InkError: If the file cannot be read.
    """
    found: dict[tuple[bytes, ...], Labelled] = {}
    lines = 0
    for _, strokes, label, _ in read_drawings(path):
        lines += 1
        if label is not None and not isinstance(strokes, InkError) and _can_be_drawn(strokes):
            found.setdefault(tuple(stroke.tobytes() for stroke in strokes), (strokes, label))
    return list(found.values()), lines - len(found)


def _can_be_drawn(strokes: Strokes) -> bool:
    return sum(map(len, strokes)) <= MOST_POINTS and bool(fit(strokes))


def deal_drawings(drawings: Sequence[Drawing]) -> tuple[list[Drawing], list[Drawing]]:
    """Deals every digit's drawings in turn: one to learn from, the next to be judged on.

    So the drawings that are judged on remain so when others are added behind them.
    """
    seen: Counter[int] = Counter()
    parts: tuple[list[Drawing], list[Drawing]] = ([], [])
    for one in drawings:
        parts[seen[one.label] % 2].append(one)
        seen[one.label] += 1
    return parts


def load_lesson(path: Path, seed: int) -> Lesson:
    """Loads what a network for real handwriting is taught of one person's hand.

    Args:
        path: The drawings, as `read_labelled` reads them.
        seed: Of how they are varied.

    Raises:
        DataError: If MNIST cannot be had, or the drawings are too few.
        InkError: If the drawings cannot be read.
    """
    labelled, _ = read_labelled(path)
    drawings = [_as_drawing(*one) for one in labelled]
    if lack := find_lack(one.label for one in drawings):
        raise DataError(f"{path.name} is not enough: {lack}.")
    learnt, held_out = deal_drawings(drawings)
    mnist = load_digits("mnist")
    split = split_digits("mnist", mnist)
    images, held_out_images = deal_images(split.test_index, HELD_OUT_IMAGES, SPLIT_SEED)
    sources = Sources(mnist.images[images], mnist.labels[images], learnt, [])
    lessons = Epochs(sources, KNOWN, seed, calm_from=0)
    validation = Digits(mnist.images[held_out_images], mnist.labels[held_out_images])
    counts = {
        "train": len(learnt),
        "held_out": len(held_out),
        "validation": len(validation.labels),
        "test": len(split.test.labels),
    }
    origin = {"name": "MNIST, official training images"}
    own = {"name": "one's own drawings", "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    return Lesson(
        own=_draw_often(learnt, seed),
        known=lessons.make_epoch(0),
        held_out=redraw(held_out),
        learnt=len(learnt),
        judged=Material(
            lessons, validation, split.test, split.test_index, counts, sources=[origin, own]
        ),
        unlearnt=Unlearnt({"mnist": validation}, {"scribbles": _draw_scribbles()}, [origin]),
    )


def _as_drawing(strokes: Strokes, label: int) -> Drawing:
    return Drawing(fit(strokes), label, str(label), writer="", collection="own", key="")


def _draw_often(drawings: list[Drawing], seed: int) -> Digits:
    """Draws each drawing many times, half of them as it is and half as another day's."""
    images = min(OWN_IMAGES, MOST_OF_EACH * len(drawings))
    nothing = np.empty((0, 28, 28), np.uint8), np.empty(0, np.uint8)
    mixture = Mixture(images=0, drawings=images, rare=0, letters=0, made_outliers=0)
    return Epochs(Sources(*nothing, drawings, []), mixture, seed, calm_from=0).make_epoch(0)


def _draw_scribbles() -> np.ndarray:
    """Scribbles that it cannot have met, and the sample digits side by side."""
    samples = [
        _as_drawing([np.asarray(one) for one in strokes], digit)
        for digit, strokes in load_samples().items()
    ]
    made = make_outliers(samples, SCRIBBLES, np.random.default_rng(SPLIT_SEED))
    return np.stack([render_strokes(strokes) for strokes, _ in made])
