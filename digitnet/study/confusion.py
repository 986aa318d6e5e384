"""Confusion matrices: what runs said of their test digits, down to the single digit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from digitnet.experiments import CLASSES, Experiment
from digitnet.runs import RunError, RunStore
from digitnet.study.answers import Answers, DifferentDigitsError, load_answers
from digitnet.study.significance import PairedOutcomes, paired_outcomes

NORMALIZATIONS = ("Counts", "Share of the row", "Share of the column")


def load_others(store: RunStore, answers: Answers) -> dict[Experiment, Answers]:
    """The current runs of all experiments that were tested on the same digits, this run first.

    A run that was tested on other digits may have learnt from these; it is left out, as is one
    that is broken, and the current run of this one's own experiment.

    Returns:
        By experiment, in their order but for the first.
    """
    found = {answers.run.experiment: answers}
    for experiment in store.experiments():
        run = store.current(experiment.name)
        if run is None or experiment in found:
            continue
        try:
            other = load_answers(run)
            if other.dataset == answers.dataset and other.shares_digits_with(answers):
                found[experiment] = other
        except RunError:
            continue
    return found


# --- matrices --------------------------------------------------------------------------------


def normalize(counts: NDArray, normalization: str) -> NDArray:
    """A confusion matrix as counts or as shares.

    Args:
        counts: int64 (10, 10), rows true.
        normalization: One of NORMALIZATIONS.

    Returns:
        Float64 (10, 10); of shares, each row or column sums to 1, or to 0 where it is empty.
    """
    if normalization == "Counts":
        return counts.astype(float)
    axis = 1 if normalization == "Share of the row" else 0
    return counts / np.maximum(counts.sum(axis=axis, keepdims=True), 1)


def require_same_digits(a: Answers, b: Answers) -> None:
    """Raises DifferentDigitsError unless two runs were tested on the same digits."""
    if a.dataset != b.dataset or not a.shares_digits_with(b):
        raise DifferentDigitsError(
            "These two runs were not tested on the same digits, so only their shares can be set "
            "side by side, not their answers. Runs with the same data set can be."
        )


# --- digits ----------------------------------------------------------------------------------


def find_cell(answers: Answers, true: int, read: int) -> NDArray:
    """The digits in a cell of the matrix, most confident first.

    Args:
        answers: A run's answers.
        true: The row, 0 to 9.
        read: The column, 0 to 9.

    Returns:
        Their places among the test digits, int64 (k,).
    """
    inside = (answers.labels == true) & (answers.readings == read)
    return by_confidence(answers, np.flatnonzero(inside))


def by_confidence(answers: Answers, places: NDArray) -> NDArray:
    """Places of test digits in the order of how sure the run was of its reading."""
    confidence = answers.probabilities[places].max(axis=1)
    return places[np.argsort(-confidence, kind="stable")]


def list_outcomes(a: Answers, b: Answers) -> PairedOutcomes:
    """The digits that both runs read rightly, one alone, or neither; those A is surest of first.

    Raises:
        DifferentDigitsError: If they were not tested on the same digits.
    """
    require_same_digits(a, b)
    outcomes = paired_outcomes(a.correct, b.correct)
    return PairedOutcomes(*(by_confidence(a, places) for places in outcomes))


def count_readings(others: Sequence[Answers], place: int) -> list[tuple[int, int]]:
    """How many networks read a test digit as what: (digit, votes), most votes first."""
    votes = np.bincount([other.readings[place] for other in others], minlength=CLASSES)
    order = np.argsort(-votes, kind="stable")
    return [(int(digit), int(votes[digit])) for digit in order if votes[digit]]


def find_place(answers: Answers, position: str) -> int | None:
    """Where a digit of the data set, by its position as text, is among the test digits."""
    if not position.isdecimal() or len(position) > 9:
        return None
    found = np.flatnonzero(answers.index == int(position))
    return int(found[0]) if len(found) else None
