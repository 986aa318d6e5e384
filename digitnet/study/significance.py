"""Intervals of an accuracy, and tests of one network against another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

CONFIDENCE = 0.95


def wilson_interval(successes: int, total: int) -> tuple[float, float]:
    """Computes Wilson's 95% score interval of a proportion.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical
    inference", J. Am. Stat. Assoc. 22 (1927).

    Args:
        successes: How many succeeded, 0 to `total`.
        total: How many were tried, at least 1.

    Returns:
        `(low, high)`, both within [0, 1].

    Raises:
        ValueError: If the counts are not as above.
    """
    if not 0 <= successes <= total or total < 1:
        raise ValueError(
            f"Successes must lie between 0 and a positive total. Received: {successes} of {total}."
        )
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    share = successes / total
    centre = share + z**2 / (2 * total)
    margin = z * math.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    scale = 1 + z**2 / total
    return max((centre - margin) / scale, 0.0), min((centre + margin) / scale, 1.0)


def clustered_accuracy_interval(
    correct: ArrayLike, groups: ArrayLike, resamples: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """Computes a 95% interval of an accuracy by resampling whole groups.

    One writer's drawings succeed or fail together, so that an interval which takes them for
    independent is too narrow. The percentile bootstrap draws writers instead, with replacement.

    Source: B. Efron and R. J. Tibshirani, "An Introduction to the Bootstrap" (1993), ch. 8, 13.

    Args:
        correct: Whether each drawing was read rightly, booleans of shape `(n,)`.
        groups: Who made it, values of any one type, shape `(n,)`; at least 2 different ones.
        resamples: How many times to draw.
        seed: Of the draws; the same seed gives the same interval.

    Returns:
        `(low, high)`, both within [0, 1].

    Raises:
        ValueError: If there are fewer than two groups, which say nothing about others.
    """
    correct = np.asarray(correct, bool)
    names, group_of = np.unique(np.asarray(groups), return_inverse=True)
    if len(names) < 2:
        raise ValueError(f"An interval over groups needs at least two. Received: {len(names)}.")
    right = np.bincount(group_of, weights=correct)
    size = np.bincount(group_of)
    rng = np.random.default_rng(seed)
    accuracies = []
    for _ in range(resamples):
        drawn = rng.integers(len(names), size=len(names))
        accuracies.append(right[drawn].sum() / size[drawn].sum())
    low, high = np.quantile(accuracies, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


class PairedOutcomes(NamedTuple):
    """Positions of the images that two networks both read rightly, one alone, or neither.

    Each is int64 of shape `(k,)`, in rising order.
    """

    both_right: NDArray[np.int64]
    only_a: NDArray[np.int64]
    only_b: NDArray[np.int64]
    both_wrong: NDArray[np.int64]


def paired_outcomes(a_correct: ArrayLike, b_correct: ArrayLike) -> PairedOutcomes:
    """Sorts the same images by which of two networks read them rightly.

    Args:
        a_correct: Whether network A was right, booleans of shape `(n,)`.
        b_correct: Whether network B was, on the same images in the same order.

    Returns:
        Four lists of positions that together hold each image once.

    Raises:
        ValueError: If the two do not cover equally many images.
    """
    a, b = np.asarray(a_correct, bool), np.asarray(b_correct, bool)
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(
            f"Both networks must have read the same images. Received: {a.shape} and {b.shape}."
        )
    return PairedOutcomes(*(np.flatnonzero(cell) for cell in (a & b, a & ~b, ~a & b, ~a & ~b)))


class McNemarTest(NamedTuple):
    """How many images each network alone read rightly, and how likely chance alone is that uneven.

    Attributes:
        only_a: Images that A alone read rightly.
        only_b: Images that B alone read rightly.
        p_value: Two-sided; 1.0 where the two are even.
    """

    only_a: int
    only_b: int
    p_value: float


def mcnemar_exact(a_correct: ArrayLike, b_correct: ArrayLike) -> McNemarTest:
    """Tests whether two networks are equally accurate on the same images.

    Only images that one network alone read rightly tell them apart. Were the two equally good,
    each of those would be a toss of a fair coin, so the exact p-value is binomial.

    Source: Q. McNemar, "Note on the sampling error of the difference between correlated
    proportions or percentages", Psychometrika 12 (1947).

    Args:
        a_correct: Whether network A was right, booleans of shape `(n,)`.
        b_correct: Whether network B was, on the same images in the same order.

    Returns:
        The discordant counts and the p-value.

    Raises:
        ValueError: If the two do not cover equally many images.
    """
    outcomes = paired_outcomes(a_correct, b_correct)
    only_a, only_b = len(outcomes.only_a), len(outcomes.only_b)
    tosses = only_a + only_b
    tail = sum(math.comb(tosses, heads) for heads in range(min(only_a, only_b) + 1))
    return McNemarTest(only_a, only_b, min(2 * tail / 2**tosses, 1.0))


def holm_correction(p_values: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Adjusts p-values for how many tests were made, by Holm's step-down method.

    Compare the adjusted values with the level you would have used for a single test: the
    chance of even one false alarm among all of them then stays below it.

    Source: S. Holm, "A simple sequentially rejective multiple test procedure",
    Scand. J. Statist. 6 (1979).

    Args:
        p_values: Floats of shape `(m,)` in [0, 1].

    Returns:
        The adjusted values in the same order, float64 of shape `(m,)` in [0, 1].
    """
    p_values = np.asarray(p_values, np.float64)
    order = np.argsort(p_values)
    tests_left = np.arange(len(p_values), 0, -1)
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(np.maximum.accumulate(p_values[order] * tests_left), 1.0)
    return adjusted
