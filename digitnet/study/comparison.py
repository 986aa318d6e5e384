"""Two networks on the same digits: which is the better one, or that one cannot tell."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from digitnet.errors import DigitnetError
from digitnet.runs import PROBABILITIES, Run, RunError
from digitnet.study.significance import holm_correction, mcnemar_exact
from digitnet.study.standings import Standing
from digitnet.study.summaries import Signature, signature_of

SIGNIFICANCE = 0.05  # the usual level; Holm's correction holds it for all pairs together


class ComparisonError(DigitnetError):
    """Two runs cannot be compared; the message is a sentence for the user."""


@dataclass(frozen=True)
class Comparison:
    """Two runs, A and B, on the same test digits.

    Args:
        size: How many digits both were tested on.
        only_a: How many A alone read rightly.
        only_b: How many B alone read rightly.
        p_value: Of the exact McNemar test, taken by itself; 0 to 1.
        corrected: The same after Holm's correction for all pairs that were tested together.
    """

    size: int
    only_a: int
    only_b: int
    p_value: float
    corrected: float

    @property
    def winner(self) -> str | None:
        """ "a" or "b" if one is better after the correction; None if they cannot be told apart."""
        if self.corrected >= SIGNIFICANCE:
            return None
        return "a" if self.only_a > self.only_b else "b"

    @property
    def lead(self) -> float:
        """By how much A is more accurate than B, in percentage points."""
        return 100 * (self.only_a - self.only_b) / self.size

    def reversed(self) -> Comparison:
        """The same, seen from B."""
        return replace(self, only_a=self.only_b, only_b=self.only_a)


@dataclass(frozen=True, eq=False)
class _Answers:
    """Which test digits a run read rightly, and a fingerprint of those digits."""

    right: NDArray[np.bool_]
    digits: str


def compare_pair(a: Run, b: Run) -> Comparison:
    """Tests by itself whether one of two runs is better than the other.

    Raises:
        ComparisonError: If they were not tested on the same digits.
        RunError: If what one of them said of its test digits cannot be read.
    """
    answers_a, answers_b = _load_answers(a), _load_answers(b)
    if answers_a.digits != answers_b.digits:
        raise ComparisonError(
            "These two were not tested on the same digits, so they cannot be compared one by one. "
            "Runs with the same data set can be."
        )
    return _test_pair(answers_a, answers_b)


def compare_all(runs: Sequence[Run]) -> dict[tuple[str, str], Comparison]:
    """Tests every two runs, with Holm's correction for the number of tests.

    Args:
        runs: Whole or broken runs, of any test digits.

    Returns:
        By the ids of A and B, in both orders. Pairs that were not tested on the same digits, and
        runs that cannot be read, are left out.
    """
    return _compare_all(tuple((run, signature_of(run)) for run in runs))


def compare_standings(standings: Sequence[Standing]) -> dict[tuple[str, str], Comparison]:
    """As `compare_all`, for the current runs, by the names of the experiments."""
    return {
        (a.partition("/")[0], b.partition("/")[0]): pair
        for (a, b), pair in compare_all(_whole_runs(standings)).items()
    }


def find_pair(standings: Sequence[Standing], a: str, b: str) -> Comparison | None:
    """Two runs as they were tested among all current ones; None if one of them is not current."""
    return compare_all(_whole_runs(standings)).get((a, b))


def _whole_runs(standings: Sequence[Standing]) -> list[Run]:
    return [one.summary.run for one in standings if one.summary.run and not one.summary.problem]


@lru_cache(maxsize=16)
def _compare_all(runs: tuple[tuple[Run, Signature], ...]) -> dict[tuple[str, str], Comparison]:
    answers = {}
    for run, signature in runs:
        with contextlib.suppress(RunError):
            answers[run.id] = _read_answers(run, signature)
    pairs = {
        (a, b): _test_pair(answers[a], answers[b])
        for a, b in combinations(answers, 2)
        if answers[a].digits == answers[b].digits
    }
    corrected = holm_correction([pair.p_value for pair in pairs.values()])
    compared = {}
    for (a, b), p_value in zip(pairs, corrected, strict=True):
        compared[a, b] = replace(pairs[a, b], corrected=float(p_value))
        compared[b, a] = compared[a, b].reversed()
    return compared


def _test_pair(a: _Answers, b: _Answers) -> Comparison:
    test = mcnemar_exact(a.right, b.right)
    return Comparison(len(a.right), test.only_a, test.only_b, test.p_value, test.p_value)


def _load_answers(run: Run) -> _Answers:
    return _read_answers(run, signature_of(run))


@lru_cache(maxsize=256)
def _read_answers(run: Run, _: Signature) -> _Answers:
    probabilities, labels, index = run.test_predictions()
    if not len(labels):
        raise RunError(f"{PROBABILITIES} holds no digits")
    # The index alone does not tell one data set from another; with the labels it does.
    digits = hashlib.sha256(index.astype(np.int64).tobytes() + labels.tobytes()).hexdigest()
    return _Answers(probabilities.argmax(axis=1) == labels, digits)
