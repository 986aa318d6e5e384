"""What is learnt from and what is held out: images by the report's test, drawings by writer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from digitnet.digits.handwriting.drawings import OUTLIER, Drawing

MNIST_TRAIN = 60_000  # the first of MNIST's 70,000 joined images; the others are its test


def deal_images(report_test: np.ndarray, held_out: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Deals MNIST's official training images that the report does not test on.

    Args:
        report_test: Positions of the report's test images in the joined set.
        held_out: How many images to validate on.
        seed: Of the deal.

    Returns:
        Positions of the images to learn from and of those to validate on.
    """
    free = np.setdiff1d(np.arange(MNIST_TRAIN), report_test)
    dealt = np.random.default_rng(seed).permutation(free)
    return dealt[held_out:], dealt[:held_out]


def hold_out_writers(
    drawings: Sequence[Drawing], share: float, seed: int
) -> tuple[list[Drawing], list[Drawing]]:
    """Parts drawings by who drew them: a writer's digits and letters stay together.

    Of the writers of digits in each collection the share is held out, rounded to whole writers.

    Returns:
        The drawings to learn from and those to validate on.
    """
    rng = np.random.default_rng(seed)
    held: set[tuple[str, str]] = set()
    for collection in sorted({one.collection for one in drawings}):
        writers = sorted({one.writer for one in drawings if _is_digit_of(one, collection)})
        chosen = rng.permutation(writers)[: round(share * len(writers))]
        held |= {(collection, str(writer)) for writer in chosen}
    learnt = [one for one in drawings if (one.collection, one.writer) not in held]
    return learnt, [one for one in drawings if (one.collection, one.writer) in held]


def _is_digit_of(drawing: Drawing, collection: str) -> bool:
    return drawing.collection == collection and drawing.label != OUTLIER
