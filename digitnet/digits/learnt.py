"""Which digits of a data set its networks have learnt from, and which they are judged on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from digitnet.digits.datasets import HANDWRITING, load_digits
from digitnet.digits.handwriting import deal_images
from digitnet.digits.material import HELD_OUT_IMAGES
from digitnet.digits.records import Digits
from digitnet.digits.splits import SPLIT_SEED, split_digits


@dataclass(frozen=True, eq=False)
class Learnt:
    """The images of a data set, and how they are dealt.

    Attributes:
        digits: All of them.
        train_index: int64 (n,), positions of those that networks learn from.
        test_index: int64 (t,), positions of those that they are judged on.
    """

    digits: Digits
    train_index: np.ndarray
    test_index: np.ndarray


def load_learnt(dataset: str) -> Learnt:
    """Loads a data set's images; of handwriting MNIST's, without the drawings.

    Raises:
        DataError: If they cannot be had.
    """
    digits = load_digits(dataset)
    split = split_digits(dataset, digits)
    train_index = split.train_index
    if dataset == HANDWRITING:
        train_index, _ = deal_images(split.test_index, HELD_OUT_IMAGES, SPLIT_SEED)
    return Learnt(digits, train_index, split.test_index)
