"""What a network has not learnt from, drawn as the app draws it: how sure it may be is seen there.

The reader learns from drawings, so it is judged on the writers and images that its training holds
out; all other networks have never met a drawing, and any will do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from digitnet.digits.datasets import load_digits
from digitnet.digits.handwriting import (
    OUTLIER,
    Drawing,
    deal_images,
    describe_files,
    hold_out_writers,
    load_collections,
    make_outliers,
)
from digitnet.digits.ink import render_strokes
from digitnet.digits.material import HELD_OUT_IMAGES, HELD_OUT_WRITERS, redraw
from digitnet.digits.records import Digits
from digitnet.digits.splits import SPLIT_SEED, split_digits

DRAWINGS = 4_000  # for networks that have learnt from none
SCRIBBLES = 1_000


@dataclass(frozen=True, eq=False)
class Unlearnt:
    """Images that a network has not learnt from.

    Attributes:
        digits: Digits by where they come from.
        outliers: Images of no digit by what they are, each uint8 (n, 28, 28); of a network that
            has not learnt what is none, nothing.
        sources: What they were made from, for the record.
    """

    digits: dict[str, Digits]
    outliers: dict[str, np.ndarray]
    sources: list[dict[str, Any]]


def load_unlearnt(dataset: str) -> Unlearnt:
    """Loads what a network that was trained on a data set has not learnt from.

    Raises:
        DataError: If the drawings, or MNIST where it is needed, cannot be had.
    """
    drawings = load_collections()
    if dataset == "handwriting":
        return _load_held_out(hold_out_writers(drawings, HELD_OUT_WRITERS, SPLIT_SEED)[1])
    digits = _digits_of(drawings)
    chosen = np.random.default_rng(SPLIT_SEED).permutation(len(digits))[:DRAWINGS]
    return Unlearnt({"drawings": redraw([digits[place] for place in chosen])}, {}, describe_files())


def _load_held_out(drawings: list[Drawing]) -> Unlearnt:
    """What the training on handwriting holds out, and scribbles that it cannot have met."""
    mnist, digits = load_digits("mnist"), _digits_of(drawings)
    _, held_out = deal_images(split_digits("mnist", mnist).test_index, HELD_OUT_IMAGES, SPLIT_SEED)
    scribbles = make_outliers(digits, SCRIBBLES, np.random.default_rng(SPLIT_SEED))
    return Unlearnt(
        digits={
            "mnist": Digits(mnist.images[held_out], mnist.labels[held_out]),
            "drawings": redraw(digits),
        },
        outliers={
            "letters": redraw([one for one in drawings if one.label == OUTLIER]).images,
            "scribbles": np.stack([render_strokes(strokes) for strokes, _ in scribbles]),
        },
        sources=[{"name": "MNIST, official training images"}, *describe_files()],
    )


def _digits_of(drawings: list[Drawing]) -> list[Drawing]:
    return [one for one in drawings if one.label != OUTLIER]
