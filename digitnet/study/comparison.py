"""Two networks on the same digits: which is the better one, or that one cannot tell."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations

from digitnet.runs import Run, RunError, Signature
from digitnet.study.answers import Answers, DifferentDigitsError, load_answers
from digitnet.study.significance import holm_correction, mcnemar_exact
from digitnet.study.standings import Standing

SIGNIFICANCE = 0.05  # the usual level; Holm's correction holds it for all pairs together


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


Pairs = dict[tuple[str, str], Comparison]  # by the ids of the runs A and B


def compare_pair(a: Run, b: Run) -> Comparison:
    """Tests by itself whether one of two runs is better than the other.

    Raises:
        DifferentDigitsError: If they were not tested on the same digits.
        RunError: If what one of them said of its test digits cannot be read.
    """
    answers_a, answers_b = load_answers(a), load_answers(b)
    if not answers_a.shares_digits_with(answers_b):
        raise DifferentDigitsError(
            "These two were not tested on the same digits, so they cannot be compared one by one. "
            "Runs with the same data set can be."
        )
    return _test_pair(answers_a, answers_b)


def compare_all(runs: Sequence[Run]) -> Pairs:
    """Tests every two runs, with Holm's correction for the number of tests.

    Args:
        runs: Whole or broken runs, of any test digits.

    Returns:
        By the ids of A and B, in both orders. Pairs that were not tested on the same digits, and
        runs that cannot be read, are left out.
    """
    return _compare_all(tuple((run, run.signature) for run in runs))


def compare_standings(standings: Sequence[Standing]) -> Pairs:
    """As `compare_all`, for the whole current runs."""
    return compare_all([one.summary.run for one in standings if one.summary and not one.problem])


@lru_cache(maxsize=16)
def _compare_all(runs: tuple[tuple[Run, Signature], ...]) -> Pairs:
    answers: dict[str, Answers] = {}
    for run, _ in runs:
        with contextlib.suppress(RunError):
            answers[run.id] = load_answers(run)
    pairs = {
        (a, b): _test_pair(answers[a], answers[b])
        for a, b in combinations(answers, 2)
        if answers[a].shares_digits_with(answers[b])
    }
    corrected = holm_correction([pair.p_value for pair in pairs.values()])
    compared = {}
    for (a, b), p_value in zip(pairs, corrected, strict=True):
        compared[a, b] = replace(pairs[a, b], corrected=float(p_value))
        compared[b, a] = compared[a, b].reversed()
    return compared


def _test_pair(a: Answers, b: Answers) -> Comparison:
    test = mcnemar_exact(a.correct, b.correct)
    return Comparison(len(a.labels), test.only_a, test.only_b, test.p_value, test.p_value)
