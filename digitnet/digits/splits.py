"""The report's split: seeded, and the same for every training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from digitnet.digits.records import Digits

TEST_SHARE = 0.1  # 7,000 of MNIST's 70,000, as in the report
VALIDATION_SHARE = 0.11  # of the rest: leaves 439 steps of 128, as the report prints
SPLIT_SEED = 1  # of the split that every training uses


@dataclass(frozen=True, eq=False)
class Split:
    """A data set dealt into three parts.

    Attributes:
        dataset: The data set's name.
        seed: The seed of the deal.
        train: What the network learns from.
        validation: What decides when to stop.
        test: What the results are measured on.
        train_index: int64 (n,), positions of the training images in the whole data set.
        test_index: int64 (t,), positions of the test images in the whole data set.
    """

    dataset: str
    seed: int
    train: Digits
    validation: Digits
    test: Digits
    train_index: np.ndarray
    test_index: np.ndarray


def split_digits(dataset: str, digits: Digits, seed: int = SPLIT_SEED) -> Split:
    """Deals a data set as the report did: 10% for testing, 11% of the rest for validation.

    Args:
        dataset: The data set's name, kept for the record.
        digits: The whole data set.
        seed: Seed of the shuffle, at least 0; the same seed gives the same split. Trainings keep
            to the default, so that any two can be compared digit by digit.

    Returns:
        The three parts, none of them sorted by digit. Of MNIST: 56,070, 6,930 and 7,000 images.
    """
    order = np.random.default_rng(seed).permutation(len(digits.labels))
    rest_size = len(order) - round(len(order) * TEST_SHARE)
    train_size = int(rest_size * (1 - VALIDATION_SHARE))
    train, validation, test = np.split(order, [train_size, rest_size])

    def part(index: np.ndarray) -> Digits:
        return Digits(digits.images[index], digits.labels[index])

    return Split(dataset, seed, part(train), part(validation), part(test), train, test)
